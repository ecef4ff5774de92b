# SPDX-License-Identifier: Apache-2.0
"""Whole lines of an AWS flow log to records: the kernel's work, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from minewatch.metering import text_records as kernel
from minewatch.metering.text_checksum import checksum_table
from minewatch.metering.text_scan import index_lines
from minewatch.readers.flowlogs.aws_fields import Layout, is_header, layout_of, names_of
from minewatch.readers.flowlogs.aws_lines import MILLISECONDS, LineError, fields_of, read_line
from minewatch.records import MAX_EXAMPLES, RecordArray, RecordCounters, new_records
from minewatch.types import ByteArray

BLOCK_RECORDS: Final = 1 << 16
"""Records that are given away together."""
HEADER: Final = "header"
BLANK: Final = "blank line"
_HEADER_CURE: Final = (
    "create the flow log with this field, or give a log that has it: these are needed: srcaddr,"
    " dstaddr, srcport, dstport, protocol, start, end"
)
TOO_LONG_CURE: Final = (
    f"no line feed within {kernel.MAX_LINE_OCTETS} octets; look whether this is a flow log"
)
_EMPTY_RECORD: Final = new_records(1)


def missing_column(layout: Layout) -> tuple[str, str]:
    """Return the fault of a log, or of a part of it, whose header lacks what is needed.

    Examples
    --------
    >>> missing_column(layout_of(["srcaddr", "dstaddr"]))[0]
    'no column srcport, dstport, protocol, start, end'
    """
    return f"no column {', '.join(layout.missing)}", _HEADER_CURE


class RecordReader:
    """Fills records from whole lines, and counts what became of each.

    Parameters
    ----------
    layout : where the fields are, until a line names others.
    counters : where to count.
    place : names a line by its number, as ``a.log:17``.
    n_octets : the most that is given at once.
    strict : the first fault or repair raises SourceError.
    has_headers : a line may name the fields of those that follow.
    """

    def __init__(
        self,
        layout: Layout,
        counters: RecordCounters,
        place: Callable[[int], str],
        n_octets: int,
        *,
        strict: bool,
        has_headers: bool = True,
    ) -> None:
        self.lines = 0
        """Lines that were read."""
        self._layout = layout
        self._counters = counters
        self._place = place
        self._strict = strict
        self._has_headers = has_headers
        self._records = new_records(BLOCK_RECORDS)
        self._counts = np.zeros(kernel.COUNTS, np.int64)
        self._field_ends = np.empty(n_octets + 2, np.int32)
        self._line_ends = np.empty(n_octets + 2, np.int32)
        self._table = checksum_table()

    def read(self, data: ByteArray, start: int, end: int) -> Iterator[RecordArray]:
        """Read the lines in ``data[start:end]``; yield records whenever a block is full.

        Parameters
        ----------
        data : 64 octets more on both sides are looked at.
        start : where the first line starts.
        end : behind the last line feed.

        Raises
        ------
        SourceError : strict, and a line is faulty.
        """
        n_lines = index_lines(data, start, end, self._field_ends, self._line_ends)
        at = 0
        while at < n_lines:
            at = self._read_usual_lines(data, at, n_lines)
            if self._counts[kernel.C_ROWS] == BLOCK_RECORDS:
                yield self.take()
            elif at < n_lines:
                first = self._field_ends[self._line_ends[at]] + 1
                last = self._field_ends[self._line_ends[at + 1]]
                self.lines += 1
                at += 1
                self._read_other_line(data[first:last].tobytes())

    def take(self) -> RecordArray:
        """Return the records that were not yet given away, valid until more lines are read."""
        n = int(self._counts[kernel.C_ROWS])
        self._counts[kernel.C_ROWS] = 0
        self._counters.sampling[1] += n
        return self._records[:n]

    def fault(self, reason: str, cure: str) -> None:
        """Count the next line as one that cannot be used.

        Parameters
        ----------
        reason : a few words.
        cure : what was found, and what to do.

        Raises
        ------
        SourceError : strict.
        """
        self.lines += 1
        self._counters.rows_seen += 1
        self._counters.fault(reason, self._place(self.lines), cure, strict=self._strict)

    def _read_usual_lines(self, data: ByteArray, at: int, n_lines: int) -> int:
        """Let the kernel read on from line ``at``; return the line that it stopped at."""
        if self._layout.missing:
            return at
        counts = self._counts
        rows = int(counts[kernel.C_ROWS])
        counts[kernel.C_ROWS + 1 :] = 0
        stop: int = kernel.fill_records(
            data,
            self._field_ends,
            self._line_ends,
            (at, n_lines),
            self._layout.words,
            self._table,
            self._records,
            counts,
        )
        counters = self._counters
        self.lines += stop - at
        counters.rows_seen += stop - at
        counters.rows_parsed += int(counts[kernel.C_ROWS]) - rows
        for reason, word in (("NODATA", kernel.C_NO_DATA), ("SKIPDATA", kernel.C_SKIPPED)):
            if counts[word]:
                counters.ignored[reason] += int(counts[word])
        if counts[kernel.C_MILLISECONDS]:
            counters.repaired[MILLISECONDS] += int(counts[kernel.C_MILLISECONDS])
        return stop

    def _read_other_line(self, octets: bytes) -> None:
        """Decide on the line that the kernel stopped at; it is counted in ``lines`` already."""
        counters = self._counters
        counters.rows_seen += 1
        if len(octets) >= kernel.MAX_LINE_OCTETS:
            self._tell_fault("line is too long", TOO_LONG_CURE)
            return
        fields = fields_of(octets, len(self._layout.fields))
        text = " ".join(fields)
        if not text.strip():
            counters.ignored[BLANK] += 1
            return
        if self._has_headers and is_header(text):
            counters.ignored[HEADER] += 1
            self._layout = layout_of(names_of(text))
            return
        if self._layout.missing:
            self._tell_fault(*missing_column(self._layout))
            return
        self._read_fields(fields)

    def _read_fields(self, fields: list[str]) -> None:
        counters = self._counters
        row = int(self._counts[kernel.C_ROWS])
        self._records[row] = _EMPTY_RECORD[0]
        try:
            status = read_line(fields, self._layout, self._records[row])
        except LineError as fault:
            self._tell_fault(fault.reason, fault.cure)
            return
        if status == MILLISECONDS:
            counters.repair(
                status,
                self._place(self.lines),
                "read as such: AWS writes seconds",
                strict=self._strict,
            )
            if len(counters.examples) >= MAX_EXAMPLES:
                self._layout.words[kernel.TAKES_MILLISECONDS] = 1
        elif status:
            counters.ignored[status] += 1
            return
        counters.rows_parsed += 1
        self._counts[kernel.C_ROWS] += 1

    def _tell_fault(self, reason: str, cure: str) -> None:
        self._counters.fault(reason, self._place(self.lines), cure, strict=self._strict)


def note_skipped(counters: RecordCounters) -> None:
    """Note that AWS dropped records, where a log says so.

    Examples
    --------
    >>> counters = RecordCounters()
    >>> counters.ignored["SKIPDATA"] += 2
    >>> note_skipped(counters)
    >>> counters.notes[0][:40]
    '2 rows are SKIPDATA: AWS dropped records'
    """
    skipped = counters.ignored.get("SKIPDATA", 0)
    if skipped:
        counters.notes.append(
            f"{skipped} rows are SKIPDATA: AWS dropped records of these intervals, for want of"
            " capacity or by an error; what they would have shown is missing here"
        )
