# SPDX-License-Identifier: Apache-2.0
"""The compiled life of one biflow: it starts, is counted, is cut into records, and ends."""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.index import insert_index, remove_index
from minewatch.metering.state import (
    A_HIGH,
    B_HIGH,
    C_ACK,
    C_EXTREMES,
    C_FLAGS,
    C_OCTETS,
    C_PACKETS,
    C_PAYLOAD_OCTETS,
    C_PAYLOAD_PACKETS,
    C_PSH,
    CLOSED,
    CUT,
    ENDED,
    FIN_A,
    FIN_B,
    FIRST_NS,
    FLOW_ID,
    FREE,
    HASH,
    ICMP,
    INITIATOR_B,
    INITIATOR_KNOWN,
    INTERVAL_END,
    KEY_TAIL,
    KINDS,
    LAST_NS,
    N_ENDED,
    N_FLOWS,
    N_FREE_ROWS,
    N_LIVE,
    N_PEAK,
    N_RECORDS,
    N_ROWS,
    OUT_OF_ORDER,
    PAYLOAD_A,
    PAYLOAD_B,
    SIDE_A,
    SIDE_B,
    START_NS,
    STATUS,
    SYN_SEEN,
    SYN_SEQUENCE,
    VLAN,
    Pools,
)
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_HASH,
    P_IS_SWAPPED,
    P_KEY_TAIL,
    P_KIND,
    P_OCTETS,
    P_PAYLOAD_OCTETS,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_TCP_FLAGS,
    P_TIME,
    P_VLAN,
    Int64Array,
)

# Indices of the parameter array; all but the last in ns.
Q_INTERVAL, Q_IDLE, Q_CONVERSATION, Q_LINGER, Q_KEEP = range(5)
N_PARAMETERS: Final = 5

IDLE, ACTIVE, END_OF_FLOW, FORCED, NO_RESOURCES = 1, 2, 3, 4, 5

FIN, SYN, RST, ACK = 1, 2, 4, 16


@numba.njit(cache=True, nogil=True)
def write_side(
    records: Int64Array, to: int, word: int, rows: Int64Array, number: int, side: int
) -> None:
    """Write the nine words of one direction."""
    records[to, word] = rows[number, side + C_PACKETS]
    records[to, word + 1] = rows[number, side + C_OCTETS]
    records[to, word + 2] = rows[number, side + C_PAYLOAD_OCTETS]
    records[to, word + 3] = rows[number, side + C_PAYLOAD_PACKETS]
    records[to, word + 4] = rows[number, side + C_PSH]
    records[to, word + 5] = rows[number, side + C_ACK]
    # -1 stands for "no packet" and becomes null.
    extremes = rows[number, side + C_EXTREMES]
    records[to, word + 6] = extremes >> 32 if extremes else -1
    records[to, word + 7] = extremes & 0xFFFFFFFF if extremes else -1
    records[to, word + 8] = rows[number, side + C_FLAGS]


@numba.njit(cache=True, nogil=True)
def write_record(pools: Pools, number: int, reason: int) -> None:
    """Write the interval's record, initiator first, and clear the interval's counters."""
    rows, records = pools.rows, pools.records
    to = pools.counts[N_RECORDS]
    pools.counts[N_RECORDS] += 1
    tail = rows[number, KEY_TAIL]
    protocol = tail & 0xFF
    source, destination, forward, backward = A_HIGH, B_HIGH, SIDE_A, SIDE_B
    s_port, d_port = (tail >> 32) & 0xFFFF, (tail >> 16) & 0xFFFF
    if rows[number, STATUS] & INITIATOR_B:
        source, destination, forward, backward = B_HIGH, A_HIGH, SIDE_B, SIDE_A
        s_port, d_port = d_port, s_port
    if protocol == 1 or protocol == 58:
        d_port = rows[number, ICMP]
    records[to, 0] = rows[number, FLOW_ID]
    records[to, 1] = rows[number, source]
    records[to, 2] = rows[number, source + 1]
    records[to, 3] = rows[number, destination]
    records[to, 4] = rows[number, destination + 1]
    records[to, 5] = s_port
    records[to, 6] = d_port
    records[to, 7] = protocol
    records[to, 8] = rows[number, VLAN]
    records[to, 9] = rows[number, FIRST_NS]
    records[to, 10] = rows[number, LAST_NS]
    write_side(records, to, 11, rows, number, forward)
    write_side(records, to, 20, rows, number, backward)
    records[to, 29] = reason
    records[to, 30] = 1 if rows[number, STATUS] & INITIATOR_KNOWN else 0
    records[to, 31] = rows[number, KINDS]
    for word in range(SIDE_A, SIDE_B + 8):
        rows[number, word] = 0


