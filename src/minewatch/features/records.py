# SPDX-License-Identifier: Apache-2.0
"""The interval records of many conversations as lists of counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.features.direction import forward_is_sent
from minewatch.features.ragged import Ragged
from minewatch.types import Conversations

_COUNTERS: Final = ("packet_delta_count", "octet_delta_count")


@dataclass(frozen=True, slots=True)
class Records:
    """Interval records of ``n`` conversations, each conversation's in the order of time.

    *Sent* is the client's direction (``features.direction``).
    """

    sent_packets: Ragged
    received_packets: Ragged
    sent_octets: Ragged
    """Octets from the IP header on."""
    received_octets: Ragged
    start_s: Ragged
    """Seconds from the beginning of the conversation's first record."""


def records_of(conversations: Conversations) -> Records:
    """Return the interval records of each conversation; empty where there are none.

    Parameters
    ----------
    conversations : n of them.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> records_of(conversations(2)).sent_packets.count()
    array([0, 0])
    """
    known = conversations.memory.get("records")
    if isinstance(known, Records):
        return known
    frame, intervals = conversations.frame, conversations.intervals
    if intervals is None:
        intervals = pl.DataFrame(schema={"flow_id": pl.UInt64, "flow_start_nanoseconds": pl.Int64})
        intervals = intervals.with_columns(
            pl.lit(None, pl.Int64).alias(f"{prefix}{column}")
            for column in _COUNTERS
            for prefix in ("", "reverse_")
        )
    numbers = frame.select(
        "flow_id", row=pl.int_range(pl.len()), forward=pl.Series(forward_is_sent(frame))
    )
    joined = intervals.join(numbers, on="flow_id", how="inner").sort(
        "row", "flow_start_nanoseconds", maintain_order=True
    )
    stops = np.cumsum(np.bincount(joined["row"].to_numpy(), minlength=frame.height))
    begin = pl.col("flow_start_nanoseconds")
    columns = [(begin - begin.first().over("row")).cast(pl.Float64) / 1e9]
    for name in _COUNTERS:
        ahead, back = pl.col(name), pl.col(f"reverse_{name}")
        columns += [
            pl.when("forward").then(ahead).otherwise(back).cast(pl.Float64).alias(f"sent {name}"),
            pl.when("forward").then(back).otherwise(ahead).cast(pl.Float64).alias(f"back {name}"),
        ]
    start_s, sent, received, sent_octets, received_octets = (
        Ragged(series.to_numpy(), stops.astype(np.int64)) for series in joined.select(columns)
    )
    found = Records(sent, received, sent_octets, received_octets, start_s)
    conversations.memory["records"] = found
    return found
