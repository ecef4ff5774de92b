# SPDX-License-Identifier: Apache-2.0
"""Whether anybody changed an audit log.

Found is a line that was edited, left out, put in or moved (the chain breaks), and lines cut off at
the end (the anchor is ahead). What cannot be found: a log and an anchor that somebody who may write
to both made anew from some line on. Keep a copy of the anchor elsewhere, and give it as
``expected``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from minewatch.errors import ResponseError
from minewatch.response.audit import (
    ANCHOR_SUFFIX,
    START,
    Anchor,
    digest_of,
    lines_of,
    read_anchor,
)
from minewatch.response.entries import Action, entry_of

MAX_PROBLEMS: Final = 20


@dataclass(slots=True)
class Findings:
    """What became of a check."""

    last: Anchor = START
    """Of what was read."""
    problems: list[str] = field(default_factory=list)
    """What is wrong, with its line; the first ones."""
    notes: list[str] = field(default_factory=list)
    """What is odd and no proof of anything: the traces of a crash."""

    def add(self, problem: str) -> None:
        """Add a problem, if there is room.

        Parameters
        ----------
        problem : one line.
        """
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def check_log(path: Path, expected: Anchor | None = None) -> Findings:
    """Check the chain from the first line to the anchor.

    Parameters
    ----------
    path : the log.
    expected : an anchor that was kept elsewhere: its line must still be there.

    Raises
    ------
    ResponseError : it cannot be read.
    """
    found = Findings()
    is_met = expected is None or expected.number == 0
    try:
        anchor: Anchor | None = read_anchor(path.with_name(path.name + ANCHOR_SUFFIX))
    except ResponseError as error:
        anchor = None
        found.add(str(error))
    is_anchored = anchor is None or anchor.number == 0
    last, torn = START, list[int]()
    try:
        with open(path, "rb") as file:
            for line in lines_of(file):
                text = line.removesuffix(b"\n")
                last, torn = _step(found, last, text, torn)
                if anchor is not None and anchor.number == last.number:
                    is_anchored = anchor == last
                if expected is not None and expected.number == last.number:
                    is_met = expected == last
                if not line.endswith(b"\n"):
                    found.notes.append(f"line {last.number}: cut off while it was written")
    except OSError as error:
        raise ResponseError(f"{path}: cannot be read ({error.strerror})") from error
    found.last = last
    if torn:
        found.notes.append(f"line {last.number}: the last one, and no entry")
    for number in torn[:-1]:
        # A crash while a crash is told of: the anchor knows all but the last.
        if anchor is None or number > anchor.number:
            found.add(f"line {number}: no entry, and nothing tells of a crash")
    _compare(found, anchor, is_anchored, expected, is_met)
    return found


def _step(found: Findings, last: Anchor, text: bytes, torn: list[int]) -> tuple[Anchor, list[int]]:
    """Check one line; return it as the last one, and which lines up to it are no entries."""
    number = last.number + 1
    here = Anchor(number, digest_of(text))
    try:
        entry = entry_of(text)
    except ValueError:
        return here, [*torn[-MAX_PROBLEMS:], number]
    for one in torn:
        if entry.deed.action is Action.RECOVERED:
            found.notes.append(f"line {one}: cut off while it was written")
        else:
            found.add(f"line {one}: no entry, and line {number} does not tell of a crash")
    if entry.number != number:
        found.add(f"line {number}: has the number {entry.number}: lines are missing or were moved")
    if entry.previous != last.digest:
        found.add(f"line {number}: does not follow line {last.number}: one of them was changed")
    return here, []


def _compare(
    found: Findings,
    anchor: Anchor | None,
    is_anchored: bool,
    expected: Anchor | None,
    is_met: bool,
) -> None:
    """Compare what was read with the anchors."""
    if anchor is not None:
        if anchor.number == 0 and found.last.number > 1:
            found.add("the anchor is gone")
        elif anchor.number > found.last.number:
            n = anchor.number - found.last.number
            found.add(f"the anchor knows {n} lines more: they were cut off")
        elif not is_anchored:
            found.add(f"line {anchor.number}: not the line that the anchor knows")
        elif found.last.number - anchor.number == 1:
            found.notes.append("one line is younger than the anchor: a crash between the two")
        elif found.last.number - anchor.number > 1:
            found.add(f"lines after {anchor.number} are unknown to the anchor: not written by us")
    if not is_met and expected is not None:
        found.add(f"line {expected.number}: not the line that was expected: the log was made anew")
