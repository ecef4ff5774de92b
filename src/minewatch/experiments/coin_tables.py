# SPDX-License-Identifier: Apache-2.0
"""The report of ``coin_report`` as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from minewatch.experiments.coins import CONFUSION_S, POOLS
from minewatch.training.corpus.views import InputKind

_TITLES: Final = {"algorithm": "Algorithm", "dialect": "Dialect", "pool_family": "Family of pool"}
_SHOWN: Final = (InputKind.NO_PAYLOAD, InputKind.FLOWS_60)
"""Inputs of the longest tables: the others lie between, or beside."""


def coin_markdown(report: Mapping[str, Any]) -> str:
    """Return the tables of a report, as a part of a page below a heading of level 2.

    Parameters
    ----------
    report : of ``coin_report``.
    """
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    sources = ", ".join(f"{name} {n}" for name, n in report["sources"].items())
    yield from ("## What is mined, told by shape", "")
    yield (
        f"{report['conversations']:,} mining conversations at {report['pools']:,} pools "
        f"({sources}). No payload, address, port or name is looked at. *Right* counts the "
        "likeliest answer of every conversation; *macro* is the mean over classes. *Answered* is "
        'what is not left at "unknown"; the threshold is chosen on training pools so that '
        f"{report['precision']:.0%} of the answers are right there. Intervals (95 %) are over "
        "draws of whole pools."
    )
    for question, title in _TITLES.items():
        yield from ("", f"### {title}", "")
        yield from _accuracy(report["splits"], question)
    yield from ("", "### Confusion, pools never seen", "")
    yield "After ten minutes. Rows are the truth."
    for question, title in _TITLES.items():
        for kind in _SHOWN:
            yield from ("", f"{title}, {kind}:", "")
            yield from _confusion(report["confusion"][question][kind.value])
    yield from ("", "### Sources left out", "")
    yield "The algorithm, from packets without payload of whole conversations."
    yield ""
    yield from _table(
        ("source", "conversations", "algorithms", "right", "answered", "of these right"),
        (
            (
                row["source"],
                f"{row['conversations']:,}",
                ", ".join(row["algorithms"]),
                *(share(row[name]) for name in ("accuracy", "answered", "right_of_answered")),
            )
            for row in report["left_out_sources"]
        ),
    )
    yield from ("", "### Algorithms left out", "")
    yield 'What a model calls an algorithm that it never saw; it should say "unknown".'
    yield ""
    yield from _table(
        ("algorithm", "conversations", "unknown", "else most often called"),
        (
            (
                row["algorithm"],
                f"{row['conversations']:,}",
                share(row["unknown"]),
                row["most_often_called"] or "-",
            )
            for row in report["novel"]
        ),
    )
    if report["shipped"]:
        yield from ("", "### The model that ships", "")
        yield "On sources that it was not trained on, after ten minutes."
        yield ""
        yield from _shipped(report["shipped"])
    yield from ("", "### By payload", "")
    yield from _payload(report["payload"])


def _accuracy(splits: Mapping[str, Sequence[Mapping[str, Any]]], question: str) -> Iterator[str]:
    columns = ("split", "input", "after", "n", "right", "macro", "answered", "of these right")
    rows = []
    for split, figures in splits.items():
        for one in figures:
            # How it grows with time is shown for the split that counts.
            is_shown = split == POOLS or one["horizon_s"] == CONFUSION_S
            if one["question"] != question or not one["conversations"] or not is_shown:
                continue
            interval = one["accuracy_interval"]
            rows.append(
                (
                    split,
                    one["input"],
                    f"{one['horizon_s']:,} s" if one["horizon_s"] else "its end",
                    f"{one['conversations']:,}",
                    f"{share(one['accuracy'])} ({share(interval[0])}-{share(interval[1])})",
                    *(
                        share(one[name])
                        for name in ("macro_recall", "answered", "right_of_answered")
                    ),
                )
            )
    yield from _table(columns, rows)


def _confusion(found: Mapping[str, Any]) -> Iterator[str]:
    rows = (
        (name, *map(str, counts))
        for name, counts in zip(found["truth"], found["counts"], strict=True)
    )
    yield from _table(("truth", *found["answers"]), rows)


def _shipped(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    columns = ("question", "source", "input", "n", "answered", "of these right")
    rows = (
        (
            _TITLES[one["question"]].lower(),
            one["source"],
            one["input"],
            f"{one['conversations']:,}",
            share(one["answered"]),
            share(one["right_of_answered"]),
        )
        for one in figures
        if one["input"] in _SHOWN
    )
    yield from _table(columns, rows)


def _payload(found: Mapping[str, int]) -> Iterator[str]:
    yield (
        f"Of {found['conversations']:,} conversations the dialect was read of "
        f"{found['dialect_read']:,}. Where labels say more: the algorithm was read of "
        f"{found['algorithm_read']:,}, {found['algorithm_right']:,} of them rightly; the coin to "
        f"be paid in of {found['coin_read']:,}, {found['coin_right']:,} of them rightly."
    )


def share(value: float | None) -> str:
    """Return a share as a cell.

    Parameters
    ----------
    value : from 0 to 1; None if there was nothing to count.

    Examples
    --------
    >>> share(0.98), share(None)
    ('0.980', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