@numba.njit(cache=True, nogil=True)
def start_biflow(pools: Pools, columns: Int64Array, i: int, params: Int64Array) -> int:
    """Take a row for packet ``i``'s new biflow; the caller made sure that there is one."""
    counts, rows = pools.counts, pools.rows
    if counts[N_FREE_ROWS] > 0:
        counts[N_FREE_ROWS] -= 1
        number = pools.free_rows[counts[N_FREE_ROWS]]
    else:
        number = counts[N_ROWS]
        counts[N_ROWS] += 1
    for word in range(rows.shape[1]):
        rows[number, word] = 0
    source, destination = A_HIGH, B_HIGH
    if columns[i, P_IS_SWAPPED]:
        source, destination = B_HIGH, A_HIGH
        rows[number, STATUS] = INITIATOR_B
    rows[number, source] = columns[i, P_SOURCE_HIGH]
    rows[number, source + 1] = columns[i, P_SOURCE_LOW]
    rows[number, destination] = columns[i, P_DESTINATION_HIGH]
    rows[number, destination + 1] = columns[i, P_DESTINATION_LOW]
    counts[N_FLOWS] += 1
    counts[N_LIVE] += 1
    counts[N_PEAK] = max(counts[N_PEAK], counts[N_LIVE])
    rows[number, KEY_TAIL] = columns[i, P_KEY_TAIL]
    rows[number, FLOW_ID] = counts[N_FLOWS]
    rows[number, HASH] = columns[i, P_HASH]
    rows[number, VLAN] = columns[i, P_VLAN]
    rows[number, ICMP] = columns[i, P_DESTINATION_PORT]
    time_ns = columns[i, P_TIME]
    rows[number, START_NS] = time_ns
    rows[number, FIRST_NS] = time_ns
    rows[number, LAST_NS] = time_ns
    rows[number, INTERVAL_END] = time_ns + params[Q_INTERVAL]
    insert_index(pools.index, columns[i, P_HASH], number)
    return number


@numba.njit(cache=True, nogil=True)
def end_biflow(pools: Pools, number: int, reason: int, keep: bool) -> None:
    """Write the last record; free the row, or leave it in ``ended`` until it was fetched."""
    counts, rows = pools.counts, pools.rows
    write_record(pools, number, reason)
    remove_index(pools.index, rows[number, HASH], number)
    counts[N_LIVE] -= 1
    if keep:
        rows[number, STATUS] |= ENDED
        pools.ended[counts[N_ENDED]] = number
        counts[N_ENDED] += 1
    else:
        rows[number, STATUS] = FREE
        pools.free_rows[counts[N_FREE_ROWS]] = number
        counts[N_FREE_ROWS] += 1


@numba.njit(cache=True, nogil=True)
def life_of(rows: Int64Array, number: int, params: Int64Array) -> int:
    """Return after how much silence this biflow ends [ns]."""
    status = rows[number, STATUS]
    if status & CLOSED:
        return params[Q_LINGER]
    both = PAYLOAD_A | PAYLOAD_B
    if status & both == both and rows[number, KEY_TAIL] & 0xFF == 6:
        return params[Q_CONVERSATION]
    return params[Q_IDLE]


@numba.njit(cache=True, nogil=True)
def is_over(rows: Int64Array, number: int, time_ns: int, params: Int64Array) -> bool:
    """Return whether the biflow had ended by silence when a packet came at ``time_ns``."""
    gap = time_ns - rows[number, LAST_NS]
    return gap > params[Q_LINGER] and gap > life_of(rows, number, params)


