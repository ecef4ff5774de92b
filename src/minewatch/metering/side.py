# SPDX-License-Identifier: Apache-2.0
"""Compiled upkeep of what a flow record cannot hold, in fixed pools with free lists.

Payload packets go into chunks (the first 64) and a ring (the latest 192); payload into blocks,
as far as a biflow's budget goes; DNS responses into an arena that begins again when full.
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.octets import be16
from minewatch.metering.state import (
    BLOCK_CAPTURED,
    BLOCK_LENGTH,
    BLOCK_NEXT,
    BLOCK_OCTETS,
    BLOCK_SEQUENCE,
    BLOCK_SIDE,
    BLOCK_TIME,
    DNS_COUNT,
    DNS_USED,
    DNS_WRAPPED,
    FIRST_PACKETS,
    FLOW_ID,
    FREE,
    INITIATOR_B,
    KINDS,
    LATEST_BLOCK,
    LATEST_PACKETS,
    N_BLOCKS,
    N_ENDED,
    N_FREE_BLOCKS,
    N_FREE_LATEST,
    N_FREE_ROWS,
    N_FREE_SERIES,
    N_LATEST,
    N_LOOKED,
    N_SERIES,
    PAYLOAD_BLOCKS,
    PAYLOAD_DROPPED,
    PAYLOAD_HEAD,
    PAYLOAD_TAIL,
    SERIES_CHUNK,
    SERIES_COUNT,
    SERIES_HEAD,
    SERIES_TAIL,
    STATUS,
    Pools,
)
from minewatch.schema import KIND_JSON, KIND_JSON_RPC, KIND_NOISE, KIND_TLS, KIND_WEBSOCKET
from minewatch.types import (
    P_IS_SWAPPED,
    P_KIND,
    P_PAYLOAD_CAPTURED,
    P_PAYLOAD_OCTETS,
    P_PAYLOAD_OFFSET,
    P_SEQUENCE,
    P_TIME,
    ByteArray,
    Int64Array,
)

TALK_BLOCKS: Final = 24
"""Blocks of payload kept of a biflow that talks JSON or web socket: at most 11.25 KiB."""
TLS_BLOCKS: Final = 10
"""Blocks kept of a TLS biflow: both hellos and most certificates, at most 4.7 KiB."""


@numba.njit(cache=True, nogil=True)
def has_series_room(series: Int64Array, latest: Int64Array, counts: Int64Array) -> bool:
    """Return whether one more payload packet fits into the series."""
    return (counts[N_FREE_SERIES] > 0 or counts[N_SERIES] < series.shape[0]) and (
        counts[N_FREE_LATEST] > 0 or counts[N_LATEST] < latest.shape[0]
    )


@numba.njit(cache=True, nogil=True)
def take_free(counts: Int64Array, free: Int64Array, n_free: int, n_used: int, capacity: int) -> int:
    """Return the number of a free element of a pool, or -1 if there is none."""
    if counts[n_free] > 0:
        counts[n_free] -= 1
        return free[counts[n_free]]
    if counts[n_used] < capacity:
        counts[n_used] += 1
        return counts[n_used] - 1
    return -1


@numba.njit(cache=True, nogil=True)
def is_noise(first: int, second: int) -> bool:
    """Return whether a biflow's first two payload packets have the sizes of a Noise handshake."""
    answer = second >> 1
    return (first ^ second) & 1 != 0 and first >> 1 == 64 and (answer == 170 or answer == 234)


@numba.njit(cache=True, nogil=True)
def add_to_series(
    rows: Int64Array,
    number: int,
    columns: Int64Array,
    i: int,
    series: Int64Array,
    free_series: Int64Array,
    latest: Int64Array,
    free_latest: Int64Array,
    counts: Int64Array,
) -> None:
    """Keep time, size and side of a payload packet: the first 64, then a ring of the latest 192."""
    time_ns = columns[i, P_TIME]
    count = rows[number, SERIES_COUNT]
    rows[number, SERIES_COUNT] = count + 1
    word = (columns[i, P_PAYLOAD_OCTETS] << 1) | columns[i, P_IS_SWAPPED]
    if count >= FIRST_PACKETS:
        if count == FIRST_PACKETS:
            rows[number, LATEST_BLOCK] = take_free(
                counts, free_latest, N_FREE_LATEST, N_LATEST, latest.shape[0]
            )
        ring = rows[number, LATEST_BLOCK]
        at = (count - FIRST_PACKETS) % LATEST_PACKETS
        latest[ring, 2 * at] = time_ns
        latest[ring, 2 * at + 1] = word
        return
    at = count % SERIES_CHUNK
    chunk = rows[number, SERIES_TAIL]
    if at == 0:
        fresh = take_free(counts, free_series, N_FREE_SERIES, N_SERIES, series.shape[0])
        series[fresh, 2 * SERIES_CHUNK] = -1
        if count == 0:
            rows[number, SERIES_HEAD] = fresh
        else:
            series[chunk, 2 * SERIES_CHUNK] = fresh
        rows[number, SERIES_TAIL] = fresh
        chunk = fresh
    elif count == 1 and is_noise(series[chunk, 1], word):
        rows[number, KINDS] |= KIND_NOISE
    series[chunk, 2 * at] = time_ns
    series[chunk, 2 * at + 1] = word


