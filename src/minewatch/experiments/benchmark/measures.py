# SPDX-License-Identifier: Apache-2.0
"""All measures of one detector on the whole conversations of some sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.detectors.fusion import BASE_RATE
from minewatch.experiments.benchmark.calibration import (
    Calibration,
    calibration,
    moved,
    prevalence_of,
)
from minewatch.experiments.benchmark.intervals import Draws, interval, ratio, share
from minewatch.experiments.benchmark.ranking import (
    Areas,
    allowed_false_alarms,
    drawn_areas,
    own_threshold,
    precision_at,
)
from minewatch.experiments.benchmark.scores import BUDGETS
from minewatch.experiments.benchmark.units import Units
from minewatch.experiments.paper.metrics import Interval
from minewatch.types import BoolArray, FloatArray

_ONE_SIDED: Final = 0.05


@dataclass(frozen=True, slots=True)
class Operating:
    """What a threshold does."""

    found: int
    mining: int
    """All mining conversations: those that no score was given for count as missed."""
    recall: Interval
    false_alarms: int
    normal: int
    false_alarm_rate: Interval
    """Its interval is over recorders and hosts."""
    rate_at_most: float
    """One-sided 95 % bound of the rate if conversations were independent."""
    precision: Interval
    """At the base rate."""
    alerts_per_host_day: Interval
    """Alerts about normal traffic; one for each host and far end."""


@dataclass(frozen=True, slots=True)
class AtBudget:
    """A budget of false alarms, and what comes of it."""

    allowed: int
    """False alarms that the budget allows among these normal conversations."""
    is_resolved: bool
    """Whether that is at least one: else the budget cannot be told from none."""
    trained: Operating | None
    """By the threshold chosen in training; None if there is none."""
    own: Operating | None
    """By the threshold that spends the budget on these very conversations, or on those of the
    reference; None if there are no normal ones."""


@dataclass(frozen=True, slots=True)
class Measures:
    """One detector, one kind of input, some sources."""

    mining: int
    normal: int
    ready_mining: int
    ready_normal: int
    budgets: dict[int, AtBudget]
    auc: Interval
    pr_auc: Interval
    pr_auc_at_base: Interval
    macro_f1: Interval
    """Each conversation called what is more probable at this prevalence."""
    macro_f1_at_base: Interval
    """The same at the base rate, and mining weighted down to it."""
    calibration: Calibration


def measures_of(
    units: Units, detector: str, draws: Draws, areas: Areas, reference: Units | None = None
) -> Measures:
    """Return all measures of a detector.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores.
    draws : of their clusters.
    areas : of the same draws.
    reference : whose normal conversations the budget is spent on; None for these units' own.
    """
    mining, scores = units.is_mining, units.whole(detector)
    auc, pr_auc, at_base = _areas(scores, mining, units.weight)
    ready = ~np.isnan(scores)
    return Measures(
        mining=round(float(units.weight[mining].sum())),
        normal=round(float(units.weight[~mining].sum())),
        ready_mining=int((ready & mining).sum()),
        ready_normal=int((ready & ~mining).sum()),
        budgets={
            budget: _at_budget(units, detector, budget, draws, areas, reference)
            for budget in BUDGETS
        },
        auc=interval(auc, areas.auc),
        pr_auc=interval(pr_auc, areas.pr_auc),
        pr_auc_at_base=interval(at_base, areas.pr_auc_at_base),
        macro_f1=_macro_f1(units, scores, draws, None),
        macro_f1_at_base=_macro_f1(units, scores, draws, BASE_RATE),
        calibration=calibration(units, detector, draws, BASE_RATE),
    )


def _areas(scores: FloatArray, mining: BoolArray, weight: FloatArray) -> tuple[float, float, float]:
    """Return AUC, and PR-AUC at the real prevalence and at the base rate."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    total = np.array([weight[~mining].sum(), weight[mining].sum()])
    if not total.all():
        return (float("nan"),) * 3
    ranked = np.nan_to_num(scores, nan=-1.0)  # below any probability
    at_base = weight * np.where(mining, BASE_RATE / total[1], (1 - BASE_RATE) / total[0])
    return (
        float(roc_auc_score(mining, ranked, sample_weight=weight)),
        float(average_precision_score(mining, ranked, sample_weight=weight)),
        float(average_precision_score(mining, ranked, sample_weight=at_base)),
    )


def areas_of(units: Units, detector: str, draws: Draws) -> Areas:
    """Return what the draws make of a detector's curve.

    Parameters
    ----------
    units : n conversations.
    detector : whose scores.
    draws : of their clusters.
    """
    return drawn_areas(units, detector, draws, BASE_RATE, BUDGETS)


def _at_budget(
    units: Units,
    detector: str,
    budget: int,
    draws: Draws,
    areas: Areas,
    reference: Units | None,
) -> AtBudget:
    of = units if reference is None else reference
    allowed, is_resolved = allowed_false_alarms(of, budget)
    chosen, own = units.thresholds[detector, budget], own_threshold(of, detector, budget)
    scores = units.whole(detector)
    # On its own units, the threshold is chosen anew in each draw.
    drawn = areas.recall_at[budget] if reference is None else None
    return AtBudget(
        allowed,
        is_resolved,
        None if np.isnan(chosen).all() else operating(units, scores > chosen, draws),
        None if np.isnan(own) else operating(units, scores > own, draws, drawn),
    )


