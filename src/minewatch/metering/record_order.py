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

    Equal times are ordered by the directions that count and by all else that the records say, so
    that the order in which they came changes nothing.

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
            _sort(records, takes, own)
        elif own.shape[0] > 1:
            _insert(records, takes, own)
    return order


@numba.njit(cache=True, nogil=True)
def _is_before(records: RecordArray, takes: Int64Array, i: int, j: int) -> bool:
    one, other = records[i], records[j]
    if one.flow_start_nanoseconds != other.flow_start_nanoseconds:
        return one.flow_start_nanoseconds < other.flow_start_nanoseconds
    if one.flow_end_nanoseconds != other.flow_end_nanoseconds:
        return one.flow_end_nanoseconds < other.flow_end_nanoseconds
    if takes[i] != takes[j]:
        return takes[i] < takes[j]
    return _content(records, i) < _content(records, j)


@numba.njit(cache=True, nogil=True)
def _content(records: RecordArray, i: int) -> tuple[int, ...]:
    """Return all else of record ``i`` that goes into sums."""
    record = records[i]
    return (
        np.int64(record.packet_delta_count),
        np.int64(record.reverse_packet_delta_count),
        np.int64(record.octet_delta_count),
        np.int64(record.reverse_octet_delta_count),
        np.int64(record.payload_octet_count),
        np.int64(record.reverse_payload_octet_count),
        np.int64(record.sampling_packet_interval),
        np.int64(record.is_scaled),
        np.int64(record.tcp_control_bits),
        np.int64(record.reverse_tcp_control_bits),
        np.int64(record.flow_end_reason),
        np.int64(record.is_source_initiator),
        np.int64(record.server_name),
        np.int64(record.vlan_id),
    )


@numba.njit(cache=True, nogil=True)
def _insert(records: RecordArray, takes: Int64Array, own: Int64Array) -> None:
    for at in range(1, own.shape[0]):
        moved = own[at]
        hole = at
        while hole > 0 and _is_before(records, takes, moved, own[hole - 1]):
            own[hole] = own[hole - 1]
            hole -= 1
        own[hole] = moved


@numba.njit(cache=True, nogil=True)
def _sort(records: RecordArray, takes: Int64Array, own: Int64Array) -> None:
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
                    right >= stop or not _is_before(records, takes, source[right], source[left])
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
