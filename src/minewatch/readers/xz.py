# SPDX-License-Identifier: Apache-2.0
"""Unpacks xz in bounded memory: Python's own ``LZMAFile`` allows a dictionary of 4 GiB."""

from __future__ import annotations

import io
import lzma
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MEMORY_LIMIT: Final = 160 << 20
"""Octets that unpacking may take: ``xz -9`` needs 65 MiB, a dictionary of 128 MiB fits."""
_PACKED_OCTETS: Final = 1 << 16


class XzReader(io.RawIOBase):
    """The octets in an xz file, or several that stand one behind the other.

    Parameters
    ----------
    packed : the file; it is not closed.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        self._packed = packed
        self._stream: lzma.LZMADecompressor | None = None
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: WriteableBuffer) -> int:
        """Fill ``room`` as far as one step of unpacking goes.

        Raises
        ------
        LZMAError : the file is damaged, or asks for more than ``MEMORY_LIMIT``.
        EOFError : it is cut.
        """
        view = memoryview(room)
        while len(view) > 0:
            if self._stream is None and not self._begin():
                break
            assert self._stream is not None
            if self._stream.needs_input and not self._rest:
                self._rest = self._packed.read(_PACKED_OCTETS)
                if not self._rest:
                    raise EOFError("the xz file ends too early")
            part = self._stream.decompress(self._rest, len(view))
            self._rest = b""
            if self._stream.eof:
                self._rest, self._stream = self._stream.unused_data, None
            if part:
                view[: len(part)] = part
                return len(part)
        return 0

    def _begin(self) -> bool:
        """Begin the next stream; return False if only padding (zeros) is left."""
        while not (rest := self._rest.lstrip(b"\0")):
            self._rest = self._packed.read(_PACKED_OCTETS)
            if not self._rest:
                return False
        self._rest = rest
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT)
        return True
