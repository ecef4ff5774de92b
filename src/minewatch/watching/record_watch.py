# SPDX-License-Identifier: Apache-2.0
"""Watches flow records: keeps those of conversations that go on, judges these, says what to tell.

It has the face of ``engine.Watch`` and judges as a scan of flow logs does: the records of a
conversation are arranged anew at each look. Time is what the records' ends say, as far as they are
believed (``metering.record_ticks``); or what somebody else says, where records come from exporters
whose clocks may be wrong. Nothing that a record claims ends the conversations of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from minewatch.alert import Alert
from minewatch.alerts.grouping import AlertBook
from minewatch.allow.entries import Known
from minewatch.arranging.arrange import arrange
from minewatch.logs import arrange_settings
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.records import UNKNOWN, RecordArray
from minewatch.scanning import ScanOptions, ScanReport
from minewatch.types import Int64Array
from minewatch.watching.record_judge import RecordJudge
from minewatch.watching.record_names import RecordNames
from minewatch.watching.record_options import RecordWatchOptions
from minewatch.watching.standing_records import StandingRecords

_NS: Final = 1_000_000_000
AHEAD_NS: Final = 60 * _NS
"""A record that ends so much later than now has a wrong time: it is moved to now."""


@dataclass(slots=True)
class RecordWatchCounters:
    """What a watch of flow records did so far."""

    records: int = 0
    strikes: int = 0
    """Times that the clock struck."""
    looks: int = 0
    """Conversations that were judged before the last word on them, each time counted."""
    gated: dict[str, int] = field(default_factory=dict)
    """Conversations that ended, by gate reason."""
    tellings: int = 0
    evicted: int = 0
    """Biflows that were forgotten for want of memory."""
    refused: int = 0
    """Records that were not kept, because nothing could be forgotten for them."""
    ahead: int = 0
    """Records that ended later than now."""


class RecordWatch:
    """Everything that is known of the watched records.

    Parameters
    ----------
    source : what the user called what is watched.
    scan : how conversations are made and judged.
    options : how often, and how much is kept.
    """

    def __init__(
        self, source: str, scan: ScanOptions, options: RecordWatchOptions | None = None
    ) -> None:
        self.scan = scan.for_logs()
        self.options = options or RecordWatchOptions()
        self.settings = arrange_settings(scan.pipeline)
        self.held = StandingRecords(self.options, self.settings.timeout_ns)
        self.names = RecordNames()
        self.book = AlertBook(source, self.options.most_alert_octets)
        self.counters = RecordWatchCounters()
        self.report: ScanReport[Any] = ScanReport(None)
        """What plug-ins could not do."""
        self.clock = ticks.new_clock(int(self.options.tick_s * _NS))
        self._kept_names_at = 0
        self.judge = RecordJudge(self.book, self.held, self.scan, self.names, self.report)

    @property
    def now_ns(self) -> int:
        """Return the time; ``ticks.UNSET`` before the first record."""
        return int(self.clock[ticks.NOW_NS])

    @property
    def taken(self) -> int:
        """Return how many records were taken in."""
        return self.counters.records

    @staticmethod
    def size_of(batch: RecordArray) -> int:
        """Return how many records a batch holds.

        Parameters
        ----------
        batch : that ``feed`` takes.
        """
        return len(batch)

    def know(self, known: Known | None) -> None:
        """Use another list of what may mine from now on.

        Parameters
        ----------
        known : what the user knows of the network.
        """
        self.scan = replace(self.scan, known=known)
        self.judge.use(self.scan)

    def feed(self, batch: RecordArray, start: int = 0) -> Iterator[list[Alert]]:
        """Take in records; yield what is to be told each time that the clock strikes.

        Parameters
        ----------
        batch : any number of records.
        start : the first of them that was not taken in before.
        """
        if self.names.is_full and self.counters.strikes > self._kept_names_at:
            self._forget_names()
        records, n = np.ascontiguousarray(self.names.own(batch)), len(batch)
        shown = np.empty(n, np.int64)
        at = start
        if self.options.has_own_clock:
            if self.now_ns == ticks.UNSET:
                raise ValueError("time has not begun: call advance first")
            shown[:] = self.now_ns
            self._take(self._not_ahead(records), at, n, shown)
            return
        while at < n:
            stop = ticks.until_strike(records, at, n, self.clock, shown)
            self._take(records, at, stop, shown)
            at = stop
            if stop < n:
                yield self._strike()

    def _not_ahead(self, records: RecordArray) -> RecordArray:
        """Return records of which none ends later than now; those that would are moved."""
        ahead = records["flow_end_nanoseconds"] - self.now_ns
        is_ahead = ahead > AHEAD_NS
        if not is_ahead.any():
            return records
        self.counters.ahead += int(is_ahead.sum())
        records = records.copy()
        for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
            moved = np.maximum(records[name] - ahead, 0)
            records[name] = np.where(is_ahead, moved, records[name])
        return records

    def _take(self, records: RecordArray, at: int, stop: int, shown: Int64Array) -> None:
        """Keep records, and make room where there is none."""
        self.counters.records += stop - at
        while at < stop:
            at, why = self.held.take(records, at, stop, shown)
            if why == h.ROW_IS_FULL:
                self.held.merge_full()
            elif why != h.ALL and not self._make_room():
                self.counters.refused += 1
                self.held.pass_over()
                at += 1

    def _make_room(self) -> bool:
        """Forget what tells least, but for what turns out to be suspect; return whether any was."""
        numbers = self.held.least()
        self._judge(self.held.unseen(numbers), are_final=False)
        flags = self.held.rows[numbers, h.FLAGS]
        lost = numbers[flags & (h.FOLLOWED | h.SUSPECT) == 0]
        if not len(lost):
            lost = numbers[flags & h.FOLLOWED == 0]
        self.counters.evicted += len(lost)
        self.held.drop(lost)
        return len(lost) > 0

    def advance(self, now_ns: int) -> list[Alert]:
        """Let time pass without records; return what is to be told.

        Parameters
        ----------
        now_ns : what the clock says.
        """
        is_ours = self.options.has_own_clock
        if self.now_ns == ticks.UNSET:
            if is_ours:
                ticks.set_clock(self.clock, now_ns)
            return []
        if is_ours and now_ns < self.now_ns - AHEAD_NS:
            self.clock[ticks.SET_BACK] = 1
        elif now_ns <= self.now_ns:
            return []
        self.clock[ticks.NOW_NS] = now_ns
        is_due = now_ns >= self.clock[ticks.NEXT_NS] or self.clock[ticks.SET_BACK]
        return self._strike() if is_due else []

    def finish(self) -> list[Alert]:
        """End every conversation, because the input is over; return what is still to be told."""
        self._last_words(self.held.everything())
        alerts = self.book.settle(self.now_ns)
        self.counters.tellings += len(alerts)
        return alerts

    def _strike(self) -> list[Alert]:
        set_back = self.clock[ticks.SET_BACK]
        now_ns = ticks.strike(self.clock)
        self.counters.strikes += 1
        if set_back:
            self.clock[ticks.SET_BACK] = 0
            self.held.set_back(now_ns)
            self.book.set_back(now_ns)
        self._last_words(self.held.over(now_ns))
        self._judge(self.held.due(now_ns), are_final=False)
        alerts = self.book.tell(now_ns)
        self.counters.tellings += len(alerts)
        return alerts

    def _forget_names(self) -> None:
        """Forget the names of servers that no record in memory names; once a strike at most."""
        self._kept_names_at = self.counters.strikes
        is_used = np.zeros(len(self.names.servers), np.bool_)
        h.mark_names(self.held.held, is_used)
        moved = self.names.keep(np.flatnonzero(is_used))
        told = self.held.held.records["server_name"][: self.held.count(h.SLOTS)]
        is_known = (told >= 0) & (told < len(moved))
        told[:] = np.where(is_known, moved[np.where(is_known, told, 0)], UNKNOWN)

    def _last_words(self, numbers: Int64Array) -> None:
        self._judge(numbers, are_final=True)
        self.held.drop(numbers)

    def _judge(self, numbers: Int64Array, *, are_final: bool) -> None:
        """Arrange the records of rows, and judge what the gate lets pass."""
        for some, records, row_of in self.held.parts(numbers):
            found = arrange(records, self.settings)
            if are_final:
                for reason, count in found.reasons.items():
                    self.counters.gated[reason] = self.counters.gated.get(reason, 0) + count
            n = self.judge.judge(some, found, row_of, self.now_ns, are_final=are_final)
            if not are_final:
                self.counters.looks += n
                self.held.looked(some, self.now_ns)
