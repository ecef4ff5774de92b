# SPDX-License-Identifier: Apache-2.0
"""The JSON documents of a log, one by one, from the three ways in which logs hold them.

JSON Lines; one document ``{"records": [...]}`` or several, of which each record is given; one JSON
array, of which each element is given. Memory is bounded: a document may have
``MAX_DOCUMENT_OCTETS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from minewatch.readers.flowlogs.damage import next_octets, note_damage
from minewatch.readers.flowlogs.json_scanner import RECORDS_PREFIX, Damage, JsonScanner
from minewatch.records import RecordCounters

MAX_DOCUMENT_OCTETS: Final = 1 << 24
"""A minute of one network interface in Azure's log is far below; a line of others has kilobytes."""
READ_OCTETS: Final = 1 << 20
_HEAD_OCTETS: Final = 4096
"""They tell how the log holds its documents."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FIRST_LINE: Final = re.compile(rb"\s*([^\r\n]*)")


class JsonDocuments:
    r"""The documents of one log, each with its number.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    counters : where octets, documents that are too long and a cut or damaged input are told.
    strict : the first fault raises SourceError.
    max_document_octets : longer documents are faulty.

    Examples
    --------
    >>> import io
    >>> counters = RecordCounters()
    >>> log = JsonDocuments("a.json", io.BytesIO(b'{"a": 1}\n\n{"a": 2}\n'), counters,
    ...     strict=False)
    >>> list(log.read())
    [(1, b'{"a": 1}'), (3, b'{"a": 2}')]
    >>> log.place(3)
    'a.json:3'
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        counters: RecordCounters,
        *,
        strict: bool,
        max_document_octets: int = MAX_DOCUMENT_OCTETS,
    ) -> None:
        self._name = name
        self._stream = stream
        self._counters = counters
        self._strict = strict
        self._max_octets = max_document_octets
        self._by_line = True
        self._is_ended = False

    def place(self, number: int) -> str:
        """Return where a document is: its line, or which of the records it is.

        Parameters
        ----------
        number : as given by ``read``.
        """
        return f"{self._name}:{number}" if self._by_line else f"{self._name}: record {number}"

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each document, from 1, and its octets.

        The number is that of the line in JSON Lines, and that of the record otherwise. What is
        yielded need not be JSON: a cut last line is given as it is. Only documents that are not
        given are counted as rows here.

        Raises
        ------
        SourceError : strict, and a document is too long or the log is damaged.
        """
        head = self._next_octets()
        while len(head) < _HEAD_OCTETS and (more := self._next_octets()):
            head += more  # a pipe gives few at a time
        if head.startswith(_BYTE_ORDER_MARK):
            head = head[len(_BYTE_ORDER_MARK) :]
        self._by_line = not is_one_document(head)
        return self._read_lines(head) if self._by_line else self._read_structure(head)

    def _read_lines(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        number, rest, is_too_long = 1, b"", False
        while octets:
            lines = (rest + octets).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if is_too_long or len(line) > self._max_octets:
                    self._fault_length(number)
                    is_too_long = False
                elif line and not line.isspace():
                    yield number, line
                number += 1
            if len(rest) > self._max_octets:
                rest, is_too_long = b"", True
            octets = self._next_octets()
        if is_too_long:
            self._fault_length(number)
        elif rest and not rest.isspace():
            yield number, rest

    def _read_structure(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        scanner = JsonScanner(self._max_octets)
        number = 0
        is_last = False
        while not is_last:
            is_last = not octets
            for found in scanner.feed(octets, is_last=is_last):
                number += 1
                if isinstance(found, Damage):
                    self._fault_structure(number, found)
                else:
                    yield number, found
            octets = b"" if is_last else self._next_octets()
        if scanner.is_open:
            damage = f"the log ends before the end of what it holds, after record {number}"
            note_damage(damage, self._name, self._counters, strict=self._strict)
        if scanner.unfinished is not None:
            yield number + 1, scanner.unfinished

    def _next_octets(self) -> bytes:
        """Return the next octets of the stream, none at its end or where it is damaged."""
        if self._is_ended:
            return b""
        octets = next_octets(
            self._stream, READ_OCTETS, self._name, self._counters, strict=self._strict
        )
        self._is_ended = not octets
        self._counters.octets_read += len(octets)
        return octets

    def _fault_length(self, number: int) -> None:
        self._counters.rows_seen += 1
        self._counters.fault(
            "a line is too long",
            self.place(number),
            f"at most {self._max_octets} octets are read; write one document a line",
            strict=self._strict,
        )

    def _fault_structure(self, number: int, damage: Damage) -> None:
        self._counters.rows_seen += 1
        self._counters.fault(damage.reason, self.place(number), damage.cure, strict=self._strict)


def begins_like_json(head: bytes) -> bool:
    r"""Return whether a log that begins so may hold JSON: an object, or an array.

    Parameters
    ----------
    head : the first octets of the unpacked input.

    Examples
    --------
    >>> begins_like_json(b'\xef\xbb\xbf [{"a": 1}]'), begins_like_json(b"version srcaddr")
    (True, False)
    """
    return head.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[")


def is_one_document(head: bytes) -> bool:
    """Return whether what begins so is an array, a list of records, or spread over many lines.

    Parameters
    ----------
    head : first octets, without byte order mark.

    Examples
    --------
    >>> is_one_document(b'[{"a": 1}'), is_one_document(b'{"records": [{}'), is_one_document(b"{}")
    (True, True, False)
    """
    first = _FIRST_LINE.match(head)
    line = first[1].rstrip() if first else b""
    return line.startswith(b"[") or line == b"{" or RECORDS_PREFIX.match(head) is not None
