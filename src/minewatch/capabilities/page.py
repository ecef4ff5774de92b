# SPDX-License-Identifier: Apache-2.0
"""The capability table as Markdown: what the command prints, and docs/reference holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minewatch.capabilities.recall import Measurements
from minewatch.capabilities.table import (
    RECALL_HEADS,
    TELL_HEADS,
    Capability,
    ready_rows,
    recall_rows,
    tell_rows,
)


def page_lines(found: Sequence[Capability], measurements: Measurements) -> Iterator[str]:
    """Yield the page's lines, without a heading of the first level.

    Parameters
    ----------
    found : the table.
    measurements : of the benchmark.
    """
    yield from ("## What it tells", "")
    yield from markdown(TELL_HEADS, tell_rows(found))
    yield from ("", "## Which detectors work", "")
    yield "Asked of the detectors themselves: three miners of one pool, as each input shows"
    yield "them. The time is when a detector first gives a probability, which is not yet a find;"
    yield "after two and a half hours the example ends. `intel` has the list of names that ships; a"
    yield "list of addresses of your own works on every input."
    yield ""
    heads, rows = ready_rows(found)
    yield from markdown(heads, rows)
    yield from ("", "## What it cannot tell", "")
    for one in found:
        blind = "; ".join(one.blind_to) or "nothing that packets tell"
        note = f" {one.entry.note}" if one.entry.note else ""
        yield f"- **{one.entry.title}**: {blind}.{note}"
    yield from ("", "## What was found", "")
    yield "Recall of the joint verdict on mining that lasts over half an hour, recorders left out"
    yield "of training, at one false alarm among all normal conversations of the real sources, each"
    yield "with its highest score of all moments; in brackets the 95 % interval over recorders and"
    yield 'hosts. "Labelled mining" is what `scan` reports without an option: of captures from a'
    yield "probability of 0.5 on, of flow logs from the lowest at which it labelled none of these"
    yield "normal conversations in records of minewatch: chosen with sight of them, which flatters."
    yield "`--threshold` and `--budget` choose another."
    yield "The intervals are wide because four recorders hold mining. Logs were measured on"
    yield f"{measurements.date} by `{measurements.made_by}`"
    yield "([all of it](../benchmark/formats.md)), packets and records of minewatch by"
    yield f"`{measurements.captures_made_by}`"
    yield "([benchmark](../benchmark/README.md))."
    yield ""
    yield from markdown(RECALL_HEADS, recall_rows(found))


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    r"""Yield a table.

    Parameters
    ----------
    heads : of the columns.
    rows : cells.

    Examples
    --------
    >>> list(markdown(("a",), [("x|y",)]))
    ['| a |', '|---|', '| x\\|y |']
    """
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
