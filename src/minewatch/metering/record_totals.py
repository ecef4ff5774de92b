# SPDX-License-Identifier: Apache-2.0
"""Compiled sums over records of flow logs, for biflows, conversations and intervals alike.

A row of totals holds both directions: *ab* from the lesser end (address, then port) to the
greater, *ba* back. Counts are scaled by the sampling; a count that one record does not tell is
unknown in the sum.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.record_keys import is_swapped
from minewatch.records import UNKNOWN, RecordArray
from minewatch.types import Int64Array

(
    T_START,
    T_END,
    T_PACKETS_AB,
    T_PACKETS_BA,
    T_OCTETS_AB,
    T_OCTETS_BA,
    T_PAYLOAD_AB,
    T_PAYLOAD_BA,
    T_FLAGS_AB,
    T_FLAGS_BA,
    T_START_AB,
    T_START_BA,
    T_END_REASON,
    T_SAMPLING,
    T_SERVER_NAME,
    T_OPENER,
    T_VLAN,
    T_RECORDS,
    T_OWNER,
    T_TOLD,
) = range(20)
"""Words of a row. ``T_OPENER``: 1 if a record told that the lesser end opened, 0 the greater.
``T_OWNER``: of an interval its conversation, of a conversation its biflow, of a biflow a record.
``T_TOLD``: bits for a direction of which a record told counts (``TOLD_AB``, ``TOLD_BA``), and for
one of which a record told none (``SILENT_AB``, ``SILENT_BA``): that a firewall let it begin."""
TOTAL_WORDS: Final = 20
TOLD_AB, TOLD_BA, SILENT_AB, SILENT_BA = 1, 2, 4, 8
NEVER: Final = (1 << 63) - 1
MOST: Final = (1 << 62) - 1
"""Where sums of absurd counts stop: both directions together still fit."""


@numba.njit(cache=True, nogil=True)
def begin_row(totals: Int64Array, row: int, owner: int) -> None:
    """Make a row one over no records."""
    totals[row, :] = 0
    totals[row, T_START] = totals[row, T_START_AB] = totals[row, T_START_BA] = NEVER
    totals[row, T_END] = -NEVER
    totals[row, T_FLAGS_AB] = totals[row, T_FLAGS_BA] = UNKNOWN
    totals[row, T_SERVER_NAME] = totals[row, T_OPENER] = UNKNOWN
    totals[row, T_OWNER] = owner


@numba.njit(cache=True, nogil=True)
def _sum(total: int, count: int, scale: int) -> int:
    if total == UNKNOWN or count < 0:
        return UNKNOWN
    if count > MOST // scale:
        return MOST
    return min(total + count * scale, MOST)


@numba.njit(cache=True, nogil=True)
def _flags(total: int, flags: int) -> int:
    if flags < 0:
        return total
    return flags if total < 0 else total | flags


@numba.njit(cache=True, nogil=True)
def _add_direction(
    total: Int64Array, way: int, records: RecordArray, i: int, is_reverse: bool, scale: int
) -> None:
    """Add what record ``i`` tells of one direction: 0 for ab, 1 for ba, whose words come next."""
    record = records[i]
    if is_reverse:
        packets, octets = record.reverse_packet_delta_count, record.reverse_octet_delta_count
        payload, flags = record.reverse_payload_octet_count, record.reverse_tcp_control_bits
    else:
        packets, octets = record.packet_delta_count, record.octet_delta_count
        payload, flags = record.payload_octet_count, record.tcp_control_bits
    if packets < 0 and octets < 0 and payload < 0:
        total[T_TOLD] |= SILENT_AB << way
    else:
        total[T_TOLD] |= TOLD_AB << way
        total[T_PACKETS_AB + way] = _sum(total[T_PACKETS_AB + way], packets, scale)
        total[T_OCTETS_AB + way] = _sum(total[T_OCTETS_AB + way], octets, scale)
        total[T_PAYLOAD_AB + way] = _sum(total[T_PAYLOAD_AB + way], payload, scale)
    total[T_FLAGS_AB + way] = _flags(total[T_FLAGS_AB + way], flags)
    total[T_START_AB + way] = min(total[T_START_AB + way], record.flow_start_nanoseconds)


@numba.njit(cache=True, nogil=True)
def add_record(totals: Int64Array, row: int, records: RecordArray, i: int, takes: int) -> None:
    """Add record ``i`` to a row.

    Parameters
    ----------
    totals : shape (n, TOTAL_WORDS).
    row : which of them.
    records : the records.
    i : which of them.
    takes : of the directions of which it tells those that count: 1 for ab, 2 for ba, 3 for both.
    """
    record = records[i]
    total = totals[row]
    swapped = is_swapped(records, i)
    start, end = record.flow_start_nanoseconds, record.flow_end_nanoseconds
    sampling = max(np.int64(record.sampling_packet_interval), 1)
    scale = 1 if record.is_scaled else sampling
    for way in range(2):
        if takes & (1 << way):
            _add_direction(total, way, records, i, swapped == (way == 0), scale)
    if start < total[T_START]:
        total[T_START] = start
    total[T_VLAN] = max(total[T_VLAN], record.vlan_id)
    # Of two that contradict each other the greater, so that the order of records changes nothing.
    if record.is_source_initiator >= 0:
        total[T_OPENER] = max(
            total[T_OPENER], np.int64((record.is_source_initiator == 1) != swapped)
        )
    total[T_SERVER_NAME] = max(total[T_SERVER_NAME], record.server_name)
    if end > total[T_END]:
        total[T_END] = end
        total[T_END_REASON] = record.flow_end_reason
    elif end == total[T_END]:
        total[T_END_REASON] = max(total[T_END_REASON], record.flow_end_reason)
    total[T_SAMPLING] = max(total[T_SAMPLING], sampling)
    total[T_RECORDS] += 1
