# SPDX-License-Identifier: Apache-2.0
"""A classifier that learns from one class alone: how dense mining is around a conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from minewatch.odds import from_log_odds
from minewatch.types import BoolArray, Float32Array, FloatArray, Int64Array

BANDWIDTH: Final = 0.5
"""Of the kernel, in standard deviations of a feature."""
LIMIT: Final = 6.0
"""A value counts as at most so many standard deviations from the mean: one strange feature alone
does not decide."""
LEAST_KNOWN: Final = 10
"""Rows in which a feature must be known to be learnt from."""
LEAST_DEVIATION: Final = 0.05
"""Of a feature, in units of the logarithm: 5 %."""
GAIN: Final = 4.0
"""Log-odds per unit of log-density per known feature: steeper than what calibration makes of it,
and so gentle that what is three units below the mining that was learnt from still has an order."""
FLOOR: Final = -4.0
"""Log-odds towards which all fall that is far from the mining that was learnt from: that it is of a
kind not learnt from is never out of the question, and calibration must not bend to far outliers."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What was learnt; every array is float64."""

    scale: FloatArray
    """By which each feature is divided before its logarithm, shape (n_features,)."""
    centre: FloatArray
    """Mean of each feature's signed logarithm, shape (n_features,)."""
    deviation: FloatArray
    """Its standard deviation, shape (n_features,)."""
    is_used: BoolArray
    """Whether a feature was known often enough, shape (n_features,)."""
    weight: FloatArray
    """Logarithm of each prototype's share, shape (n_prototypes,)."""
    mean: FloatArray
    """Of each prototype, in standard deviations, shape (n_prototypes, n_features)."""
    variance: FloatArray
    """Of each prototype, shape (n_prototypes, n_features)."""
    zero: float
    """Density (log, per known feature) that gets the log-odds 0: the 5th percentile of the mining
    that was learnt from."""

    def terms(self) -> FloatArray:
        """Return what squares, values and knowledge are multiplied by.

        The log-density of a row under a prototype is linear in the three, put side by side; shape
        (3 * n_features, n_prototypes).
        """
        inverse = 1 / self.variance
        whole = -0.5 * (self.mean**2 * inverse + np.log(2 * np.pi * self.variance))
        return np.concatenate([-0.5 * inverse.T, (self.mean * inverse).T, whole.T])


class MiningDensity:
    """Kernel density estimate with few prototypes, of rows with unknown features.

    Each feature goes through a signed logarithm and is standardised by the mining that is learnt
    from. K-means puts prototypes among the rows; each is a normal law without correlations, as wide
    as its rows and the kernel. What is not known of a row is left out of its density (the marginal
    law), and the log-density is divided by the number of known features, so that rows of which more
    is known compare with rows of which less is.

    Parameters
    ----------
    n_prototypes : at most; fewer rows have as many.
    seed : of k-means.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mining = rng.normal(100, 3, (200, 4)).astype(np.float32)
    >>> density = MiningDensity(8).fit(mining, np.ones(200, np.int64))
    >>> strange = np.full((1, 4), 4000, np.float32)
    >>> density.predict_proba(np.concatenate([mining[:1], strange]))[:, 1].round(2)
    array([0.76, 0.02])
    """

    def __init__(self, n_prototypes: int = 100, seed: int = 0) -> None:
        self.n_prototypes = n_prototypes
        self.seed = seed

    def fit(
        self, values: Float32Array, is_mining: Int64Array, sample_weight: FloatArray | None = None
    ) -> MiningDensity:
        """Learn from rows of mining.

        Parameters
        ----------
        values : shape (n, n_features); NaN where unknown.
        is_mining : 1 throughout, shape (n,).
        sample_weight : of the rows, shape (n,); None for all the same.

        Raises
        ------
        ValueError : a row is not mining.
        """
        if not np.all(is_mining == 1):
            raise ValueError("a row that is not mining: this learns from mining alone")
        x = np.asarray(values, np.float64)
        weight = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        scale = _scales(x)
        logs = _signed_log(x, scale)
        centre, deviation, is_used = _moments(logs, weight)
        z, known = _standardised(logs, centre, deviation, is_used)
        share, mean, variance = _prototypes(z, known, weight, self.n_prototypes, self.seed)
        learnt = (scale, centre, deviation, is_used)
        plain = Mixture(*learnt, np.log(share), mean, variance, zero=0.0)
        self.mixture = replace(plain, zero=float(np.quantile(_density(plain, z, known), 0.05)))
        return self

    def predict_proba(self, values: Float32Array) -> FloatArray:
        """Return (share against, share for mining): the density on a scale from 0 to 1.

        Parameters
        ----------
        values : shape (n, n_features).
        """
        learnt = self.mixture
        logs = _signed_log(np.asarray(values, np.float64), learnt.scale)
        z, known = _standardised(logs, learnt.centre, learnt.deviation, learnt.is_used)
        odds = GAIN * (_density(learnt, z, known) - learnt.zero)
        mining = from_log_odds(np.logaddexp(odds, FLOOR))
        return np.stack([1 - mining, mining], axis=1)


def _scales(x: FloatArray) -> FloatArray:
    """Median size of each feature, 1 where that is 0 or unknown."""
    sizes = [np.abs(column[np.isfinite(column)]) for column in x.T]
    medians = np.array([np.median(one) if len(one) else 0.0 for one in sizes])
    return np.where(medians > 0, medians, 1.0)


def _signed_log(x: FloatArray, scale: FloatArray) -> FloatArray:
    logs: FloatArray = np.sign(x) * np.log1p(np.abs(x) / scale)
    return logs


def _moments(logs: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Weighted mean and standard deviation of each feature, and whether it is known at all."""
    known = np.isfinite(logs)
    filled = np.where(known, logs, 0.0)
    total = np.maximum(weight @ known, 1e-12)
    centre = weight @ filled / total
    spread = np.sqrt(weight @ (known * (filled - centre) ** 2) / total)
    return centre, np.maximum(spread, LEAST_DEVIATION), known.sum(axis=0) >= LEAST_KNOWN


def _standardised(
    logs: FloatArray, centre: FloatArray, deviation: FloatArray, is_used: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Values in standard deviations, 0 where unknown, and 1 where known; shapes as ``logs``."""
    known = ~np.isnan(logs) & is_used
    z = np.clip((np.where(known, logs, 0.0) - centre) / deviation, -LIMIT, LIMIT)
    return np.where(known, z, 0.0), known.astype(np.float64)


def _prototypes(
    z: FloatArray, known: FloatArray, weight: FloatArray, n: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share, mean and variance of each prototype; what its rows do not know is as in all mining."""
    from sklearn.cluster import KMeans

    n = min(n, len(np.unique(z, axis=0)))
    groups = KMeans(n, n_init=1, max_iter=20, random_state=seed).fit(z).labels_
    member = np.eye(n)[groups].T * weight
    mass = member @ known
    has = mass > 0
    below = np.where(has, mass, 1.0)
    mean = member @ z / below
    within = np.maximum(member @ z**2 / below - mean**2, 0.0)
    share = member.sum(axis=1) / weight.sum()
    return share, np.where(has, mean, 0.0), np.where(has, within + BANDWIDTH**2, 1.0)


def _density(mixture: Mixture, z: FloatArray, known: FloatArray) -> FloatArray:
    """Log-density of each row per known feature, shape (n,)."""
    logs = np.concatenate([z**2, z, known], axis=1) @ mixture.terms() + mixture.weight
    top = logs.max(axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.exp(logs - top).sum(axis=1))
    density: FloatArray = total / np.maximum(known.sum(axis=1), 1.0)
    return density
