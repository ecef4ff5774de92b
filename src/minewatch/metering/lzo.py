# SPDX-License-Identifier: Apache-2.0
"""Unpacks LZO1X, as nfdump 1.6 compresses the blocks of its files.

Written after "LZO stream format as understood by Linux's LZO decompressor" of the Linux kernel's
documentation. Every read and every copy is checked: damaged input ends it, nothing else.
"""

from __future__ import annotations

import numba
import numpy as np

from minewatch.metering.octets import octet
from minewatch.types import ByteArray


@numba.njit(cache=True, nogil=True)
def _long_length(data: ByteArray, at: int, end: int, base: int) -> tuple[int, int]:
    """Return a length that goes on in further octets, and the place after it; -1 if it is cut."""
    length = base
    while at < end and octet(data, at) == 0:
        length += 255
        at += 1
    if at >= end:
        return -1, at
    return length + octet(data, at), at + 1


@numba.njit(cache=True, nogil=True)
def _copy_literals(
    data: ByteArray, at: int, end: int, room: ByteArray, to: int, length: int
) -> bool:
    if at + length > end or to + length > room.shape[0]:
        return False
    for i in range(length):
        room[to + i] = data[at + i]
    return True


@numba.njit(cache=True, nogil=True)
def _copy_match(room: ByteArray, to: int, distance: int, length: int) -> bool:
    if distance > to or to + length > room.shape[0]:
        return False
    for i in range(length):  # one by one: what is copied may be what was copied just now
        room[to + i] = room[to + i - distance]
    return True


@numba.njit(cache=True, nogil=True)
def _match(data: ByteArray, at: int, end: int, state: int) -> tuple[int, int, int, int]:
    """Return distance, length, following literals and the place after the instruction at ``at``.

    A length of -1 means that it is cut. ``state`` is the number of literals before it, 4 for a
    run of them.
    """
    code = octet(data, at)
    at += 1
    if code < 16 or code >= 64:
        if at >= end:
            return 0, -1, 0, at
        high = octet(data, at)
        if code >= 64:
            length = (code >> 5) + 1
            distance = (high << 3) + ((code >> 2) & 7) + 1
        elif state == 4:
            length = 3
            distance = (high << 2) + (code >> 2) + 2049
        else:
            length = 2
            distance = (high << 2) + (code >> 2) + 1
        return distance, length, code & 3, at + 1
    bits = 31 if code >= 32 else 7
    length = (code & bits) + 2
    if code & bits == 0:
        length, at = _long_length(data, at, end, bits + 2)
    if length < 0 or at + 2 > end:
        return 0, -1, 0, at
    low = octet(data, at) | (octet(data, at + 1) << 8)
    distance = low >> 2
    distance += 1 if code >= 32 else 16384 + ((code & 8) << 11)
    return distance, length, low & 3, at + 2


@numba.njit(cache=True, nogil=True)
def unpack_lzo(data: ByteArray, room: ByteArray) -> int:
    """Unpack ``data`` into ``room``; return how many octets that gave, -1 if it is damaged."""
    end = data.shape[0]
    at = 0
    to = 0
    state = 0
    if end > 0 and octet(data, 0) > 17:
        length = octet(data, 0) - 17
        if not _copy_literals(data, 1, end, room, 0, length):
            return -1
        at = 1 + length
        to = length
        state = min(length, 4)
    while at < end:
        code = octet(data, at)
        if code < 16 and state == 0:
            length = code + 3
            at += 1
            if code == 0:
                length, at = _long_length(data, at, end, 18)
            if length < 0 or not _copy_literals(data, at, end, room, to, length):
                return -1
            at += length
            to += length
            state = 4
            continue
        distance, length, state, at = _match(data, at, end, state)
        if length < 0:
            return -1
        if distance == 16384 and 16 <= code < 32:
            return to
        if not _copy_match(room, to, distance, length):
            return -1
        to += length
        if not _copy_literals(data, at, end, room, to, state):
            return -1
        at += np.int64(state)
        to += np.int64(state)
    return -1
