# SPDX-License-Identifier: Apache-2.0
"""Finding and opening inputs: files, folders, globs, standard input; plain or compressed."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

import zstandard

from minewatch.errors import SourceError
from minewatch.readers.xz import XzReader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN: Final = "-"

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
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_MAGIC_OCTETS: Final = 6
_MAX_WINDOW: Final = 1 << 27
"""zstd window (128 MiB) that a hostile file may make us allocate; zstd's own limit is 2 GiB."""
_UNPACKED_OCTETS: Final = 1 << 17

_UNPACK_ERRORS: Final = (
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
)


class UnpackError(Exception):
    """A compressed file is damaged or cut."""


class Unpacked(io.RawIOBase):
    """An unpacked stream that gives all that lies before a damage, and only then raises.

    Parameters
    ----------
    unpacker : the library's reader.
    packed : the file that it reads, closed together with it.
    """

    def __init__(self, unpacker: io.BufferedIOBase, packed: IO[bytes]) -> None:
        super().__init__()
        self._unpacker = unpacker
        self._packed = packed
        self._error: UnpackError | OSError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, room: WriteableBuffer) -> int:
        view = memoryview(room)
        got = 0
        while got < len(view) and self._error is None:
            try:
                # One read at a time: a longer one would lose what came before an error.
                part = self._unpacker.readinto1(view[got : got + _UNPACKED_OCTETS])
            except OSError as error:
                # bz2's own errors are OSError too, but no system call failed.
                is_own = isinstance(error, gzip.BadGzipFile) or error.errno is None
                self._error = UnpackError(str(error)) if is_own else error
            except _UNPACK_ERRORS as error:
                self._error = UnpackError(str(error))
            else:
                if part == 0:
                    break
                got += part
        if got == 0 and self._error is not None and len(view) > 0:
            raise self._error
        return got

    def close(self) -> None:
        if not self.closed:
            self._unpacker.close()
            self._packed.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Input:
    """One input that was found, under the name by which results call it."""

    name: str
    path: str
    """``-`` for standard input."""
    octets: int | None
    """Size on disk, if it is known."""


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


def find_inputs(arguments: Sequence[str]) -> tuple[list[Input], list[SourceError]]:
    """Return the inputs that the arguments name, and an error for each that names none.

    A folder stands for every capture below it, a pattern for every file that it matches.
    """
    inputs: list[Input] = []
    errors: list[SourceError] = []
    for argument in arguments:
        try:
            if os.path.isdir(argument):
                found, unreadable = _expand_folder(argument)
                inputs.extend(found)
                errors.extend(unreadable)
            else:
                inputs.extend(_expand(argument))
        except SourceError as error:
            errors.append(error)
    return inputs, errors


def _expand(argument: str) -> list[Input]:
    if argument == STDIN:
        return [Input("standard input", STDIN, None)]
    if not argument:
        raise SourceError("''", "an empty name; check what was to stand there")
    path = Path(argument)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _expand_pattern(argument)
    except (OSError, ValueError) as error:
        raise SourceError(argument, f"cannot be read: {_reason(error)}") from error
    return [_as_input(path, mode)]


def _expand_pattern(argument: str) -> list[Input]:
    if not glob.has_magic(argument):
        raise SourceError(argument, "no such file; check the name, or give a folder or a pattern")
    paths = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]
    files = [path for path in paths if path.is_file()]
    if not files:
        raise SourceError(argument, "the pattern matches no file")
    return [_as_input(path, path.stat().st_mode) for path in files]


def _expand_folder(folder: str) -> tuple[list[Input], list[SourceError]]:
    """Return the captures below a folder, and an error for all that could not be looked at."""
    found: list[Input] = []
    errors: list[SourceError] = []

    def unreadable(error: OSError) -> None:
        errors.append(SourceError(str(error.filename), f"cannot be read: {_reason(error)}"))

    for parent, _, names in os.walk(folder, onerror=unreadable):
        for path in (Path(parent, name) for name in names):
            try:
                if _begins_like_capture(path):
                    found.append(_as_input(path, path.stat().st_mode))
            except SourceError as error:
                errors.append(error)
    if not found and not errors:
        raise SourceError(
            folder, "no capture in this folder; name a file, or a folder with pcap or pcapng"
        )
    return sorted(found, key=lambda one: Path(one.path)), sorted(errors, key=str)


