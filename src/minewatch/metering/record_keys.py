# SPDX-License-Identifier: Apache-2.0
"""Compiled: which biflow a record of a flow log belongs to, and records grouped by that."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.index import hash_key
from minewatch.records import DENIED, RecordArray
from minewatch.types import Int64Array

_GROUPING_SEED: Final = 0x5851_F42D_4C95_7F2D
"""Fixed, so that results come in the same order in every run; tables in memory are seeded anew."""

_TIES: Final = (0x2545_F491_4F6C_DD1D, 0x6C62_272E_07BB_0142)


@numba.njit(cache=True, nogil=True)
def is_swapped(records: RecordArray, i: int) -> bool:
    """Return whether the source of record ``i`` is the greater end (address, then port)."""
    record = records[i]
    if record.source_address_high != record.destination_address_high:
        return record.source_address_high > record.destination_address_high
    if record.source_address_low != record.destination_address_low:
        return record.source_address_low > record.destination_address_low
    return record.source_transport_port > record.destination_transport_port


@numba.njit(cache=True, nogil=True)
def directions(records: RecordArray, i: int) -> int:
    """Return of which directions record ``i`` tells: 1 if from the lesser end, 2 to it, 3 both."""
    record = records[i]
    if record.reverse_packet_delta_count >= 0 or record.reverse_octet_delta_count >= 0:
        return 3
    return 2 if is_swapped(records, i) else 1


@numba.njit(cache=True, nogil=True)
def record_hash(records: RecordArray, i: int, seed: int) -> int:
    """Return 32 bits of a hash of record ``i``'s biflow: the same for both directions."""
    record = records[i]
    s_high, s_low = np.int64(record.source_address_high), np.int64(record.source_address_low)
    d_high = np.int64(record.destination_address_high)
    d_low = np.int64(record.destination_address_low)
    s_port = np.int64(record.source_transport_port)
    d_port = np.int64(record.destination_transport_port)
    protocol = np.int64(record.protocol_identifier)
    if is_swapped(records, i):
        tail = (d_port << 24) | (s_port << 8) | protocol
        return hash_key(d_high, d_low, s_high, s_low, tail, seed)
    tail = (s_port << 24) | (d_port << 8) | protocol
    return hash_key(s_high, s_low, d_high, d_low, tail, seed)


@numba.njit(cache=True, nogil=True)
def is_same_biflow(records: RecordArray, i: int, j: int) -> bool:
    """Return whether two records are of the same two ends and protocol."""
    one, other = records[i], records[j]
    if one.protocol_identifier != other.protocol_identifier:
        return False
    if (
        one.source_address_low == other.source_address_low
        and one.destination_address_low == other.destination_address_low
        and one.source_address_high == other.source_address_high
        and one.destination_address_high == other.destination_address_high
        and one.source_transport_port == other.source_transport_port
        and one.destination_transport_port == other.destination_transport_port
    ):
        return True
    return (
        one.source_address_low == other.destination_address_low
        and one.destination_address_low == other.source_address_low
        and one.source_address_high == other.destination_address_high
        and one.destination_address_high == other.source_address_high
        and one.source_transport_port == other.destination_transport_port
        and one.destination_transport_port == other.source_transport_port
    )


@numba.njit(cache=True, nogil=True)
def tie_keys(records: RecordArray) -> Int64Array:
    """Return a number for the biflow of each record, the same in every run, that orders equals.

    Parameters
    ----------
    records : shape (n,).
    """
    keys = np.empty(records.shape[0], np.int64)
    for i in range(records.shape[0]):
        keys[i] = (record_hash(records, i, _TIES[0]) << 31) ^ record_hash(records, i, _TIES[1])
    return keys


@numba.njit(cache=True, nogil=True)
def group_records(
    records: RecordArray,
    words: Int64Array,
    grouped: Int64Array,
    counts: Int64Array,
) -> None:
    """Copy records so that those of one group stand together; denied ones are left out.

    Parameters
    ----------
    records : shape (n,).
    words : the same memory as 64-bit words, shape (n, RECORD.itemsize // 8).
    grouped : takes the copies, same shape as ``words``; rows at the end stay as they are.
    counts : takes the number of records of each group, shape (n_groups,), a power of two.
    """
    n = records.shape[0]
    mask = counts.shape[0] - 1
    groups = np.empty(n, np.int32)
    counts[:] = 0
    for i in range(n):
        if records[i].firewall_event == DENIED:
            groups[i] = -1
            continue
        # The low bits find places in tables, so groups go by others.
        groups[i] = (record_hash(records, i, _GROUPING_SEED) >> 16) & mask
        counts[groups[i]] += 1
    place = np.zeros(mask + 1, np.int64)
    for group in range(mask):
        place[group + 1] = place[group] + counts[group]
    for i in range(n):
        group = groups[i]
        if group >= 0:
            grouped[place[group], :] = words[i, :]
            place[group] += 1
