# SPDX-License-Identifier: Apache-2.0
"""How many labelled conversations there were, and how many of them reached which threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from minewatch.training.rules import Rule, first_matches
from minewatch.types import FloatArray, Int64Array


@dataclass(frozen=True, slots=True)
class Counts:
    """Some conversations that are all mining, or all normal.

    Parameters
    ----------
    conversations : all of them, those that the gate stopped too.
    flagged : labelled mining at the threshold of their own kind of input.
    at : labelled mining at each of the thresholds that were tried.
    gated : stopped by the gate, by reason.
    """

    conversations: int
    flagged: int
    at: tuple[int, ...]
    gated: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.conversations + other.conversations,
            self.flagged + other.flagged,
            tuple(a + b for a, b in zip(self.at, other.at, strict=True)),
            self.gated + other.gated,
        )


def summed(counts: Iterable[Counts], n_thresholds: int) -> Counts:
    """Return the sum of some counts.

    Parameters
    ----------
    counts : none of them is fine.
    n_thresholds : thresholds that were tried.

    Examples
    --------
    >>> summed([Counts(2, 1, (1,)), Counts(1, 1, (1,))], 1).flagged
    2
    """
    return sum(counts, start=Counts(0, 0, (0,) * n_thresholds))


class Tally:
    """The conversations of an input, by the rule that labels them.

    Parameters
    ----------
    rules : of the input, tried from first to last.
    thresholds : to try, rising.
    own : the one of them by which this kind of input is labelled.
    """

    def __init__(self, rules: Sequence[Rule], thresholds: Sequence[float], own: float) -> None:
        self._rules = rules
        self._thresholds = thresholds
        self._own = thresholds.index(own)
        # The last row, number -1, is of conversations that no rule matches.
        rows = len(rules) + 1
        self._scored = np.zeros(rows, np.int64)
        self._at = np.zeros((rows, len(thresholds)), np.int64)
        self._gated: dict[str, Int64Array] = {}
        self._labels = np.array([*(rule.label for rule in rules), -1], np.int8)

    def label(self, frame: pl.DataFrame) -> Int64Array:
        """Return the number of the rule that labels each conversation, -1 for none.

        Parameters
        ----------
        frame : conversations.
        """
        if not frame.height:
            return np.zeros(0, np.int64)
        return first_matches(self._rules, frame)[0]

    def labels_of(self, numbers: Int64Array) -> Int64Array:
        """Return 1 for mining, 0 for normal and -1 for what does not count.

        Parameters
        ----------
        numbers : of ``label``.
        """
        labels: Int64Array = self._labels[numbers].astype(np.int64)
        return labels

    def add_scored(self, numbers: Int64Array, probability: FloatArray) -> None:
        """Count conversations that were scored.

        Parameters
        ----------
        numbers : of ``label``.
        probability : of each, fused.
        """
        self._scored += self._by_rule(numbers)
        for column, threshold in enumerate(self._thresholds):
            self._at[:, column] += self._by_rule(numbers[probability >= threshold])

    def add_gated(self, numbers: Int64Array, reasons: pl.Series) -> None:
        """Count conversations that the gate stopped.

        Parameters
        ----------
        numbers : of ``label``.
        reasons : why each of them was.
        """
        for reason in reasons.unique().to_list():
            found = self._by_rule(numbers[(reasons == reason).to_numpy()])
            self._gated[reason] = self._gated.get(reason, np.zeros_like(found)) + found

    def counts(self) -> Iterator[tuple[str, int, Counts]]:
        """Yield source, label (1, 0) and counts of each rule that labelled something so."""
        for number, rule in enumerate(self._rules):
            counts = self._counts(number)
            if rule.label >= 0 and counts.conversations:
                yield rule.source, rule.label, counts

    @property
    def n_uncounted(self) -> int:
        """Return the conversations that are to be skipped, or that no rule matches."""
        uncounted = self._all()[self._labels < 0].sum()
        return int(uncounted)

    def unmatched(self) -> list[Rule]:
        """Return the rules of mining that match no conversation: miners that nothing tells of."""
        seen = self._all()
        return [
            rule
            for rule, n in zip(self._rules, seen[:-1], strict=True)
            if rule.label == 1 and not n
        ]

    def _all(self) -> Int64Array:
        total: Int64Array = sum(self._gated.values(), start=self._scored)
        return total

    def _counts(self, number: int) -> Counts:
        gated = Counter({why: int(n[number]) for why, n in self._gated.items() if n[number]})
        at = tuple(self._at[number].tolist())
        total = int(self._scored[number]) + gated.total()
        return Counts(total, at[self._own], at, gated)

    def _by_rule(self, numbers: Int64Array) -> Int64Array:
        rows = len(self._rules) + 1
        found: Int64Array = np.bincount(numbers % rows, minlength=rows)
        return found
