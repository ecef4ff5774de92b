# SPDX-License-Identifier: Apache-2.0
"""Compiled: which biflows end early when memory is full, those that tell least about mining first.

The order: what is not TCP (no mining protocol runs over anything else), what never carried payload
(floods, scans), payload one way, too few messages for any detector, the rest; a biflow whose
payload may be plaintext mining comes behind these, and a suspect last of all. Within each, the one
that was silent longest goes first.
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.biflow import end_biflow
from minewatch.metering.state import (
    ENDED,
    FIRST_PACKETS,
    FREE,
    KEY_TAIL,
    KINDS,
    LAST_NS,
    N_ENDED,
    N_RECORDS,
    N_ROWS,
    PAYLOAD_A,
    PAYLOAD_B,
    SERIES_COUNT,
    STATUS,
    SUSPECT,
    Pools,
)
from minewatch.schema import KIND_TALKS
from minewatch.types import Int64Array

NOT_TCP, SILENT, ONE_WAY, FEW, TALK, PLAINTEXT, SUSPECTED = range(7)
RANKS: Final = ("not-tcp", "silent", "one-way", "few-messages", "talk", "plaintext", "suspect")
"""Names of the ranks, in the order in which they go."""
FEW_PACKETS: Final = 6
"""Packets with payload below which the gate lets nothing pass."""
ANY, WITH_SERIES, WITH_RING = range(3)
"""What a biflow must hold to be worth ending."""


@numba.njit(cache=True, nogil=True)
def rank_of(rows: Int64Array, number: int) -> int:
    """Return how much a biflow tells, the least first."""
    status = rows[number, STATUS]
    if status & SUSPECT:
        return SUSPECTED
    if rows[number, KEY_TAIL] & 0xFF != 6:
        return NOT_TCP
    if rows[number, KINDS] & KIND_TALKS:
        return PLAINTEXT
    if not status & (PAYLOAD_A | PAYLOAD_B):
        return SILENT
    if status & PAYLOAD_A == 0 or status & PAYLOAD_B == 0:
        return ONE_WAY
    return FEW if rows[number, SERIES_COUNT] < FEW_PACKETS else TALK


@numba.njit(cache=True, nogil=True)
def rank_rows(
    pools: Pools, holding: int, numbers: Int64Array, ranks: Int64Array, last_ns: Int64Array
) -> int:
    """Rank the open biflows that hold what is scarce; return how many there are.

    Parameters
    ----------
    pools : the memory of the metering process.
    holding : ``ANY``, ``WITH_SERIES`` or ``WITH_RING``.
    numbers : takes their rows, as long as ``pools.rows``.
    ranks : takes their ranks.
    last_ns : takes the times of their last packets.
    """
    rows, n = pools.rows, 0
    for number in range(pools.counts[N_ROWS]):
        status = rows[number, STATUS]
        if status == FREE or status & ENDED:
            continue
        count = rows[number, SERIES_COUNT]
        if (holding == WITH_SERIES and count == 0) or (
            holding == WITH_RING and count <= FIRST_PACKETS
        ):
            continue
        numbers[n] = number
        ranks[n] = rank_of(rows, number)
        last_ns[n] = rows[number, LAST_NS]
        n += 1
    return n


@numba.njit(cache=True, nogil=True)
def end_rows(pools: Pools, numbers: Int64Array, start: int, reason: int, keep: bool) -> int:
    """End biflows from ``start`` on; return where it stopped for room.

    Parameters
    ----------
    pools : the memory of the metering process.
    numbers : rows of open biflows.
    start : where to begin among them.
    reason : why they end.
    keep : their packets and payload are fetched before the rows are used again.
    """
    counts = pools.counts
    for i in range(start, numbers.shape[0]):
        if (
            counts[N_RECORDS] + 2 > pools.records.shape[0]
            or counts[N_ENDED] + 2 > pools.ended.shape[0]
        ):
            return i
        end_biflow(pools, numbers[i], reason, keep)
    return numbers.shape[0]
