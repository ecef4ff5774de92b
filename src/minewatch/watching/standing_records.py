# SPDX-License-Identifier: Apache-2.0
"""The records of conversations that may go on, in bounded memory; which to look at, which to lose.

Where memory is full, those go first that tell least about mining: what the gate would stop, then
what was silent for most minutes, and of these what has fewest records. An observer that holds more
than its share of the memory loses its own before anybody else loses any. Suspects come last, and
what an alert follows is never lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import numpy as np

from minewatch import gate
from minewatch.metering import held_records as h
from minewatch.metering.record_merging import merge_older
from minewatch.records import RECORD, RecordArray
from minewatch.types import BoolArray, Int64Array
from minewatch.watching.record_options import RecordWatchOptions

_NS: Final = 1_000_000_000
_TOGETHER: Final = 1 << 18
"""Records that are worked on together, about; fewer where there is room for few."""
_MINUTE_NS: Final = 60 * _NS
_FREED: Final = 8
"""One part in so many of the memory comes free at a time."""


class StandingRecords:
    """Records by biflow.

    Parameters
    ----------
    options : limits.
    timeout_ns : longest silence in a conversation.
    """

    def __init__(self, options: RecordWatchOptions, timeout_ns: int) -> None:
        self.options = options
        self.timeout_ns = timeout_ns
        self.held = h.new_held(options.most_records, options.most_biflows)
        # New in every process, so that nobody can send records that all share a slot.
        self._seed = int.from_bytes(os.urandom(8), "little", signed=True)

    @property
    def rows(self) -> Int64Array:
        """Return the rows that were ever used, free ones among them; a view."""
        rows: Int64Array = self.held.rows[: self.held.counts[h.ROWS]]
        return rows

    def count(self, word: int) -> int:
        """Return one of the counts of ``held_records``.

        Parameters
        ----------
        word : which.
        """
        return int(self.held.counts[word])

    def take(
        self, records: RecordArray, start: int, stop: int, shown: Int64Array
    ) -> tuple[int, int]:
        """Keep records; return the first for which there is no room, and why.

        Parameters
        ----------
        records : contiguous.
        start : the first one to take.
        stop : the first one not to take.
        shown : what the clock shows when each comes.
        """
        words = records.view(np.int64).reshape(-1, h.WORDS)
        limits = (self.options.most_of_one, self.timeout_ns, self._seed)
        at, why = h.take_records(self.held, records, words, start, stop, shown, *limits)
        return int(at), int(why)

    def pass_over(self) -> None:
        """Count a record as one that came, though it was not kept."""
        self.held.counts[h.TAKEN] += 1

    def due(self, now_ns: int) -> Int64Array:
        """Return the rows to look at: something new came, or an alert is to know of a silence.

        Parameters
        ----------
        now_ns : what the clock shows.
        """
        rows = self.rows
        is_new = (rows[:, h.NEW] > 0) & (now_ns >= rows[:, h.LOOK_NS])
        is_new &= now_ns - rows[:, h.NEW_NS] >= int(self.options.settle_s * _NS)
        is_new &= self._can_pass()
        followed = rows[:, h.FLAGS] & (h.FOLLOWED | h.SAID_ENDED) == h.FOLLOWED
        return np.flatnonzero(is_new | (followed & self.is_silent(now_ns)))

    def _can_pass(self) -> BoolArray:
        """Which rows the gate may let pass, by what is known of them without a closer look."""
        rows = self.rows
        length = rows[:, h.END_NS] - rows[:, h.START_NS]
        can: BoolArray = (rows[:, h.COUNT] > 0) & (rows[:, h.WAYS] == h.BOTH_WAYS)
        return can & (length >= gate.MIN_DURATION_S * _NS)

    def is_silent(self, now_ns: int) -> BoolArray:
        """Return for each row whether it is silent for longer than a conversation can be.

        Parameters
        ----------
        now_ns : what the clock shows.
        """
        word = h.SEEN_NS if self.options.has_own_clock else h.END_NS
        silent: BoolArray = now_ns - self.rows[:, word] > self.timeout_ns
        return silent

    def over(self, now_ns: int) -> Int64Array:
        """Return the rows of which nothing is expected any more.

        Parameters
        ----------
        now_ns : what the clock shows.
        """
        rows, options = self.rows, self.options
        patience_ns = self.timeout_ns + int(options.grace_s * _NS)
        is_over = (rows[:, h.COUNT] > 0) & (now_ns - rows[:, h.SEEN_NS] > patience_ns)
        if not options.has_own_clock:
            is_over &= self.count(h.TAKEN) - rows[:, h.ARRIVED] > options.least_records
        return np.flatnonzero(is_over)

    def unseen(self, numbers: Int64Array) -> Int64Array:
        """Return those of some rows of which something is new that may pass the gate.

        Parameters
        ----------
        numbers : rows.
        """
        is_new = (self.rows[numbers, h.NEW] > 0) & self._can_pass()[numbers]
        unseen: Int64Array = numbers[is_new]
        return unseen

    def everything(self) -> Int64Array:
        """Return all rows that hold anything."""
        return np.flatnonzero(self.rows[:, h.COUNT] > 0)

    def parts(self, numbers: Int64Array) -> Iterator[tuple[Int64Array, RecordArray, Int64Array]]:
        """Yield rows some at a time, with copies of their records, and the row of each record.

        Parameters
        ----------
        numbers : rows that hold something.
        """
        stops = np.cumsum(self.held.rows[numbers, h.COUNT])
        together = min(_TOGETHER, max(self.options.most_records // 16, 1))
        at = 0
        while at < len(numbers):
            before = int(stops[at - 1]) if at else 0
            stop = max(at + 1, int(np.searchsorted(stops, before + together, "right")))
            n = int(stops[stop - 1]) - before
            words, row_of = np.empty((n, h.WORDS), np.int64), np.empty(n, np.int64)
            h.gather_records(self.held, numbers[at:stop], words, row_of)
            yield numbers[at:stop], words.reshape(-1).view(RECORD), row_of
            at = stop

    def looked(self, numbers: Int64Array, now_ns: int) -> None:
        """Note that rows were looked at.

        Parameters
        ----------
        numbers : which.
        now_ns : what the clock shows.
        """
        rows, options = self.held.rows, self.options
        age = np.maximum(now_ns - rows[numbers, h.BEGAN_NS], 0)
        longest = int(options.longest_pause_s * _NS)
        pause = np.minimum((age * (options.growth - 1)).astype(np.int64), longest)
        rows[numbers, h.NEW] = 0
        rows[numbers, h.LOOKS] += 1
        rows[numbers, h.LOOK_NS] = now_ns + pause

    def flag(self, numbers: Int64Array, flag: int, is_set: BoolArray) -> None:
        """Set or clear a flag of rows.

        Parameters
        ----------
        numbers : which rows, each once.
        flag : one of those of ``held_records``.
        is_set : of each row whether it has it now.
        """
        flags = self.held.rows[numbers, h.FLAGS]
        self.held.rows[numbers, h.FLAGS] = np.where(is_set, flags | flag, flags & ~flag)

    def set_back(self, now_ns: int) -> None:
        """Let nothing have come later than now, because the clock was wrong.

        Parameters
        ----------
        now_ns : what it shows now.
        """
        for word in (h.SEEN_NS, h.BEGAN_NS, h.NEW_NS, h.LOOK_NS):
            np.minimum(self.rows[:, word], now_ns, out=self.rows[:, word])

    def drop(self, numbers: Int64Array) -> None:
        """Forget rows.

        Parameters
        ----------
        numbers : that hold something, each once.
        """
        h.drop_rows(self.held, numbers)

    def restore(self, rows: Int64Array, words: Int64Array) -> None:
        """Go on with the rows of another run, which get the numbers 0, 1 and so on.

        Parameters
        ----------
        rows : in use, and no more than there is room for.
        words : their records, row after row.
        """
        self.held = h.new_held(self.options.most_records, self.options.most_biflows)
        h.restore_rows(self.held, np.ascontiguousarray(rows), words, self._seed)

    def merge_full(self) -> None:
        """Sum up the older half of the row for whose record there was no room."""
        row = self.count(h.FULL)
        (found,) = self.parts(np.array([row]))
        fewer = merge_older(found[1], self.options.most_of_one // 4, self.timeout_ns)
        h.empty_row(self.held, row)
        h.put_records(self.held, row, fewer.view(np.int64).reshape(-1, h.WORDS))

    def least(self) -> Int64Array:
        """Return the rows that are to make room, those that tell least first."""
        rows, counts = self.rows, self.held.counts
        flags = rows[:, h.FLAGS]
        rank = self._can_pass().astype(np.int64) + 2 * ((flags & h.SUSPECT) != 0)
        may_go = np.flatnonzero((rows[:, h.COUNT] > 0) & (flags & h.FOLLOWED == 0))
        share = len(self.held.links) / (int(np.count_nonzero(self.held.of_observer)) or 1)
        has_more = self.held.of_observer[rows[:, h.OBSERVER]] > share
        minute = rows[:, h.SEEN_NS] // _MINUTE_NS
        keys = (rows[:, h.COUNT], minute, rank, ~has_more, rank >= 2)
        order = may_go[np.lexsort([key[may_go] for key in keys])]
        records = np.cumsum(rows[order, h.COUNT])
        enough = max(
            int(np.searchsorted(records, len(self.held.links) // _FREED)) + 1
            if counts[h.HELD] >= len(self.held.links) - 1
            else len(self.held.rows) // _FREED + 1,
            1,
        )
        return order[:enough]
