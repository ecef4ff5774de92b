# SPDX-License-Identifier: Apache-2.0
"""The head and the blocks of nfdump's files, layouts 1 (nfdump 1.6) and 2 (nfdump 1.7).

After ``nffile.h`` and ``nffileV2.h`` of nfdump: a head, in layout 1 the sums of the file, then
blocks; each has a head of its own and is compressed by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from minewatch.errors import SourceError
from minewatch.readers.nfcapd.compression import (
    BZIP2,
    COMPRESSIONS,
    LZ4,
    LZO,
    MAX_BLOCK_OCTETS,
    PLAIN,
    Unpacker,
)
from minewatch.readers.unpack import UnpackError
from minewatch.types import ByteArray

MAGIC: Final = b"\x0c\xa5"
_SWAPPED_MAGIC: Final = b"\xa5\x0c"
_LAYOUT_1_REST: Final = 276 - 4
"""Octets of the head and the sums of layout 1 after magic and version."""
_LAYOUT_2: Final = struct.Struct("<IQBBHIQII")
_BLOCK: Final = struct.Struct("<IIHH")
_UNCOMPRESSED_BLOCK: Final = 1
_LAYOUT_1_FLAGS: Final = ((0x1, LZO), (0x8, BZIP2), (0x10, LZ4))
RECORD_BLOCKS: Final = frozenset({2, 3})
"""Types of blocks whose records each have a head; others hold tables or are of nfdump 1.5."""


@dataclass(slots=True)
class Block:
    """One block, unpacked."""

    number: int
    """From 1."""
    kind: int
    records: int
    """How many its head promises."""
    octets: ByteArray
    is_cut: bool = False
    """The file ends in it; ``octets`` are those that are there."""
    damage: str = ""
    """Why it could not be unpacked; then ``octets`` are none."""


class NfcapdFile:
    """The file as it is read.

    Parameters
    ----------
    name : what errors call it.
    stream : the file, at its start.
    """

    def __init__(self, name: str, stream: BinaryIO) -> None:
        self.name = name
        self.stream = stream
        self.layout = 0
        self.compression = PLAIN
        self.octets_read = 0
        self.notes: list[str] = []
        """Where it ends too early, and why."""
        self._unpacker = Unpacker()
        self._promised = 0

    def read_head(self) -> None:
        """Read the head.

        Raises
        ------
        SourceError : it is no such file, or of a kind that is not read.
        """
        head = self._read(4)
        if head[:2] == _SWAPPED_MAGIC:
            raise SourceError(
                self.name, "written on a big-endian machine; write it again there with nfreplay"
            )
        if len(head) < 4 or head[:2] != MAGIC:
            raise SourceError(self.name, "no file of nfdump; check the name")
        self.layout = head[2] | head[3] << 8
        if self.layout == 1:
            self._read_layout_1()
        elif self.layout == 2:
            self._read_layout_2()
        else:
            raise SourceError(
                self.name,
                f"layout {self.layout} of nfdump's files is not read; send it with nfreplay to "
                "minewatch collect",
            )
        if self.compression not in COMPRESSIONS:
            raise SourceError(
                self.name,
                f"compression {self.compression} is unknown; write it again with nfdump -r FILE "
                "-w NEW",
            )

    def _read_layout_1(self) -> None:
        rest = self._read(_LAYOUT_1_REST)
        if len(rest) < _LAYOUT_1_REST:
            raise SourceError(self.name, "ends in its head; fetch it again")
        flags, self._promised = struct.unpack_from("<II", rest)
        for bit, compression in _LAYOUT_1_FLAGS:
            if flags & bit:
                self.compression = compression
                break

    def _read_layout_2(self) -> None:
        rest = self._read(_LAYOUT_2.size)
        if len(rest) < _LAYOUT_2.size:
            raise SourceError(self.name, "ends in its head; fetch it again")
        _, _, self.compression, encryption, *_, self._promised = _LAYOUT_2.unpack(rest)
        if encryption:
            raise SourceError(
                self.name, "encrypted; write it again with nfdump -r FILE -w NEW and no key"
            )

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks, each valid until the next is asked for; damaged ones too."""
        number = 0
        while True:
            head = self._read(_BLOCK.size)
            if len(head) < _BLOCK.size:
                if head:
                    self.notes.append(f"ends in the head of block {number + 1}")
                elif number < self._promised:
                    self.notes.append(f"has {number} of {self._promised} blocks")
                return
            number += 1
            records, size, kind, flags = _BLOCK.unpack(head)
            if size > MAX_BLOCK_OCTETS:
                self.notes.append(
                    f"block {number} is said to have {size} octets, which no block has; nothing "
                    "after it was read"
                )
                return
            packed = self._read(size)
            yield self._block(number, kind, records, flags, packed, len(packed) < size)
            if len(packed) < size:
                self.notes.append(f"ends in block {number}")
                return

    def _block(
        self, number: int, kind: int, records: int, flags: int, packed: bytes, is_cut: bool
    ) -> Block:
        compression = PLAIN if flags & _UNCOMPRESSED_BLOCK else self.compression
        if is_cut and compression != PLAIN:
            octets, damage = self._unpacker.unpack(b"", PLAIN), "cut in a compressed block"
        else:
            try:
                octets, damage = self._unpacker.unpack(packed, compression), ""
            except UnpackError as error:
                octets, damage = self._unpacker.unpack(b"", PLAIN), str(error)
        return Block(number, kind, records, octets, is_cut, damage)

    def _read(self, size: int) -> bytes:
        """Return the next octets, fewer only at the end, and at the end of what can be read."""
        parts = []
        left = size
        try:
            while left > 0:
                part = self.stream.read(left)
                if not part:
                    break
                parts.append(part)
                left -= len(part)
        except UnpackError as error:
            self.notes.append(f"cannot be unpacked further: {error}")
        self.octets_read += size - left
        return b"".join(parts)
