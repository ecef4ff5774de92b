# SPDX-License-Identifier: Apache-2.0
"""Sums, maxima and searches within groups of rows, without a loop over the groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.script import BoolArray, IntArray

MAX_SPAN: Final = 1 << 62
"""Sum of the horizons of one timeline: more would not fit into an int64."""


def first_rows(groups: npt.NDArray[np.integer]) -> IntArray:
    """Return the first row of each run of equal numbers.

    Parameters
    ----------
    groups : sorted.

    Examples
    --------
    >>> import numpy as np
    >>> first_rows(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    if not len(groups):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))


def positions(groups: npt.NDArray[np.integer]) -> IntArray:
    """Return each row's position within its run of equal numbers.

    Parameters
    ----------
    groups : sorted.

    Examples
    --------
    >>> import numpy as np
    >>> positions(np.array([4, 4, 7])).tolist()
    [0, 1, 0]
    """
    first = first_rows(groups)
    return np.arange(len(groups)) - np.repeat(first, _lengths(first, len(groups)))


def expand(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return, for rows that become ``counts`` rows each, the old row and which of its new ones.

    Parameters
    ----------
    counts : not negative.

    Examples
    --------
    >>> import numpy as np
    >>> [column.tolist() for column in expand(np.array([2, 0, 1]))]
    [[0, 0, 2], [0, 1, 0]]
    """
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)


def running_sum(values: IntArray, groups: npt.NDArray[np.integer]) -> IntArray:
    """Return the sum of a group's values up to and with each row.

    Parameters
    ----------
    values : what to add up.
    groups : sorted.
    """
    first = first_rows(groups)
    total = np.cumsum(values)
    return total - np.repeat(total[first] - values[first], _lengths(first, len(values)))


def running_max(values: IntArray, groups: npt.NDArray[np.integer]) -> IntArray:
    """Return the greatest of a group's values up to and with each row.

    Parameters
    ----------
    values : what to compare.
    groups : sorted.
    """
    if not len(values):
        return values
    first = first_rows(groups)
    low = np.minimum.reduceat(values, first)
    span = np.maximum.reduceat(values, first) - low + 1
    if span.sum(dtype=np.float64) > MAX_SPAN:
        raise ValueError("too much time in one batch: make batches of fewer conversations")
    shift = np.repeat(np.cumsum(span) - span - low, _lengths(first, len(values)))
    result: IntArray = np.maximum.accumulate(values + shift) - shift
    return result


def _lengths(first: IntArray, n_rows: int) -> IntArray:
    return np.diff(np.append(first, n_rows))


@dataclass(slots=True)
class Timeline:
    """The times of many conversations' two sides, laid end to end, so that one search serves all.

    Parameters
    ----------
    base : where conversation and side begin, shape (2n + 1,).
    """

    base: IntArray

    @classmethod
    def of(cls, horizon_ns: IntArray) -> Timeline:
        """Return a timeline.

        Parameters
        ----------
        horizon_ns : a conversation's times lie from 0 to this.
        """
        if 2.0 * horizon_ns.sum(dtype=np.float64) > MAX_SPAN:
            raise ValueError("too much time in one batch: make batches of fewer conversations")
        return cls(np.concatenate(([0], np.cumsum(np.repeat(horizon_ns + 1, 2)))))

    def key(self, conversation: IntArray, is_reply: BoolArray, time_ns: IntArray) -> IntArray:
        """Return where times of a side lie."""
        key: IntArray = self.base[2 * conversation + is_reply] + time_ns
        return key


@dataclass(slots=True)
class Column:
    """Times of events on a timeline, sorted, to be searched by side.

    Parameters
    ----------
    timeline : that they lie on.
    keys : their places, sorted.
    bounds : first event of each side, shape (2n + 1,).
    """

    timeline: Timeline
    keys: IntArray
    bounds: IntArray

    @classmethod
    def of(cls, timeline: Timeline, keys: IntArray) -> Column:
        """Return sorted keys as a column."""
        return cls(timeline, keys, np.searchsorted(keys, timeline.base, side="left"))

    def before(self, conversation: IntArray, is_reply: BoolArray, time_ns: IntArray) -> IntArray:
        """Return the row of a side's last event before a time, -1 where there is none."""
        group = 2 * conversation + is_reply
        row = np.searchsorted(self.keys, self.timeline.base[group] + time_ns, side="left") - 1
        return np.where(row >= self.bounds[group], row, -1)

    def after(self, conversation: IntArray, is_reply: BoolArray, time_ns: IntArray) -> IntArray:
        """Return the row of a side's first event after a time, -1 where there is none."""
        group = 2 * conversation + is_reply
        row = np.searchsorted(self.keys, self.timeline.base[group] + time_ns, side="right")
        return np.where(row < self.bounds[group + 1], row, -1)
