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
    places: Int64Array
    """For each row of ``passed`` the place of a record of its biflow among those given."""

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
    owners = records[biflows[:, t.T_OWNER]]
    reasons = _reasons(biflows, owners)
    can_pass = np.ones(len(biflows), np.bool_)
    if not with_intervals_of_all:
        can_pass = ~reasons.is_in(_NEVER_PASS).to_numpy()
    order = order_records(records, biflow_of, takes, can_pass)
    parts, intervals = cut_intervals(
        records, order, biflow_of, takes, settings.interval_ns, settings.timeout_ns
    )
    of_parts = parts[:, t.T_OWNER]
    whole = np.flatnonzero(~can_pass)
    conversations = _Conversations(
        biflows,
        owners,
        whole,
        parts,
        np.bincount(intervals[:, t.T_OWNER], minlength=len(parts)),
        pl.concat([reasons.gather(whole), _reasons(parts, owners[of_parts])]),
    )
    ids = conversations.ids(first_id)
    everyone = np.ones(len(ids), np.bool_)
    shown = everyone
    if not with_intervals_of_all:
        shown = (conversations.reasons == gate.PASSED).to_numpy()
    of_intervals = intervals[:, t.T_OWNER]
    kept = _latest(of_intervals) & shown[len(whole) :][of_intervals]
    counts = conversations.reasons.value_counts()
    return Arranged(
        conversations.frame(ids, shown),
        conversations.intervals_frame(intervals[kept], ids),
        dict(counts.iter_rows()),
        lambda: conversations.frame(ids, everyone),
        conversations.places(ids, shown),
    )


def _reasons(totals: Int64Array, owners: RecordArray) -> pl.Series:
    """Return what the gate says of totals; it asks neither for addresses nor for ports."""
    protocol = owners["protocol_identifier"]
    return gate_frame(totals, protocol).select(gate.gate_reason()).to_series()


def _latest(owner: Int64Array) -> BoolArray:
    """Return which intervals are among the latest of their conversation, in groups by owner."""
    n = len(owner)
    counts = np.bincount(owner)
    place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    latest: BoolArray = place >= counts[owner] - MAX_INTERVALS
    return latest


def _by_id(ids: Int64Array, shown: BoolArray) -> Int64Array:
    """Return which are shown, by rising id."""
    rows = np.flatnonzero(shown)
    return rows[np.argsort(ids[rows])]


@dataclass(frozen=True, slots=True)
class _Conversations:
    """All conversations before they are a table: first biflows as a whole, then parts of others."""

    biflows: Int64Array
    owners: RecordArray
    """A record of each biflow, which names its ends: copies, for the records' memory is lent."""
    whole: Int64Array
    """Biflows that are one conversation each."""
    parts: Int64Array
    """Totals of what silences made of the other biflows."""
    interval_counts: Int64Array
    """Of each part."""
    reasons: pl.Series

    def ids(self, first_id: int) -> Int64Array:
        """Return ids by rising start; what begins together is ordered by its ends' hash."""
        starts = [self.biflows[self.whole, t.T_START], self.parts[:, t.T_START]]
        biflow = np.concatenate([self.whole, self.parts[:, t.T_OWNER]])
        order = np.lexsort((tie_keys(self.owners)[biflow], np.concatenate(starts)))
        ids = np.empty(len(order), np.int64)
        ids[order] = np.arange(first_id, first_id + len(order))
        return ids

    def places(self, ids: Int64Array, shown: BoolArray) -> Int64Array:
        """Return the place of a record of each that is shown, by rising id."""
        biflow = np.concatenate([self.whole, self.parts[:, t.T_OWNER]])
        places: Int64Array = self.biflows[biflow[_by_id(ids, shown)], t.T_OWNER]
        return places

    def frame(self, ids: Int64Array, shown: BoolArray) -> pl.DataFrame:
        """Return the rows that are shown, by rising id."""
        rows = _by_id(ids, shown)
        is_part = rows >= len(self.whole)
        biflow = np.empty(len(rows), np.int64)
        totals = np.empty((len(rows), t.TOTAL_WORDS), np.int64)
        interval_counts = np.ones(len(rows), np.int64)
        biflow[~is_part] = self.whole[rows[~is_part]]
        totals[~is_part] = self.biflows[biflow[~is_part]]
        part = rows[is_part] - len(self.whole)
        totals[is_part] = self.parts[part]
        biflow[is_part] = self.parts[part, t.T_OWNER]
        interval_counts[is_part] = self.interval_counts[part]
        return flow_frame(totals, self._ends(biflow)).with_columns(
            self.reasons.gather(rows).alias("gate_reason"),
            flow_id=pl.Series(ids[rows], dtype=pl.UInt64),
            interval_count=pl.Series(interval_counts, dtype=pl.Int64),
        )

    def intervals_frame(self, intervals: Int64Array, ids: Int64Array) -> FlowTable:
        """Return intervals of parts, by rising id of the conversation and by time."""
        parts, place = np.unique(intervals[:, t.T_OWNER], return_inverse=True)
        frame = flow_frame(intervals, self._ends(self.parts[parts, t.T_OWNER]).of(place))
        flow_id = pl.Series(ids[len(self.whole) + parts][place], dtype=pl.UInt64)
        return frame.with_columns(flow_id=flow_id).sort("flow_id", maintain_order=True)

    def _ends(self, biflow: Int64Array) -> Ends:
        return ends_of(self.biflows[biflow], self.owners[biflow])
