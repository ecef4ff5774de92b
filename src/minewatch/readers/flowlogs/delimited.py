# SPDX-License-Identifier: Apache-2.0
"""Lines of delimited text as columns; lines of another shape are told apart, not guessed at.

A block in which every line has its separators is given to polars as it is. Only one that holds a
line of another shape is looked at line by line, and the good lines are given to polars then.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.readers.flowlogs.text_blocks import count_of
from minewatch.records import RecordCounters
from minewatch.types import Int64Array

QUOTE: Final = b'"'
_LINE_FEED: Final = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """What the lines of a block consist of."""

    columns: tuple[str, ...]
    """All of them, in order, each name once."""
    separator: bytes
    nulls: tuple[str, ...] = ()
    """Texts that stand for nothing; the empty one always does."""
    quoted: bool = False
    """A text may stand in quotes, and hold separators then."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block that have the right shape."""

    frame: pl.DataFrame
    """All columns are texts."""
    numbers: Int64Array
    """Line number of each row."""


class LineReader:
    r"""Splits blocks of lines into columns of text.

    Parameters
    ----------
    name : what the user called the input.
    counters : where lines of another shape are counted.
    strict : the first of those raises SourceError.

    Examples
    --------
    >>> counters = RecordCounters()
    >>> reader = LineReader("a.csv", counters, strict=False)
    >>> layout = Layout(("a", "b"), b",")
    >>> lines = reader.split(b"1,2\n3\n4,5\n", 1, layout, ["b"])
    >>> lines.frame["b"].to_list(), lines.numbers.tolist()
    (['2', '5'], [1, 3])
    >>> counters.examples
    ['a.csv:2: 1 column in a line; the header names 2, check that nothing cut the line']
    """

    def __init__(self, name: str, counters: RecordCounters, *, strict: bool) -> None:
        self._name = name
        self._counters = counters
        self._strict = strict

    def split(self, octets: bytes, first_line: int, layout: Layout, wanted: Iterable[str]) -> Lines:
        """Return the wanted columns of the block; empty lines are ignored.

        Parameters
        ----------
        octets : whole lines, each with its line feed.
        first_line : number of the first.
        layout : what they consist of.
        wanted : columns to return; those that the layout lacks are null.

        Raises
        ------
        SourceError : strict, and a line has another shape.
        """
        wanted = list(wanted)
        if layout.quoted and QUOTE in octets:
            return self._split_quoted(octets, first_line, layout, wanted)
        if _is_regular(octets, layout):
            n_lines = count_of(_LINE_FEED, octets)
            frame = _parse(octets, layout, wanted)
            if frame is not None and frame.height == n_lines:
                return Lines(frame, np.arange(first_line, first_line + n_lines))
        return self._split_checked(octets, first_line, layout, wanted)

    def _split_checked(
        self, octets: bytes, first_line: int, layout: Layout, wanted: list[str]
    ) -> Lines:
        """Look at every line before polars does."""
        good, numbers = [], []
        for number, line in enumerate(octets.split(b"\n")[:-1], first_line):
            if not line or line.isspace():
                self._ignore_empty()
            elif (n := line.count(layout.separator) + 1) != len(layout.columns):
                self._fault_shape(number, n, layout)
            elif not _is_utf8(line):
                self._fault_text(number)
            else:
                good.append(line)
                numbers.append(number)
        frame = _parse(b"".join(line + b"\n" for line in good), layout, wanted)
        if frame is None or frame.height != len(good):
            for number in numbers:
                self._fault_text(number)
            return Lines(_with_missing(pl.DataFrame(), wanted, 0), np.empty(0, np.int64))
        return Lines(frame, np.array(numbers, np.int64))

    def _split_quoted(
        self, octets: bytes, first_line: int, layout: Layout, wanted: list[str]
    ) -> Lines:
        places = [(name, layout.columns.index(name)) for name in wanted if name in layout.columns]
        values: dict[str, list[str]] = {name: [] for name, _ in places}
        numbers = []
        for number, line in enumerate(octets.split(b"\n")[:-1], first_line):
            if not line or line.isspace():
                self._ignore_empty()
                continue
            if not _is_utf8(line):
                self._fault_text(number)
                continue
            fields = quoted_fields(line.decode(), layout.separator.decode())
            if len(fields) != len(layout.columns):
                self._fault_shape(number, len(fields), layout)
                continue
            for name, place in places:
                values[name].append(fields[place])
            numbers.append(number)
        frame = pl.DataFrame(values, dict.fromkeys(values, pl.String))
        frame = frame.with_columns(_nulled(name, layout) for name in values)
        return Lines(_with_missing(frame, wanted, len(numbers)), np.array(numbers, np.int64))

    def _ignore_empty(self) -> None:
        self._counters.rows_seen += 1
        self._counters.ignored["empty line"] += 1

    def _fault_shape(self, number: int, n: int, layout: Layout) -> None:
        self._fault(
            f"{n} column{'s' * (n > 1)} in a line",
            number,
            f"the header names {len(layout.columns)}, check that nothing cut the line",
        )

    def _fault_text(self, number: int) -> None:
        self._fault("a line is no text", number, "its octets are no UTF-8; look at the line")

    def _fault(self, reason: str, number: int, cure: str) -> None:
        self._counters.rows_seen += 1
        self._counters.fault(reason, f"{self._name}:{number}", cure, strict=self._strict)


