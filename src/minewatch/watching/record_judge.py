# SPDX-License-Identifier: Apache-2.0
"""Judges conversations of flow records that may go on, and tells the alert book what it found.

A conversation has a number that lasts only once an alert follows it: until then nobody asks which
one it was before. It keeps it although late records may let it begin earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.alerts.finding import Finding
from minewatch.alerts.grouping import AlertBook
from minewatch.arranging.arrange import Arranged
from minewatch.logs import chunk_of
from minewatch.metering import held_records as h
from minewatch.scanning import ScannedChunk, ScanOptions, ScanReport, Scorer, gated_verdict
from minewatch.types import BoolArray, Int64Array
from minewatch.watching.findings import findings_of
from minewatch.watching.record_names import RecordNames
from minewatch.watching.standing_records import StandingRecords

Known: TypeAlias = tuple[int, int]
"""Start and number of a conversation that an alert follows."""
_ENDS: Final = ("address_high", "address_low", "transport_port")


class RecordJudge:
    """Scores conversations, and knows which of them alerts follow.

    Parameters
    ----------
    book : takes what is found.
    held : the records.
    scan : how to judge; its options for flow logs.
    names : what logs told.
    report : takes what plug-ins could not do.
    """

    def __init__(
        self,
        book: AlertBook,
        held: StandingRecords,
        scan: ScanOptions,
        names: RecordNames,
        report: ScanReport[Any],
    ) -> None:
        self.book, self.held, self.names, self.report = book, held, names, report
        self.next_id = 1
        self.followed: dict[int, list[Known]] = {}
        """Conversations that alerts follow, by row."""
        self.use(scan)

    def use(self, scan: ScanOptions) -> None:
        """Judge so from now on.

        Parameters
        ----------
        scan : options for flow logs.
        """
        self.scan, self._scorer = scan, Scorer(scan)

    def judge(
        self,
        numbers: Int64Array,
        found: Arranged,
        row_of: Int64Array,
        now_ns: int,
        *,
        are_final: bool,
    ) -> int:
        """Judge the conversations of rows; return how many there were to score.

        Parameters
        ----------
        numbers : the rows.
        found : their conversations.
        row_of : row of each record that was arranged.
        now_ns : what the clock shows.
        are_final : this is the last word on them.
        """
        silent = self.held.is_silent(now_ns)
        rows = row_of[found.places]
        ids, gone = self._ids(found, rows, numbers)
        order = np.argsort(ids)
        found, rows = _renumbered(found, ids, order), rows[order]
        likely = rows[:0]
        if len(rows):
            chunk = chunk_of(found, self.names, self.scan.pipeline)
            scanned = self._scorer.score(chunk, self.report)
            self._tell(scanned, self._are_over(found, rows, silent) | are_final, are_final)
            suspect_from = min(self.held.options.suspect_from, self.scan.threshold)
            likely = rows[scanned.probability >= suspect_from]
        for row, known in gone:
            self._dismiss(found, row, known, has_ended=bool(silent[row]), is_final=are_final)
        self._note(numbers, found, rows, gone)
        self.held.flag(numbers, h.SUSPECT, np.isin(numbers, likely))
        follows = np.isin(numbers, list(self.followed))
        self.held.flag(numbers, h.FOLLOWED, follows)
        self.held.flag(numbers, h.SAID_ENDED, follows & silent[numbers])
        return len(rows)

    def _ids(
        self, found: Arranged, rows: Int64Array, numbers: Int64Array
    ) -> tuple[Int64Array, list[tuple[int, Known]]]:
        """Return a number for each conversation, and what was followed and is none of them."""
        ids = np.arange(self.next_id, self.next_id + len(rows))
        self.next_id += len(rows)
        gone: list[tuple[int, Known]] = []
        starts, ends = _times(found.passed)
        for row in [row for row in numbers.tolist() if row in self.followed]:
            mine = np.flatnonzero(rows == row)
            taken: set[int] = set()
            for known in self.followed[row]:
                is_it = (starts[mine] - self.held.timeout_ns <= known[0]) & (
                    known[0] <= ends[mine] + self.held.timeout_ns
                )
                place = next((at for at in mine[is_it].tolist() if at not in taken), None)
                if place is None:
                    gone.append((row, known))
                else:
                    taken.add(place)
                    ids[place] = known[1]
        return ids, gone

    def _are_over(self, found: Arranged, rows: Int64Array, silent: BoolArray) -> BoolArray:
        """Return which conversations are over: silent ones, and those before others."""
        _, ends = _times(found.passed)
        has_later = ends + self.held.timeout_ns < self.held.rows[rows, h.END_NS]
        over: BoolArray = has_later | silent[rows]
        return over

    def _tell(self, scanned: ScannedChunk, over: BoolArray, are_final: bool) -> None:
        """Take what is labelled mining, or was, into the book."""
        ids = scanned.conversations.frame.get_column("flow_id").to_list()
        follows = np.fromiter(map(self.book.follows, ids), np.bool_, len(ids))
        findings = findings_of(scanned, scanned.is_mining | follows, over, are_final=are_final)
        for one in sorted(findings, key=_by_time):
            self.book.add(one)

    def _dismiss(
        self, found: Arranged, row: int, known: Known, *, has_ended: bool, is_final: bool
    ) -> None:
        """Tell that a conversation passes the gate no more, or is a part of another one."""
        if not self.book.follows(known[1]):
            return
        names = [detector.name for detector in self.scan.detectors]
        reason = self._reason(found, row, known[0])
        verdict = gated_verdict(known[1], reason, self.scan.fusion, names)
        has_ended = has_ended or is_final
        self.book.dismiss(verdict, has_ended=has_ended, is_final=is_final or reason == gate.PASSED)

    def _reason(self, found: Arranged, row: int, start_ns: int) -> str:
        """What the gate says of the conversation of a row that began about then."""
        record = self.held.held.records[int(self.held.held.rows[row, h.FIRST])]
        sides = ("source", "destination"), ("destination", "source")
        same = [
            reduce(
                and_,
                (
                    pl.col(f"{mine}_{part}") == int(record[f"{theirs}_{part}"])
                    for mine, theirs in zip(way, sides[0], strict=True)
                    for part in _ENDS
                ),
            )
            for way in sides
        ]
        frame = found.conversations.filter(same[0] | same[1])
        about = (pl.col("flow_start_nanoseconds") - start_ns).abs()
        reason: str = frame.sort(about).get_column("gate_reason")[0]
        return reason

    def _note(
        self,
        numbers: Int64Array,
        found: Arranged,
        rows: Int64Array,
        gone: Sequence[tuple[int, Known]],
    ) -> None:
        """Remember which conversations of rows the book follows now."""
        for row in numbers.tolist():
            self.followed.pop(row, None)
        starts, _ = _times(found.passed)
        ids = found.passed.get_column("flow_id").to_list()
        own = zip(rows.tolist(), zip(starts.tolist(), ids, strict=True), strict=True)
        for row, known in [*own, *gone]:
            if self.book.follows(known[1]):
                self.followed.setdefault(row, []).append(known)


def _by_time(found: Finding) -> tuple[int, int, str]:
    """What sorts findings, the earliest first."""
    return (found.start_ns, found.end_ns, found.community_id or "")


def _times(frame: pl.DataFrame) -> tuple[Int64Array, Int64Array]:
    """Start and end of conversations."""
    start, end = (f"flow_{end}_nanoseconds" for end in ("start", "end"))
    return frame.get_column(start).to_numpy(), frame.get_column(end).to_numpy()


def _renumbered(found: Arranged, ids: Int64Array, order: Int64Array) -> Arranged:
    """Return conversations with other numbers, in their order."""
    old = found.passed.get_column("flow_id").to_numpy()
    of_interval = np.searchsorted(old, found.intervals.get_column("flow_id").to_numpy())
    new = pl.Series("flow_id", ids, pl.UInt64)
    return replace(
        found,
        passed=found.passed.with_columns(new)[order],
        intervals=found.intervals.with_columns(new.gather(of_interval)).sort(
            "flow_id", maintain_order=True
        ),
    )
