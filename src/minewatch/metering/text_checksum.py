# SPDX-License-Identifier: Apache-2.0
"""Compiled CRC-32, as ``zlib.crc32`` has it, of texts as short as a name.

CRC-32 is linear: the checksum of a text is that of as many zero octets, changed by what each octet
adds, and what it adds depends only on its value and on how far it is from the end. So all octets
are looked up at the same time, where the usual loop waits for each before it takes the next.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from minewatch.types import ByteArray

UInt32Array: TypeAlias = npt.NDArray[np.uint32]
MAX_TEXT: Final = 64
"""Longest text, in octets."""
_POLYNOMIAL: Final = 0xEDB88320


def checksum_table() -> UInt32Array:
    """Return what each octet adds by its distance from the end; below that, for zeros alone.

    Row ``d`` is for octets that ``d`` others follow; the last row has the checksums of 0, 1, ...
    zero octets.
    """
    table = np.zeros((MAX_TEXT + 1, 256), np.uint32)
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = (first >> 1) ^ ((first & 1) * np.uint32(_POLYNOMIAL))
    table[0] = first
    for distance in range(1, MAX_TEXT):
        before = table[distance - 1]
        table[distance] = (before >> 8) ^ first[before & 255]
    state = 0xFFFF_FFFF
    for length in range(MAX_TEXT + 1):
        table[MAX_TEXT, length] = state ^ 0xFFFF_FFFF
        state = (state >> 8) ^ int(first[state & 255])
    return table


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def checksum(data: ByteArray, start: int, end: int, table: UInt32Array) -> int:
    """Return the CRC-32 of ``data[start:end]``, at most ``MAX_TEXT`` octets."""
    found = table[MAX_TEXT, end - start]
    last = end - 1
    for at in range(start, end):
        found ^= table[np.uint64(last - at), data[np.uint64(at)]]
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def checksum_of_pair(
    data: ByteArray, start: int, end: int, next_start: int, next_end: int, table: UInt32Array
) -> int:
    """Return the CRC-32 of two texts with a zero octet between, at most ``MAX_TEXT`` in all."""
    length = next_end - next_start
    found = table[MAX_TEXT, end - start + 1 + length]
    last = end + length
    for at in range(start, end):
        found ^= table[np.uint64(last - at), data[np.uint64(at)]]
    last = next_end - 1
    for at in range(next_start, next_end):
        found ^= table[np.uint64(last - at), data[np.uint64(at)]]
    return found
