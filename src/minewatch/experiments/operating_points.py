# SPDX-License-Identifier: Apache-2.0
"""Operating points from held-out scores: which threshold had how many false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minewatch.models.budget import CONVERSATIONS
from minewatch.models.operating_points import FORMAT
from minewatch.types import FloatArray, Int64Array

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 1_000
COUNTS: Final = (*range(11), *(n for d in (1, 10, 100, 1000) for n in (15 * d, 20 * d, 50 * d)))
"""Numbers of false alarms for which a point is made."""


@dataclass(frozen=True, slots=True)
class NormalScores:
    """Fused probabilities of normal conversations, by models that had not seen their sources.

    Parameters
    ----------
    probability : of those that passed the gate, shape (n,).
    benign_conversations : all normal ones, those that the gate stopped among them.
    group : number of the host or source of each of ``probability``, shape (n,): false alarms come
        in families, which widens the bounds; None if every conversation is for itself.
    """

    probability: FloatArray
    benign_conversations: int
    group: Int64Array | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if np.isnan(self.probability).any():
            raise ValueError("a probability is NaN: the fused one never is")
        if not 0 < self.benign_conversations >= len(self.probability):
            raise ValueError(
                f"{len(self.probability)} scores of {self.benign_conversations} conversations"
            )


def operating_points(
    inputs: Mapping[str, NormalScores],
    *,
    made_by: str,
    sources: Mapping[str, int],
    per_host_day: tuple[float, str],
    detectors: Sequence[str],
    models: Mapping[str, str],
    seed: int = 0,
) -> dict[str, Any]:
    """Return the content of ``operating_points.json``.

    Parameters
    ----------
    inputs : scores by kind of input (``corpus.views.InputKind``).
    made_by : the command that made the scores.
    sources : benign conversations by name of the source.
    per_host_day : benign conversations of a host in a day, and where the figure comes from.
    detectors : names of the detectors that were fused.
    models : SHA-256 of the model files that ship, by name.
    seed : of the resampling of groups.
    """
    return {
        "format": FORMAT,
        "made_by": made_by,
        "sources": [{"name": n, "benign_conversations": count} for n, count in sources.items()],
        "conversations_per_host_day": {"value": per_host_day[0], "source": per_host_day[1]},
        "detectors": sorted(detectors),
        "models": dict(sorted(models.items())),
        "inputs": {
            kind: {
                "benign_conversations": scores.benign_conversations,
                "points": points(scores, seed),
            }
            for kind, scores in inputs.items()
        },
    }


def points(scores: NormalScores, seed: int = 0) -> list[dict[str, float]]:
    """Return one point for each number of false alarms in ``COUNTS``, rising in threshold.

    The threshold for k false alarms lies just above the score of rank k + 1. That it is taken from
    the same scores does no harm to the bound: the share of all conversations above that rank has
    the distribution Beta(k + 1, n - k), whose quantile the bound is (Clopper and Pearson).

    Parameters
    ----------
    scores : n normal conversations.
    seed : of the resampling of groups.
    """
    n = scores.benign_conversations
    ordered = np.sort(scores.probability)[::-1]
    found: list[dict[str, float]] = []
    highest = 0.0
    for count in COUNTS:
        above = ordered[count] if count < len(ordered) else 0.0
        threshold = float(np.nextafter(above, 2.0))
        alarms = int((ordered >= threshold).sum())
        if above <= 0 or threshold > 1 or (found and threshold >= found[-1]["threshold"]):
            continue  # fewer scores, none above, or several conversations share one score
        low, high = bounds(alarms, n)
        if scores.group is not None:
            high = max(high, _resampled(scores, threshold, seed))
        highest = max(highest, high)
        found.append(
            {
                "threshold": threshold,
                "false_alarms": alarms,
                "per_100000": alarms / n * CONVERSATIONS,
                "low": low * CONVERSATIONS,
                "high": highest * CONVERSATIONS,
            }
        )
    return found[::-1]


def bounds(alarms: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % bounds of a share (Clopper and Pearson, 1934).

    Parameters
    ----------
    alarms : how many were.
    n : of how many.

    Examples
    --------
    >>> [round(bound, 6) for bound in bounds(0, 10_000)]
    [0.0, 0.000369]
    """
    from scipy.stats import beta

    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, alarms, n - alarms + 1) if alarms else 0.0
    high = beta.ppf(1 - tail, alarms + 1, n - alarms) if alarms < n else 1.0
    return float(low), float(high)


def _resampled(scores: NormalScores, threshold: float, seed: int) -> float:
    """Upper bound of the share when whole groups are drawn again, and not conversations."""
    assert scores.group is not None
    _, owner = np.unique(scores.group, return_inverse=True)
    alarms = np.bincount(owner, scores.probability >= threshold)
    random = np.random.default_rng(seed)
    drawn = random.integers(len(alarms), size=(RESAMPLES, len(alarms)))
    shares = alarms[drawn].sum(axis=1) / scores.benign_conversations
    return float(min(np.quantile(shares, 1 - (1 - CONFIDENCE) / 2), 1.0))
