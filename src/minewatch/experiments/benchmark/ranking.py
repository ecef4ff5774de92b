# SPDX-License-Identifier: Apache-2.0
"""What ranking conversations by their scores finds: ROC, areas, and recall at a budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.experiments.benchmark.intervals import Draws, ratio
from minewatch.experiments.benchmark.scores import PER
from minewatch.experiments.benchmark.units import IntArray, Units
from minewatch.training.metrics import threshold_for
from minewatch.types import FloatArray

_AT_A_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares at or above each score that a mining conversation has, under some weights.

    The last column is all conversations: those without a score lie below any that has one.
    """

    found: FloatArray
    """Mining conversations, shape (n_draws, n_scores + 1)."""
    false: FloatArray
    """Normal conversations, same shape."""
    false_above: FloatArray
    """Normal conversations above the score, without those that have it too; same shape."""

    def auc(self) -> FloatArray:
        """Return the area under the ROC curve; equal scores count half, shape (n_draws,)."""
        half = (self.false + self.false_above) / 2
        area: FloatArray = (self._steps() * (1 - half / self.false[:, -1:])).sum(axis=1)
        return area / self.found[:, -1]

    def average_precision(self, base_rate: float | None = None) -> FloatArray:
        """Return the area under the precision-recall curve by steps, shape (n_draws,).

        Parameters
        ----------
        base_rate : share of mining to reckon with; None for that of the conversations.
        """
        right, wrong = self.found, self.false
        if base_rate is not None:
            right = right * (base_rate / self.found[:, -1:])
            wrong = wrong * ((1 - base_rate) / self.false[:, -1:])
        # Where nothing has been found yet, the step is of no width.
        precision = right / np.where(right > 0, right + wrong, 1)
        area: FloatArray = (self._steps() * precision).sum(axis=1)
        return area / self.found[:, -1]

    def recall_at(self, budget: float) -> FloatArray:
        """Return the recall at a budget, shape (n_draws,).

        Parameters
        ----------
        budget : false alarms allowed among ``PER`` normal conversations.
        """
        allowed = budget * self.false[:, -1:] / PER + 1e-9
        reached = self.found[:, :-1] * (self.false[:, :-1] <= allowed)
        best: FloatArray = reached.max(axis=1, initial=0.0)
        return best / self.found[:, -1]

    def _steps(self) -> FloatArray:
        return np.diff(self.found, axis=1, prepend=0.0)


def precision_at(base_rate: float, recall: FloatArray, false_alarm_rate: FloatArray) -> FloatArray:
    """Return the share of alarms that are mining, were mining so frequent.

    Parameters
    ----------
    base_rate : share of mining among all conversations.
    recall : any shape.
    false_alarm_rate : same shape.

    Examples
    --------
    >>> precision_at(0.002, np.array([1.0, 0.5]), np.array([0.0, 0.001])).round(3)
    array([1.   , 0.501])
    """
    right, wrong = base_rate * recall, (1 - base_rate) * false_alarm_rate
    return ratio(right, right + wrong)


@dataclass(frozen=True, slots=True)
class Areas:
    """What the draws make of one curve, each of shape (n_draws,)."""

    auc: FloatArray
    pr_auc: FloatArray
    pr_auc_at_base: FloatArray
    recall_at: dict[int, FloatArray]


def drawn_areas(
    units: Units, detector: str, draws: Draws, base_rate: float, budgets: tuple[int, ...]
) -> Areas:
    """Return areas and recall at budgets in each draw; NaN without both labels.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores.
    draws : of their clusters.
    base_rate : share of mining to reckon with.
    budgets : false alarms allowed among ``PER`` normal conversations.
    """
    if units.is_mining.all() or not units.is_mining.any():
        nothing = np.full(len(draws.weights), np.nan)
        return Areas(nothing, nothing, nothing, dict.fromkeys(budgets, nothing))
    parts = [
        (
            part.auc(),
            part.average_precision(),
            part.average_precision(base_rate),
            *(part.recall_at(budget) for budget in budgets),
        )
        for part in _curves(units, detector, draws.weights)
    ]
    auc, whole, at_base, *recalls = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Areas(auc, whole, at_base, dict(zip(budgets, recalls, strict=True)))


