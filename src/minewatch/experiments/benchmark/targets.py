# SPDX-License-Identifier: Apache-2.0
"""What minewatch must show on data never trained on, and whether it does.

Where a target names a budget of false alarms, it is judged at the point of the ROC that spends
this budget on the real normal traffic left out; what the threshold chosen in training does is
told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from minewatch.experiments.benchmark import evasions
from minewatch.experiments.benchmark.delays import Delay
from minewatch.experiments.benchmark.evasions import ROWS, Hidden
from minewatch.experiments.benchmark.findings import ACTIVE_S, BUDGET, Comparison, Delays, Findings
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.units import REAL
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind

INTERVAL_S: Final = 60.0
_WITH_PACKETS: Final = (InputKind.PACKETS, InputKind.NO_PAYLOAD)
_FLOW_LOGS: Final = (InputKind.FLOWS_60, InputKind.FLOWS_600)
_CESNET: Final = "cesnet"
_NOTHING: Final = Interval(float("nan"))

MEASURED: Final = {
    "conversations-per-second": ("Scoring, conversations per second with the default set", 1e5),
    "model-megabytes": ("Default models together, in MB", 20.0),
    "torch-at-run-time": ("Modules of torch that a scan loads", 0.0),
}
"""Targets that scores do not tell: measured elsewhere and handed in."""


class Status(StrEnum):
    """What became of a target."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to show."""

    key: str
    what: str
    wanted: str
    measured: Interval
    detail: str
    """Counts, and what the threshold chosen in training does."""
    status: Status
    analysis: str
    """Why it was missed; the caller's words."""


def targets(
    found: Findings, measured: Mapping[str, float], notes: Mapping[str, str]
) -> list[Target]:
    """Return every target with its outcome.

    Parameters
    ----------
    found : what was measured of the scores.
    measured : values of ``MEASURED`` that are known.
    notes : analyses by target's key.
    """
    drafts = [
        *_recalls(found),
        _cesnet(found),
        *_flow_logs(found),
        *_delays(found),
        *_evasions(found),
        *_comparisons(found),
        *_handed_in(measured),
    ]
    return [replace(draft, analysis=notes.get(draft.key, "")) for draft in drafts]


def _at_least(key: str, what: str, wanted: float, measured: Interval, detail: str = "") -> Target:
    status = _status(measured.value >= wanted, measured.value)
    return Target(key, what, f"at least {wanted:g}", measured, detail, status, "")


def _status(is_met: bool, value: float) -> Status:
    if np.isnan(value):
        return Status.NOT_MEASURED
    return Status.MET if is_met else Status.MISSED


def _recalls(found: Findings) -> Iterator[Target]:
    budget = "at 1 false alarm in 10,000 conversations"
    for key, kind, wanted, seen in (
        ("packets-recall", InputKind.PACKETS, 0.98, "packets"),
        ("no-payload-recall", InputKind.NO_PAYLOAD, 0.95, "packets without payload"),
    ):
        recall, detail = _real_recall(found, kind)
        what = f"Recall of fused on real sources, {seen}, {budget}"
        yield _at_least(key, what, wanted, recall, detail)
    tls = found.evasions["tls"].get(InputKind.PACKETS)
    what = f"Recall of fused on mining in TLS, packets, {budget}"
    if tls is None:
        yield _at_least("tls-recall", what, 0.95, _NOTHING)
    else:
        yield _at_least("tls-recall", what, 0.95, tls.recall, _hidden_detail(tls))


def _real_recall(found: Findings, kind: InputKind) -> tuple[Interval, str]:
    of = found.scopes.get(REAL, {}).get(kind)
    if of is None:
        return _NOTHING, ""
    at = of.measures[FUSED].budgets[BUDGET]
    if at.own is None:
        return _NOTHING, ""
    detail = (
        f"{at.own.found:,} of {at.own.mining:,}, {at.own.false_alarms} of {at.allowed} "
        "false alarms allowed"
    )
    if at.trained is not None:
        detail += (
            f"; trained threshold: {at.trained.recall.value:.3f} with "
            f"{at.trained.false_alarms:,} false alarms in {at.trained.normal:,}"
        )
    return at.own.recall, detail


def _hidden_detail(of: Hidden) -> str:
    detail = f"{of.found:,} of {of.mining:,}"
    if of.trained is not None and of.own is not None:
        detail += f"; trained threshold: {of.trained.value:.3f}"
    return detail


def _cesnet(found: Findings) -> Target:
    what = "Macro-F1 of fused on CESNET, pools left out (a random forest on everything: 0.82)"
    for recorder, inputs in found.recorders.items():
        if recorder.startswith(_CESNET) and InputKind.FIRST_30 in inputs:
            of = inputs[InputKind.FIRST_30][FUSED]
            detail = f"{of.mining:,} mining, {of.normal:,} normal"
            return _at_least("cesnet-macro-f1", what, 0.95, of.macro_f1, detail)
    return _at_least("cesnet-macro-f1", what, 0.95, _NOTHING)


