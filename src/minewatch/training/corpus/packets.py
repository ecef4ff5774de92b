# SPDX-License-Identifier: Apache-2.0
"""Every packet of some conversations of a capture, by a second reading of it."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import numpy as np
import polars as pl

from minewatch.pipeline import PipelineOptions, open_capture, read_ahead
from minewatch.readers.source import Input
from minewatch.training.corpus.tables import PACKET
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_OCTETS,
    P_PAYLOAD_OCTETS,
    P_PROTOCOL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_SOURCE_PORT,
    P_TCP_FLAGS,
    P_TIME,
    Int64Array,
)

MAX_PACKETS: Final = 200_000
"""Packets kept of one conversation; a miner on Ethereum sends as many in two days."""

_ENDS: Final = {
    "source_address_high": P_SOURCE_HIGH,
    "source_address_low": P_SOURCE_LOW,
    "destination_address_high": P_DESTINATION_HIGH,
    "destination_address_low": P_DESTINATION_LOW,
    "source_transport_port": P_SOURCE_PORT,
    "destination_transport_port": P_DESTINATION_PORT,
}
_VALUES: Final = {
    "time_ns": P_TIME,
    "octets": P_OCTETS,
    "payload_octets": P_PAYLOAD_OCTETS,
    "tcp_flags": P_TCP_FLAGS,
}
_SWAPPED: Final = {
    name: name.replace("source", "*").replace("destination", "source").replace("*", "destination")
    for name in _ENDS
}
_TCP: Final = 6
_HELD: Final = 1 << 20


def packets_of(source: Input, wanted: pl.DataFrame, options: PipelineOptions) -> pl.DataFrame:
    """Return the packets of TCP conversations of a capture, in the columns of ``tables.PACKET``.

    Parameters
    ----------
    source : the capture.
    wanted : the conversations: ``conversation``, and the columns of ``schema.CONVERSATION``.
    options : how the capture became conversations.

    Raises
    ------
    SourceError : it cannot be read.
    """
    ends = _both_ways(wanted)
    found: list[pl.DataFrame] = []
    held: list[Int64Array] = []
    capture, _ = open_capture(source, options)
    with closing(read_ahead(capture)) as batches:
        for batch in batches:
            rows = batch.columns[: batch.n_packets]
            held.append(rows[rows[:, P_PROTOCOL] == _TCP][:, _WORDS])
            if sum(map(len, held)) >= _HELD:
                found.append(_matched(held, ends))
                held = []
    found.append(_matched(held, ends))
    packets = pl.concat(found).sort("conversation", "offset_ns", maintain_order=True)
    rank = pl.int_range(pl.len()).over("conversation")
    return packets.filter(rank < MAX_PACKETS)


_WORDS: Final = [*_ENDS.values(), *_VALUES.values()]


def _both_ways(wanted: pl.DataFrame) -> pl.DataFrame:
    ends = wanted.select(
        "conversation", *_ENDS, "flow_start_nanoseconds", "flow_end_nanoseconds"
    ).with_columns(from_initiator=pl.lit(value=True))
    back = ends.rename(_SWAPPED).with_columns(from_initiator=pl.lit(value=False))
    return pl.concat([ends, back.select(ends.columns)])


def _matched(held: list[Int64Array], ends: pl.DataFrame) -> pl.DataFrame:
    rows = np.concatenate(held) if held else np.empty((0, len(_WORDS)), np.int64)
    columns = {
        name: rows[:, i].astype(np.uint64 if "address" in name else np.uint16)
        for i, name in enumerate(_ENDS)
    }
    values = {name: rows[:, i].copy() for i, name in enumerate(_VALUES, len(_ENDS))}
    packets = pl.DataFrame({**columns, **values})
    # The same ends may talk again later: the time tells to which conversation a packet belongs.
    start, end = pl.col("flow_start_nanoseconds"), pl.col("flow_end_nanoseconds")
    return (
        packets.join(ends, on=list(_ENDS), how="inner", maintain_order="left")
        .filter(pl.col("time_ns").is_between(start, end))
        .with_columns(offset_ns=pl.col("time_ns") - start)
        .select(pl.col(name).cast(dtype) for name, dtype in PACKET.items())
    )
