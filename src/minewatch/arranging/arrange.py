# SPDX-License-Identifier: Apache-2.0
"""All records of some biflows made into conversations with their intervals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.arranging.frames import ends_of, flow_frame
from minewatch.arranging.settings import ArrangeSettings
from minewatch.conversations import MAX_INTERVALS
from minewatch.metering import record_totals as t
from minewatch.metering.record_biflows import find_biflows
from minewatch.metering.record_intervals import cut_intervals
from minewatch.metering.record_order import order_records
from minewatch.records import RecordArray
from minewatch.types import FlowTable

_SEED: Final = int.from_bytes(os.urandom(8), "little", signed=True)
"""New in every process, so that nobody can write a log whose flows all share a slot."""
_NEVER_PASS: Final = (gate.NOT_TCP, gate.ONE_WAY, gate.TOO_FEW_MESSAGES, gate.TOO_SHORT)
"""Reasons that hold for every part of a biflow if they hold for the whole."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """Conversations of flow logs."""

    conversations: pl.DataFrame
    """One row each, by rising start: the columns of ``schema.FLOW``, ``interval_count``,
    ``gate_reason``, ``sampling_packet_interval``, and ``server`` (place of the server's name)."""
    intervals: FlowTable
    """Interval records of those that passed the gate, the latest ``MAX_INTERVALS`` of each."""


def arrange(
    records: RecordArray,
    settings: ArrangeSettings,
    first_id: int = 1,
    *,
    with_intervals_of_all: bool = False,
) -> Arranged:
    """Return the conversations of records; the order of records changes nothing.

    Directions of a biflow are paired, what several observers saw counts once, counts are scaled
    by the sampling, and a long silence ends a conversation. A biflow of which no part can pass
    the gate is one conversation however long it is silent.

    Parameters
    ----------
    records : all records of each of their biflows.
    settings : lengths and limits.
    first_id : ``flow_id`` of the earliest conversation.
    with_intervals_of_all : intervals come with every conversation, and every silence counts.

    Examples
    --------
    >>> from minewatch.records import new_records
    >>> records = new_records(2)
    >>> records["protocol_identifier"] = 6
    >>> records["source_transport_port"] = 40_000, 3333
    >>> records["destination_transport_port"] = 3333, 40_000
    >>> records["packet_delta_count"], records["octet_delta_count"] = (9, 7), (900, 700)
    >>> found = arrange(records, ArrangeSettings()).conversations
    >>> found.select("packet_delta_count", "reverse_packet_delta_count", "gate_reason").rows()
    [(9, 7, 'too-short')]
    """
    n = len(records)
    biflow_of, takes = np.empty(n, np.int64), np.empty(n, np.int64)
    biflows = find_biflows(records, _SEED, biflow_of, takes)
    ends = ends_of(biflows, records)
    whole = flow_frame(biflows, np.arange(len(biflows)), ends)
    whole = whole.with_columns(gate.gate_reason(), interval_count=pl.lit(None, pl.Int64))
    can_pass = np.ones(len(biflows), np.bool_)
    if not with_intervals_of_all:
        can_pass = ~whole["gate_reason"].is_in(_NEVER_PASS).to_numpy()
    order = order_records(records, biflow_of, takes, can_pass)
    parts, intervals = cut_intervals(
        records, order, biflow_of, takes, settings.interval_ns, settings.timeout_ns
    )
    counts = np.bincount(intervals[:, t.T_OWNER], minlength=len(parts))
    cut = flow_frame(parts, parts[:, t.T_OWNER], ends).with_columns(
        gate.gate_reason(), interval_count=pl.Series(counts, dtype=pl.Int64)
    )
    owner = parts[intervals[:, t.T_OWNER], t.T_OWNER]
    cells = flow_frame(intervals, owner, ends)
    cells = cells.with_columns(part=pl.Series(intervals[:, t.T_OWNER]))
    return _numbered(
        whole.filter(pl.Series(~can_pass)), cut, cells, first_id, with_intervals_of_all
    )


def _numbered(
    whole: pl.DataFrame,
    cut: pl.DataFrame,
    cells: pl.DataFrame,
    first_id: int,
    with_intervals_of_all: bool,
) -> Arranged:
    """Give ids by rising start, and the intervals those of their conversations."""
    whole = whole.with_columns(interval_count=pl.lit(1, pl.Int64), part=pl.lit(None, pl.Int64))
    both = pl.concat([whole, cut.with_columns(part=pl.int_range(pl.len(), dtype=pl.Int64))])
    both = both.sort(
        "flow_start_nanoseconds",
        "source_address_low",
        "destination_address_low",
        "source_transport_port",
        "destination_transport_port",
        "protocol_identifier",
    )
    ids = pl.int_range(first_id, first_id + pl.len(), dtype=pl.UInt64)
    both = both.with_columns(flow_id=ids)
    asked = both.filter(pl.col("part").is_not_null())
    if not with_intervals_of_all:
        asked = asked.filter(pl.col("gate_reason") == gate.PASSED)
    age = pl.int_range(pl.len()).reverse().over("part")
    latest = cells.drop("flow_id").filter(age < MAX_INTERVALS)
    found = latest.join(asked.select("part", "flow_id"), on="part", how="inner")
    names = [name for name in cells.columns if name != "part"]
    return Arranged(both.drop("part"), found.select(names).sort("flow_id", maintain_order=True))
