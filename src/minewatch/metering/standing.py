# SPDX-License-Identifier: Apache-2.0
"""Compiled looks at biflows that were not handed out yet, which change nothing of them."""

from __future__ import annotations

import numba

from minewatch.metering.biflow import write_record
from minewatch.metering.state import (
    ENDED,
    FREE,
    KEY_TAIL,
    KINDS,
    LAST_NS,
    N_ENDED,
    N_ROWS,
    PAYLOAD_A,
    PAYLOAD_B,
    SERIES_COUNT,
    START_NS,
    STATUS,
    SUSPECT,
    Pools,
)
from minewatch.schema import KIND_TALKS
from minewatch.types import Int64Array


@numba.njit(cache=True, nogil=True)
def steps_at(age_ns: int, ages_ns: Int64Array) -> int:
    """Return how many of the ages a biflow has reached; the last one comes round again and again.

    Parameters
    ----------
    age_ns : since its first packet.
    ages_ns : rising, above 0.
    """
    n = ages_ns.shape[0]
    last = ages_ns[n - 1]
    if age_ns >= last:
        return n - 1 + age_ns // last
    for k in range(n):
        if age_ns < ages_ns[k]:
            return k
    return n


@numba.njit(cache=True, nogil=True)
def age_of(step: int, ages_ns: Int64Array) -> int:
    """Return the age at which a step was reached, 0 for none; the reverse of ``steps_at``."""
    n = ages_ns.shape[0]
    if step == 0:
        return 0
    if step <= n:
        return ages_ns[step - 1]
    return (step - n + 1) * ages_ns[n - 1]


@numba.njit(cache=True, nogil=True)
def is_talk(rows: Int64Array, number: int, least_packets: int) -> bool:
    """Return whether a detector may be asked about a biflow, whatever its records say.

    That is TCP with payload both ways and packets enough, or what may be plaintext mining.
    """
    if rows[number, KEY_TAIL] & 0xFF != 6:
        return False
    if rows[number, KINDS] & KIND_TALKS:
        return True
    both = PAYLOAD_A | PAYLOAD_B
    return rows[number, STATUS] & both == both and rows[number, SERIES_COUNT] >= least_packets


@numba.njit(cache=True, nogil=True)
def find_ended(pools: Pools, start: int, least_packets: int, found: Int64Array) -> int:
    """Find biflows that have ended and are talks, among those in ``ended``; return how many.

    Parameters
    ----------
    pools : the memory of the metering process.
    start : how many of ``ended`` were looked at before.
    least_packets : with payload.
    found : takes the rows, as long as ``pools.ended``.
    """
    n = 0
    for i in range(start, pools.counts[N_ENDED]):
        if is_talk(pools.rows, pools.ended[i], least_packets):
            found[n] = pools.ended[i]
            n += 1
    return n


@numba.njit(cache=True, nogil=True)
def find_due(
    pools: Pools,
    before_ns: int,
    now_ns: int,
    ages_ns: Int64Array,
    least_packets: int,
    found: Int64Array,
) -> int:
    """Find open TCP biflows that reached one of the ages since ``before_ns``; return how many.

    Left out is what ``is_talk`` tells, and what said nothing since the age before.

    Parameters
    ----------
    pools : the memory of the metering process.
    before_ns : time of the look before.
    now_ns : time of this one.
    ages_ns : see ``steps_at``.
    least_packets : with payload.
    found : takes the rows, as long as ``pools.rows``.
    """
    rows, n = pools.rows, 0
    for number in range(pools.counts[N_ROWS]):
        status = rows[number, STATUS]
        if status == FREE or status & ENDED or not is_talk(rows, number, least_packets):
            continue
        start = rows[number, START_NS]
        before = steps_at(max(0, before_ns - start), ages_ns)
        if steps_at(now_ns - start, ages_ns) <= before:
            continue
        if before and rows[number, LAST_NS] <= start + age_of(before, ages_ns):
            continue
        found[n] = number
        n += 1
    return n


@numba.njit(cache=True, nogil=True)
def write_standing(pools: Pools, n: int, reason: int) -> None:
    """Write a record of each of the first ``n`` rows, which must be copies: they are cleared."""
    for number in range(n):
        write_record(pools, number, reason)


@numba.njit(cache=True, nogil=True)
def mark_suspects(rows: Int64Array, numbers: Int64Array, is_suspect: Int64Array) -> None:
    """Keep, or do not keep any more, biflows when others must go.

    Parameters
    ----------
    rows : of the pools.
    numbers : rows of biflows that have not ended, shape (n,).
    is_suspect : 1 or 0, shape (n,).
    """
    for i in range(numbers.shape[0]):
        if is_suspect[i]:
            rows[numbers[i], STATUS] |= SUSPECT
        else:
            rows[numbers[i], STATUS] &= ~SUSPECT
