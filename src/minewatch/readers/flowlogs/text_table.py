# SPDX-License-Identifier: Apache-2.0
"""Delimited text with one line of column names, as many programs write it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import polars as pl

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.delimited import Layout, LineReader, Lines, quoted_fields
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import settled
from minewatch.readers.flowlogs.text_blocks import TextBlock, TextBlocks
from minewatch.records import Names, RecordArray, RecordCounters

SEPARATORS: Final = (",", "\t", ";")


def header_of(head: bytes) -> tuple[str, ...]:
    r"""Return the column names that a text begins with, none if it is no such text.

    Parameters
    ----------
    head : first octets.

    Examples
    --------
    >>> header_of(b'"a","b"\n1,2\n')
    ('a', 'b')
    """
    line, _, _ = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").partition(b"\n")
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        return ()
    return split_header(text)[0]


def split_header(text: str) -> tuple[tuple[str, ...], str]:
    """Return the column names of a header line, and what separates them.

    Parameters
    ----------
    text : the line.
    """
    separator = max(SEPARATORS, key=text.count)
    fields = quoted_fields(text, separator)
    return tuple(field.strip() for field in fields), separator


class TextTableSource:
    """The records of one table of text.

    Parameters
    ----------
    name : what the user called it.
    stream : unpacked, at its start.
    columns : that are read, by name; other names that mean the same.
    needed : those without which the table is of no use.
    records : makes a record of each row, and keeps names that stand in them.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : it is empty, or lacks a column.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        columns: Mapping[str, Sequence[str]],
        needed: Sequence[str],
        records: Callable[[pl.DataFrame, RowFaults, KnownNames], RecordArray],
        *,
        strict: bool,
    ) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._known = KnownNames(self.names)
        self._stream = stream
        self._columns = columns
        self._needed = needed
        self._records = records
        self._strict = strict
        self._reader = LineReader(name, self.counters, strict=strict)
        self._blocks = TextBlocks(name, stream, self.counters, strict=strict).read()
        self._first = self._read_header()

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : strict, and something is wrong.
        """
        for lines in self._lines():
            faults = RowFaults(lines.numbers, lambda line: f"{self.name}:{line}")
            records = self._records(lines.frame, faults, self._known)
            yield from settled(records, faults, self.counters, strict=self._strict)
        note = self._known.note()
        if note is not None:
            self.counters.notes.append(note)

    def close(self) -> None:
        """Close what it reads from."""
        self._stream.close()

    def _lines(self) -> Iterator[Lines]:
        yield from self._split(self._first)
        for block in self._blocks:
            yield from self._split(block)

    def _split(self, block: TextBlock) -> Iterator[Lines]:
        octets, line = block
        n_headers = 0
        if self._header + b"\n" in octets:  # of files put one after another
            parts = octets.split(b"\n")
            n_headers = parts.count(self._header)
            octets = b"\n".join(b"" if part == self._header else part for part in parts)
        lines = self._reader.split(octets, line, self._layout, self._columns)
        if n_headers:
            self.counters.ignored.subtract({"empty line": n_headers, "header": -n_headers})
            self.counters.ignored += Counter()  # a reason that is left with no row is none
        if len(lines.numbers):
            yield lines

    def _read_header(self) -> TextBlock:
        """Find the header and what follows it."""
        octets, line = next(self._blocks, TextBlock(b"", 1))
        while octets:
            header, _, octets = octets.partition(b"\n")
            line += 1
            self.counters.rows_seen += 1
            self.counters.ignored["header" if header.strip() else "empty line"] += 1
            if header.strip():
                self._header = header
                self._layout = self._understand(header.decode("utf-8", "replace").strip())
                return TextBlock(octets, line)
        raise SourceError(self.name, "it holds nothing; export it again")

    def _understand(self, header: str) -> Layout:
        fields, separator = split_header(header)
        names = {other: name for name, others in self._columns.items() for other in others}
        columns = []
        for number, field in enumerate(fields):
            name = names.get(field.lower(), "")
            # A column that nobody reads may have any name, but once only.
            columns.append(name if name and name not in columns else f"{number} {field}")
        missing = [name for name in self._needed if name not in columns]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise SourceError(
                self.name,
                f"column{'s' * (len(missing) > 1)} {', '.join(missing)} {verb} missing; "
                "export with the header line and these columns",
            )
        return Layout(tuple(columns), separator.encode(), quoted=True)