def quoted_fields(line: str, separator: str) -> list[str]:
    r"""Return the fields of one line of CSV; a quote within quotes is doubled or escaped.

    Parameters
    ----------
    line : without line feed.
    separator : one character.

    Examples
    --------
    >>> quoted_fields(r'"a,b","c\"d",e', ",")
    ['a,b', 'c"d', 'e']
    """
    reader = csv.reader([line.replace("\r", " ")], delimiter=separator, escapechar="\\")
    try:
        return next(reader, [])
    except csv.Error:  # longer than csv.field_size_limit
        return []


def _is_regular(octets: bytes, layout: Layout) -> bool:
    """Return whether every line has as many columns as the layout.

    polars does not tell: it fills short lines up, and cuts long ones if not all is wanted.
    """
    data = np.frombuffer(octets, np.uint8)
    is_end = data == _LINE_FEED
    is_end |= data == layout.separator[0]
    ends = data[np.flatnonzero(is_end)]
    n_columns = len(layout.columns)
    if len(ends) % n_columns:
        return False
    is_line_feed = ends.reshape(-1, n_columns) == _LINE_FEED
    return bool(is_line_feed[:, -1].all() and not is_line_feed[:, :-1].any())


def _parse(octets: bytes, layout: Layout, wanted: Sequence[str]) -> pl.DataFrame | None:
    """Return the wanted columns, or None if a line has another shape or is no text."""
    present = [place for place, name in enumerate(layout.columns) if name in wanted]
    schema = dict.fromkeys(layout.columns, pl.String())
    if not octets or not present:
        frame = pl.DataFrame(schema={layout.columns[place]: pl.String() for place in present})
        return _with_missing(frame, wanted, count_of(_LINE_FEED, octets))
    try:
        frame = pl.read_csv(
            octets,
            has_header=False,
            separator=layout.separator.decode(),
            quote_char=None,
            schema=schema,
            columns=present,
            null_values=list(layout.nulls),
        )
    except pl.exceptions.PolarsError:
        return None
    return _with_missing(frame, wanted, frame.height)


def _nulled(name: str, layout: Layout) -> pl.Expr:
    return pl.when(~pl.col(name).is_in(["", *layout.nulls])).then(pl.col(name)).alias(name)


def _with_missing(frame: pl.DataFrame, wanted: Sequence[str], height: int) -> pl.DataFrame:
    missing = [name for name in wanted if name not in frame.columns]
    null = pl.Series([None], dtype=pl.String)
    return pl.DataFrame(
        {
            name: null.new_from_index(0, height) if name in missing else frame[name]
            for name in wanted
        }
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
