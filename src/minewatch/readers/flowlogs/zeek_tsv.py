# SPDX-License-Identifier: Apache-2.0
"""Logs of Zeek as it writes them by default: columns with a header of lines that begin with ``#``.

``#fields`` may change in the middle, where logs were put one after another. ``#set_separator``
splits the values of sets and vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.delimited import Layout, LineReader, Lines
from minewatch.readers.flowlogs.text_blocks import TextBlock, TextBlocks
from minewatch.records import RecordCounters

MAX_HEADERS: Final = 100_000
"""Headers among the rows of one log, as of hours put one after another; each parts a block."""
_ESCAPED: Final = re.compile(r"\\x([0-9a-fA-F]{2})")
_NOT_YET: Final = Layout((), b"\t", ("-", "(empty)"))


class ZeekTsv:
    r"""The rows of one log as columns of text.

    Parameters
    ----------
    name : what the user called the input.
    path : which log it must be, as ``#path`` tells; rows of others are ignored.
    blocks : its lines.
    wanted : columns to return, null where the log lacks them.
    needed : those without which it is of no use.
    counters : where header lines and lines of another shape are counted.
    strict : the first fault raises SourceError.

    Examples
    --------
    >>> import io
    >>> log = io.BytesIO(b"#path\tconn\n#fields\tts\tuid\n1.5\t-\n#close\n")
    >>> counters = RecordCounters()
    >>> blocks = TextBlocks("conn.log", log, counters, strict=False)
    >>> tsv = ZeekTsv("conn.log", "conn", blocks, ["uid", "ts"], ["ts"], counters, strict=False)
    >>> [lines.frame.to_dicts() for lines in tsv.read()], counters.ignored["header"]
    ([[{'uid': None, 'ts': '1.5'}]], 3)
    """

    def __init__(
        self,
        name: str,
        path: str,
        blocks: TextBlocks,
        wanted: Sequence[str],
        needed: Sequence[str],
        counters: RecordCounters,
        *,
        strict: bool,
    ) -> None:
        self._name = name
        self._path = path
        self._blocks = blocks
        self._wanted = wanted
        self._needed = needed
        self._counters = counters
        self._reader = LineReader(name, counters, strict=strict)
        self._layout = _NOT_YET
        self._is_ours = True
        self._n_headers = 0
        self.set_separator = ","

    def read(self) -> Iterator[Lines]:
        """Yield the rows in blocks.

        Raises
        ------
        SourceError : ``#fields`` is missing, lacks a column or changes too often; or strict, and
            a line has another shape.
        """
        for block in self._blocks.read():
            yield from self._read_block(block)

    def _read_block(self, block: TextBlock) -> Iterator[Lines]:
        octets, line = block
        if line == 1:
            octets = octets.lstrip(b" \t")
        start = at = 0
        if b"#" not in octets:
            yield from self._rows(octets, line)
            return
        while at < len(octets):
            if octets[at] != ord("#"):
                found = octets.find(b"\n#", at)
                at = len(octets) if found < 0 else found + 1
                continue
            end = octets.index(b"\n", at) + 1
            # Rows so far are of the header so far; what tells of no columns lies between them.
            if at > start:
                yield from self._rows(octets[start:at], line)
                line += octets.count(b"\n", start, at)
            at, line = self._headers(octets, at, end, line)
            start = at
        if at > start:
            yield from self._rows(octets[start:], line)

    def _headers(self, octets: bytes, at: int, end: int, line: int) -> tuple[int, int]:
        """Read header lines up to the next row; return where that is, and its line."""
        self._n_headers += 1
        if self._n_headers > MAX_HEADERS:
            raise SourceError(
                f"{self._name}:{line}", f"more than {MAX_HEADERS} headers; split the log"
            )
        while True:
            self._counters.rows_seen += 1
            self._counters.ignored["header"] += 1
            self._header(octets[at : end - 1].decode("utf-8", "replace"), line)
            at, line = end, line + 1
            if at == len(octets) or octets[at] != ord("#"):
                return at, line
            end = octets.index(b"\n", at) + 1

    def _header(self, text: str, line: int) -> None:
        word, rest = _first_word(text)
        separator = self._layout.separator.decode()
        if word == "#separator":
            self._layout = Layout((), self._separator(rest, line), self._layout.nulls)
        elif word == "#set_separator":
            self.set_separator = rest or ","
        elif word in ("#unset_field", "#empty_field"):
            place = 0 if word == "#unset_field" else 1
            nulls = [*self._layout.nulls]
            nulls[place] = rest
            self._layout = Layout(self._layout.columns, self._layout.separator, tuple(nulls))
        elif word == "#path":
            self._is_ours = rest == self._path
        elif word == "#fields":
            self._fields(rest.split(separator), line)

    def _separator(self, text: str, line: int) -> bytes:
        separator = _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text).encode()
        if len(separator) != 1 or separator in b'"\r\n#':
            raise SourceError(
                f"{self._name}:{line}", f"#separator {text!r}: one ASCII character is expected"
            )
        return separator

    def _fields(self, columns: list[str], line: int) -> None:
        place = f"{self._name}:{line}"
        if self._is_ours:
            missing = [name for name in self._needed if name not in columns]
            if missing:
                raise SourceError(place, f"#fields lacks {', '.join(missing)}; log it as well")
            twice = {name for name in columns if columns.count(name) > 1 and name in self._wanted}
            if twice:
                raise SourceError(place, f"#fields names {', '.join(sorted(twice))} twice")
        # A column that nobody reads may have any name, but once only.
        unique = [
            name if name in self._wanted else f"{number} {name}"
            for number, name in enumerate(columns)
        ]
        self._layout = Layout(tuple(unique), self._layout.separator, self._layout.nulls)

    def _rows(self, octets: bytes, line: int) -> Iterator[Lines]:
        if not self._is_ours:
            n = octets.count(b"\n")
            self._counters.rows_seen += n
            self._counters.ignored["of another log"] += n
            return
        if not self._layout.columns:
            raise SourceError(
                f"{self._name}:{line}", "no #fields line before it; keep the header of the log"
            )
        lines = self._reader.split(octets, line, self._layout, self._wanted)
        if len(lines.numbers):
            yield lines


def _first_word(text: str) -> tuple[str, str]:
    """Return a header line's name and the rest, between which stands any separator."""
    found = re.match(r"(#\w+).?(.*)", text, re.DOTALL)
    return (found[1], found[2]) if found else ("", "")
