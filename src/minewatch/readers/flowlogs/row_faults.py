# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the rows of a block: found many rows at a time, told row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.records import MAX_EXAMPLES, RecordCounters
from minewatch.types import BoolArray, Int64Array

_FOUND_CHARACTERS: Final = 60
"""Of a value that is no good so many are shown."""
_FINE: Final = -1


@dataclass(frozen=True, slots=True)
class _Kind:
    """One thing that can be wrong with a row."""

    reason: str
    cure: str
    found: pl.Series | None
    is_ignored: bool


class RowFaults:
    """Which rows of a block cannot be used, and why; the first reason of a row counts.

    Parameters
    ----------
    numbers : number of each row, as its line.
    place : from such a number to what the user reads, as ``a.log:17``.

    Examples
    --------
    >>> faults = RowFaults(np.array([7, 8]), "a.log:{}".format)
    >>> faults.mark(np.array([False, True]), "ts is no number", "found", pl.Series(["1", "x"]))
    >>> counters = RecordCounters()
    >>> faults.settle(counters, strict=False)
    array([ True, False])
    >>> counters.examples
    ["a.log:8: ts is no number; found 'x'"]
    """

    def __init__(self, numbers: Int64Array, place: Callable[[int], str]) -> None:
        self._numbers = numbers
        self._place = place
        self._codes: npt.NDArray[np.int16] = np.full(len(numbers), _FINE, np.int16)
        self._kinds: list[_Kind] = []
        self._repairs: list[tuple[BoolArray, str, str]] = []

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._numbers)

    @property
    def fine(self) -> BoolArray:
        """Rows with which nothing is wrong yet."""
        fine: BoolArray = self._codes == _FINE
        return fine

    def mark(self, rows: BoolArray, reason: str, cure: str, found: pl.Series | None = None) -> None:
        """Tell that rows cannot be used.

        Parameters
        ----------
        rows : true for those rows.
        reason : a few words.
        cure : what the user can do; ``found`` is told after it.
        found : what stood there, for each row of the block.
        """
        self._add(rows, _Kind(reason, cure, found, is_ignored=False))

    def ignore(self, rows: BoolArray, reason: str) -> None:
        """Tell that rows speak of no flow, which is no fault.

        Parameters
        ----------
        rows : true for those rows.
        reason : a few words.
        """
        self._add(rows, _Kind(reason, "", None, is_ignored=True))

    def repair(self, rows: BoolArray, what: str, cure: str) -> None:
        """Tell that something of rows was put right.

        Parameters
        ----------
        rows : true for those rows.
        what : what was put right, in a few words.
        cure : what was done.
        """
        if rows.any():
            self._repairs.append((rows, what, cure))

    def settle(self, counters: RecordCounters, *, strict: bool) -> BoolArray:
        """Count the rows of the block, each as parsed, ignored or faulty; return the parsed ones.

        Parameters
        ----------
        counters : of the input.
        strict : stop at the first fault or repair.

        Raises
        ------
        SourceError : ``strict``, and there is one.
        """
        fine = self.fine
        counters.rows_seen += len(self)
        counters.rows_parsed += int(fine.sum())
        if strict:
            self._stop_at_first(fine, counters)
        if not fine.all():
            self._count_faults(counters)
        for rows, what, cure in self._repairs:
            put_right = np.flatnonzero(rows & fine)
            if len(put_right):
                place = self._place(int(self._numbers[put_right[0]]))
                counters.repair(what, place, cure, len(put_right), strict=False)
        return fine

    def _add(self, rows: BoolArray, kind: _Kind) -> None:
        new = rows & self.fine
        if new.any():
            self._codes[new] = len(self._kinds)
            self._kinds.append(kind)

    def _stop_at_first(self, fine: BoolArray, counters: RecordCounters) -> None:
        """Raise the first fault or repair, whichever row comes first."""
        faulty = self._is_faulty()
        fault_at = int(faulty.argmax()) if faulty.any() else len(self)
        repairs = [
            (int((rows & fine).argmax()), what, cure)
            for rows, what, cure in self._repairs
            if (rows & fine).any()
        ]
        at, what, cure = min(repairs, default=(len(self), "", ""))
        if at < fault_at:
            counters.repair(what, self._place(int(self._numbers[at])), cure, strict=True)
        if fault_at < len(self):
            self._tell(fault_at, counters, strict=True)

    def _is_faulty(self) -> BoolArray:
        is_ignored = np.array([kind.is_ignored for kind in self._kinds] or [True])
        faulty: BoolArray = ~self.fine & ~is_ignored[self._codes]
        return faulty

    def _tell(self, row: int, counters: RecordCounters, *, strict: bool) -> None:
        kind = self._kinds[self._codes[row]]
        found = "" if kind.found is None else f" {_shown(kind.found[row])}"
        place = self._place(int(self._numbers[row]))
        counters.fault(kind.reason, place, kind.cure + found, strict=strict)

    def _count_faults(self, counters: RecordCounters) -> None:
        """Tell of the first faults, and count the others."""
        told = np.flatnonzero(self._is_faulty())[:MAX_EXAMPLES]
        for row in told.tolist():
            self._tell(row, counters, strict=False)
        counts = np.bincount(self._codes[~self.fine], minlength=len(self._kinds))
        counts -= np.bincount(self._codes[told], minlength=len(self._kinds))
        for kind, n in zip(self._kinds, counts.tolist(), strict=True):
            if n:
                (counters.ignored if kind.is_ignored else counters.faulty)[kind.reason] += n


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    cut = text if len(text) <= _FOUND_CHARACTERS else f"{text[:_FOUND_CHARACTERS]}..."
    return repr(cut)
