# SPDX-License-Identifier: Apache-2.0
"""The report on what ships: what it found, at which threshold, and what it got wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from minewatch import gate
from minewatch.experiments.paper.document import Block, Heading, Items, Paragraph, Table
from minewatch.experiments.shipped.measure import Measured
from minewatch.experiments.shipped.mistakes import Mistakes
from minewatch.experiments.shipped.parts import Part, at_all, kinds_of, part_of, sources_of
from minewatch.experiments.shipped.results import notes_of, rule_text
from minewatch.output.records import capture_name, printable
from minewatch.output.terminal import counted, endpoint

TOGETHER: Final = "together"
MAX_ROWS: Final = 50
"""Mistakes of a kind in the report; the file beside it has more."""
MAX_RULES: Final = 20
READING: Final = (
    "Nothing was trained or tuned here: the detectors, models, fusion and thresholds are those "
    "that `minewatch scan` uses when it is told nothing.",
    "Every labelled conversation counts. One that the gate stopped was not scored: if it is "
    "mining, it counts as not found. Conversations that no rule matches, or that are to be "
    "skipped, do not count.",
    "In brackets: the 95 % interval of Wilson, in percent. It takes conversations for independent; "
    "those of one host or one miner are alike, so that what is known of other hosts is less than "
    "it says.",
    "Conversations that the models that ship may have learnt from flatter these figures: public "
    "captures of miners, and whatever the lab or the simulator of minewatch made, the "
    "demonstration capture among it. Believe what was recorded on your own network.",
    "Traffic that is named twice, as a capture and as the log of it, counts once as either kind, "
    "and twice together.",
)


def pages(measured: Measured) -> list[Block]:
    """Return the report.

    Parameters
    ----------
    measured : everything.
    """
    return [
        Heading(1, "What ships, on labelled traffic of your own"),
        Heading(2, "Found, and false alarms"),
        _summary(measured),
        Heading(2, "How to read the numbers"),
        Items(READING),
        Heading(2, "By source"),
        _by_source(measured),
        Heading(2, "At other thresholds"),
        Paragraph("`*` is the threshold in use."),
        _at_thresholds(measured),
        *_stopped(measured),
        *_mistakes("False alarms", measured.false_alarms),
        *_mistakes("Miners that were missed", measured.missed),
        Heading(2, "What was read"),
        _inputs(measured),
        *_unmatched(measured),
        *_listed("What could not be read", measured.problems),
        *_listed("What was not used", notes_of(measured)),
    ]


def summary_rows(measured: Measured) -> list[tuple[str, str, str, str]]:
    """Return input, threshold, found and false alarms, of each kind of input and together.

    Parameters
    ----------
    measured : everything.
    """
    kinds = kinds_of(measured)
    rows = [_row(kind, f"{measured.own[kind]:.4g}", part_of(measured, kind)) for kind in kinds]
    if len(kinds) > 1:
        rows.append(_row(TOGETHER, "its own", part_of(measured)))
    return rows


def _row(name: str, threshold: str, part: Part) -> tuple[str, str, str, str]:
    return name, threshold, part.found.text, part.false_alarms.text


def _summary(measured: Measured) -> Table:
    heads = ("input", "threshold", "mining found", "false alarms among normal")
    return Table(heads, summary_rows(measured))


def _by_source(measured: Measured) -> Table:
    rows: list[tuple[str, ...]] = []
    for source in sources_of(measured):
        kinds = kinds_of(measured, source)
        for kind in kinds:
            part = part_of(measured, kind, source)
            rows.append((source, kind, part.found.text, part.false_alarms.text))
        if len(kinds) > 1:
            part = part_of(measured, source=source)
            rows.append((source, TOGETHER, part.found.text, part.false_alarms.text))
    return Table(("source", "input", "mining found", "false alarms among normal"), rows)


def _at_thresholds(measured: Measured) -> Table:
    rows: list[tuple[str, ...]] = []
    kinds = kinds_of(measured)
    for kind in [*kinds, *([TOGETHER] if len(kinds) > 1 else [])]:
        part = part_of(measured, None if kind == TOGETHER else kind)
        for threshold, (found, alarms) in at_all(measured, part):
            mark = " *" if measured.own.get(kind) == threshold else ""
            rows.append((kind, f"{threshold:.4g}{mark}", found.text, alarms.text))
    return Table(("input", "threshold", "mining found", "false alarms among normal"), rows)


def _stopped(measured: Measured) -> list[Block]:
    """Return why mining was not scored, as far as there was some."""
    rows = [
        (kind, reason, gate.REASONS.get(reason, ""), f"{count:,}")
        for kind in kinds_of(measured)
        for reason, count in part_of(measured, kind).mining.gated.most_common()
    ]
    if not rows:
        return []
    heads = ("input", "reason", "meaning", "mining conversations")
    return [Heading(2, "Mining that the gate stopped"), Table(heads, rows)]


def _mistakes(title: str, mistakes: Mistakes) -> list[Block]:
    if not mistakes.total:
        return [Heading(2, title), Paragraph("None.")]
    shown = mistakes.rows[:MAX_ROWS]
    heads = ("capture", "source", "initiator", "responder", "begins", "ends", "probability")
    blocks: list[Block] = [Heading(2, title), Table(heads, [_mistake(row) for row in shown])]
    if more := mistakes.total - len(shown):
        blocks.append(Paragraph(f"And {more:,} more; `shipped.json` lists {len(mistakes.rows):,}."))
    return blocks


def _mistake(row: Mapping[str, Any]) -> tuple[str, ...]:
    ends = (
        endpoint(row[f"{end}_address"], row[f"{end}_transport_port"], row["protocol_identifier"])
        for end in ("source", "destination")
    )
    p = row["probability"]
    told = f"not scored: {row['gate_reason']}" if p is None else f"{p:.3g}"
    return (row["capture"], row["source"], *ends, row["flow_start"], row["flow_end"], told)


def _inputs(measured: Measured) -> Table:
    rows = [
        (
            printable(capture_name(one.name)),
            one.kind,
            *(f"{n:,}" for n in (one.files, one.mining, one.normal, one.uncounted)),
        )
        for one in measured.inputs
    ]
    return Table(("capture", "input", "files", "mining", "normal", "not counted"), rows)


def _unmatched(measured: Measured) -> list[Block]:
    """Return rules of mining that found nothing to label: such a miner is in no figure."""
    texts = [
        f"{printable(capture_name(one.name))}: {rule_text(rule)}"
        for one in measured.inputs
        for rule in one.unmatched
    ]
    if not texts:
        return []
    intro = (
        f"{counted(len(texts), 'rule')} of mining matched no conversation, so that no figure "
        "tells of these miners: the input may not show them, or under another address (behind "
        "NAT) or port."
    )
    return [
        Heading(3, "Rules of mining that matched nothing"),
        Paragraph(intro),
        Items(_first(texts)),
    ]


def _listed(title: str, texts: Sequence[str]) -> list[Block]:
    if not texts:
        return []
    return [Heading(2, title), Items(_first([printable(" ".join(text.split())) for text in texts]))]


def _first(texts: Sequence[str]) -> list[str]:
    more = [f"and {len(texts) - MAX_RULES:,} more"] if len(texts) > MAX_RULES else []
    return [*texts[:MAX_RULES], *more]
