# SPDX-License-Identifier: Apache-2.0
"""What is found in an input that ends after so long, at few false alarms and as scan labels it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from minewatch.detectors.fusion import LABEL_THRESHOLD
from minewatch.experiments.benchmark.delays import lasting
from minewatch.experiments.benchmark.intervals import Draws, share
from minewatch.experiments.benchmark.ranking import score_above
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.tables import WHOLE
from minewatch.types import FloatArray

LONG_S: Final = 1800
"""Mining that lasts longer is told of by itself: shorter, a flow log hardly shows any."""


class Cost(StrEnum):
    """What may be flagged."""

    NONE = "none"
    """No normal conversation of the sources, at any moment that was looked at."""
    ONE = "one"
    """One of them."""
    LABEL = "label"
    """Whatever is labelled mining without an option."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What is found at one moment at one cost."""

    cost: Cost
    seen_s: int
    """Seconds of each conversation that were seen; ``WHOLE`` for all of it."""
    lasting_s: int
    """Of mining that lasts longer than this."""
    found: int
    mining: int
    recall: Interval


@dataclass(frozen=True, slots=True)
class ByMoment:
    """One input, some sources."""

    normal: int
    """Normal conversations, those that the gate stopped among them."""
    normal_scored: int
    """Of them, those that some detector spoke of at some moment."""
    thresholds: dict[str, float]
    """What must be exceeded, by cost; for ``LABEL`` what must be reached."""
    false_alarms: dict[str, int]
    """Normal conversations that are flagged at any moment, by cost."""
    recalls: tuple[Recall, ...]


def by_moment(
    units: Units, draws: Draws, detector: str = FUSED, label_threshold: float = LABEL_THRESHOLD
) -> ByMoment:
    """Return what is found at each moment.

    A normal conversation counts with its highest score of all moments: whoever looks often pays
    for each look.

    Parameters
    ----------
    units : conversations as the input shows them.
    draws : of their clusters.
    detector : whose scores.
    label_threshold : probability from which mining is labelled without an option.
    """
    scores = units.scores[detector]
    normal = ~units.is_mining
    highest = np.fmax.reduce(scores[normal], axis=1) if normal.any() else np.empty(0)
    limits = {
        Cost.NONE: score_above(highest, 0),
        Cost.ONE: score_above(highest, 1),
        # Reached is enough: flagged is what lies above the number before it.
        Cost.LABEL: float(np.nextafter(label_threshold, 0.0)),
    }
    return ByMoment(
        normal=round(float(units.weight[normal].sum())),
        normal_scored=int(np.isfinite(highest).sum()),
        thresholds={
            cost.value: label_threshold if cost is Cost.LABEL else limit
            for cost, limit in limits.items()
        },
        false_alarms={cost.value: int((highest > limit).sum()) for cost, limit in limits.items()},
        recalls=tuple(_recalls(units, scores, limits, draws)),
    )


def _recalls(
    units: Units, scores: FloatArray, limits: dict[Cost, float], draws: Draws
) -> Iterator[Recall]:
    for place, seen_s in enumerate(units.horizons_s):
        # What was over before that moment was seen whole, and is told of there.
        least = sorted({seen_s, max(seen_s, LONG_S)}) if seen_s != WHOLE else [0, LONG_S]
        for lasting_s in least:
            asked = units.is_mining
            if lasting_s:
                asked = asked & lasting(units, lasting_s)
            sizes = units.per_cluster(units.weight * asked)
            for cost, limit in limits.items():
                flagged = asked & (scores[:, place] > limit)
                hits = units.per_cluster(units.weight * flagged)
                found, mining = (round(float(part.sum())) for part in (hits, sizes))
                told = share(hits, sizes, draws)
                yield Recall(cost, seen_s, lasting_s, found, mining, told)
