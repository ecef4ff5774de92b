# SPDX-License-Identifier: Apache-2.0
"""What is found after half an hour of flow logs, and how many false alarms an hour costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.benchmark.delays import first_seconds, lasting
from minewatch.experiments.benchmark.intervals import Draws, share
from minewatch.experiments.benchmark.ranking import score_above
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import FloatArray

AFTER_S: Final = 1800
PER_HOURS: Final = 10_000


@dataclass(frozen=True, slots=True)
class HalfHour:
    """What one threshold does."""

    found: int
    mining: int
    """Conversations that last longer than half an hour."""
    recall: Interval
    """Of them, found by half an hour."""
    false_alarms: int
    """Normal conversations above the threshold at any moment."""
    per_10000_hours: float
    """False alarms in so many hours of normal conversations."""


@dataclass(frozen=True, slots=True)
class FlowLog:
    """One kind of flow log."""

    hours: float
    """Of normal conversations."""
    allowed: int
    """False alarms at one in ``PER_HOURS``."""
    is_resolved: bool
    trained: HalfHour | None
    own: HalfHour | None


def flow_log(
    units: Units, detector: str, hours: float, trained: FloatArray, draws: Draws
) -> FlowLog | None:
    """Return what a detector finds after half an hour; None if nobody looked within it.

    Parameters
    ----------
    units : conversations as a flow log shows them.
    detector : whose scores.
    hours : of all normal conversations among them.
    trained : thresholds chosen in training, NaN for none, shape (n,).
    draws : of the units' clusters.
    """
    looks = [s for s in units.horizons_s if s != WHOLE and s <= AFTER_S]
    if not looks:
        return None
    normal = units.scores[detector][~units.is_mining]
    highest = np.fmax.reduce(normal, axis=1) if len(normal) else np.empty(0)
    allowed = int(hours / PER_HOURS + 1e-9)
    own = score_above(highest, allowed) if len(highest) else None
    return FlowLog(
        hours,
        allowed,
        hours >= PER_HOURS,
        None if np.isnan(trained).all() else _half_hour(units, detector, trained, hours, draws),
        None if own is None else _half_hour(units, detector, own, hours, draws),
    )


def _half_hour(
    units: Units, detector: str, threshold: FloatArray | float, hours: float, draws: Draws
) -> HalfHour:
    times = first_seconds(units, detector, threshold)
    asked = units.is_mining & lasting(units, AFTER_S)
    hits = units.per_cluster(units.weight * (asked & (times <= AFTER_S)))
    sizes = units.per_cluster(units.weight * asked)
    false = int(np.isfinite(times[~units.is_mining]).sum())
    return HalfHour(
        round(float(hits.sum())),
        round(float(sizes.sum())),
        share(hits, sizes, draws),
        false,
        PER_HOURS * false / hours if hours else float("nan"),
    )
