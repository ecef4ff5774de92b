# SPDX-License-Identifier: Apache-2.0
"""Compiled: records in the order of biflow and time."""

from __future__ import annotations

import numba
import numpy as np

from minewatch.records import RecordArray
from minewatch.types import BoolArray, Int64Array

_FEW = 24
"""Records of a biflow up to which moving each to its place beats sorting."""


@numba.njit(cache=True, nogil=True)
def order_records(
    records: RecordArray, biflow_of: Int64Array, takes: Int64Array, is_wanted: BoolArray
) -> Int64Array:
    """Return which records to take, those of one biflow together and by rising time.

    Equal times are ordered by what else the records say, so that the order in which they came
    changes nothing.

    Parameters
    ----------
    records : shape (n,).
    biflow_of : number of each record's biflow, shape (n,).
    takes : which directions of a record count; those of which none does are left out, shape (n,).
    is_wanted : for each biflow whether its records are wanted, shape (n_biflows,).
    """
    n_biflows = is_wanted.shape[0]
    starts = np.zeros(n_biflows + 1, np.int64)
    for i in range(records.shape[0]):
        if takes[i] != 0 and is_wanted[biflow_of[i]]:
            starts[biflow_of[i] + 1] += 1
    for biflow in range(n_biflows):
        starts[biflow + 1] += starts[biflow]
    order = np.empty(starts[n_biflows], np.int64)
    place = starts[:-1].copy()
    for i in range(records.shape[0]):
        biflow = biflow_of[i]
        if takes[i] != 0 and is_wanted[biflow]:
            order[place[biflow]] = i
            place[biflow] += 1
    for biflow in range(n_biflows):
        own = order[starts[biflow] : starts[biflow + 1]]
        if own.shape[0] > _FEW:
            _sort(records, own)
        elif own.shape[0] > 1:
            _insert(records, own)
    return order


@numba.njit(cache=True, nogil=True)
def _is_before(records: RecordArray, i: int, j: int) -> bool:
    one, other = records[i], records[j]
    if one.flow_start_nanoseconds != other.flow_start_nanoseconds:
        return one.flow_start_nanoseconds < other.flow_start_nanoseconds
    if one.flow_end_nanoseconds != other.flow_end_nanoseconds:
        return one.flow_end_nanoseconds < other.flow_end_nanoseconds
    if one.source_transport_port != other.source_transport_port:
        return one.source_transport_port < other.source_transport_port
    return one.packet_delta_count < other.packet_delta_count


@numba.njit(cache=True, nogil=True)
def _insert(records: RecordArray, own: Int64Array) -> None:
    for at in range(1, own.shape[0]):
        moved = own[at]
        hole = at
        while hole > 0 and _is_before(records, moved, own[hole - 1]):
            own[hole] = own[hole - 1]
            hole -= 1
        own[hole] = moved


@numba.njit(cache=True, nogil=True)
def _sort(records: RecordArray, own: Int64Array) -> None:
    """Merge sort, whose cost nobody can drive up by an unlucky order."""
    n = own.shape[0]
    source, target = own.copy(), np.empty(n, np.int64)
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, stop = min(start + width, n), min(start + 2 * width, n)
            left, right = start, middle
            for at in range(start, stop):
                takes_left = left < middle and (
                    right >= stop or not _is_before(records, source[right], source[left])
                )
                if takes_left:
                    target[at] = source[left]
                    left += 1
                else:
                    target[at] = source[right]
                    right += 1
        source, target = target, source
        width *= 2
    own[:] = source
