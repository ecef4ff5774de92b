# SPDX-License-Identifier: Apache-2.0
"""Which kind of conversation starts when, for a whole population, cut to batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.engagements import Engagement
from minewatch.lab.simulator.laws import Floats, Rng
from minewatch.lab.simulator.normal import TrafficKind
from minewatch.lab.simulator.script import FloatArray, IntArray
from minewatch.lab.simulator.settings import DAY_S, Settings

MINING: Final = -1
"""In place of a kind's number."""

BATCH_CONVERSATIONS: Final = 20_000
BATCH_COST: Final = 1_000_000.0
"""Messages of a batch, as far as kinds know beforehand."""

BEGAN_BEFORE: Final = 0.2
"""Share of long-lived conversations that began before the capture. Chosen."""
_BEFORE_S: Final = 240.0
"""At most so long before: they shall be there still when it begins [s]."""

_BYTES_FACTOR: Final = 3.0
"""A message of a miner costs more: its content is kept."""

_DAY_SHARE: Final = 0.5
"""By how much the busiest hour exceeds the average, and the quietest falls short. Chosen."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All conversations, sorted by start, shape (n,) each."""

    start_s: FloatArray
    kind: npt.NDArray[np.int16]
    """Number of a normal kind, or ``MINING``."""
    engagement: npt.NDArray[np.int32]
    """Number of the mining conversation, -1 for others."""
    cost: npt.NDArray[np.float32]

    def batches(self) -> Iterator[slice]:
        """Yield slices that are small enough to work on at once."""
        begin = 0
        while begin < len(self.start_s):
            costs = np.cumsum(self.cost[begin : begin + BATCH_CONVERSATIONS], dtype=np.float64)
            end = begin + max(int(np.searchsorted(costs, BATCH_COST)), 1)
            yield slice(begin, min(end, len(self.start_s)))
            begin = end


def draw_schedule(
    settings: Settings,
    kinds: Sequence[TrafficKind],
    engagements: Sequence[Engagement],
    rng: Rng,
) -> Schedule:
    """Draw how many conversations of each kind there are, and when they start.

    Parameters
    ----------
    settings : how many in all, and how long.
    kinds : of normal traffic, with their weights.
    engagements : the mining conversations, which have their times already.
    rng : source of chance.
    """
    n = settings.conversations - len(engagements)
    weights = np.array([kind.weight for kind in kinds])
    counts = _counts(n, weights / weights.sum(), rng)
    kind = np.repeat(np.arange(len(kinds), dtype=np.int16), counts)
    is_long = np.repeat([k.is_long_lived for k in kinds], counts)
    share = np.where(is_long, rng.random(n) * 0.95, _by_hour(rng, n, settings))
    began = is_long & (rng.random(n) < BEGAN_BEFORE)
    normal_cost = np.array([1.0 + k.messages for k in kinds], np.float32)[kind]
    start = np.concatenate(
        (
            np.where(
                began,
                settings.start_s - _BEFORE_S * rng.random(n),
                settings.start_s + share * (settings.horizon_s - settings.start_s),
            ),
            np.array([e.start_s for e in engagements], np.float64),
        )
    )
    mining_cost = [_BYTES_FACTOR * (20 + (e.end_s - e.start_s) / 6.0) for e in engagements]
    cost = np.concatenate((normal_cost, np.array(mining_cost, np.float32)))
    kind = np.concatenate((kind, np.full(len(engagements), MINING, np.int16)))
    which = np.concatenate((np.full(n, -1), np.arange(len(engagements)))).astype(np.int32)
    order = np.argsort(start, kind="stable")
    return Schedule(start[order], kind[order], which[order], cost[order])


def _counts(n: int, shares: FloatArray, rng: Rng) -> IntArray:
    """Return how many of each kind; where there is room, one of each at least."""
    if n < 20 * len(shares):
        return rng.multinomial(n, shares)
    return 1 + rng.multinomial(n - len(shares), shares)


def _by_hour(rng: Rng, n: int, settings: Settings) -> Floats:
    """Return starts as shares of the time, more of them by day."""
    share = rng.random(n)
    hour = (settings.start_s + share * settings.days * DAY_S) % DAY_S / DAY_S
    is_kept = rng.random(n) < (1 - _DAY_SHARE * np.cos(2 * np.pi * hour)) / (1 + _DAY_SHARE)
    # What falls into the night is drawn once more, by night or day.
    return np.where(is_kept, share, rng.random(n))
