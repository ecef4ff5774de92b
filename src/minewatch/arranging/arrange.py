# SPDX-License-Identifier: Apache-2.0
"""All records of some biflows made into conversations with their intervals."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.arranging.frames import Ends, ends_of, flow_frame, gate_frame
from minewatch.arranging.settings import ArrangeSettings
from minewatch.conversations import MAX_INTERVALS
from minewatch.metering import record_totals as t
from minewatch.metering.record_biflows import find_biflows
from minewatch.metering.record_intervals import cut_intervals
from minewatch.metering.record_keys import tie_keys
from minewatch.metering.record_order import order_records
from minewatch.records import RecordArray
from minewatch.types import BoolArray, FlowTable, Int64Array

_SEED: Final = int.from_bytes(os.urandom(8), "little", signed=True)
"""New in every process, so that nobody can write a log whose flows all share a slot."""
_NEVER_PASS: Final = (gate.NOT_TCP, gate.ONE_WAY, gate.TOO_FEW_MESSAGES, gate.TOO_SHORT)
"""Reasons that hold for every part of a biflow if they hold for the whole."""


@dataclass(frozen=True)
class Arranged:
    """Conversations of flow logs."""

    passed: pl.DataFrame
    """One row for each that passed the gate (or for all, if asked so), by rising ``flow_id``: the
    columns of ``schema.FLOW``, ``interval_count``, ``gate_reason``, ``sampling_packet_interval``,
    and ``server`` (place of the server's name)."""
    intervals: FlowTable
    """Their interval records, the latest ``MAX_INTERVALS`` of each."""
    reasons: Mapping[str, int]
    """How many conversations there are, by what the gate says of them."""
    make_conversations: Callable[[], pl.DataFrame]
    """Makes the table of all conversations: most are of no interest to most users."""

    @cached_property
    def conversations(self) -> pl.DataFrame:
        """Return all conversations, in the columns of ``passed``, by rising ``flow_id``."""
        return self.make_conversations()


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
    >>> found = arrange(records, ArrangeSettings())
    >>> found.reasons
    {'too-short': 1}
    >>> found.conversations.select("packet_delta_count", "reverse_packet_delta_count").rows()
    [(9, 7)]
    """
    n = len(records)
    biflow_of, takes = np.empty(n, np.int64), np.empty(n, np.int64)
    biflows = find_biflows(records, _SEED, biflow_of, takes)
    reasons = _reasons(biflows, np.arange(len(biflows)), biflows, records)
    can_pass = np.ones(len(biflows), np.bool_)
    if not with_intervals_of_all:
        can_pass = ~reasons.is_in(_NEVER_PASS).to_numpy()
    order = order_records(records, biflow_of, takes, can_pass)
    parts, intervals = cut_intervals(
        records, order, biflow_of, takes, settings.interval_ns, settings.timeout_ns
    )
    conversations = _Conversations(
        totals=np.concatenate([biflows[~can_pass], parts]),
        biflow=np.concatenate([np.flatnonzero(~can_pass), parts[:, t.T_OWNER]]),
        interval_counts=np.concatenate(
            [
                np.ones(int((~can_pass).sum()), np.int64),
                np.bincount(intervals[:, t.T_OWNER], minlength=len(parts)),
            ]
        ),
        reasons=pl.concat(
            [
                reasons.filter(pl.Series(~can_pass)),
                _reasons(parts, parts[:, t.T_OWNER], biflows, records),
            ]
        ),
    )
    ids = conversations.ids(biflows, records, first_id)
    shown = np.ones(len(ids), np.bool_)
    if not with_intervals_of_all:
        shown = (conversations.reasons == gate.PASSED).to_numpy()
    n_whole = len(ids) - len(parts)
    kept = _latest(intervals[:, t.T_OWNER]) & shown[n_whole:][intervals[:, t.T_OWNER]]
    rows = intervals[kept]
    ends = ends_of(biflows, records)
    cells = flow_frame(rows, parts[rows[:, t.T_OWNER], t.T_OWNER], ends)
    cells = cells.with_columns(
        flow_id=pl.Series(ids[n_whole:][rows[:, t.T_OWNER]], dtype=pl.UInt64)
    )
    counts = conversations.reasons.value_counts()
    return Arranged(
        conversations.frame(ends, ids, shown),
        cells.sort("flow_id", maintain_order=True),
        dict(counts.iter_rows()),
        lambda: conversations.frame(ends, ids, np.ones(len(ids), np.bool_)),
    )


def _reasons(
    totals: Int64Array, biflow: Int64Array, biflows: Int64Array, records: RecordArray
) -> pl.Series:
    """Return what the gate says of totals; it asks neither for addresses nor for ports."""
    protocol = records["protocol_identifier"][biflows[biflow, t.T_OWNER]]
    return gate_frame(totals, protocol).select(gate.gate_reason()).to_series()


def _latest(owner: Int64Array) -> BoolArray:
    """Return which intervals are among the latest of their conversation, in groups by owner."""
    n = len(owner)
    counts = np.bincount(owner)
    place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    latest: BoolArray = place >= counts[owner] - MAX_INTERVALS
    return latest


@dataclass(frozen=True, slots=True)
class _Conversations:
    """All conversations before they are a table."""

    totals: Int64Array
    biflow: Int64Array
    interval_counts: Int64Array
    reasons: pl.Series

    def ids(self, biflows: Int64Array, records: RecordArray, first_id: int) -> Int64Array:
        """Return ids by rising start; what begins together is ordered by its ends' hash."""
        keys = tie_keys(records, biflows[self.biflow, t.T_OWNER])
        order = np.lexsort((keys, self.totals[:, t.T_START]))
        ids = np.empty(len(order), np.int64)
        ids[order] = np.arange(first_id, first_id + len(order))
        return ids

    def frame(self, ends: Ends, ids: Int64Array, shown: BoolArray) -> pl.DataFrame:
        """Return the rows that are shown, by rising id."""
        rows = np.flatnonzero(shown)
        rows = rows[np.argsort(ids[rows])]
        return flow_frame(self.totals[rows], self.biflow[rows], ends).with_columns(
            self.reasons.gather(rows).alias("gate_reason"),
            flow_id=pl.Series(ids[rows], dtype=pl.UInt64),
            interval_count=pl.Series(self.interval_counts[rows], dtype=pl.Int64),
        )
