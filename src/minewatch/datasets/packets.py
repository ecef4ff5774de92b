# SPDX-License-Identifier: Apache-2.0
"""First and latest payload packets of conversations, as one long table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from minewatch.datasets.tables import packet_schema
from minewatch.types import PacketSeries


def packet_rows(frame: pl.DataFrame, packets: Mapping[int, PacketSeries]) -> pl.DataFrame:
    """Return the packets of some conversations, in their order.

    Parameters
    ----------
    frame : conversations with ``conversation``, ``flow_id`` and ``flow_start_nanoseconds``.
    packets : payload packets by ``flow_id``; conversations without any are not in it, or empty.

    Examples
    --------
    >>> series = PacketSeries(np.array([5, 9]), np.array([40, 7]), np.array([True, False]), 2)
    >>> frame = pl.DataFrame({"conversation": [3], "flow_id": [1], "flow_start_nanoseconds": [5]})
    >>> packet_rows(frame, {1: series}).rows()
    [(3, 0, 40, True, True), (3, 4, 7, False, True)]
    """
    parts: list[tuple[np.ndarray, ...]] = []
    columns = frame.select("conversation", "flow_id", "flow_start_nanoseconds")
    for number, flow_id, start_ns in columns.iter_rows():
        series = packets.get(flow_id)
        if series is not None and len(series.time_ns):
            n = len(series.time_ns)
            parts.append(
                (
                    np.full(n, number, np.uint64),
                    series.time_ns - start_ns,
                    series.payload_octets,
                    series.from_initiator,
                    np.arange(n) < series.n_first,
                )
            )
    schema = packet_schema()
    if not parts:
        return pl.DataFrame(schema=schema)
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return pl.DataFrame(
        [
            pl.Series(name, values).cast(dtype)
            for (name, dtype), values in zip(schema.items(), joined, strict=True)
        ]
    )