@numba.njit(cache=True, nogil=True)
def is_other_connection(rows: Int64Array, number: int, flags: int, sequence: int) -> bool:
    """Return whether a packet opens another connection on the ports of this one.

    That is a SYN whose sequence number is not that of the SYN before, after payload, a close or
    a record that was cut.
    """
    if flags & (SYN | ACK) != SYN:
        return False
    status = rows[number, STATUS]
    if status & SYN_SEEN and sequence == rows[number, SYN_SEQUENCE]:
        return False
    return status & (CLOSED | PAYLOAD_A | PAYLOAD_B | CUT) != 0


@numba.njit(cache=True, nogil=True)
def cut_interval(pools: Pools, number: int, time_ns: int, params: Int64Array) -> None:
    """Write the record of the interval before ``time_ns`` and begin the one that holds it."""
    rows = pools.rows
    gap = time_ns - rows[number, LAST_NS]
    write_record(pools, number, IDLE if gap > params[Q_IDLE] else ACTIVE)
    rows[number, STATUS] |= CUT
    start = rows[number, START_NS]
    elapsed = max(0, (time_ns - start) // params[Q_INTERVAL])
    rows[number, INTERVAL_END] = start + (elapsed + 1) * params[Q_INTERVAL]
    rows[number, FIRST_NS] = time_ns


@numba.njit(cache=True, nogil=True)
def follow_tcp(rows: Int64Array, number: int, flags: int, sequence: int, side_b: bool) -> None:
    """Let the TCP flags tell who opened and whether the connection is over."""
    status = rows[number, STATUS]
    if flags & SYN:
        is_answer = flags & ACK != 0
        if not status & CUT and (not is_answer or not status & INITIATOR_KNOWN):
            opener_b = side_b != is_answer
            status = (status & ~INITIATOR_B) | (INITIATOR_B if opener_b else 0) | INITIATOR_KNOWN
        if not is_answer:
            rows[number, SYN_SEQUENCE] = sequence
            status |= SYN_SEEN
    if flags & FIN:
        status |= FIN_B if side_b else FIN_A
    if flags & RST or status & (FIN_A | FIN_B) == (FIN_A | FIN_B):
        status |= CLOSED
    rows[number, STATUS] = status


@numba.njit(cache=True, nogil=True)
def count_packet(
    rows: Int64Array, number: int, columns: Int64Array, i: int, counts: Int64Array
) -> None:
    """Add packet ``i`` to the interval's counters."""
    time_ns = columns[i, P_TIME]
    if time_ns < rows[number, LAST_NS]:
        counts[OUT_OF_ORDER] += 1
        rows[number, FIRST_NS] = min(time_ns, rows[number, FIRST_NS])
    else:
        rows[number, LAST_NS] = time_ns
    side = SIDE_B if columns[i, P_IS_SWAPPED] else SIDE_A
    octets = columns[i, P_OCTETS]
    rows[number, side + C_PACKETS] += 1
    rows[number, side + C_OCTETS] += octets
    extremes = rows[number, side + C_EXTREMES]
    smallest, largest = extremes >> 32, extremes & 0xFFFFFFFF
    if extremes == 0:
        smallest = octets
    rows[number, side + C_EXTREMES] = (min(smallest, octets) << 32) | max(largest, octets)
    flags = columns[i, P_TCP_FLAGS]
    rows[number, side + C_FLAGS] |= flags
    rows[number, side + C_PSH] += (flags >> 3) & 1
    rows[number, side + C_ACK] += (flags >> 4) & 1
    payload = columns[i, P_PAYLOAD_OCTETS]
    if payload > 0:
        rows[number, side + C_PAYLOAD_OCTETS] += payload
        rows[number, side + C_PAYLOAD_PACKETS] += 1
        rows[number, STATUS] |= PAYLOAD_B if columns[i, P_IS_SWAPPED] else PAYLOAD_A
        if columns[i, P_KIND]:
            rows[number, KINDS] |= columns[i, P_KIND]
