# SPDX-License-Identifier: Apache-2.0
"""Compiled: at which packets a clock of the data strikes, whatever the batches are.

The clock shows the latest time of any packet. It strikes before the first packet of each span of
``tick`` ns that has any, so that a pause of an hour is one strike. Where packets come that are far
behind it, and nothing else does, the clock that stamps them was set back, and this one follows;
without that nothing would strike until the old time is reached again.
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.types import P_TIME, Int64Array

# Words of the clock.
TICK_NS, NOW_NS, NEXT_NS, BEHIND_SINCE_NS, BEHIND, SET_BACK = range(6)
N_WORDS: Final = 6
UNSET: Final = -(1 << 63)
"""In ``NOW_NS`` before the first packet."""
TOLERANCE_NS: Final = 60 * 1_000_000_000
"""Packets that are less than this behind are late, and no sign of another clock."""
BEHIND_FOR_NS: Final = 10 * 1_000_000_000
BEHIND_PACKETS: Final = 4_096
"""The clock follows when packets that are behind span so long, or are so many, none between them
being on time."""


@numba.njit(cache=True, nogil=True)
def until_strike(columns: Int64Array, start: int, stop: int, clock: Int64Array) -> int:
    """Return the packet before which the clock strikes, ``stop`` if it does not.

    Parameters
    ----------
    columns : of a batch.
    start : the first packet to look at.
    stop : the first one not to look at.
    clock : its words; to be reset by ``strike`` where it struck.
    """
    for i in range(start, stop):
        time_ns = columns[i, P_TIME]
        if clock[NOW_NS] == UNSET:
            clock[NOW_NS] = time_ns
            clock[NEXT_NS] = (time_ns // clock[TICK_NS] + 1) * clock[TICK_NS]
        if time_ns >= clock[NOW_NS] - TOLERANCE_NS:
            clock[BEHIND] = 0
            clock[NOW_NS] = max(clock[NOW_NS], time_ns)
            if time_ns >= clock[NEXT_NS]:
                return i
            continue
        if clock[BEHIND] == 0:
            clock[BEHIND_SINCE_NS] = time_ns
        clock[BEHIND] += 1
        if (
            clock[BEHIND] >= BEHIND_PACKETS
            or abs(time_ns - clock[BEHIND_SINCE_NS]) >= BEHIND_FOR_NS
        ):
            clock[BEHIND] = 0
            clock[SET_BACK] += 1
            clock[NOW_NS] = time_ns
            return i
    return stop


@numba.njit(cache=True, nogil=True)
def strike(clock: Int64Array) -> int:
    """Return the time at which the clock strikes, a multiple of its tick, and set the next one."""
    struck = clock[NOW_NS] // clock[TICK_NS] * clock[TICK_NS]
    clock[NEXT_NS] = struck + clock[TICK_NS]
    return struck
