# SPDX-License-Identifier: Apache-2.0
"""Compiled: the records of a biflow cut into conversations and these into intervals."""

from __future__ import annotations

import numba
import numpy as np

from minewatch.metering.record_totals import (
    T_END,
    T_START,
    TOTAL_WORDS,
    add_record,
    begin_row,
)
from minewatch.records import RecordArray
from minewatch.types import Int64Array

_FIRST_ROWS = 4096


@numba.njit(cache=True, nogil=True)
def cut_intervals(
    records: RecordArray,
    order: Int64Array,
    biflow_of: Int64Array,
    takes: Int64Array,
    interval_ns: int,
    timeout_ns: int,
) -> tuple[Int64Array, Int64Array]:
    """Return totals of conversations and of their intervals, both in the order of ``order``.

    A conversation ends with a silence longer than ``timeout_ns``. An interval takes the records
    that begin in its first three quarters, so that the jitter of an exporter's clock makes no
    gaps, and of longer records those that overlap the one from the other side.

    Parameters
    ----------
    records : shape (n,).
    order : records to take, those of one biflow together and by rising start; shape (m,).
    biflow_of : number of each record's biflow, shape (n,).
    takes : which directions of a record count: 1 for ab, 2 for ba, 3 for both; shape (n,).
    interval_ns : length of an interval.
    timeout_ns : longest silence in a conversation.
    """
    m = order.shape[0]
    conversations = np.empty((_FIRST_ROWS, TOTAL_WORDS), np.int64)
    intervals = np.empty((_FIRST_ROWS, TOTAL_WORDS), np.int64)
    n_conversations = n_intervals = 0
    biflow, here = -1, 0
    for j in range(m):
        i = order[j]
        start = records[i].flow_start_nanoseconds
        ways = takes[i]
        is_new = biflow_of[i] != biflow
        if not is_new:
            is_new = start - conversations[n_conversations - 1, T_END] > timeout_ns
        if is_new:
            biflow = biflow_of[i]
            conversations = _with_room(conversations, n_conversations)
            begin_row(conversations, n_conversations, biflow)
            n_conversations += 1
        if is_new or not _belongs(intervals[n_intervals - 1], start, ways, here, interval_ns):
            intervals = _with_room(intervals, n_intervals)
            begin_row(intervals, n_intervals, n_conversations - 1)
            n_intervals += 1
            here = 0
        here |= ways
        add_record(intervals, n_intervals - 1, records, i, ways)
        add_record(conversations, n_conversations - 1, records, i, ways)
    return conversations[:n_conversations], intervals[:n_intervals]


@numba.njit(cache=True, nogil=True)
def _with_room(rows: Int64Array, used: int) -> Int64Array:
    """Return the rows, twice as many where all are used."""
    if used < rows.shape[0]:
        return rows
    more = np.empty((2 * used, TOTAL_WORDS), np.int64)
    more[:used] = rows
    return more


@numba.njit(cache=True, nogil=True)
def _belongs(interval: Int64Array, start: int, ways: int, here: int, interval_ns: int) -> bool:
    """Return whether a record that begins at ``start`` belongs to the interval."""
    if start < interval[T_START] + 3 * (interval_ns // 4):
        return True
    return (here & ways) == 0 and start < interval[T_END]