@numba.njit(cache=True, nogil=True)
def keep_payload(
    rows: Int64Array,
    number: int,
    columns: Int64Array,
    i: int,
    data: ByteArray,
    limit: int,
    heads: Int64Array,
    blocks: ByteArray,
    free_blocks: Int64Array,
    counts: Int64Array,
) -> None:
    """Copy a packet's payload into blocks, as far as the biflow's budget and the pool go."""
    at = columns[i, P_PAYLOAD_OFFSET]
    left = columns[i, P_PAYLOAD_CAPTURED]
    length = columns[i, P_PAYLOAD_OCTETS]
    while left > 0 and rows[number, PAYLOAD_BLOCKS] < limit:
        block = -1
        used = counts[N_BLOCKS] - counts[N_FREE_BLOCKS]
        # Hellos inform; plaintext convicts: the second half of the pool is for the latter.
        if limit > TLS_BLOCKS or 2 * used < blocks.shape[0]:
            block = take_free(counts, free_blocks, N_FREE_BLOCKS, N_BLOCKS, blocks.shape[0])
        if block < 0:
            # What follows a hello is ciphertext, and no loss.
            if limit > TLS_BLOCKS or columns[i, P_KIND] & KIND_TLS:
                counts[PAYLOAD_DROPPED] += left
            return
        size = min(left, BLOCK_OCTETS)
        for k in range(size):
            blocks[block, k] = data[at + k]
        heads[block, BLOCK_NEXT] = -1
        heads[block, BLOCK_TIME] = columns[i, P_TIME]
        heads[block, BLOCK_SEQUENCE] = columns[i, P_SEQUENCE]
        heads[block, BLOCK_SIDE] = columns[i, P_IS_SWAPPED]
        heads[block, BLOCK_LENGTH] = length
        heads[block, BLOCK_CAPTURED] = size
        if rows[number, PAYLOAD_BLOCKS] == 0:
            rows[number, PAYLOAD_HEAD] = block
        else:
            heads[rows[number, PAYLOAD_TAIL], BLOCK_NEXT] = block
        rows[number, PAYLOAD_TAIL] = block
        rows[number, PAYLOAD_BLOCKS] += 1
        at += size
        left -= size
        length = -1  # a continuation of the block before


@numba.njit(cache=True, nogil=True)
def keep_dns(
    columns: Int64Array,
    i: int,
    data: ByteArray,
    dns: ByteArray,
    dns_records: Int64Array,
    counts: Int64Array,
) -> None:
    """Append a DNS response with answers to the arena; when it is full, begin again."""
    at = columns[i, P_PAYLOAD_OFFSET]
    size = columns[i, P_PAYLOAD_CAPTURED]
    if size < 12 or size > 4096 or not data[at + 2] & 0x80 or be16(data, at + 6) == 0:
        return
    if counts[DNS_USED] + size > dns.shape[0] or counts[DNS_COUNT] == dns_records.shape[0]:
        counts[DNS_USED] = 0
        counts[DNS_COUNT] = 0
        counts[DNS_WRAPPED] += 1
    used = counts[DNS_USED]
    for k in range(size):
        dns[used + k] = data[at + k]
    record = counts[DNS_COUNT]
    dns_records[record, 0] = columns[i, P_TIME]
    dns_records[record, 1] = used
    dns_records[record, 2] = size
    counts[DNS_USED] = used + size
    counts[DNS_COUNT] += 1


@numba.njit(cache=True, nogil=True)
def payload_limit(kinds: int) -> int:
    """Return how many blocks of payload are kept of a biflow whose payloads were of ``kinds``."""
    if kinds & (KIND_JSON | KIND_WEBSOCKET | KIND_JSON_RPC):
        return TALK_BLOCKS
    return TLS_BLOCKS if kinds & KIND_TLS else 0


