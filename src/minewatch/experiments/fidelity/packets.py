# SPDX-License-Identifier: Apache-2.0
"""Every packet of the mining conversations of labelled captures, seen from the miner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import polars as pl

from minewatch.errors import ConfigError
from minewatch.pipeline import PipelineOptions, open_capture, read_ahead
from minewatch.readers.finding import find_inputs
from minewatch.training.labels import LabelledCapture, read_labels
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
    PacketBatch,
)

_TCP = 6
_SYN, _SYN_ACK = 0x02, 0x12

_ENDS = {
    "source_address_high": P_SOURCE_HIGH,
    "source_address_low": P_SOURCE_LOW,
    "destination_address_high": P_DESTINATION_HIGH,
    "destination_address_low": P_DESTINATION_LOW,
    "source_transport_port": P_SOURCE_PORT,
    "destination_transport_port": P_DESTINATION_PORT,
}
_REVERSED = {
    name: name.replace("source", "*").replace("destination", "source").replace("*", "destination")
    for name in _ENDS
}
_KEY = list(_ENDS)
_TOLD = ("source", "dialect", "transport", "evasion", "pool")


def mining_packets(labels: str | os.PathLike[str]) -> pl.DataFrame:
    """Return every packet of the TCP conversations that a labels file calls mining.

    Parameters
    ----------
    labels : the labels file (``training.labels``).

    Returns
    -------
    DataFrame
        Columns ``source``, ``dialect``, ``transport``, ``evasion`` and ``pool`` (null where the
        labels do not tell), ``capture``, ``conversation`` (a number), ``time_s`` (after its first
        packet), ``from_miner``, ``octets`` (IP header on), ``payload_octets``; sorted by
        conversation and time.

    Raises
    ------
    ConfigError : the labels file is wrong, or labels no mining.
    SourceError : a capture is missing or cannot be read.
    """
    frames: list[pl.DataFrame] = []
    for capture in read_labels(labels):
        if any(rule.label == 1 for rule in capture.rules):
            frames.extend(_of_capture(capture))
    if not frames:
        raise ConfigError(f"{labels}: labels no mining conversation over TCP")
    return _numbered(pl.concat(frames))


def _of_capture(capture: LabelledCapture) -> Iterator[pl.DataFrame]:
    inputs, errors = find_inputs([str(capture.path)])
    if errors:
        raise errors[0]
    source, _ = open_capture(inputs[0], PipelineOptions())
    with closing(read_ahead(source)) as batches:
        for batch in batches:
            frame = _frame(batch)
            ends = frame.select(_KEY).unique(maintain_order=True)
            ends = ends.with_columns(protocol_identifier=pl.lit(_TCP, pl.UInt8))
            mining = (
                pl.concat([ends, capture.attributes(ends)], how="horizontal")
                .filter(pl.col("label") == "mining")
                .select(*_KEY, *_TOLD, capture=pl.lit(capture.name))
            )
            found = frame.join(mining, on=_KEY, maintain_order="left")
            if found.height:
                yield found


def _frame(batch: PacketBatch) -> pl.DataFrame:
    rows = batch.columns[: batch.n_packets]
    rows = rows[rows[:, P_PROTOCOL] == _TCP]
    columns = {
        name: rows[:, word].astype(np.uint64 if "address" in name else np.uint16)
        for name, word in _ENDS.items()
    }
    return pl.DataFrame(
        {
            "time_ns": rows[:, P_TIME].copy(),
            **columns,
            "octets": rows[:, P_OCTETS].copy(),
            "payload_octets": rows[:, P_PAYLOAD_OCTETS].copy(),
            "flags": rows[:, P_TCP_FLAGS].copy(),
        }
    )


def _numbered(packets: pl.DataFrame) -> pl.DataFrame:
    """Number the conversations and say of each packet whether the miner sent it."""
    openers = packets.filter((pl.col("flags") & _SYN_ACK) == _SYN)
    answers = packets.filter((pl.col("flags") & _SYN_ACK) == _SYN_ACK).rename(_REVERSED)
    clients = pl.concat(
        [openers.select("capture", *_KEY), answers.select("capture", *_KEY)]
    ).unique()
    forward = packets.join(clients.with_columns(syn=True), on=["capture", *_KEY], how="left")
    backward = clients.rename(_REVERSED).select("capture", *_KEY).with_columns(syn_back=True)
    both = forward.join(backward, on=["capture", *_KEY], how="left")
    # Without a SYN the higher port is the client's: pools listen below the ephemeral range.
    by_port = pl.col("source_transport_port") > pl.col("destination_transport_port")
    from_miner = (
        pl.when(pl.col("syn").is_not_null())
        .then(True)
        .when(pl.col("syn_back").is_not_null())
        .then(False)
        .otherwise(by_port)
    )
    both = both.with_columns(from_miner=from_miner)
    client_first = [
        pl.when("from_miner")
        .then(pl.col(name))
        .otherwise(pl.col(_REVERSED[name]))
        .alias(f"k{name}")
        for name in _KEY
    ]
    keyed = both.with_columns(client_first)
    number = pl.struct("capture", *(f"k{name}" for name in _KEY)).rank("dense") - 1
    time_s = (pl.col("time_ns") - pl.col("time_ns").min().over("conversation")) / 1e9
    return (
        keyed.with_columns(conversation=number)
        .with_columns(time_s=time_s)
        .select(
            *_TOLD,
            "capture",
            "conversation",
            "time_s",
            "from_miner",
            "octets",
            "payload_octets",
        )
        .sort("conversation", "time_s", maintain_order=True)
    )
