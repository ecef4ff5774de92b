# SPDX-License-Identifier: Apache-2.0
"""Opening inputs: files, pipes and standard input; plain or compressed."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from typing import Final

from minewatch.errors import SourceError
from minewatch.readers import remote
from minewatch.readers.unpack import (
    Counted,
    Rejoined,
    Stream,
    Unpacked,
    UnpackError,
    read_fully,
    read_head,
    unpack,
)
from minewatch.readers.urls import is_url

__all__ = [
    "CAPTURE",
    "PARQUET_MAGIC",
    "PCAPNG_MAGIC",
    "PCAP_MAGICS",
    "STDIN",
    "Input",
    "Opened",
    "UnpackError",
    "is_capture_magic",
    "open_counted",
    "open_input",
    "read_fully",
    "reason_of",
]

STDIN: Final = "-"
CAPTURE: Final = "capture"
"""The format of an input that holds packets; others are names of flow formats."""

PCAP_MAGICS: Final = frozenset(
    bytes.fromhex(magic)
    for magic in (
        "d4c3b2a1",
        "a1b2c3d4",  # microseconds
        "4d3cb2a1",
        "a1b23c4d",  # nanoseconds
        "34cdb2a1",
        "a1b2cd34",  # Kuznetzov's longer record header
    )
)
PCAPNG_MAGIC: Final = bytes.fromhex("0a0d0d0a")
CAPTURE_HEADER_OCTETS: Final = 24
"""Of pcap, and less than of pcapng: so many come before the first packet."""
PARQUET_MAGIC: Final = b"PAR1"
_PARQUET_END: Final = 8
"""Octets of the footer's length, and of the magic once more."""


@dataclass(slots=True)
class Opened:
    """An input that is open."""

    stream: Stream
    """What it holds, unpacked; not seekable where it was packed or is a pipe."""
    packed: Counted
    """Tells how many octets of the file itself were read."""
    is_packed: bool = False

    def peek(self, size: int) -> bytes:
        """Return the first octets; whoever reads on still gets them.

        Parquet says at its end what it holds: where one can go there, that is returned behind the
        first octets. Of a capture that comes through a pipe no more is waited for than its header
        and what has come with it.

        Parameters
        ----------
        size : octets; fewer are returned if there are no more, or if what follows is damaged.

        Raises
        ------
        UnpackError : it is damaged at its very start.
        OSError : nothing of it can be read.
        """
        is_pipe = not self.packed.seekable()
        # Packets may come slowly: who watches a pipe wants them now, and not when many have come.
        head = read_head(self.stream, size, _is_capture_begun if is_pipe else None)
        if self.stream is not self.packed or is_pipe:
            self.stream = Rejoined(head, self.stream)
            return head
        if head.startswith(PARQUET_MAGIC):
            head += _parquet_footer(self.packed, size)
        self.packed.rewind()
        return head

    def close(self) -> None:
        """Close it."""
        self.stream.close()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_capture_begun(head: bytes) -> bool:
    return len(head) >= CAPTURE_HEADER_OCTETS and is_capture_magic(head)


@dataclass(frozen=True, slots=True)
class Input:
    """One input that was found, under the name by which results call it."""

    name: str
    path: str
    """``-`` for standard input; may be a URL."""
    octets: int | None
    """Size on disk, if it is known."""
    format: str = CAPTURE
    opened: Opened | None = field(default=None, compare=False, repr=False)
    """A pipe that was opened to see what it holds: it cannot be opened twice."""


def is_capture_magic(head: bytes) -> bool:
    """Return whether a file that begins so is a pcap or pcapng capture.

    Examples
    --------
    >>> is_capture_magic(bytes.fromhex("0a0d0d0a1c000000"))
    True
    >>> is_capture_magic(b"PK")
    False
    """
    return head[:4] in PCAP_MAGICS or head[:4] == PCAPNG_MAGIC


def open_input(source: Input) -> Stream:
    """Open an input for reading, unpacked by what it begins with, not by its name.

    Raises
    ------
    SourceError : the file cannot be opened.
    """
    return open_counted(source).stream


def open_counted(source: Input) -> Opened:
    """Open an input as ``open_input`` does, with a count of what is read of the file.

    Raises
    ------
    SourceError : the file cannot be opened.
    """
    if source.opened is not None:
        return source.opened
    packed = Counted(_open_raw(source))
    try:
        stream = unpack(packed)
        return Opened(stream, packed, is_packed=isinstance(stream, Unpacked))
    except OSError as error:
        packed.close()
        raise SourceError(source.name, f"cannot be read: {reason_of(error)}") from error


def _parquet_footer(file: Counted, size: int) -> bytes:
    """Return the first octets of what stands at the end: the schema comes first in it."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _PARQUET_END))
    length = int.from_bytes(read_fully(file, 4), "little")
    file.seek(max(0, end - _PARQUET_END - length))
    return read_fully(file, size)


def _open_raw(source: Input) -> io.RawIOBase:
    if source.path == STDIN:
        return _open_stdin(source)
    if is_url(source.path):
        return remote.open_url(source.path)
    try:
        return io.FileIO(source.path, "rb")
    except (OSError, ValueError) as error:
        raise SourceError(source.name, f"cannot be opened: {reason_of(error)}") from error


def _open_stdin(source: Input) -> io.FileIO:
    try:
        if sys.stdin is None:
            raise ValueError("it is closed")
        return io.FileIO(sys.stdin.fileno(), "rb", closefd=False)
    except (OSError, ValueError) as error:
        raise SourceError(source.name, f"cannot be read: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Return why something failed, in the system's words if it was a system call.

    Parameters
    ----------
    error : what was raised.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "No such file or directory", "a.pcap"))
    'No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
