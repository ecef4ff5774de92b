# SPDX-License-Identifier: Apache-2.0
"""One file of the spool: numbered lines with a checksum, written once and in order.

A line is ``checksum number text``: CRC-32 of the rest in hexadecimal, a decimal number, and text
without line breaks. What does not fit its checksum, as the end of a file that was being written
when the machine died, is counted and passed over.
"""

from __future__ import annotations

import os
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

MAX_LINE: Final = 1 << 20
"""Octets; a longer text is not kept."""
SUFFIX: Final = ".alerts"
_MODE: Final = 0o600
_OVERHEAD: Final = 32

Record = tuple[int, str]
"""Number and text."""


class Segment:
    """A file of records whose numbers rise.

    Parameters
    ----------
    path : of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        """Octets that are known to be good, and those that were passed over between them."""
        self.damaged = 0
        """Lines that were passed over."""
        self._numbers = array("q")
        self._offsets = array("q")
        self._file = -1

    @property
    def last(self) -> int:
        """Number of the last record, -1 if there is none."""
        return self._numbers[-1] if self._numbers else -1

    def scan(self) -> None:
        """Learn what the file holds."""
        with self.path.open("rb") as file:
            offset = 0
            while line := file.readline(MAX_LINE + _OVERHEAD):
                number = _number(line)
                if number > self.last:
                    self._numbers.append(number)
                    self._offsets.append(offset)
                else:
                    self.damaged += 1
                offset += len(line)
        self.size = offset

    def create(self) -> None:
        """Make the file, on disk before this returns; one that holds nothing may be there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, _MODE)
        try:
            sync_folder(self.path.parent)
        except OSError:
            self.remove()
            raise

    def append(self, records: Sequence[Record]) -> None:
        """Write records, on disk before this returns; all or none.

        Parameters
        ----------
        records : with numbers above those before.

        Raises
        ------
        OSError : none of them is kept.
        """
        lines = [_line(number, text) for number, text in records]
        rest = memoryview(b"".join(lines))
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        for (number, _), line in zip(records, lines, strict=True):
            self._numbers.append(number)
            self._offsets.append(self.size)
            self.size += len(line)

    def read(self, first: int, most: int) -> Iterator[Record]:
        """Yield records from a number on.

        Parameters
        ----------
        first : number of the first, if it is there; else the next above it.
        most : how many at most.
        """
        start = bisect_left(self._numbers, first)
        if start == len(self._numbers):
            return
        with self.path.open("rb") as file:
            for index in range(start, min(start + most, len(self._numbers))):
                file.seek(self._offsets[index])
                line = file.readline(MAX_LINE + _OVERHEAD)
                if _number(line) == self._numbers[index]:
                    yield self._numbers[index], line.split(b" ", 2)[2][:-1].decode("ascii")

    def finish(self) -> None:
        """Write no more."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def remove(self) -> None:
        """Delete the file."""
        self.finish()
        self.path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See to it that names made in a folder survive a loss of power.

    Parameters
    ----------
    folder : where files were made.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _line(number: int, text: str) -> bytes:
    body = b"%d %b\n" % (number, text.encode("ascii"))
    return b"%08x %b" % (zlib.crc32(body), body)


def _number(line: bytes) -> int:
    """Return the number of a line, -1 if it is damaged."""
    checksum, _, body = line.partition(b" ")
    if not body.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        return -1
    number, space, text = body.partition(b" ")
    if not (space and number.isdigit() and len(number) < 19 and text.isascii()):
        return -1
    return int(number)