def curve_of(units: Units, detector: str) -> Curve | None:
    """Return the curve of a detector, each conversation counted once; None without both labels.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores of whole conversations.
    """
    if units.is_mining.all() or not units.is_mining.any():
        return None
    return next(_curves(units, detector, np.ones((1, len(units.cluster_recorder)))))


def _curves(units: Units, detector: str, weights: FloatArray) -> Iterator[Curve]:
    """Yield the curves of the draws that have both labels, some at a time."""
    scores, mining = units.whole(detector), units.is_mining
    ready = ~np.isnan(scores)
    miners, others = (np.flatnonzero(ready & of) for of in (mining, ~mining))
    miners = miners[np.argsort(-scores[miners], kind="stable")]
    others = others[np.argsort(-scores[others], kind="stable")]
    values, first = np.unique(-scores[miners], return_index=True)
    ends = np.append(first[1:], len(miners))[: len(first)]
    at_or_above = np.searchsorted(-scores[others], values, side="right")
    above = np.searchsorted(-scores[others], values, side="left")
    totals = [units.per_cluster(units.weight * of) for of in (mining, ~mining)]
    for start in range(0, len(weights), _AT_A_TIME):
        part = weights[start : start + _AT_A_TIME]
        all_found, all_false = (part @ total for total in totals)
        both = (all_found > 0) & (all_false > 0)
        part, ends_with = part[both], (all_found[both], all_false[both])
        found = _running(part, units.cluster[miners])
        false = _running(part, units.cluster[others])
        yield Curve(
            np.column_stack([found[:, ends], ends_with[0]]),
            np.column_stack([false[:, at_or_above], ends_with[1]]),
            np.column_stack([false[:, above], false[:, -1]]),
        )


def _running(weights: FloatArray, cluster: IntArray) -> FloatArray:
    """Return weights of the first so many conversations, 0 to all, shape (n_draws, n + 1)."""
    sums = np.zeros((len(weights), len(cluster) + 1))
    np.cumsum(weights[:, cluster], axis=1, out=sums[:, 1:])
    return sums


def allowed_false_alarms(units: Units, budget: float) -> tuple[int, bool]:
    """Return how many false alarms a budget allows here, and whether it allows one at all.

    Parameters
    ----------
    units : n conversations.
    budget : false alarms allowed among ``PER`` normal conversations.
    """
    exact = budget * float(units.weight[~units.is_mining].sum()) / PER
    return int(exact + 1e-9), exact >= 1


def own_threshold(units: Units, detector: str, budget: float) -> float:
    """Return the score above which the allowed number of these normal conversations lies.

    Parameters
    ----------
    units : n conversations; without a normal one, the threshold is NaN.
    detector : whose scores of whole conversations.
    budget : false alarms allowed among ``PER`` normal conversations.
    """
    normal = ~units.is_mining
    if not units.weight[normal].sum():
        return float("nan")
    allowed, _ = allowed_false_alarms(units, budget)
    return score_above(units.whole(detector)[normal], allowed)


def score_above(normal: FloatArray, allowed: int) -> float:
    """Return the score above which at most so many lie; minus infinity if all may.

    Parameters
    ----------
    normal : scores, NaN where there is none, shape (n,).
    allowed : how many may lie above.

    Examples
    --------
    >>> score_above(np.array([0.2, np.nan, 0.9]), 1), score_above(np.array([0.2, np.nan]), 1)
    (0.2, -inf)
    """
    ready = normal[~np.isnan(normal)]
    return threshold_for(ready, allowed) if allowed < len(ready) else float("-inf")
