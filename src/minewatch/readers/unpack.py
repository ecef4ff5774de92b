# SPDX-License-Identifier: Apache-2.0
"""Unpacking a stream by what it begins with, never by its name; heads that are given back."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

import zstandard

from minewatch.readers.xz import XzReader
from minewatch.readers.zstd import ZstdFrames

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Stream: TypeAlias = io.RawIOBase | io.BufferedIOBase

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_MAGIC_OCTETS: Final = 6
_MAX_WINDOW: Final = 1 << 27
"""zstd window (128 MiB) that a hostile file may make us allocate; zstd's own limit is 2 GiB."""
_UNPACKED_OCTETS: Final = 1 << 17
_PIPE_OCTETS: Final = 1 << 20

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


class Counted(io.RawIOBase):
    """A file that knows how many of its octets were read, packed as they are.

    Parameters
    ----------
    file : closed together with this.
    """

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__()
        self._file = file
        self.octets = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, room: WriteableBuffer) -> int | None:
        got: int | None = self._file.readinto(room)
        self.octets += got or 0
        return got

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def rewind(self) -> None:
        """Go back to the start: what was read until now was only looked at."""
        self._file.seek(0)
        self.octets = 0

    def close(self) -> None:
        self._file.close()
        super().close()


class Rejoined(io.RawIOBase):
    """A stream whose first octets were read already.

    Parameters
    ----------
    head : the octets.
    rest : gives those that follow; closed together with this.
    """

    def __init__(self, head: bytes, rest: Stream) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, room: WriteableBuffer) -> int | None:
        if not self._head:
            got: int | None = self._rest.readinto(room)
            return got
        view = memoryview(room)
        size = min(len(view), len(self._head))
        view[:size] = self._head[:size]
        self._head = self._head[size:]
        return size

    def close(self) -> None:
        self._rest.close()
        super().close()


def unpack(packed: Counted) -> Stream:
    """Return what a file holds, unpacked; the file itself if it is not packed.

    Parameters
    ----------
    packed : at its start; closed together with what is returned.

    Raises
    ------
    OSError : it cannot be read.
    """
    head = read_fully(packed, _MAGIC_OCTETS)
    stream: Stream = packed
    if packed.seekable():
        packed.rewind()
    else:
        stream = io.BufferedReader(Rejoined(head, packed), _PIPE_OCTETS)
    file = cast(IO[bytes], stream)
    unpacker: object
    if head.startswith(_GZIP):
        unpacker = gzip.GzipFile(fileobj=file, mode="rb")
    elif head.startswith(_ZSTD):
        zstd = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        frames = cast(IO[bytes], ZstdFrames(file))
        unpacker = zstd.stream_reader(frames, read_across_frames=True, closefd=False)
    elif head.startswith(_BZIP2):
        unpacker = bz2.BZ2File(file, "rb")
    elif head.startswith(_XZ):
        unpacker = io.BufferedReader(XzReader(file), _UNPACKED_OCTETS)
    else:
        return stream
    return Unpacked(cast(io.BufferedIOBase, unpacker), file)


def read_fully(stream: Stream, size: int) -> bytes:
    """Return the next ``size`` octets, fewer only at the end of the stream.

    Parameters
    ----------
    stream : what to read.
    size : octets.
    """
    parts = []
    left = size
    while left > 0:
        part = stream.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def read_head(stream: Stream, size: int, is_enough: Callable[[bytes], bool] | None = None) -> bytes:
    """Return the first octets, as ``read_fully``, but those before a damage if there are any.

    Parameters
    ----------
    stream : what to read.
    size : octets.
    is_enough : asked of what was read so far, whether to wait for more; None waits always.

    Raises
    ------
    UnpackError : the damage is at the very start.
    OSError : nothing can be read.
    """
    head = bytearray()
    # One system call at a time: ``read`` of a buffer waits until all is there.
    read = stream.read1 if isinstance(stream, io.BufferedIOBase) else stream.read
    try:
        while len(head) < size and (part := read(size - len(head))):
            head += part
            if is_enough is not None and is_enough(bytes(head)):
                break
    except (UnpackError, OSError):
        # Whoever reads on meets the damage again, behind what is returned here.
        if not head:
            raise
    return bytes(head)


def with_head(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """Return the first octets as ``read_head``, and a stream that gives them once more.

    It is not buffered: where the stream is damaged, a buffer would lose what precedes that.

    Parameters
    ----------
    stream : at its start; closed together with what is returned.
    size : octets.

    Raises
    ------
    UnpackError : the damage is at the very start.
    OSError : nothing can be read.
    """
    raw = cast(Stream, stream)
    head = read_head(raw, size)
    return head, cast(BinaryIO, Rejoined(head, raw))
