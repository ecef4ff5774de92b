# SPDX-License-Identifier: Apache-2.0
"""Whether pushes keep a pool's time: a chain's blocks, and a refresh if none comes for a while.

The gap between two jobs is the lesser of an exponential time (to the next block) and a fixed one
(the refresh). No block has to be known for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.features.arrivals import BURST_S
from minewatch.features.exchange import exchange_of
from minewatch.features.ragged import Ragged
from minewatch.types import Conversations, FloatArray, Int64Array

BLOCK_MEANS_S: Final = (10.0, 15.0, 60.0, 75.0, 120.0, 150.0, 600.0)
"""p2pool and Ethereum (10 to 15 s), Ravencoin, Dogecoin and others (60), Zcash (75), Monero (120),
Litecoin and Dash (150), Bitcoin (600)."""
LEAST_REFRESH_S: Final = 8.0
"""Pools refresh in 10 s to some minutes; the most frequent gap above this is taken for it."""
MOST_REFRESHED: Final = 0.8
"""A pool whose jobs are refreshes to a greater share cannot be told from a heartbeat."""
WIDTHS_S: Final = (0.05, 0.5, 2.0)
"""How far a refresh or a heartbeat is from its time, as a standard deviation."""
STRAY: Final = 0.1
"""Share of gaps that are anything between ``LEAST_GAP_S`` and ``MOST_GAP_S``: a job that was taken
for an answer, or a message that is no job."""
LEAST_GAP_S, MOST_GAP_S = BURST_S, 7200.0
MIN_GAPS: Final = 12
"""Fewer gaps fit any law."""


@dataclass(frozen=True, slots=True)
class PoolClock:
    """Arrays of shape (n,), NaN below ``MIN_GAPS`` gaps."""

    ratio: FloatArray
    """Log-likelihood ratio of a pool's clock against the best of a beat, a log-normal law and
    chance at a rate of its own."""
    block_mean_s: FloatArray
    """Of the pool's clock that fits best."""
    refresh_s: FloatArray
    """The same; infinite for none."""
    gaps: Int64Array
    """How many there are."""


def pool_clock(conversations: Conversations) -> PoolClock:
    """Return how well a pool's clock explains the pushes of conversations.

    Parameters
    ----------
    conversations : n of them.
    """
    talk = exchange_of(conversations)
    pushes = talk.messages.where(talk.is_push)
    events = pushes.where(~(pushes.gap_s() <= BURST_S))
    gaps = events.gap_s()
    return clock_of(events.ragged(gaps).where(np.isfinite(gaps)))


def clock_of(gaps: Ragged) -> PoolClock:
    """Return how well a pool's clock explains lists of gaps.

    Parameters
    ----------
    gaps : seconds, above ``LEAST_GAP_S``.
    """
    n, count = len(gaps.stops), gaps.count()
    enough = count >= MIN_GAPS
    gaps = Ragged(gaps.values[enough[gaps.owner]], np.cumsum(count[enough]).astype(np.int64))
    ratio, mean_s, refresh_s = _fitted(gaps)
    found = np.full((3, n), np.nan)
    found[:, enough] = ratio, mean_s, refresh_s
    return PoolClock(found[0], found[1], found[2], count)


