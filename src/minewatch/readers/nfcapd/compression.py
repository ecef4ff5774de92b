# SPDX-License-Identifier: Apache-2.0
"""Unpacks one block of nfdump's files, into at most as much as nfdump itself would take."""

from __future__ import annotations

import bz2
from typing import Final

import numpy as np
import zstandard

from minewatch.metering.lz4 import unpack_lz4
from minewatch.metering.lzo import unpack_lzo
from minewatch.readers.unpack import UnpackError
from minewatch.types import ByteArray

PLAIN, LZO, BZIP2, LZ4, ZSTD = range(5)
COMPRESSIONS: Final = {PLAIN: "none", LZO: "LZO", BZIP2: "bzip2", LZ4: "LZ4", ZSTD: "zstd"}

MAX_BLOCK_OCTETS: Final = 5 << 20
"""nfdump's own buffer for a block (``BUFFSIZE``)."""
_MAX_WINDOW: Final = 8 << 20


class Unpacker:
    """Unpacks block after block; what it gives is valid until the next."""

    def __init__(self) -> None:
        self._room = np.empty(0, np.uint8)

    def unpack(self, packed: bytes, compression: int) -> ByteArray:
        """Return the octets of a block.

        Parameters
        ----------
        packed : the block without its head.
        compression : one of ``COMPRESSIONS``.

        Raises
        ------
        UnpackError : it is damaged, or gives more than ``MAX_BLOCK_OCTETS``.
        """
        if compression == BZIP2:
            return np.frombuffer(_unpack_bzip2(packed), np.uint8)
        if compression == ZSTD:
            return np.frombuffer(_unpack_zstd(packed), np.uint8)
        octets = np.frombuffer(packed, np.uint8)
        if compression == PLAIN:
            return octets
        if self._room.size == 0:
            self._room = np.empty(MAX_BLOCK_OCTETS, np.uint8)
        size = (unpack_lzo if compression == LZO else unpack_lz4)(octets, self._room)
        if size < 0:
            raise UnpackError(f"{COMPRESSIONS[compression]} data is damaged")
        return self._room[:size]


def _unpack_bzip2(packed: bytes) -> bytes:
    unpacker = bz2.BZ2Decompressor()
    try:
        octets = unpacker.decompress(packed, MAX_BLOCK_OCTETS)
    except (OSError, EOFError, ValueError) as error:
        raise UnpackError(f"bzip2 data is damaged: {error}") from error
    if not unpacker.eof:
        raise UnpackError("bzip2 data is cut, or too much")
    return octets


def _unpack_zstd(packed: bytes) -> bytes:
    try:
        # What the head says that it gives makes no room; it only tells whether all came.
        promised = zstandard.get_frame_parameters(packed).content_size
        unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        octets = unpacker.stream_reader(packed).read(MAX_BLOCK_OCTETS + 1)
    except zstandard.ZstdError as error:
        raise UnpackError(f"zstd data is damaged: {error}") from error
    if len(octets) > MAX_BLOCK_OCTETS:
        raise UnpackError("zstd data is too much")
    if promised not in (len(octets), zstandard.CONTENTSIZE_UNKNOWN):
        raise UnpackError("zstd data is cut")
    return octets
