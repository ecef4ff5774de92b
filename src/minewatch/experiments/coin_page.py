# SPDX-License-Identifier: Apache-2.0
"""The page of ``coin_report``: how it was made, what it says, its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from minewatch.experiments.coin_tables import coin_markdown, share
from minewatch.experiments.coins import CONFUSION_S, POOLS, RANDOM, RECORDED
from minewatch.training.corpus.views import InputKind

OFTEN: Final = 0.9
"""An algorithm never seen should be left unknown so often, at least."""
SELDOM: Final = 0.5
"""One that is trained on should be named more often than that."""
FEW: Final = 100
"""Fewer conversations give an impression only."""
MADE_BY_LAB: Final = re.compile(r"lab-\d+")
_HEAD: Final = """# What is mined: the benchmark

How well minewatch tells [what is mined](../concepts/what-coin.md) when it cannot read it, on pools
that it has not been trained on; the paper's second experiment with a fair split. Made by

    {command}

## What it says

"""


def coin_page(report: Mapping[str, Any], command: str) -> str:
    """Return the whole page of a report.

    Parameters
    ----------
    report : of ``coin_report``.
    command : what made it, for those who want to make it again.
    """
    found = "\n".join(f"- {text}" for text in coin_findings(report))
    return f"{_HEAD.format(command=command)}{found}\n\n{coin_markdown(report)}"


def coin_findings(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the figures say, a sentence or two each.

    Parameters
    ----------
    report : of ``coin_report``.
    """
    yield from _by_split(report)
    yield from _missed(report["confusion"]["algorithm"][InputKind.NO_PAYLOAD.value])
    for one in report["shipped"]:
        is_lab = MADE_BY_LAB.fullmatch(one["source"]) is not None
        if is_lab and (one["question"], one["input"]) == ("algorithm", InputKind.NO_PAYLOAD.value):
            yield (
                f"The model that ships was not trained on {one['source']}, our programs over real "
                f"connections: of its {one['conversations']:,} conversations it answers "
                f"{share(one['answered'])}, of these {share(one['right_of_answered'])} rightly."
            )
    mistaken = [
        f"{row['algorithm']} is then called {row['most_often_called']} or another known one in "
        f"{share(1 - row['unknown'])}"
        for row in report["novel"]
        if row["unknown"] < OFTEN
    ]
    if mistaken:
        yield (
            "An algorithm that was never trained on should be left unknown. It is not always: "
            f"{'; '.join(mistaken)}. So an answer by shape is a hint, not evidence."
        )


def _by_split(report: Mapping[str, Any]) -> Iterator[str]:
    packets = InputKind.NO_PAYLOAD
    by_chance, fair = (_algorithm(report, split, packets) for split in (RANDOM, POOLS))
    if fair and by_chance:
        yield (
            "Without payload, after ten minutes, the algorithm is right in "
            f"{share(fair['accuracy'])} of the conversations with pools never seen (macro "
            f"{share(fair['macro_recall'])}). A random split flatters: "
            f"{share(by_chance['accuracy'])} (macro {share(by_chance['macro_recall'])})."
        )
        yield (
            f'{share(fair["answered"])} of them get an answer, the others "unknown"; of the '
            f"answers {share(fair['right_of_answered'])} are right, where "
            f"{report['precision']:.2f} was aimed at."
        )
    if log := _algorithm(report, POOLS, InputKind.FLOWS_60):
        yield (
            f"A flow log of 60 s tells little: {share(log['answered'])} get an answer, though the "
            f"likeliest would be right in {share(log['accuracy'])}."
        )
    if real := _algorithm(report, RECORDED, packets):
        few = ", too few for more than an impression" if real["conversations"] < FEW else ""
        yield (
            f"Learnt from simulator and lab alone, {real['conversations']:,} recorded "
            f"conversations{few}: {share(real['accuracy'])} right, {share(real['answered'])} "
            f"answered, of these {share(real['right_of_answered'])} right."
        )


def _missed(confusion: Mapping[str, Any]) -> Iterator[str]:
    """Yield which algorithms are named less often than not."""
    rows = zip(confusion["truth"], confusion["counts"], strict=True)
    named = {name: (counts[confusion["answers"].index(name)], sum(counts)) for name, counts in rows}
    missed = [
        f"{name} ({right} of {total})"
        for name, (right, total) in named.items()
        if right < SELDOM * total
    ]
    if missed:
        yield f"Named less often than not, without payload: {', '.join(missed)}."


def _algorithm(report: Mapping[str, Any], split: str, kind: InputKind) -> Mapping[str, Any] | None:
    """Return the figures of the algorithm after ten minutes, None if nothing was counted."""
    for one in report["splits"].get(split, ()):
        place = (one["question"], one["input"], one["horizon_s"])
        if place == ("algorithm", kind.value, CONFUSION_S) and one["conversations"]:
            return dict(one)
    return None
