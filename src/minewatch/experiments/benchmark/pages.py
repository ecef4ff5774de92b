# SPDX-License-Identifier: Apache-2.0
"""The benchmark's report: what was to be shown, what was measured, and on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from minewatch.experiments.benchmark import tables
from minewatch.experiments.benchmark.findings import BUDGET, Findings, OfInput
from minewatch.experiments.benchmark.format_tables import format_blocks
from minewatch.experiments.benchmark.scores import FUSED
from minewatch.experiments.benchmark.targets import Status, Target
from minewatch.experiments.benchmark.units import LAB, REAL, SIMULATOR
from minewatch.experiments.paper.document import Block, Heading, Items, Paragraph, Picture

INTRODUCTION: Final = "introduction"
"""Key of the note that stands below the title."""
_SCOPES: Final = {
    REAL: "Real sources",
    LAB: "The lab",
    SIMULATOR: "The simulator",
}
STYLE: Final = """
:root { color-scheme: light dark; }
body { max-width: 80rem; }
td:first-child, th:first-child { white-space: nowrap; }
tr:nth-child(even) td { background: #f7f7f7; }
figure img { background: #fff; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #16181c; }
  th { background: #2a2e35; }
  th, td { border-color: #555; }
  tr:nth-child(even) td { background: #1d2026; }
  figcaption, caption { color: #aaa; }
  code { background: #2a2e35; }
}
"""


def pages(
    found: Findings,
    reached: Sequence[Target],
    title: str,
    notes: Mapping[str, str],
    captions: Mapping[str, str],
) -> list[Block]:
    """Return the whole report.

    Parameters
    ----------
    found : all measures.
    reached : the targets.
    title : of the report.
    notes : analyses by target's key, an introduction, and whatever else by its heading.
    captions : of the figures that were drawn, by file.
    """
    return [
        Heading(1, title),
        *([Paragraph(notes[INTRODUCTION])] if INTRODUCTION in notes else []),
        *_targets(reached),
        *_reading(),
        *_data(found),
        *_scope(found, REAL, captions),
        *_comparisons(found),
        *_delays(found, captions),
        *_flow_logs(found),
        *format_blocks(found.formats.get(found.main_scope, {}), "Kinds of flow logs"),
        *_calibration(found, captions),
        *_recorders(found),
        *_evasions(found, captions),
        *_variants(found, captions),
        *_scope(found, LAB, captions),
        *_scope(found, SIMULATOR, captions),
        *_notes(reached, notes),
    ]


def _targets(reached: Sequence[Target]) -> list[Block]:
    counts = {status: sum(target.status is status for target in reached) for status in Status}
    summary = ", ".join(f"{count} {status.value}" for status, count in counts.items())
    blocks: list[Block] = [
        Heading(2, "What it must show"),
        Paragraph(
            f"{len(reached)} targets: {summary}. A target with a budget of false alarms is judged "
            "at the point of the ROC that spends this budget on the real normal traffic left out; "
            "what the threshold chosen in training does stands beside it."
        ),
        tables.target_table(reached),
    ]
    missed = [target for target in reached if target.status is Status.MISSED]
    if missed:
        texts = [
            f"{target.what} (`{target.key}`): {target.analysis or 'no analysis yet'}"
            for target in missed
        ]
        blocks += [Heading(3, "What was missed, and why"), Items(texts)]
    return blocks


def _reading() -> list[Block]:
    return [
        Heading(2, "How to read the numbers"),
        Items(
            [
                "Every score is of a conversation whose source was left out of training. A mining "
                "conversation that the gate stopped, or that a detector was not ready for, counts "
                "as missed; a normal one as no false alarm.",
                'Budgets are false alarms in 100,000 normal conversations. "Trained threshold": '
                "chosen on training data alone, with the false alarms that it then really made. "
                '"Own ROC": the threshold that spends the budget on the very conversations left '
                "out, which nobody could have known; it compares detectors at the same cost.",
                "In brackets: the 95 % interval from drawing recorders again, and hosts within "
                "them. Where all hosts agree it is the exact binomial one with one trial a host. "
                "A value without brackets is the same in every draw, or can be drawn too seldom.",
                "At base rate: mining weighted to 2 in 1,000 conversations.",
                "Macro-F1 calls each conversation what is more probable at the prevalence of the "
                "conversations scored, without any threshold to choose.",
                "Alerts per host-day are about normal traffic; conversations of one host with "
                "one far end are one alert.",
                "Skill is 1 less the Brier score over that of always saying the prevalence.",
            ]
        ),
    ]


def _data(found: Findings) -> list[Block]:
    blocks: list[Block] = [Heading(2, "The data"), tables.data_table(found)]
    for kind, of in found.scopes.get(REAL, {}).items():
        fused = of.measures[FUSED]
        if fused.normal:
            text = tables.resolution(fused.budgets, fused.normal)
            blocks.append(Paragraph(f"Real sources, {kind}: {text}"))
    return blocks


def _scope(found: Findings, scope: str, captions: Mapping[str, str]) -> list[Block]:
    inputs = found.scopes.get(scope)
    if not inputs:
        return []
    blocks: list[Block] = [Heading(2, _SCOPES[scope])]
    for kind, of in inputs.items():
        blocks.append(Heading(3, f"{_SCOPES[scope]}: {kind}"))
        if scope == found.main_scope:
            blocks += [tables.budget_table(of.measures), tables.area_table(of.measures)]
            blocks += _picture(f"roc-{kind}.png", captions)
        else:
            blocks += [
                tables.budget_table(of.measures, (BUDGET,)),
                tables.area_table(of.measures),
            ]
    if scope == found.main_scope:
        blocks += _picture("pr.png", captions)
    return blocks


def _picture(name: str, captions: Mapping[str, str]) -> list[Block]:
    return [Picture(name, captions[name])] if name in captions else []


def _main(found: Findings) -> Mapping[str, OfInput]:
    return found.scopes.get(found.main_scope, {})


def _comparisons(found: Findings) -> list[Block]:
    rows = {kind: of.comparisons for kind, of in _main(found).items() if of.comparisons}
    if not rows:
        return []
    return [
        Heading(2, "Fused against each detector"),
        Paragraph(
            "Each at its own ROC, so all at the same budget; differences in the same draws. Of "
            "two that find as many, the one with the larger PR-AUC at the base rate is better."
        ),
        tables.comparison_table(rows),
    ]


def _delays(found: Findings, captions: Mapping[str, str]) -> list[Block]:
    delays = {kind: of.delays for kind, of in _main(found).items()}
    return [
        Heading(2, "Time to detect"),
        Paragraph(
            f"Seconds of a mining conversation that were seen when its score first passed the "
            f"threshold of {BUDGET} in 100,000. The median is over all mining conversations; "
            '"never" when half are never found. Looking at several moments makes more false '
            "alarms than looking once: how many is in the last column."
        ),
        tables.delay_table(delays),
        *_picture("time-to-detect.png", captions),
        Paragraph("Fused, of the mining conversations that last that long, found by then:"),
        tables.horizon_table({kind: of[FUSED] for kind, of in delays.items()}),
    ]


def _flow_logs(found: Findings) -> list[Block]:
    logs = {kind: of.flow_logs for kind, of in _main(found).items() if of.flow_logs}
    if not logs:
        return []
    of = next(iter(next(iter(logs.values())).values()))
    resolved = "" if of.is_resolved else ", which cannot be told from none"
    return [
        Heading(2, "Flow logs after half an hour"),
        Paragraph(
            f"Mining that lasts over 30 minutes, found by then. {of.hours:,.0f} hours of normal "
            f"conversations allow {of.allowed} false alarms at 1 in 10,000 hours{resolved}; "
            "one counts whenever it happens."
        ),
        tables.flow_log_table(logs),
    ]


def _calibration(found: Findings, captions: Mapping[str, str]) -> list[Block]:
    return [
        Heading(2, "Calibration"),
        *_picture("calibration.png", captions),
        tables.bin_table({kind: of.measures[FUSED] for kind, of in _main(found).items()}),
    ]


def _recorders(found: Findings) -> list[Block]:
    return [
        Heading(2, "Each recorder"),
        Paragraph(
            f'Fused at {BUDGET} in 100,000; "own ROC" is that of all real normal traffic. The '
            "rate is a one-sided 95 % bound, were conversations independent."
        ),
        tables.recorder_table(found),
    ]


def _evasions(found: Findings, captions: Mapping[str, str]) -> list[Block]:
    if not any(found.evasions.values()):
        return []
    return [
        Heading(2, "Evasions"),
        Paragraph(
            f"Recall of fused at {BUDGET} in 100,000 on mining of all sources, by how it hides; a "
            "miner that hides in two ways is in two rows."
        ),
        tables.evasion_table(found.evasions),
        *_picture("evasions.png", captions),
    ]


def _variants(found: Findings, captions: Mapping[str, str]) -> list[Block]:
    if not found.variants:
        return []
    main = {kind: of.measures[FUSED] for kind, of in _main(found).items()}
    return [
        Heading(2, "Ablation, and other splits"),
        Paragraph(
            "Fused without a family of features, or split otherwise. A random split has "
            "conversations of the same hosts and captures on both sides: it flatters."
        ),
        tables.variant_table(main, found.variants),
        *_picture("ablation.png", captions),
    ]


def _notes(reached: Sequence[Target], notes: Mapping[str, str]) -> list[Block]:
    known = {INTRODUCTION, *(target.key for target in reached)}
    blocks: list[Block] = []
    for name in sorted(set(notes) - known):
        blocks += [Heading(2, name), Paragraph(notes[name])]
    return blocks