def _flow_logs(found: Findings) -> Iterator[Target]:
    for key, kind, wanted in (
        ("flow-log-600s-recall", InputKind.FLOWS_600, 0.90),
        ("flow-log-60s-recall", InputKind.FLOWS_60, 0.95),
    ):
        what = (
            f"Recall of fused on real sources, {kind.interval_s:g} s flow logs, after 30 minutes, "
            "at 1 false alarm in 10,000 conversation-hours"
        )
        of = found.scopes.get(REAL, {}).get(kind)
        log = of.flow_logs.get(FUSED) if of else None
        if log is None or log.own is None:
            yield _at_least(key, what, wanted, _NOTHING)
            continue
        detail = (
            f"{log.own.found:,} of {log.own.mining:,}, {log.own.false_alarms} of {log.allowed} "
            f"false alarms allowed in {log.hours:,.0f} h"
        )
        if log.trained is not None:
            detail += (
                f"; trained threshold: {log.trained.recall.value:.3f} with "
                f"{log.trained.per_10000_hours:.2f} per 10,000 h"
            )
        yield _at_least(key, what, wanted, log.own.recall, detail)


def _delays(found: Findings) -> Iterator[Target]:
    for key, delays, wanted, what in (
        ("plaintext-delay", found.plaintext, INTERVAL_S, "plaintext, packets"),
        (
            "no-payload-delay",
            found.active,
            ACTIVE_S,
            f"without payload, mining that lasts over {ACTIVE_S:g} s",
        ),
    ):
        yield _delay(key, f"Median time to detect on real sources, {what}", wanted, delays)


def _delay(key: str, what: str, wanted: float, delays: Delays | None) -> Target:
    own = delays.own if delays else None
    wish = f"at most {wanted:g} s"
    if delays is None or own is None:
        return Target(key, what, wish, _NOTHING, "", Status.NOT_MEASURED, "")
    detail = f"{own.found:,} of {own.mining:,} found{_trained_delay(delays.trained)}"
    status = _status(own.median_s.value <= wanted, own.median_s.value)
    return Target(key, what, wish, own.median_s, detail, status, "")


def _trained_delay(trained: Delay | None) -> str:
    if trained is None:
        return ""
    median = trained.median_s.value
    told = "never" if np.isinf(median) else f"{median:g} s"
    return f"; trained threshold: {told}, {trained.found:,} found"


def _evasions(found: Findings) -> Iterator[Target]:
    for name in evasions.EVASIONS:
        row = found.evasions[name]
        for group, kinds in (("packets", _WITH_PACKETS), ("flow-logs", _FLOW_LOGS)):
            cells = {
                kind: row[kind]
                for kind in kinds
                if kind in row and not np.isnan(row[kind].recall.value)
            }
            key = f"evasion-{name}-{group}"
            seen = group.replace("-", " ")
            what = f"Recall of fused on mining that hides by {ROWS[name]}, {seen}"
            if not cells:
                yield _at_least(key, what, evasions.WANTED, _NOTHING)
                continue
            kind, worst = min(cells.items(), key=lambda cell: cell[1].recall.value)
            detail = f"worst input, {kind.value}: {_hidden_detail(worst)}"
            yield _at_least(key, what, evasions.WANTED, worst.recall, detail)


def _comparisons(found: Findings) -> Iterator[Target]:
    for kind in InputKind:
        of = found.scopes.get(REAL, {}).get(kind)
        if of is None:
            continue
        key, what = f"better-{kind.value}", f"Fused better than each detector alone, {kind.value}"
        if not of.comparisons:
            yield Target(key, what, "each", _NOTHING, "", Status.NOT_MEASURED, "")
            continue
        # The closest rival is the one with the least that fused finds more.
        rival = min(of.comparisons, key=lambda other: (other.is_better, other.difference.value))
        behind = [other for other in of.comparisons if not other.is_better]
        status = Status.MISSED if behind else Status.MET
        yield Target(
            key, what, "each", rival.difference, _comparison_detail(rival, behind), status, ""
        )


def _comparison_detail(rival: Comparison, behind: list[Comparison]) -> str:
    detail = f"recall {rival.fused:.3f} against {rival.recall:.3f} of {rival.detector}, the closest"
    if behind:
        detail += f"; not better than {', '.join(other.detector for other in behind)}"
    return detail


def _handed_in(measured: Mapping[str, float]) -> Iterator[Target]:
    for key, (what, wanted) in MEASURED.items():
        value = measured.get(key, float("nan"))
        is_floor = key == "conversations-per-second"
        status = _status(value >= wanted if is_floor else value <= wanted, value)
        wish = f"{'at least' if is_floor else 'at most'} {wanted:,.0f}"
        yield Target(key, what, wish, Interval(value), "", status, "")
