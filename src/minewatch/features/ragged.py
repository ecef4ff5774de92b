# SPDX-License-Identifier: Apache-2.0
"""Lists of different lengths, one a conversation, in one flat array; statistics of each list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.types import BoolArray, FloatArray, Int64Array

_TABLE_VALUES: Final = 1 << 18
"""Values that are sorted together: what fits into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """``n`` lists of numbers. A list's statistic is NaN where the list is too short for it.

    Parameters
    ----------
    values : all lists one after the other, shape (total,).
    stops : where each list ends in ``values``, rising, shape (n,).

    Examples
    --------
    >>> lists = Ragged(np.array([1.0, 3.0, 10.0]), np.array([2, 2, 3]))
    >>> lists.count(), lists.mean(), lists.quantile(0.5)
    (array([2, 0, 1]), array([ 2., nan, 10.]), array([ 2., nan, 10.]))
    >>> lists.where(lists.values < 5).count()
    array([2, 0, 0])
    """

    values: FloatArray
    stops: Int64Array

    @property
    def starts(self) -> Int64Array:
        """Return where each list begins, shape (n,)."""
        return self.stops - self.count()

    @property
    def owner(self) -> Int64Array:
        """Return the number of the list of each value, shape (total,)."""
        return np.repeat(np.arange(len(self.stops)), self.count())

    def count(self) -> Int64Array:
        """Return the length of each list, shape (n,)."""
        count = self.stops.astype(np.int64)  # of few lists it takes a tenth of what np.diff takes
        count[1:] -= self.stops[:-1]
        return count

    def with_values(self, values: FloatArray) -> Ragged:
        """Return lists of the same lengths with other values.

        Parameters
        ----------
        values : shape (total,).
        """
        return Ragged(values, self.stops)

    def where(self, keep: BoolArray) -> Ragged:
        """Return the lists without the values for which ``keep`` is false.

        Parameters
        ----------
        keep : shape (total,).
        """
        kept = np.concatenate([[0], np.cumsum(keep)])
        return Ragged(self.values[keep], kept[self.stops].astype(np.int64))

    def sum(self) -> FloatArray:
        """Return the sum of each list, 0 for an empty one, shape (n,)."""
        return np.bincount(self.owner, self.values, minlength=len(self.stops)).astype(np.float64)

    def mean(self) -> FloatArray:
        """Return the mean of each list, shape (n,)."""
        return _per(self.sum(), self.count())

    def std(self) -> FloatArray:
        """Return the standard deviation of each list, NaN below two values, shape (n,)."""
        squares = self.with_values((self.values - self.mean()[self.owner]) ** 2).sum()
        return np.sqrt(np.where(self.count() > 1, _per(squares, self.count()), np.nan))

    def variation(self) -> FloatArray:
        """Return standard deviation / mean of each list, NaN if the mean is 0, shape (n,)."""
        return _per(self.std(), self.mean())

    def quantile(self, *shares: float) -> FloatArray:
        """Return quantiles of each list, linear between values; shape (n,) or (n_shares, n).

        Parameters
        ----------
        shares : each in [0, 1].
        """
        ordered = self.ordered().values
        count, starts = self.count(), self.starts
        found = []
        for share in shares:
            at = share * np.maximum(count - 1, 0)
            low = np.floor(at).astype(np.int64)
            high = np.minimum(low + 1, np.maximum(count - 1, 0))
            if not len(ordered):
                found.append(np.full(len(count), np.nan))
                continue
            last = len(ordered) - 1
            left = ordered[np.minimum(starts + low, last)]
            right = ordered[np.minimum(starts + high, last)]
            found.append(np.where(count > 0, left + (at - low) * (right - left), np.nan))
        return found[0] if len(found) == 1 else np.stack(found)

    def ordered(self) -> Ragged:
        """Return the lists with the values of each rising, NaN last.

        Lists of like lengths are sorted as the rows of a table: that takes a third of the time that
        sorting all values by list and value takes.
        """
        count = self.count()
        found = self.values.copy()
        longest = int(count.max(initial=0))
        width = 1
        while width < longest:
            lists = np.flatnonzero((count > width) & (count <= 2 * width))
            width *= 2
            for some in np.array_split(lists, 1 + len(lists) * width // _TABLE_VALUES):
                is_own = np.arange(width) < count[some, None]
                places = (self.starts[some, None] + np.arange(width))[is_own]
                table = np.full(is_own.shape, np.nan)
                table[is_own] = self.values[places]
                table.sort(axis=1)
                found[places] = table[is_own]
        return self.with_values(found)

    def share(self, is_such: BoolArray) -> FloatArray:
        """Return the share of each list's values for which ``is_such`` is true, shape (n,).

        Parameters
        ----------
        is_such : shape (total,).
        """
        return self.with_values(is_such.astype(np.float64)).mean()

    def previous(self, missing: float = np.nan) -> FloatArray:
        """Return for each value the one before it in its list, shape (total,).

        Parameters
        ----------
        missing : for the first of each list.
        """
        before = np.concatenate([[missing], self.values[:-1]])[: len(self.values)]
        before[self.starts[self.count() > 0]] = missing
        return before

    def distinct(self) -> Int64Array:
        """Return how many different values each list has, shape (n,)."""
        ordered = self.ordered()
        fresh = ordered.values != ordered.previous()
        return ordered.where(fresh).count()


def _per(numerator: FloatArray, denominator: FloatArray | Int64Array) -> FloatArray:
    safe = np.where(denominator > 0, denominator, np.nan)
    quotient: FloatArray = numerator / safe
    return quotient
