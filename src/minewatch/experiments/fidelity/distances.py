# SPDX-License-Identifier: Apache-2.0
"""Two-sample distances of observations, between sources and between captures of one source."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import polars as pl

from minewatch.experiments.fidelity.observations import WINDOWED
from minewatch.types import FloatArray

MOST_A_CONVERSATION: Final = 200
MOST_WINDOWS: Final = 20
"""Observations of one conversation that count, so that a recording of 30 hours is not all."""

LEAST: Final = 20
"""Observations below which a sample is not compared."""


def kolmogorov_smirnov(a: FloatArray, b: FloatArray) -> float:
    """Return the greatest distance between two empirical distribution functions, in [0, 1].

    Parameters
    ----------
    a, b : samples of any size above 0.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    below_a = np.searchsorted(a, at, side="right") / len(a)
    below_b = np.searchsorted(b, at, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


@dataclass(frozen=True, slots=True)
class Spread:
    """Distances between many pairs."""

    median: float
    highest: float
    """Of nine pairs in ten, the greatest."""
    pairs: int


def sample(observed: pl.DataFrame, measure: str, seed: int = 0) -> FloatArray:
    """Return a measure's values, of each conversation some at most.

    Parameters
    ----------
    observed : what ``observations`` returns, of the sources wanted.
    measure : a name in ``observations.MEASURES``.
    seed : of the choice.
    """
    rng = np.random.default_rng(seed)
    most = MOST_WINDOWS if measure in WINDOWED else MOST_A_CONVERSATION
    parts = []
    for _, rows in observed.filter(pl.col("measure") == measure).group_by(
        "conversation", maintain_order=True
    ):
        values = rows["value"].to_numpy()
        if len(values) > most:
            values = rng.choice(values, most, replace=False)
        parts.append(values)
    return np.concatenate(parts) if parts else np.empty(0)


def distance(a: pl.DataFrame, b: pl.DataFrame, measure: str) -> float | None:
    """Return the distance of two sets of observations; None if one is too small to tell."""
    left, right = sample(a, measure), sample(b, measure)
    if min(len(left), len(right)) < LEAST:
        return None
    return kolmogorov_smirnov(left, right)


def spread(observed: pl.DataFrame, measure: str) -> Spread | None:
    """Return the distances between the captures of a source; None if fewer than three say enough.

    This is what two recordings of the same thing differ by.
    """
    rows = observed.filter(pl.col("measure") == measure)
    parts = [part for _, part in rows.group_by("capture", maintain_order=True)]
    samples = [values for part in parts if len(values := sample(part, measure)) >= LEAST]
    if len(samples) < 3:
        return None
    found = np.array([kolmogorov_smirnov(a, b) for a, b in combinations(samples, 2)])
    return Spread(float(np.median(found)), float(np.quantile(found, 0.9)), len(found))