def operating(
    units: Units, flagged: BoolArray, draws: Draws, drawn: FloatArray | None = None
) -> Operating:
    """Return what flagging these conversations means.

    Parameters
    ----------
    units : n conversations.
    flagged : which of them, shape (n,).
    draws : of their clusters.
    drawn : the recall in each draw, if the threshold is chosen anew in each.
    """
    mining = units.is_mining
    weight = units.weight
    hits, mines = (units.per_cluster(weight * (mining & of)) for of in (flagged, mining))
    false, normal = (units.per_cluster(weight * (~mining & of)) for of in (flagged, ~mining))
    recall = share(hits, mines, draws, drawn)
    alarms = share(false, normal, draws)
    found, wrong, n = (round(float(counts.sum())) for counts in (hits, false, normal))
    return Operating(
        found=found,
        mining=round(float(mines.sum())),
        recall=recall,
        false_alarms=wrong,
        normal=n,
        false_alarm_rate=alarms,
        rate_at_most=bound(wrong, n),
        precision=_precision(recall, alarms, (hits, mines, false, normal), draws),
        alerts_per_host_day=_alerts(units, flagged & ~mining, draws),
    )


def bound(false_alarms: int, normal: int) -> float:
    """Return the rate that is exceeded with 5 % probability at most (Clopper and Pearson).

    Parameters
    ----------
    false_alarms : seen.
    normal : among so many.

    Examples
    --------
    >>> round(bound(0, 15_812) * 100_000, 1), round(bound(1, 10), 3)
    (18.9, 0.394)
    """
    from scipy.special import betaincinv

    if not normal:
        return float("nan")
    if false_alarms >= normal:
        return 1.0
    return float(betaincinv(false_alarms + 1, normal - false_alarms, 1 - _ONE_SIDED))


def _precision(
    recall: Interval, alarms: Interval, counts: tuple[FloatArray, ...], draws: Draws
) -> Interval:
    """Return the precision at the base rate; without false alarms, its bound is that of theirs."""

    def at(*rates: float) -> float:
        return float(precision_at(BASE_RATE, *(np.array(value) for value in rates)))

    hits, mines, false, normal = (draws.sums(count) for count in counts)
    drawn = precision_at(BASE_RATE, ratio(hits, mines), ratio(false, normal))
    found = interval(at(recall.value, alarms.value), drawn)
    if alarms.value > 0 or np.isnan(found.value):
        return found
    return Interval(found.value, at(recall.low, alarms.high), 1.0)


def _alerts(units: Units, flagged: BoolArray, draws: Draws) -> Interval:
    """Return alerts per host and day: conversations of a host with one far end are one."""
    pairs = {*zip(units.cluster[flagged].tolist(), units.far[flagged].tolist(), strict=True)}
    hosts = np.array(sorted(host for host, _ in pairs), np.intp)
    alerts = np.bincount(hosts, minlength=len(units.cluster_days)).astype(np.float64)
    days = np.nan_to_num(units.cluster_days)  # of a host never watched, nothing is known
    if not days.sum() or (alerts[days == 0] > 0).any():
        return Interval(float("nan"))
    value = float(alerts.sum() / days.sum())
    return interval(value, ratio(draws.sums(alerts), draws.sums(days)))


def _macro_f1(units: Units, scores: FloatArray, draws: Draws, base_rate: float | None) -> Interval:
    """Return the mean F1 of both labels, at the prevalence of what has scores or at a base rate."""
    mining = units.is_mining
    if not (units.weight[mining].sum() and units.weight[~mining].sum()):
        return Interval(float("nan"))
    told, prevalence = scores, prevalence_of(scores, mining)
    if base_rate is None and 0 < prevalence < 1:
        told = moved(scores, BASE_RATE, prevalence)
    said = told > 0.5  # False where there is no score
    parts = np.column_stack(
        [
            units.per_cluster(units.weight * (mining == is_mining) * (said == is_said))
            for is_mining in (True, False)
            for is_said in (True, False)
        ]
    )
    value, drawn = (
        _f1_of(sums, base_rate) for sums in (parts.sum(axis=0)[None], draws.sums(parts))
    )
    return interval(float(value[0]), drawn)


def _f1_of(sums: FloatArray, base_rate: float | None) -> FloatArray:
    hit, missed, false, right = sums.T
    if base_rate is not None:
        mining, normal = hit + missed, false + right
        hit, missed = (base_rate * ratio(part, mining) for part in (hit, missed))
        false, right = ((1 - base_rate) * ratio(part, normal) for part in (false, right))
    of_mining = ratio(2 * hit, 2 * hit + missed + false)
    of_normal = ratio(2 * right, 2 * right + missed + false)
    return (of_mining + of_normal) / 2