def _fitted(gaps: Ragged) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratio, mean and refresh of lists that are long enough."""
    refresh = refresh_of(gaps)
    never = np.full(len(refresh), np.inf)
    members = [(mean, never, 1.0) for mean in BLOCK_MEANS_S]
    members += [(mean, refresh, width) for width in WIDTHS_S for mean in BLOCK_MEANS_S]
    fits = np.stack([_sum(gaps, _pool_law(gaps, *member)) for member in members])
    fits[len(BLOCK_MEANS_S) :] -= 0.5 * _log_count(gaps)  # a parameter's cost
    best, top = fits.argmax(axis=0), fits.max(axis=0)
    pool = top + np.log(np.exp(fits - top).mean(axis=0))
    others = np.stack([_beat(gaps), _log_normal(gaps), _own_rate(gaps)]).max(axis=0)
    means = np.array(BLOCK_MEANS_S)[best % len(BLOCK_MEANS_S)]
    return pool - others, means, np.where(best < len(BLOCK_MEANS_S), never, refresh)


def refresh_of(gaps: Ragged) -> FloatArray:
    """Return the gap that most others are within a second of, infinite without any, shape (n,).

    Parameters
    ----------
    gaps : seconds.

    Examples
    --------
    >>> refresh_of(Ragged(np.array([3.0, 30.0, 30.5, 17.0, 30.1]), np.array([5, 5])))
    array([30.1,  inf])
    """
    step = 2 * MOST_GAP_S
    long = gaps.where((gaps.values >= LEAST_REFRESH_S) & (gaps.values <= MOST_GAP_S))
    order = np.lexsort((long.values, long.owner))
    values, owner = long.values[order], long.owner
    line = values + step * owner
    near = np.searchsorted(line, line + 1.0, side="right") - np.searchsorted(line, line - 1.0)
    # The first of the most frequent, by list.
    best = np.lexsort((values, -near, owner))
    top = best[np.unique(owner[best], return_index=True)[1]]
    middle = values[top][np.searchsorted(owner[top], owner).clip(0, max(len(top) - 1, 0))]
    is_near = np.abs(values - middle) <= 1.0
    found = Ragged(values, long.stops).where(is_near).quantile(0.5)
    refresh: FloatArray = np.where(np.isfinite(found), found, np.inf)
    return refresh


def _sum(gaps: Ragged, density: FloatArray) -> FloatArray:
    """Log-likelihood of each list, a share of its gaps being stray."""
    stray = 1 / (np.maximum(gaps.values, LEAST_GAP_S) * np.log(MOST_GAP_S / LEAST_GAP_S))
    return gaps.with_values(np.log((1 - STRAY) * density + STRAY * stray)).sum()


def _normal(values: FloatArray, mean: FloatArray | float, sigma: FloatArray | float) -> FloatArray:
    density: FloatArray = np.exp(-(((values - mean) / sigma) ** 2) / 2) / (
        sigma * np.sqrt(2 * np.pi)
    )
    return density


def _pool_law(
    gaps: Ragged, block_mean_s: float, refresh_s: FloatArray, width_s: float
) -> FloatArray:
    """Density of the gaps; that of blocks alone where the refresh would be all there is."""
    share = np.exp(-refresh_s / block_mean_s)
    refresh_s = np.where(share <= MOST_REFRESHED, refresh_s, np.inf)[gaps.owner]
    values = gaps.values
    block = np.exp(-values / block_mean_s) / block_mean_s
    is_refreshed = np.isfinite(refresh_s)
    late = _normal(values, np.where(is_refreshed, refresh_s, 0.0), width_s)
    before = values < np.where(is_refreshed, refresh_s, np.inf)
    refresh = np.where(is_refreshed, share[gaps.owner] * late, 0.0)
    density: FloatArray = np.where(before, block, 0.0) + refresh
    return density


def _beat(gaps: Ragged) -> FloatArray:
    """Of a heartbeat at the median gap; half a parameter's cost in the logarithm of the number."""
    beat = gaps.quantile(0.5)[gaps.owner]
    fits = [_sum(gaps, _normal(gaps.values, beat, width)) for width in WIDTHS_S]
    best: FloatArray = np.max(fits, axis=0) - 0.5 * _log_count(gaps)
    return best


def _log_normal(gaps: Ragged) -> FloatArray:
    logs = gaps.with_values(np.log(gaps.values))
    mean, sigma = logs.mean(), np.maximum(np.nan_to_num(logs.std()), 0.05)
    density = _normal(logs.values, mean[gaps.owner], sigma[gaps.owner]) / gaps.values
    return _sum(gaps, density) - 1.0 * _log_count(gaps)


def _own_rate(gaps: Ragged) -> FloatArray:
    mean = np.maximum(gaps.mean(), LEAST_GAP_S)[gaps.owner]
    return _sum(gaps, np.exp(-gaps.values / mean) / mean) - 0.5 * _log_count(gaps)


def _log_count(gaps: Ragged) -> FloatArray:
    cost: FloatArray = np.log(np.maximum(gaps.count(), 1))
    return cost
