# SPDX-License-Identifier: Apache-2.0
"""How long a conversation is watched before it is found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from minewatch.experiments.benchmark.intervals import Draws, interval, weighted_median
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class AtHorizon:
    """Mining conversations that last longer than a horizon."""

    horizon_s: int
    lasting: int
    found: int
    """Of them, found by then."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds of a mining conversation that were seen when its score first passed the threshold."""

    mining: int
    found: int
    median_s: Interval
    """Over all of them; infinity if half is never found."""
    median_of_found_s: float
    never: float
    """Share that is never found; those that nobody scored among them."""
    horizons: tuple[AtHorizon, ...]
    false_alarms: int
    """Normal conversations above the threshold at any moment: the price of looking often."""
    normal: int


def first_seconds(units: Units, detector: str, threshold: FloatArray | float) -> FloatArray:
    """Return the time of each conversation at which it is found; infinity for never, shape (n,).

    Parameters
    ----------
    units : n conversations.
    detector : whose scores.
    threshold : what must be exceeded, for all or of shape (n,).
    """
    over = units.scores[detector] > np.broadcast_to(threshold, (len(units),))[:, None]
    ends = units.frame["duration_s"].fill_null(float("inf")).to_numpy()
    times = np.array([float(s) for s in units.horizons_s])
    at = np.where(times == WHOLE, ends[:, None], times)
    found: FloatArray = np.where(over, at, np.inf).min(axis=1)
    return found


def delay_of(units: Units, detector: str, threshold: FloatArray | float, draws: Draws) -> Delay:
    """Return how long it takes a detector.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores.
    threshold : what must be exceeded, for all or of shape (n,).
    draws : of their clusters.
    """
    times, mining = first_seconds(units, detector, threshold), units.is_mining
    weight, own = units.weight[mining], times[mining]
    found = np.isfinite(own)
    total = float(weight.sum())
    drawn = draws.weights[:, units.cluster[mining]] * weight
    median = weighted_median(own, weight[None])[0]
    return Delay(
        mining=round(total),
        found=int(found.sum()),
        median_s=interval(float(median), weighted_median(own, drawn)),
        median_of_found_s=float(weighted_median(own[found], weight[found][None])[0]),
        never=float(weight[~found].sum() / total) if total else float("nan"),
        horizons=_horizons(units, mining, times),
        false_alarms=int(np.isfinite(times[~mining]).sum()),
        normal=round(float(units.weight[~mining].sum())),
    )


def found_by(times: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return moments at which any conversation is found, and the share found by each.

    Parameters
    ----------
    times : of mining conversations, infinity for never, shape (n,).
    weight : shape (n,).

    Examples
    --------
    >>> found_by(np.array([60.0, np.inf, 30.0, 60.0]), np.ones(4))
    (array([30., 60.]), array([0.25, 0.75]))
    """
    is_found = np.isfinite(times)
    moments, place = np.unique(times[is_found], return_inverse=True)
    shares = np.cumsum(np.bincount(place, weight[is_found], len(moments))) / weight.sum()
    return moments, shares


def _horizons(units: Units, mining: BoolArray, times: FloatArray) -> tuple[AtHorizon, ...]:
    # Those that nobody scored last as long as the population tells, or not at all.
    duration = units.frame["duration_s"].fill_null(0.0).to_numpy()
    found = []
    for horizon_s in units.horizons_s:
        lasting = mining & (duration > horizon_s) if horizon_s != WHOLE else mining
        by_then = lasting & (times <= (horizon_s if horizon_s != WHOLE else np.inf))
        by_then &= np.isfinite(times)
        counts = [round(float(units.weight[rows].sum())) for rows in (lasting, by_then)]
        found.append(AtHorizon(horizon_s, *counts))
    return tuple(found)


def lasting(units: Units, seconds: float) -> BoolArray:
    """Return which conversations are known to last longer, shape (n,).

    Parameters
    ----------
    units : n conversations.
    seconds : than this.
    """
    found: BoolArray = (units.frame["duration_s"] > seconds).fill_null(value=False).to_numpy()
    return found


def in_plaintext(units: Units) -> BoolArray:
    """Return which conversations carry readable payload, shape (n,).

    Parameters
    ----------
    units : n conversations; one whose transport is not told counts as plain TCP.
    """
    ways = pl.col("evasion").fill_null("").str.split("+").list
    told = pl.any_horizontal(
        pl.col("transport").str.starts_with("tls").fill_null(value=False),
        ways.contains("tls"),
        ways.contains("ssh"),
    )
    found: BoolArray = (~units.frame.select(told).to_series()).to_numpy()
    return found
