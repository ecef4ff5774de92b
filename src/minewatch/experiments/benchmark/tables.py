# SPDX-License-Identifier: Apache-2.0
"""The benchmark's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from minewatch.experiments.benchmark.evasions import INPUTS, ROWS, Hidden
from minewatch.experiments.benchmark.findings import BUDGET, Comparison, Delays, Findings
from minewatch.experiments.benchmark.flow_logs import FlowLog, HalfHour
from minewatch.experiments.benchmark.measures import AtBudget, Measures, Operating
from minewatch.experiments.benchmark.scores import BUDGETS, FUSED
from minewatch.experiments.benchmark.targets import Target
from minewatch.experiments.benchmark.units import scope_of
from minewatch.experiments.paper.document import Table
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.tables import WHOLE

NONE: Final = "-"


def told(found: Interval | None, digits: int = 3) -> str:
    """Return a value with its interval as text.

    Parameters
    ----------
    found : the value; infinity is never.
    digits : behind the point.

    Examples
    --------
    >>> told(Interval(0.5, 0.25, 1.0)), told(Interval(60.0, 30.0, float("inf")), 0)
    ('0.500 (0.250 to 1.000)', '60 (30 to never)')
    >>> told(Interval(1.0)), told(Interval(float("nan")))
    ('1.000', '-')
    """
    if found is None or math.isnan(found.value):
        return NONE
    value, low, high = (_number(part, digits) for part in (found.value, found.low, found.high))
    return value if math.isnan(found.low) else f"{value} ({low} to {high})"


def _number(value: float, digits: int) -> str:
    return "never" if math.isinf(value) else f"{value:.{digits}f}"


def target_table(reached: Sequence[Target]) -> Table:
    """Return the targets.

    Parameters
    ----------
    reached : all of them.
    """
    heads = ("", "target", "wanted", "measured (95 % interval)", "detail")
    rows = []
    for target in reached:
        digits = 1 if max(abs(target.measured.value), 0) > 2 else 3
        measured = told(target.measured, digits)
        rows.append((target.status.value, target.what, target.wanted, measured, target.detail))
    return Table(heads, rows)


def data_table(found: Findings) -> Table:
    """Return who recorded how much.

    Parameters
    ----------
    found : all measures.
    """
    kinds = list(dict.fromkeys(kind for inputs in found.recorders.values() for kind in inputs))
    heads = ("recorder", "kind", "label", "conversations", *(f"scored: {kind}" for kind in kinds))
    rows = []
    for recorder, inputs in found.recorders.items():
        for label in ("mining", "normal"):
            counts = {kind: _counts(of[FUSED], label) for kind, of in inputs.items()}
            total = max(all_of_them for all_of_them, _ in counts.values())
            if total:
                scored = (f"{counts[kind][1]:,}" if kind in counts else NONE for kind in kinds)
                rows.append((recorder, scope_of(recorder), label, f"{total:,}", *scored))
    return Table(heads, rows)


def _counts(of: Measures, label: str) -> tuple[int, int]:
    if label == "mining":
        return of.mining, of.ready_mining
    return of.normal, of.ready_normal


def budget_table(measures: Mapping[str, Measures], budgets: Sequence[int] = BUDGETS) -> Table:
    """Return recall and false alarms of each detector at each budget.

    Parameters
    ----------
    measures : by detector.
    budgets : to show.
    """
    heads = ["detector"]
    for budget in budgets:
        heads += [f"recall at {budget}: own ROC", "trained threshold", "its false alarms"]
    heads += [f"precision at {BUDGET}, trained", "alerts per host-day"]
    rows = []
    for name, of in measures.items():
        row = [name]
        for budget in budgets:
            at = of.budgets[budget]
            row += [_recall(at.own), _recall(at.trained), _alarms(at.trained)]
        at = of.budgets[BUDGET]
        row += [
            told(at.trained.precision if at.trained else None, 2),
            told(at.trained.alerts_per_host_day if at.trained else None, 4),
        ]
        rows.append(row)
    return Table(heads, rows)


def _recall(at: Operating | None) -> str:
    return told(at.recall) if at else NONE


def _alarms(at: Operating | None) -> str:
    return f"{at.false_alarms:,} of {at.normal:,}" if at else NONE


def area_table(measures: Mapping[str, Measures]) -> Table:
    """Return what is measured over all thresholds.

    Parameters
    ----------
    measures : by detector.
    """
    heads = (
        *("detector", "ready: mining", "ready: normal", "AUC", "PR-AUC", "PR-AUC at base rate"),
        *("macro-F1", "macro-F1 at base rate", "Brier (skill)", "Brier at base rate (skill)"),
    )
    rows = []
    for name, of in measures.items():
        tuned = of.calibration
        rows.append(
            (
                name,
                f"{of.ready_mining:,} of {of.mining:,}",
                f"{of.ready_normal:,} of {of.normal:,}",
                *(told(value) for value in (of.auc, of.pr_auc, of.pr_auc_at_base)),
                *(told(value) for value in (of.macro_f1, of.macro_f1_at_base)),
                _brier(tuned.brier, tuned.skill, 4),
                _brier(tuned.brier_at_base, tuned.skill_at_base, 5),
            )
        )
    return Table(heads, rows)


def _brier(score: Interval, skill: float, digits: int) -> str:
    return NONE if math.isnan(score.value) else f"{score.value:.{digits}f} ({skill:.2f})"


def resolution(at: Mapping[int, AtBudget], normal: int) -> str:
    """Return how many false alarms each budget allows among so many normal conversations.

    Parameters
    ----------
    at : by budget.
    normal : conversations.
    """
    parts = []
    for budget, of in at.items():
        if of.is_resolved:
            parts.append(f"{budget} in 100,000 allow {of.allowed}")
        else:
            parts.append(f"{budget} in 100,000 cannot be told from none and allow 0")
    return f"Among {normal:,} normal conversations, false alarms: {'; '.join(parts)}."


def recorder_table(found: Findings) -> Table:
    """Return what fused finds at each recorder.

    Parameters
    ----------
    found : all measures.
    """
    heads = (
        *("recorder", "input", "mining", "recall: own ROC of real traffic", "trained threshold"),
        *("normal", "false alarms: own ROC", "trained threshold", "macro-F1"),
    )
    rows = []
    for recorder, inputs in found.recorders.items():
        for kind, by_name in inputs.items():
            of = by_name[FUSED]
            at = of.budgets[BUDGET]
            rows.append(
                (
                    *(recorder, kind, f"{of.mining:,}", _recall(at.own), _recall(at.trained)),
                    *(f"{of.normal:,}", _false(at.own), _false(at.trained), told(of.macro_f1)),
                )
            )
    return Table(heads, rows)


def _false(at: Operating | None) -> str:
    if at is None or not at.normal:
        return NONE
    return f"{at.false_alarms:,} (rate at most {at.rate_at_most:.2g})"


def delay_table(delays: Mapping[str, Mapping[str, Delays]]) -> Table:
    """Return times to detect, by kind of input and detector.

    Parameters
    ----------
    delays : by kind of input and detector.
    """
    heads = (
        *("input", "detector", "median [s]: own ROC", "of those found [s]", "never"),
        *("median [s]: trained threshold", "of those found [s]", "never"),
        "false alarms at any moment, trained",
    )
    rows = []
    for kind, by_name in delays.items():
        for name, of in by_name.items():
            row = [kind, name]
            for delay in (of.own, of.trained):
                if delay is None or not delay.mining:
                    row += [NONE, NONE, NONE]
                    continue
                row += [
                    told(delay.median_s, 0),
                    told(Interval(delay.median_of_found_s), 0),
                    f"{100 * delay.never:.0f} %",
                ]
            trained = of.trained
            alarms = f"{trained.false_alarms:,} of {trained.normal:,}" if trained else NONE
            rows.append([*row, alarms])
    return Table(heads, rows)


def horizon_table(delays: Mapping[str, Delays]) -> Table:
    """Return how many of those that last that long fused has found by each moment.

    Parameters
    ----------
    delays : of fused, by kind of input.
    """
    by_kind = {kind: of.own or of.trained for kind, of in delays.items()}
    rows: dict[int, dict[str, str]] = {}
    for kind, delay in by_kind.items():
        for at in delay.horizons if delay else ():
            share = f"{at.found / at.lasting:.2f} " if at.lasting else ""
            rows.setdefault(at.horizon_s, {})[kind] = f"{share}({at.found:,} of {at.lasting:,})"
    ordered = sorted(rows, key=lambda horizon_s: (horizon_s == WHOLE, horizon_s))
    return Table(
        ("seen for", *by_kind),
        [
            (
                "its end" if horizon_s == WHOLE else f"{horizon_s:,} s",
                *(rows[horizon_s].get(kind, NONE) for kind in by_kind),
            )
            for horizon_s in ordered
        ],
    )


def flow_log_table(logs: Mapping[str, Mapping[str, FlowLog]]) -> Table:
    """Return what flow logs show after half an hour.

    Parameters
    ----------
    logs : by kind of input and detector.
    """
    heads = (
        *("input", "detector", "recall after 30 minutes: own ROC", "found", "false alarms"),
        *("trained threshold", "found", "false alarms per 10,000 h"),
    )
    rows = []
    for kind, by_name in logs.items():
        for name, of in by_name.items():
            own, trained = of.own, of.trained
            alarms = f"{own.false_alarms} of {of.allowed} allowed" if own else NONE
            rate = f"{trained.per_10000_hours:.2f}" if trained else NONE
            rows.append((kind, name, *_half(own), alarms, *_half(trained), rate))
    return Table(heads, rows)


def _half(of: HalfHour | None) -> tuple[str, str]:
    if of is None:
        return NONE, NONE
    return told(of.recall), f"{of.found:,} of {of.mining:,}"


def evasion_table(cells: Mapping[str, Mapping[str, Hidden]]) -> Table:
    """Return what is found of miners that hide.

    Parameters
    ----------
    cells : by way of hiding and kind of input.
    """
    kinds = [kind.value for kind in INPUTS if any(kind.value in row for row in cells.values())]
    heads = ["hides by"]
    for kind in kinds:
        heads += [f"{kind}: own ROC of real traffic", "trained threshold"]
    rows = []
    for name, row in cells.items():
        texts = [ROWS[name]]
        for kind in kinds:
            texts += _hidden(row[kind]) if kind in row else [NONE, NONE]
        rows.append(texts)
    return Table(heads, rows)


def _hidden(of: Hidden) -> list[str]:
    if of.reaches is None:
        return ["none", "none"]
    verdict = "reaches 0.80" if of.reaches else "below 0.80"
    trained = f"{told(of.trained)}, {of.found_trained:,} of {of.mining:,}" if of.trained else NONE
    return [f"{told(of.recall)}, {of.found:,} of {of.mining:,}: {verdict}", trained]


def variant_table(
    main: Mapping[str, Measures], variants: Mapping[str, Mapping[str, Measures]]
) -> Table:
    """Return fused of the main table beside that of others.

    Parameters
    ----------
    main : by kind of input.
    variants : by name and kind of input.
    """
    heads = (
        *("input", "table", f"recall at {BUDGET}: own ROC", "trained threshold"),
        *("its false alarms", "AUC", "PR-AUC at base rate", "macro-F1"),
    )
    rows = []
    for kind in main:
        for name, by_kind in {"all, as above": main, **variants}.items():
            if kind in by_kind:
                of = by_kind[kind]
                at = of.budgets[BUDGET]
                rows.append(
                    (
                        *(kind, name, _recall(at.own), _recall(at.trained), _alarms(at.trained)),
                        *(told(value) for value in (of.auc, of.pr_auc_at_base, of.macro_f1)),
                    )
                )
    return Table(heads, rows)


def comparison_table(comparisons: Mapping[str, Sequence[Comparison]]) -> Table:
    """Return fused against each detector.

    Parameters
    ----------
    comparisons : by kind of input.
    """
    heads = (
        *("input", "detector", f"its recall at {BUDGET}", "of fused", "fused finds more by"),
        *("its PR-AUC at base rate", "of fused", "fused is better"),
    )
    rows = [
        (
            *(kind, other.detector, f"{other.recall:.3f}", f"{other.fused:.3f}"),
            told(other.difference),
            *(f"{other.pr_auc_at_base:.3f}", f"{other.fused_pr_auc_at_base:.3f}"),
            "yes" if other.is_better else "no",
        )
        for kind, others in comparisons.items()
        for other in others
    ]
    return Table(heads, rows)


def bin_table(measures: Mapping[str, Measures]) -> Table:
    """Return the calibration curve of fused.

    Parameters
    ----------
    measures : of fused, by kind of input.
    """
    rows = [
        (kind, f"{part.predicted:.3f}", f"{part.observed:.3f}", f"{part.conversations:,}")
        for kind, of in measures.items()
        for part in of.calibration.bins
    ]
    return Table(("input", "mean probability", "share that is mining", "conversations"), rows)
