# SPDX-License-Identifier: Apache-2.0
"""Whether a probability means what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.benchmark.intervals import Draws, interval, ratio
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.odds import from_log_odds, log_odds, logit
from minewatch.types import BoolArray, FloatArray

BINS: Final = 10
_MARGIN: Final = 1e-9
_NAN: Final = float("nan")
_NOTHING: Final = (Interval(_NAN), _NAN, Interval(_NAN), _NAN)


@dataclass(frozen=True, slots=True)
class Bin:
    """Conversations whose probability is within one tenth."""

    conversations: int
    predicted: float
    """Mean probability."""
    observed: float
    """Share that is mining."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of the conversations that a detector was ready for."""

    ready: int
    prevalence: float
    """Share of mining among them."""
    brier: Interval
    """Of the probabilities moved to that prevalence."""
    skill: float
    """1 - Brier score / that of always saying the prevalence; 0 is no better."""
    brier_at_base: Interval
    """Of the probabilities as they are, mining weighted down to the base rate."""
    skill_at_base: float
    bins: tuple[Bin, ...]
    """Of the probabilities moved to the prevalence, by tenths; those without any left out."""


def moved(probability: FloatArray, base_rate: float, prevalence: float) -> FloatArray:
    """Return probabilities for another share of mining than they were made for.

    Parameters
    ----------
    probability : at ``base_rate``, NaN stays.
    base_rate : between 0 and 1.
    prevalence : the other share, between 0 and 1.

    Examples
    --------
    >>> moved(np.array([0.002, 0.5, np.nan]), 0.002, 0.5).round(3)
    array([0.5  , 0.998,   nan])
    """
    odds = log_odds(probability, _MARGIN) + logit(prevalence) - logit(base_rate)
    return from_log_odds(odds)


def prevalence_of(scores: FloatArray, mining: BoolArray) -> float:
    """Return the share of mining among those that have a score; NaN if none has.

    Parameters
    ----------
    scores : NaN where there is none, shape (n,).
    mining : shape (n,).
    """
    ready = ~np.isnan(scores)
    return float(mining[ready].mean()) if ready.any() else float("nan")


def calibration(units: Units, detector: str, draws: Draws, base_rate: float) -> Calibration:
    """Return how well a detector's probabilities are calibrated; NaN without both labels.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores of whole conversations.
    draws : of their clusters.
    base_rate : share of mining that the probabilities are for.
    """
    scores, mining = units.whole(detector), units.is_mining
    ready = ~np.isnan(scores)
    share = prevalence_of(scores, mining)
    if not 0 < share < 1:
        return Calibration(int(ready.sum()), share, *_NOTHING, ())
    probability = moved(scores, base_rate, share)
    error = np.where(ready, (probability - mining) ** 2, 0)
    error_at_base = np.where(ready, (scores - mining) ** 2, 0)
    per = units.per_cluster
    parts = np.column_stack(
        [
            *(per(error), per(ready.astype(float)), per(error_at_base * mining)),
            *(per((ready & mining).astype(float)), per(error_at_base * ~mining)),
            per((ready & ~mining).astype(float)),
        ]
    )
    own, drawn = parts.sum(axis=0)[None], draws.sums(parts)
    brier = interval(float(_brier(own)[0]), _brier(drawn))
    at_base = interval(float(_brier_at_base(own, base_rate)[0]), _brier_at_base(drawn, base_rate))
    return Calibration(
        int(ready.sum()),
        share,
        brier,
        _skill(brier.value, share),
        at_base,
        _skill(at_base.value, base_rate),
        _bins(probability[ready], mining[ready]),
    )


def _brier(sums: FloatArray) -> FloatArray:
    return ratio(sums[:, 0], sums[:, 1])


def _brier_at_base(sums: FloatArray, base_rate: float) -> FloatArray:
    on_mining, on_normal = ratio(sums[:, 2], sums[:, 3]), ratio(sums[:, 4], sums[:, 5])
    return base_rate * on_mining + (1 - base_rate) * on_normal


def _skill(brier: float, prevalence: float) -> float:
    reference = prevalence * (1 - prevalence)
    return 1 - brier / reference if reference > 0 else float("nan")


def _bins(probability: FloatArray, mining: BoolArray) -> tuple[Bin, ...]:
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(
            int((place == number).sum()),
            float(probability[place == number].mean()),
            float(mining[place == number].mean()),
        )
        for number in range(BINS)
        if (place == number).any()
    )
