# SPDX-License-Identifier: Apache-2.0
"""Intervals from drawing recorders again, and within each its hosts.

Conversations of one host are alike, and so are hosts of one recorder; what is drawn again is
therefore first the recorder, then the host (or the capture, where hosts are not known). Recorders
with mining and recorders without are drawn apart, so that every draw has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.metrics import CONFIDENCE, rate
from minewatch.types import FloatArray

DRAWS: Final = 500
SEED: Final = 7
_FEWEST: Final = 0.1
"""Share of the draws that must tell a value; below it, there is no interval."""


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each cluster of some units is drawn."""

    weights: FloatArray
    """Shape (n_draws, n_clusters)."""

    def sums(self, per_cluster: FloatArray) -> FloatArray:
        """Return sums over what is drawn, shape (n_draws, ...).

        Parameters
        ----------
        per_cluster : sums of each cluster, shape (n_clusters, ...).
        """
        found: FloatArray = self.weights @ per_cluster
        return found


def draws_for(units: Units, n_draws: int = DRAWS, seed: int = SEED) -> Draws:
    """Return draws of the clusters of some units.

    Parameters
    ----------
    units : whose clusters.
    n_draws : how many.
    seed : of the draws.
    """
    has_mining = units.per_cluster(units.weight * units.is_mining) > 0
    of = units.cluster_recorder
    n_recorders = int(of.max()) + 1 if len(of) else 0
    mines = np.bincount(of[has_mining], minlength=n_recorders) > 0
    rng = np.random.default_rng(seed)
    times = np.zeros((n_draws, n_recorders), np.int64)
    for group in (np.flatnonzero(mines), np.flatnonzero(~mines)):
        if len(group):
            equal = np.full(len(group), 1 / len(group))
            times[:, group] = rng.multinomial(len(group), equal, n_draws)
    weights = np.zeros((n_draws, len(of)))
    for recorder in range(n_recorders):
        own = np.flatnonzero(of == recorder)
        equal = np.full(len(own), 1 / len(own))
        # A recorder drawn m times has its hosts drawn m times over.
        weights[:, own] = rng.multinomial(times[:, recorder] * len(own), equal)
    return Draws(weights)


def interval(value: float, drawn: FloatArray) -> Interval:
    """Return a value with its 95 % interval; without bounds where the draws tell nothing.

    Parameters
    ----------
    value : the measure itself.
    drawn : the same of each draw, NaN where it cannot be told, shape (n_draws,).

    Examples
    --------
    >>> interval(0.5, np.array([0.4, 0.5, 0.6, np.nan]))
    Interval(value=0.5, low=0.405, high=0.595)
    >>> interval(1.0, np.array([1.0, 1.0]))
    Interval(value=1.0, low=nan, high=nan)
    """
    known = drawn[~np.isnan(drawn)]
    if len(known) < max(_FEWEST * len(drawn), 2) or known.min() == known.max():
        return Interval(value)
    tail = (1 - CONFIDENCE) / 2
    if np.isinf(known).any():  # between a number and infinity there is nothing to weigh
        low, high = np.quantile(known, (tail, 1 - tail), method="nearest")
    else:
        low, high = np.quantile(known, (tail, 1 - tail))
    return Interval(value, float(low), float(high))


def share(
    hits: FloatArray, sizes: FloatArray, draws: Draws, drawn: FloatArray | None = None
) -> Interval:
    """Return a share with its interval.

    Where all clusters agree, drawing them again would claim certainty: the bound on that side is
    then the exact one with one trial a cluster, as in ``training.metrics.rate``.

    Parameters
    ----------
    hits : conversations flagged in each cluster, shape (n_clusters,).
    sizes : conversations in each cluster, shape (n_clusters,).
    draws : of the clusters.
    drawn : the share in each draw, where more than the clusters changes with a draw.

    Examples
    --------
    >>> found = share(np.array([2.0, 0.0]), np.array([2.0, 0.0]), Draws(np.ones((9, 2))))
    >>> found.value, round(found.low, 3), found.high
    (1.0, 0.025, 1.0)
    """
    flagged, total = float(hits.sum()), float(sizes.sum())
    if not total:
        return Interval(float("nan"))
    if drawn is None:
        drawn = ratio(draws.sums(hits), draws.sums(sizes))
    found = interval(flagged / total, drawn)
    if 0 < flagged < total:
        return found
    exact = rate(hits[sizes > 0], sizes[sizes > 0])
    low, high = np.fmin(exact.low, found.low), np.fmax(exact.high, found.high)
    return Interval(found.value, float(low), float(high))


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return a quotient, NaN where there is nothing to divide by.

    Parameters
    ----------
    above : of any shape.
    below : of the same shape.
    """
    found: FloatArray = np.divide(
        above, below, out=np.full(np.shape(above), np.nan), where=below > 0
    )
    return found


def weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the median under each set of weights: the first value that half of the weight reaches.

    Parameters
    ----------
    values : infinity for never, shape (n,).
    weights : shape (n_draws, n).

    Examples
    --------
    >>> weighted_median(np.array([30.0, 60.0, np.inf]), np.array([[1.0, 1, 1], [1, 0, 2]]))
    array([60., inf])
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1:] if len(values) else np.zeros((len(weights), 1))
    found = np.full(len(weights), np.nan)
    has = total[:, 0] > 0
    place = np.argmax(reached[has] >= total[has] / 2, axis=1) if len(values) else []
    found[has] = values[order][place]
    return found
