# SPDX-License-Identifier: Apache-2.0
"""Compiled: biflows of records, what each observer saw of them counted once."""

from __future__ import annotations

import numba
import numpy as np

from minewatch.metering.record_keys import directions, is_same_biflow, is_swapped, record_hash
from minewatch.metering.record_totals import TOTAL_WORDS, add_record, begin_row
from minewatch.records import RecordArray
from minewatch.types import Int64Array

_MIX = 0x9E37_79B1
"""Odd, so that of one biflow no two observers share a hash of 32 bits."""


@numba.njit(cache=True, nogil=True)
def find_biflows(
    records: RecordArray, seed: int, biflow_of: Int64Array, takes: Int64Array
) -> Int64Array:
    """Find the biflow of each record, and what of the record counts; return totals of biflows.

    Where several observers saw one direction of a biflow, the one that saw most of its packets
    (or octets, where it does not count packets) counts, so that nothing is counted twice.

    Parameters
    ----------
    records : shape (n,).
    seed : of the table's hash.
    biflow_of : takes the biflow's number of each record, shape (n,).
    takes : takes which directions of a record count: 1 for ab, 2 for ba, 3 for both, 0 if another
        observer saw more of what it tells; shape (n,).
    """
    sighting_of, biflow, n_biflows = _sightings(records, seed)
    best = _most_seen(records, sighting_of, biflow, n_biflows)
    totals = np.empty((n_biflows, TOTAL_WORDS), np.int64)
    is_begun = np.zeros(n_biflows, np.bool_)
    for i in range(records.shape[0]):
        sighting = sighting_of[i]
        row = biflow[sighting]
        biflow_of[i] = row
        counts = (best[row, 0] == sighting) + 2 * (best[row, 1] == sighting)
        takes[i] = counts & directions(records, i)
        if takes[i] == 0:
            continue
        if not is_begun[row]:
            begin_row(totals, row, i)
            is_begun[row] = True
        add_record(totals, row, records, i, takes[i])
    return totals


@numba.njit(cache=True, nogil=True)
def _sightings(records: RecordArray, seed: int) -> tuple[Int64Array, Int64Array, int]:
    """Number what each observer saw of each biflow: by record, and the biflow of each."""
    n = records.shape[0]
    size = 16
    while size < 2 * n:
        size *= 2
    seen_index, biflow_index = np.zeros(size, np.int64), np.zeros(size, np.int64)
    sighting_of = np.empty(n, np.int64)
    first, biflow = np.empty(n, np.int64), np.empty(n, np.int64)
    biflow_first = np.empty(n, np.int64)
    n_sightings = n_biflows = 0
    for i in range(n):
        hashed = record_hash(records, i, seed)
        point = np.int64(records[i].observation_point)
        mixed = (hashed ^ (point * _MIX)) & 0xFFFF_FFFF
        at = mixed & (size - 1)
        while seen_index[at] != 0:
            entry = seen_index[at]
            other = (entry & 0xFFFF_FFFF) - 1
            if (entry >> 32) & 0xFFFF_FFFF == mixed and is_same_biflow(records, i, first[other]):
                break
            at = (at + 1) & (size - 1)
        if seen_index[at] != 0:
            sighting_of[i] = (seen_index[at] & 0xFFFF_FFFF) - 1
            continue
        seen_index[at] = (mixed << 32) | (n_sightings + 1)
        first[n_sightings] = i
        sighting_of[i] = n_sightings
        row = _biflow_at(records, biflow_index, biflow_first, hashed, i)
        if biflow_index[row] == 0:
            biflow_index[row] = (hashed << 32) | (n_biflows + 1)
            biflow_first[n_biflows] = i
            n_biflows += 1
        biflow[n_sightings] = (biflow_index[row] & 0xFFFF_FFFF) - 1
        n_sightings += 1
    return sighting_of, biflow[:n_sightings], n_biflows


@numba.njit(cache=True, nogil=True)
def _biflow_at(
    records: RecordArray, index: Int64Array, first: Int64Array, hashed: int, i: int
) -> int:
    """Return the slot of record ``i``'s biflow, or the empty one where it belongs."""
    mask = index.shape[0] - 1
    at = hashed & mask
    while index[at] != 0:
        entry = index[at]
        if (entry >> 32) & 0xFFFF_FFFF == hashed:
            if is_same_biflow(records, i, first[(entry & 0xFFFF_FFFF) - 1]):
                return at
        at = (at + 1) & mask
    return at


@numba.njit(cache=True, nogil=True)
def _most_seen(
    records: RecordArray, sighting_of: Int64Array, biflow: Int64Array, n_biflows: int
) -> Int64Array:
    """Return for both directions of each biflow the sighting that saw most of it, or -1."""
    n = biflow.shape[0]
    best = np.full((n_biflows, 2), -1, np.int64)
    if n == n_biflows:  # one observer of each: nothing to compare
        for sighting in range(n):
            best[biflow[sighting], :] = sighting
        return best
    seen = np.full((n, 2), -1.0)
    points = np.empty(n, np.int64)
    for i in range(records.shape[0]):
        record, sighting = records[i], sighting_of[i]
        points[sighting] = record.observation_point
        way = np.int64(is_swapped(records, i))
        scale = max(np.float64(record.sampling_packet_interval), 1.0)
        if record.is_scaled:
            scale = 1.0
        count = record.packet_delta_count
        if count < 0:
            count = max(record.octet_delta_count, 0)
        seen[sighting, way] = max(seen[sighting, way], 0.0) + count * scale
        back = record.reverse_packet_delta_count
        if back < 0:
            back = record.reverse_octet_delta_count
        if back >= 0:
            seen[sighting, 1 - way] = max(seen[sighting, 1 - way], 0.0) + back * scale
    for sighting in range(n):
        for way in range(2):
            other = best[biflow[sighting], way]
            more = seen[sighting, way]
            if more < 0:
                continue
            if (
                other < 0
                or more > seen[other, way]
                # The lesser number, so that the order of files changes nothing.
                or (more == seen[other, way] and points[sighting] < points[other])
            ):
                best[biflow[sighting], way] = sighting
    return best
