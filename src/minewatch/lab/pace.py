# SPDX-License-Identifier: Apache-2.0
"""When a miner finds its shares.

Hashing has no memory: the gap to the next share is exponential, its mean is difficulty / hash rate.
The hash rate differs from job to job, because the machine has other work.
"""

from __future__ import annotations

import math
from collections import deque
from random import Random

RATE_SIGMA = 0.8
"""Spread of the hash rate from job to job, sigma of its logarithm. 0.8 and a mean gap of 18.3 s
give p5/p50/p95 of 0.5/8.6/67 s; the miners of a real pool had 0.55/8.4/63 s."""

MAX_RATE = 100.0
"""Most shares a second: a plan whose difficulty is too low for its hash rate shall flood nobody."""

WORK_MEAN_S, PAUSE_MEAN_S = 10.0, 30.0
"""A throttled miner works and pauses for so long, on average. Chosen: a quarter of the time."""

THROTTLE_RATIO = 0.4
"""Share of its hash rate that a throttled miner uses while it works. Chosen: 10 % over all."""


class Pace:
    """A miner's share clock.

    Parameters
    ----------
    hash_rate : hashes a second, on average over jobs.
    rng : source of gaps and rates.
    is_throttled : it keeps under a limit of processor use: pauses, and a low rate between them.
    sigma : spread of the hash rate from job to job; 0 for none.

    Attributes
    ----------
    next_share_s : when the next share will be found, seconds since 1970; infinity without a job.

    Examples
    --------
    >>> pace = Pace(100.0, Random(1), sigma=0.0)
    >>> pace.next_share_s
    inf
    >>> pace.take_job(1000.0, difficulty=2_000.0)
    >>> round(pace.next_share_s, 1)
    1013.7
    """

    def __init__(
        self,
        hash_rate: float,
        rng: Random,
        *,
        is_throttled: bool = False,
        sigma: float = RATE_SIGMA,
    ) -> None:
        if not 0 < hash_rate < math.inf:
            raise ValueError(f"hash_rate must be above 0, not {hash_rate}")
        self.next_share_s = math.inf
        self._hash_rate = hash_rate * (THROTTLE_RATIO if is_throttled else 1.0)
        self._rng = rng
        self._sigma = sigma
        self._mean_s = math.inf
        self._is_throttled = is_throttled
        # Stretches of work to come, (start, end) seconds since 1970.
        self._work: deque[tuple[float, float]] = deque()
        self._planned_s: float | None = None

    def take_job(self, now_s: float, difficulty: float | None) -> None:
        """Work on another job, or with another difficulty; None is no job."""
        if difficulty is None:
            self.next_share_s = self._mean_s = math.inf
            return
        # The factor is 1 on average, so that the hash rate holds in the long run.
        factor = self._rng.lognormvariate(-(self._sigma**2) / 2, self._sigma)
        rate = self._hash_rate * factor / max(difficulty, 1e-9)
        self._mean_s = 1 / min(max(rate, 1e-12), MAX_RATE)
        self.find_next(now_s)

    def find_next(self, now_s: float) -> None:
        """Draw the next share, after one was found."""
        if math.isinf(self._mean_s):
            return
        seconds = self._rng.expovariate(1 / self._mean_s)
        self.next_share_s = (
            self._after_work(now_s, seconds) if self._is_throttled else now_s + seconds
        )

    def _after_work(self, now_s: float, seconds: float) -> float:
        """Return when so many seconds of work from now on will be done."""
        while self._work and self._work[0][1] <= now_s:
            self._work.popleft()
        number = 0
        while True:
            if number == len(self._work):
                self._plan_more(now_s)
            start_s, end_s = self._work[number]
            start_s = max(start_s, now_s)
            if seconds <= end_s - start_s:
                return start_s + seconds
            seconds -= end_s - start_s
            number += 1

    def _plan_more(self, now_s: float) -> None:
        start_s = now_s  # it begins with work
        if self._planned_s is not None:
            start_s = max(self._planned_s + self._rng.expovariate(1 / PAUSE_MEAN_S), now_s)
        self._planned_s = start_s + self._rng.expovariate(1 / WORK_MEAN_S)
        self._work.append((start_s, self._planned_s))