@numba.njit(cache=True, nogil=True)
def release_ended(pools: Pools) -> None:
    """Give back the rows, chunks, rings and blocks of the biflows in ``ended``."""
    rows, counts = pools.rows, pools.counts
    for i in range(counts[N_ENDED]):
        number = pools.ended[i]
        if rows[number, SERIES_COUNT] > 0:
            chunk = rows[number, SERIES_HEAD]
            while chunk >= 0:
                pools.free_series[counts[N_FREE_SERIES]] = chunk
                counts[N_FREE_SERIES] += 1
                chunk = pools.series[chunk, 2 * SERIES_CHUNK]
        if rows[number, SERIES_COUNT] > FIRST_PACKETS:
            pools.free_latest[counts[N_FREE_LATEST]] = rows[number, LATEST_BLOCK]
            counts[N_FREE_LATEST] += 1
        if rows[number, PAYLOAD_BLOCKS] > 0:
            block = rows[number, PAYLOAD_HEAD]
            while block >= 0:
                pools.free_blocks[counts[N_FREE_BLOCKS]] = block
                counts[N_FREE_BLOCKS] += 1
                block = pools.heads[block, BLOCK_NEXT]
        rows[number, STATUS] = FREE
        pools.free_rows[counts[N_FREE_ROWS]] = number
        counts[N_FREE_ROWS] += 1
    counts[N_ENDED] = 0
    counts[N_LOOKED] = 0


@numba.njit(cache=True, nogil=True)
def fetch_series(
    pools: Pools,
    wanted: Int64Array,
    starts: Int64Array,
    time_ns: Int64Array,
    octets: Int64Array,
    from_initiator: ByteArray,
) -> None:
    """Copy the series of the rows in ``wanted``; row i fills from ``starts[i]`` on."""
    rows = pools.rows
    for i in range(wanted.shape[0]):
        number = wanted[i]
        count = rows[number, SERIES_COUNT]
        initiator = 1 if rows[number, STATUS] & INITIATOR_B else 0
        at = starts[i]
        chunk = rows[number, SERIES_HEAD]
        for k in range(min(count, FIRST_PACKETS)):
            if k > 0 and k % SERIES_CHUNK == 0:
                chunk = pools.series[chunk, 2 * SERIES_CHUNK]
            time_ns[at] = pools.series[chunk, 2 * (k % SERIES_CHUNK)]
            word = pools.series[chunk, 2 * (k % SERIES_CHUNK) + 1]
            octets[at] = word >> 1
            from_initiator[at] = (word & 1) == initiator
            at += 1
        later = count - FIRST_PACKETS
        for k in range(max(0, later - LATEST_PACKETS), later):
            ring = pools.latest[rows[number, LATEST_BLOCK]]
            time_ns[at] = ring[2 * (k % LATEST_PACKETS)]
            word = ring[2 * (k % LATEST_PACKETS) + 1]
            octets[at] = word >> 1
            from_initiator[at] = (word & 1) == initiator
            at += 1


@numba.njit(cache=True, nogil=True)
def fetch_payload(
    pools: Pools, wanted: Int64Array, segments: Int64Array, octets: ByteArray
) -> tuple[int, int]:
    """Copy the payload of the rows in ``wanted``; return (segments, octets) written.

    A segment is: flow_id, time, sequence, from initiator, length on the wire, start, size.
    """
    rows = pools.rows
    n, used = 0, 0
    for i in range(wanted.shape[0]):
        number = wanted[i]
        initiator = 1 if rows[number, STATUS] & INITIATOR_B else 0
        block = rows[number, PAYLOAD_HEAD] if rows[number, PAYLOAD_BLOCKS] > 0 else -1
        while block >= 0:
            head = pools.heads[block]
            size = head[BLOCK_CAPTURED]
            octets[used : used + size] = pools.blocks[block, :size]
            if head[BLOCK_LENGTH] < 0:
                segments[n - 1, 6] += size
            else:
                segment = segments[n]
                segment[0] = rows[number, FLOW_ID]
                segment[1] = head[BLOCK_TIME]
                segment[2] = head[BLOCK_SEQUENCE]
                segment[3] = head[BLOCK_SIDE] == initiator
                segment[4] = head[BLOCK_LENGTH]
                segment[5] = used
                segment[6] = size
                n += 1
            used += size
            block = head[BLOCK_NEXT]
    return n, used
