# SPDX-License-Identifier: Apache-2.0
"""Compiled: a clock that goes by the ends of records, which a few wrong ones cannot push.

It shows the latest end, as far as that is believed. One observer by itself moves it by no more than
``LEAP_NS`` beyond what another one told last; where there is no other, one record moves it by no
more than ``ALONE_NS``. What is farther ahead is believed once ``CONFIRMED`` records are, more of
them than others between them, and of those of one observer in a row the first alone; the clock then
goes to the median of their ends. Where very many in a row, and nothing else, end long before it, it
was wrong, and is set back.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.records import RecordArray
from minewatch.types import Int64Array

# Words of the clock.
(
    TICK_NS,
    NOW_NS,
    NEXT_NS,
    SET_BACK,
    OBSERVER,
    LAST_NS,
    OTHER_NS,
    IN_A_ROW,
    AHEAD,
    BEHIND,
    REFUSED,
    ON_TIME,
    RING,
) = range(13)
CONFIRMED: Final = 16
N_WORDS: Final = RING + CONFIRMED
UNSET: Final = -(1 << 63)
"""In ``NOW_NS`` before the first record, and in ``OTHER_NS`` before the second observer."""
LATEST_NS: Final = 1 << 62
"""In the year 2116; so that sums fit."""
LEAP_NS: Final = 600 * 1_000_000_000
"""Records of the common exporters and clouds come within so long of each other."""
ALONE_NS: Final = 3600 * 1_000_000_000
"""Less than the silence after which a conversation is forgotten."""
LONG_BEFORE_NS: Final = 3600 * 1_000_000_000
LEAST_BEHIND, MOST_BEHIND = 8, 1024
"""Records in a row for which the clock is set back: the more have agreed with it, the more."""
ALONE: Final = 256
"""An observer that gave so many records in a row is the only one."""


def new_clock(tick_ns: int) -> Int64Array:
    """Return a clock that shows nothing yet.

    Parameters
    ----------
    tick_ns : it strikes so often.
    """
    clock = np.zeros(N_WORDS, np.int64)
    clock[TICK_NS] = tick_ns
    clock[NOW_NS] = clock[OTHER_NS] = UNSET
    clock[OBSERVER] = -1
    return clock


@numba.njit(cache=True, nogil=True)
def until_strike(
    records: RecordArray, start: int, stop: int, clock: Int64Array, shown: Int64Array
) -> int:
    """Return the record before which the clock strikes, ``stop`` if it does not.

    Parameters
    ----------
    records : of a batch.
    start : the first one to look at.
    stop : the first one not to look at.
    clock : its words; to be reset by ``strike`` where it struck.
    shown : takes what the clock shows when each record has come, shape (n,).
    """
    for i in range(start, stop):
        end = min(np.int64(records[i].flow_end_nanoseconds), LATEST_NS)
        if clock[NOW_NS] == UNSET:
            set_clock(clock, end)
        _hear(clock, np.int64(records[i].observation_point))
        _go(clock, end)
        clock[LAST_NS] = end
        shown[i] = clock[NOW_NS]
        if clock[NOW_NS] >= clock[NEXT_NS] or clock[SET_BACK]:
            return i
    return stop


@numba.njit(cache=True, nogil=True)
def set_clock(clock: Int64Array, now_ns: int) -> None:
    """Let the clock show a time, whatever it showed.

    Parameters
    ----------
    clock : its words.
    now_ns : the time.
    """
    clock[NOW_NS] = now_ns
    clock[NEXT_NS] = (now_ns // clock[TICK_NS] + 1) * clock[TICK_NS]


@numba.njit(cache=True, nogil=True)
def _hear(clock: Int64Array, observer: int) -> None:
    """Note whose record comes."""
    if clock[OBSERVER] == observer:
        clock[IN_A_ROW] += 1
        return
    if clock[OBSERVER] >= 0:
        clock[OTHER_NS] = clock[LAST_NS]
    clock[OBSERVER] = observer
    clock[IN_A_ROW] = 1


@numba.njit(cache=True, nogil=True)
def _go(clock: Int64Array, end: int) -> None:
    """Move the clock as far as a record is believed."""
    has_others = clock[OTHER_NS] != UNSET and clock[IN_A_ROW] < ALONE
    limit = clock[NOW_NS] + ALONE_NS
    if has_others:
        limit = min(clock[NOW_NS], clock[OTHER_NS]) + LEAP_NS
    if end > max(limit, clock[NOW_NS]):
        clock[REFUSED] += 1
        if not has_others or clock[IN_A_ROW] == 1:
            clock[RING + clock[AHEAD]] = end
            clock[AHEAD] += 1
        if clock[AHEAD] == CONFIRMED:
            clock[AHEAD] = 0
            median = np.sort(clock[RING : RING + CONFIRMED])[CONFIRMED // 2]
            clock[NOW_NS] = max(clock[NOW_NS], median)
        return
    clock[AHEAD] = max(clock[AHEAD] - 1, 0)
    if end >= clock[NOW_NS] - LONG_BEFORE_NS:
        clock[BEHIND] = 0
        clock[ON_TIME] += 1
        clock[NOW_NS] = max(clock[NOW_NS], end)
        return
    clock[BEHIND] += 1
    if clock[BEHIND] >= min(LEAST_BEHIND + clock[ON_TIME], MOST_BEHIND):
        clock[BEHIND] = clock[ON_TIME] = 0
        clock[SET_BACK] = 1
        clock[NOW_NS] = end


@numba.njit(cache=True, nogil=True)
def strike(clock: Int64Array) -> int:
    """Return the time at which the clock strikes, a multiple of its tick, and set the next one."""
    struck = clock[NOW_NS] // clock[TICK_NS] * clock[TICK_NS]
    clock[NEXT_NS] = struck + clock[TICK_NS]
    return struck
