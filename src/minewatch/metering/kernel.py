# SPDX-License-Identifier: Apache-2.0
"""The compiled loop from packets to interval biflow records.

The rules:

- A record is cut ``interval`` after the biflow's first packet, and again and again; and when
  the biflow was silent for longer than ``idle``.
- A biflow ends by FIN both ways or RST, by a new SYN on the same ports, or by silence: ``idle``,
  or ``conversation`` if it is TCP with payload both ways.
- What a packet does depends on the packets before it alone, never on the batch it came in.

In the loop rows are addressed as ``rows[number, WORD]`` and not through views of a row, because
numba counts references to views with atomic operations.
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.biflow import (
    ACK,
    END_OF_FLOW,
    FIN,
    IDLE,
    Q_IDLE,
    Q_KEEP,
    Q_LINGER,
    RST,
    SYN,
    count_packet,
    cut_interval,
    end_biflow,
    follow_tcp,
    is_other_connection,
    is_over,
    start_biflow,
)
from minewatch.metering.index import find_row, insert_index
from minewatch.metering.side import (
    add_to_series,
    has_series_room,
    keep_dns,
    keep_payload,
    payload_limit,
)
from minewatch.metering.state import (
    CLOCK_NS,
    CLOSED,
    ENDED,
    FREE,
    HASH,
    INTERVAL_END,
    KEY_TAIL,
    KINDS,
    LAST_NS,
    MAX_ENDED,
    N_ENDED,
    N_FLOWS,
    N_FREE_ROWS,
    N_PACKETS,
    N_PEAK,
    N_RECORDS,
    N_ROWS,
    PAYLOAD_BLOCKS,
    SERIES_CHUNK,
    SERIES_COUNT,
    SERIES_TAIL,
    SIDE_A,
    SIDE_B,
    STATUS,
    SWEEP_AT,
    SWEPT_NS,
    SWEPT_PACKETS,
    TOUCHED,
    Pools,
)
from minewatch.schema import KIND_DNS
from minewatch.types import (
    P_HASH,
    P_IS_SWAPPED,
    P_KIND,
    P_PAYLOAD_OCTETS,
    P_PROTOCOL,
    P_SEQUENCE,
    P_TCP_FLAGS,
    P_TIME,
    ByteArray,
    Int64Array,
)

SWEEP_NS: Final = 60 * 1_000_000_000
"""Silent biflows are looked for this often in data time."""
ROWS_A_PACKET: Final = 16
"""A sweep reads every row that was ever used: not more of them than this for each packet since the
last one, or a capture whose every packet comes half a minute later would take forever."""
GROUP: Final = 32
"""Packets whose rows are touched together before they are metered one by one."""


@numba.njit(cache=True, nogil=True)
def rebuild_index(index: Int64Array, pools: Pools) -> None:
    """Fill an empty index with every biflow that is alive."""
    rows = pools.rows
    for number in range(pools.counts[N_ROWS]):
        status = rows[number, STATUS]
        if status != FREE and not status & ENDED:
            insert_index(index, rows[number, HASH], number)


@numba.njit(cache=True, nogil=True)
def touch_rows(
    columns: Int64Array,
    start: int,
    stop: int,
    index: Int64Array,
    rows: Int64Array,
    series: Int64Array,
    keep: bool,
) -> int:
    """Read a word of each line that these packets will need, and return something of them.

    The reads do not wait for each other, so that the processor fetches the lines from memory at
    the same time; metering one by one, it would wait for every single one of them.
    """
    mask = index.shape[0] - 1
    touched = 0
    for i in range(start, stop):
        touched ^= index[columns[i, P_HASH] & mask]
    for i in range(start, stop):
        number = max(0, (index[columns[i, P_HASH] & mask] & 0xFFFFFFFF) - 1)
        touched ^= rows[number, KEY_TAIL]
        touched ^= rows[number, SIDE_B if columns[i, P_IS_SWAPPED] else SIDE_A]
        if keep:
            touched ^= rows[number, SERIES_COUNT]
    if keep:
        for i in range(start, stop):
            number = max(0, (index[columns[i, P_HASH] & mask] & 0xFFFFFFFF) - 1)
            at = rows[number, SERIES_COUNT] % SERIES_CHUNK
            touched ^= series[rows[number, SERIES_TAIL], 2 * at]
    return touched


@numba.njit(cache=True, nogil=True)
def is_sweep_due(counts: Int64Array) -> bool:
    """Return whether silent biflows must be ended before the next packet.

    Not at the end of a batch: what comes out must not depend on where batches end, nor on when
    rows are given back.
    """
    if counts[CLOCK_NS] - counts[SWEPT_NS] <= SWEEP_NS:
        return False
    n_rows = min(counts[N_FLOWS], counts[N_PEAK] + MAX_ENDED)
    return (counts[N_PACKETS] - counts[SWEPT_PACKETS]) * ROWS_A_PACKET >= n_rows


@numba.njit(cache=True, nogil=True)
def meter_packets(
    columns: Int64Array,
    data: ByteArray,
    start: int,
    stop: int,
    pools: Pools,
    params: Int64Array,
) -> int:
    """Meter packets ``start`` to ``stop``; return where it stopped for room or for a sweep."""
    keep = params[Q_KEEP] != 0
    index, rows, counts = pools.index, pools.rows, pools.counts
    series, free_series = pools.series, pools.free_series
    latest, free_latest = pools.latest, pools.free_latest
    heads, blocks, free_blocks = pools.heads, pools.blocks, pools.free_blocks
    dns, dns_records = pools.dns, pools.dns_records
    idle, linger = params[Q_IDLE], params[Q_LINGER]
    n_records = pools.records.shape[0] - 2
    n_ended = pools.ended.shape[0] - 2
    n_rows = rows.shape[0]
    group_end = start
    for i in range(start, stop):
        if i == group_end:
            group_end = min(stop, i + GROUP)
            counts[TOUCHED] ^= touch_rows(columns, i, group_end, index, rows, series, keep)
        if (
            counts[N_RECORDS] > n_records
            or counts[N_ENDED] > n_ended
            or (counts[N_FREE_ROWS] == 0 and counts[N_ROWS] == n_rows)
            or is_sweep_due(counts)
        ):
            return i
        payload = columns[i, P_PAYLOAD_OCTETS]
        if keep and payload > 0 and not has_series_room(series, latest, counts):
            return i
        time_ns = columns[i, P_TIME]
        flags = columns[i, P_TCP_FLAGS]
        is_tcp = columns[i, P_PROTOCOL] == 6
        counts[CLOCK_NS] = max(counts[CLOCK_NS], time_ns)
        counts[N_PACKETS] += 1

        number = find_row(index, rows, columns, i)
        if number >= 0:
            gap = time_ns - rows[number, LAST_NS]
            if (
                is_tcp
                and flags & (SYN | ACK) == SYN
                and is_other_connection(rows, number, flags, columns[i, P_SEQUENCE])
            ):
                end_biflow(pools, number, END_OF_FLOW, keep)
                number = -1
            elif gap > linger and is_over(rows, number, time_ns, params):
                is_closed = rows[number, STATUS] & CLOSED
                end_biflow(pools, number, END_OF_FLOW if is_closed else IDLE, keep)
                number = -1
            elif gap > idle or time_ns >= rows[number, INTERVAL_END]:
                cut_interval(pools, number, time_ns, params)
        if number < 0:
            number = start_biflow(pools, columns, i, params)
        count_packet(rows, number, columns, i, counts)
        if is_tcp and flags & (SYN | FIN | RST):
            side_b = columns[i, P_IS_SWAPPED] != 0
            follow_tcp(rows, number, flags, columns[i, P_SEQUENCE], side_b)
        if keep and payload > 0:
            add_to_series(
                rows, number, columns, i, series, free_series, latest, free_latest, counts
            )
            limit = payload_limit(rows[number, KINDS])
            if rows[number, PAYLOAD_BLOCKS] < limit:
                keep_payload(
                    rows, number, columns, i, data, limit, heads, blocks, free_blocks, counts
                )
            elif columns[i, P_KIND] & KIND_DNS:
                keep_dns(columns, i, data, dns, dns_records, counts)
    return stop


@numba.njit(cache=True, nogil=True)
def sweep(pools: Pools, params: Int64Array, now_ns: int, reason: int) -> bool:
    """End biflows that were silent for too long at ``now_ns``; False if it ran out of room.

    ``reason`` 0 tells the reason by the biflow (idle, end of flow); else it is the reason of
    all. ``now_ns`` below zero ends every biflow. Called again, it goes on where it stopped.
    """
    counts, rows = pools.counts, pools.rows
    keep = params[Q_KEEP] != 0
    for number in range(counts[SWEEP_AT], counts[N_ROWS]):
        status = rows[number, STATUS]
        if status == FREE or status & ENDED:
            continue
        if now_ns >= 0 and not is_over(rows, number, now_ns, params):
            continue
        if (
            counts[N_RECORDS] + 2 > pools.records.shape[0]
            or counts[N_ENDED] + 2 > pools.ended.shape[0]
        ):
            counts[SWEEP_AT] = number
            return False
        why = reason
        if status & CLOSED:
            why = END_OF_FLOW
        elif reason == 0:
            why = IDLE
        end_biflow(pools, number, why, keep)
    counts[SWEEP_AT] = 0
    return True
