# SPDX-License-Identifier: Apache-2.0
"""Unpacks one block of LZ4, after the LZ4 block format description of its authors.

Every read and every copy is checked: damaged input ends it, nothing else.
"""

from __future__ import annotations

import numba

from minewatch.metering.octets import octet
from minewatch.types import ByteArray


@numba.njit(cache=True, nogil=True)
def _long_length(data: ByteArray, at: int, base: int) -> tuple[int, int]:
    """Return a length that goes on in further octets, and the place after it; -1 if it is cut."""
    length = base
    while at < data.shape[0]:
        part = octet(data, at)
        at += 1
        length += part
        if part < 255:
            return length, at
    return -1, at


@numba.njit(cache=True, nogil=True)
def unpack_lz4(data: ByteArray, room: ByteArray) -> int:
    """Unpack ``data`` into ``room``; return how many octets that gave, -1 if it is damaged."""
    end = data.shape[0]
    at = 0
    to = 0
    while at < end:
        token = octet(data, at)
        at += 1
        length = token >> 4
        if length == 15:
            length, at = _long_length(data, at, 15)
        if length < 0 or at + length > end or to + length > room.shape[0]:
            return -1
        for i in range(length):
            room[to + i] = data[at + i]
        at += length
        to += length
        if at == end:
            return to
        if at + 2 > end:
            return -1
        distance = octet(data, at) | (octet(data, at + 1) << 8)
        at += 2
        length = (token & 15) + 4
        if length == 19:
            length, at = _long_length(data, at, 19)
        if length < 0 or not 0 < distance <= to or to + length > room.shape[0]:
            return -1
        for i in range(length):  # one by one: what is copied may be what was copied just now
            room[to + i] = room[to + i - distance]
        to += length
    return -1
