# SPDX-License-Identifier: Apache-2.0
"""When a pool has new work, for all its workers at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from random import Random

from minewatch.lab.chain import PROPAGATION_S, SEED_BLOCKS, Chain, job_times
from minewatch.lab.dialects.contract import Work
from minewatch.lab.plan import Pool

FIRST_HEIGHT = 3_300_000


class PoolClock:
    """A pool's pushes in a span of time; the same pool has the same clock everywhere.

    Parameters
    ----------
    pool : the pool.
    start_s : when its chain starts, seconds since 1970.
    end_s : when the clock may stop.
    late_s : a refresh comes later than the pool says, by a half-normal time of this sigma.

    Attributes
    ----------
    times : of pushes, seconds since 1970, ascending; the last is infinite.
    works : what is pushed, as many.

    Examples
    --------
    >>> pool = Pool("p", "h", 3333, "cryptonote", "XMR", "rx/0", chain_seed=6, refresh_s=30.0)
    >>> clock = PoolClock(pool, 1000.0, 1060.0)
    >>> [round(time_s, 1) for time_s in clock.times], clock.index_after(1010.0)
    ([1000.0, 1014.7, 1044.7, inf], 1)
    """

    def __init__(self, pool: Pool, start_s: float, end_s: float, late_s: float = 0.0) -> None:
        # Anywhere in an epoch of the seed hash: while the next is announced, jobs are longer.
        height = FIRST_HEIGHT + Random(f"height {pool.chain_seed}").randrange(SEED_BLOCKS)
        chain = Chain(pool.chain_seed, pool.block_mean_s, height)
        rng = Random(f"pool {pool.name} {pool.chain_seed}")
        self.times: list[float] = []
        self.works: list[Work] = []
        for offset_s, work in job_times(
            chain, pool.refresh_s, PROPAGATION_S, rng, start_s=start_s, late_s=late_s
        ):
            if start_s + offset_s > end_s:
                break
            self.times.append(start_s + offset_s)
            self.works.append(work)
        self.times.append(math.inf)
        self.works.append(self.works[-1])

    def index_after(self, time_s: float) -> int:
        """Return which push comes next after a time; at least 1, for the first is the start."""
        return max(bisect_right(self.times, time_s), 1)

    def work_at(self, index: int, time_s: float) -> Work:
        """Return what a pool builds a job on now: the push at `index`, with the time of now."""
        return replace(self.works[index], time_s=int(time_s))
