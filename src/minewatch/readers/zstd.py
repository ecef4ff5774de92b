# SPDX-License-Identifier: Apache-2.0
"""Follows the frames of a zstd file (RFC 8878), to tell a file that is cut from one that ends.

The library's stream reader takes both for the end.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import IO, TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAGIC: Final = bytes.fromhex("28b52ffd")
_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)
_RLE: Final = 1
_DICTIONARY_OCTETS: Final = (0, 1, 2, 4)
_CONTENT_SIZE_OCTETS: Final = (0, 2, 4, 8)
_CHECKSUM_OCTETS: Final = 4


class ZstdFrames(io.RawIOBase):
    """The octets of a zstd file, and an error at the end if that lies within a frame.

    Parameters
    ----------
    packed : the file, at the start of a frame; it is not closed.
    """

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        self._packed = packed
        self._parts = _parts()
        self._part = next(self._parts)
        self._kept = bytearray()
        self._passed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: WriteableBuffer) -> int:
        """Fill ``room`` with octets of the file.

        Raises
        ------
        EOFError : the file is cut.
        """
        view = memoryview(room)
        octets = self._packed.read(len(view))
        view[: len(octets)] = octets
        self._follow(octets)
        if not octets and len(view) > 0 and not (self._part.may_end and self._passed == 0):
            raise EOFError("the zstd file ends too early")
        return len(octets)

    def _follow(self, octets: bytes) -> None:
        at = 0
        while at < len(octets):
            size = min(len(octets) - at, self._part.octets - self._passed)
            if self._part.is_wanted:
                self._kept += octets[at : at + size]
            at += size
            self._passed += size
            if self._passed == self._part.octets:
                self._part = self._parts.send(bytes(self._kept))
                self._kept.clear()
                self._passed = 0


class _Part(NamedTuple):
    """What comes next in the file."""

    octets: int
    is_wanted: bool = True
    """They say what comes then; others are passed over."""
    may_end: bool = False
    """The file may end before them."""


def _parts() -> Generator[_Part, bytes, None]:
    """Yield what comes next, and get its octets if they are wanted; no part is empty."""
    while True:
        magic = yield _Part(4, may_end=True)
        if magic == _MAGIC:
            yield from _frame()
        elif int.from_bytes(magic, "little") in _SKIPPABLE:
            size = int.from_bytes((yield _Part(4)), "little")
            yield from _passed_over(size)
        else:  # no zstd any longer: whoever unpacks it says so
            yield from _passed_over(1 << 62)


def _frame() -> Generator[_Part, bytes, None]:
    """Yield the parts of a frame behind its magic: header, blocks, checksum."""
    (descriptor,) = yield _Part(1)
    is_single_segment = descriptor >> 5 & 1
    size_octets = _CONTENT_SIZE_OCTETS[descriptor >> 6] or is_single_segment
    window_octets = 1 - is_single_segment
    yield from _passed_over(window_octets + _DICTIONARY_OCTETS[descriptor & 3] + size_octets)
    is_last = 0
    while not is_last:
        header = int.from_bytes((yield _Part(3)), "little")
        is_last = header & 1
        yield from _passed_over(1 if header >> 1 & 3 == _RLE else header >> 3)
    if descriptor >> 2 & 1:
        yield from _passed_over(_CHECKSUM_OCTETS)


def _passed_over(octets: int) -> Generator[_Part, bytes, None]:
    if octets:
        yield _Part(octets, is_wanted=False)