def _as_input(path: Path, mode: int) -> Input:
    octets = path.stat().st_size if stat.S_ISREG(mode) else None
    return Input(str(path), str(path), octets)


def _begins_like_capture(path: Path) -> bool:
    """Return whether the file, unpacked, has a capture's magic."""
    try:
        if not path.is_file():
            return False
        with open_input(Input(str(path), str(path), None)) as stream:
            return is_capture_magic(read_fully(stream, 4))
    except UnpackError as error:
        raise SourceError(str(path), f"cannot be unpacked: {error}; unpack it by hand") from error
    except OSError as error:
        raise SourceError(str(path), f"cannot be read: {_reason(error)}") from error


def open_input(source: Input) -> io.RawIOBase | io.BufferedIOBase:
    """Open an input for reading, unpacked by what it begins with, not by its name.

    Raises
    ------
    SourceError : the file cannot be opened.
    """
    if source.path == STDIN:
        return _open_stdin(source)
    try:
        raw = io.FileIO(source.path, "rb")
    except (OSError, ValueError) as error:
        raise SourceError(source.name, f"cannot be opened: {_reason(error)}") from error
    if not raw.seekable():
        return _unpack_pipe(raw)
    try:
        head = read_fully(raw, _MAGIC_OCTETS)
        raw.seek(0)
    except OSError as error:
        raw.close()
        raise SourceError(source.name, f"cannot be read: {_reason(error)}") from error
    return _unpack(raw, head)


def _open_stdin(source: Input) -> io.RawIOBase | io.BufferedIOBase:
    try:
        if sys.stdin is None:
            raise ValueError("it is closed")
        return _unpack_pipe(io.FileIO(sys.stdin.fileno(), "rb", closefd=False))
    except (OSError, ValueError) as error:
        raise SourceError(source.name, f"cannot be read: {_reason(error)}") from error


class _Rejoined(io.RawIOBase):
    """A pipe whose first octets were read already."""

    def __init__(self, head: bytes, pipe: io.FileIO) -> None:
        super().__init__()
        self._head = head
        self._pipe = pipe

    def readable(self) -> bool:
        return True

    def readinto(self, room: WriteableBuffer) -> int | None:
        if not self._head:
            return self._pipe.readinto(room)
        view = memoryview(room)
        size = min(len(view), len(self._head))
        view[:size] = self._head[:size]
        self._head = self._head[size:]
        return size

    def close(self) -> None:
        self._pipe.close()
        super().close()


def _unpack_pipe(pipe: io.FileIO) -> io.RawIOBase | io.BufferedIOBase:
    head = read_fully(cast(io.RawIOBase, pipe), _MAGIC_OCTETS)
    return _unpack(io.BufferedReader(_Rejoined(head, pipe), 1 << 20), head)


def _unpack(stream: io.FileIO | io.BufferedIOBase, head: bytes) -> io.RawIOBase | io.BufferedIOBase:
    packed = cast(IO[bytes], stream)
    unpacker: object
    if head.startswith(_GZIP):
        unpacker = gzip.GzipFile(fileobj=packed, mode="rb")
    elif head.startswith(_ZSTD):
        zstd = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        unpacker = zstd.stream_reader(packed, read_across_frames=True, closefd=False)
    elif head.startswith(_BZIP2):
        unpacker = bz2.BZ2File(packed, "rb")
    elif head.startswith(_XZ):
        unpacker = io.BufferedReader(XzReader(packed), _UNPACKED_OCTETS)
    else:
        return cast(io.BufferedIOBase, stream)
    return Unpacked(cast(io.BufferedIOBase, unpacker), packed)


def read_fully(stream: io.RawIOBase | io.BufferedIOBase, size: int) -> bytes:
    """Return the next ``size`` octets, fewer only at the end of the stream."""
    parts = []
    left = size
    while left > 0:
        part = stream.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
