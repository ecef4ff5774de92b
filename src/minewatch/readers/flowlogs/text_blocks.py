# SPDX-License-Identifier: Apache-2.0
"""Text in blocks of whole lines, in memory that no input can make grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from minewatch.readers.flowlogs.damage import next_octets
from minewatch.records import RecordCounters

BLOCK_OCTETS: Final = 1 << 23
MAX_LINE_OCTETS: Final = 1 << 18
"""A line of a flow log has hundreds of octets, a DNS answer thousands."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


_LINE_FEED: Final = 10


def count_of(octet: int, octets: bytes) -> int:
    """Return how often an octet occurs; ``bytes.count`` is slow where that is often.

    Parameters
    ----------
    octet : the octet.
    octets : where.

    Examples
    --------
    >>> count_of(ord("a"), b"banana")
    3
    """
    return int(np.count_nonzero(np.frombuffer(octets, np.uint8) == octet))


class TextBlock(NamedTuple):
    """Whole lines, each with its line feed."""

    octets: bytes
    first_line: int
    """Number of the first line, from 1."""


class TextBlocks:
    r"""The lines of one input, a block at a time.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    counters : where octets, and lines that cannot be given, are counted.
    strict : the first of those raises SourceError.
    block_octets : size of a block, but for one line.
    max_line_octets : longer lines are faulty.

    Examples
    --------
    >>> import io
    >>> blocks = TextBlocks("a.log", io.BytesIO(b"one\r\ntwo\r\n"), RecordCounters(), strict=False)
    >>> list(blocks.read())
    [TextBlock(octets=b'one\ntwo\n', first_line=1)]
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        counters: RecordCounters,
        *,
        strict: bool,
        block_octets: int = BLOCK_OCTETS,
        max_line_octets: int = MAX_LINE_OCTETS,
    ) -> None:
        self._name = name
        self._stream = stream
        self._counters = counters
        self._strict = strict
        self._block_octets = block_octets
        self._max_line_octets = max_line_octets
        self._is_damaged = False

    def read(self) -> Iterator[TextBlock]:
        """Yield the lines in blocks.

        A last line without a line feed gets one; where the input is damaged it is a fault.

        Raises
        ------
        SourceError : strict, and a line is too long or cut.
        """
        line, rest, is_skipping, is_first = 1, b"", False, True
        while octets := self._next_octets():
            if is_first:
                octets, is_first = octets.removeprefix(_BYTE_ORDER_MARK), False
            if is_skipping:
                end = octets.find(b"\n")
                if end < 0:
                    continue
                octets, is_skipping = octets[end + 1 :], False
                line += 1
            whole, rest = self._whole_lines(rest + octets)
            if whole:
                yield from self._without_long_lines(whole, line)
                line += count_of(_LINE_FEED, whole)
            if len(rest) > self._max_line_octets:
                self._fault_length(line)
                rest, is_skipping = b"", True
        if rest and self._is_damaged:
            self._fault(
                "the last line is cut", line, "it ends where the input is damaged; copy it again"
            )
        elif rest:
            yield TextBlock(rest.removesuffix(b"\r") + b"\n", line)

    def _whole_lines(self, octets: bytes) -> tuple[bytes, bytes]:
        end = octets.rfind(b"\n") + 1
        whole, rest = octets[:end], octets[end:]
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n")
        return whole, rest

    def _without_long_lines(self, octets: bytes, line: int) -> Iterator[TextBlock]:
        """Yield the block, in parts where a line between them is too long."""
        start = at = 0
        while len(octets) - at > self._max_line_octets:
            # Some line feed must lie among the next octets, or the line is too long.
            end = octets.rfind(b"\n", at, at + self._max_line_octets + 1)
            if end >= 0:
                at = end + 1
                continue
            end = octets.index(b"\n", at)
            if at > start:
                yield TextBlock(octets[start:at], line)
                line += octets.count(b"\n", start, at)
            self._fault_length(line)
            start = at = end + 1
            line += 1
        if start < len(octets):
            yield TextBlock(octets[start:], line)

    def _next_octets(self) -> bytes:
        """Return the next octets, fewer than a block at the end or before a damage."""
        parts: list[bytes] = []
        left = self._block_octets
        n_notes = len(self._counters.notes)
        while left > 0 and not self._is_damaged:
            part = next_octets(self._stream, left, self._name, self._counters, strict=self._strict)
            self._is_damaged = len(self._counters.notes) > n_notes
            if not part:
                break
            parts.append(part)
            left -= len(part)
        octets = b"".join(parts)
        self._counters.octets_read += len(octets)
        return octets

    def _fault_length(self, line: int) -> None:
        self._fault(
            "a line is too long", line, f"at most {self._max_line_octets} octets are read; cut it"
        )

    def _fault(self, reason: str, line: int, cure: str) -> None:
        self._counters.rows_seen += 1
        self._counters.fault(reason, f"{self._name}:{line}", cure, strict=self._strict)
