# SPDX-License-Identifier: Apache-2.0
"""Compiled reading of addresses from text: halves as ``minewatch.address.halves_of`` gives them.

IPv6 with a dotted tail or a scope is left to slower code.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.octets import octet
from minewatch.metering.text_numbers import ipv4_number
from minewatch.types import ByteArray

_MAPPED: Final = np.uint64(0xFFFF_0000_0000)
_COLON: Final = 58
_GROUPS: Final = 8


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def address_of(data: ByteArray, start: int, end: int) -> tuple[int, int, bool]:
    """Return both halves of the address in ``data[start:end]``, and whether it is one."""
    number = ipv4_number(data, start, end)
    if number >= 0:
        return np.uint64(0), _MAPPED | np.uint64(number), True
    return ipv6_of(data, start, end)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _hexadecimal(character: int) -> int:
    """Return the value of a hexadecimal digit; -1 if it is none."""
    if 48 <= character <= 57:
        return character - 48
    lower = character | 32
    return lower - 87 if 97 <= lower <= 102 else -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def ipv6_of(data: ByteArray, start: int, end: int) -> tuple[int, int, bool]:
    """Return both halves of the IPv6 address in ``data[start:end]``, and whether it is one."""
    nothing = np.uint64(0), np.uint64(0), False
    if end - start < 2 or end - start > 39:
        return nothing
    high, low = np.uint64(0), np.uint64(0)
    gap = -1  # groups before the double colon
    groups = 0
    at = start
    if octet(data, at) == _COLON:
        if octet(data, at + 1) != _COLON:
            return nothing
        gap = 0
        at += 2
    while at < end:
        value, digits = 0, 0
        while at < end and digits < 5:
            digit = _hexadecimal(octet(data, at))
            if digit < 0:
                break
            value = value << 4 | digit
            digits += 1
            at += 1
        if digits == 0 or digits > 4 or groups == _GROUPS:
            return nothing
        high = high << np.uint64(16) | low >> np.uint64(48)
        low = low << np.uint64(16) | np.uint64(value)
        groups += 1
        if at == end:
            break
        if octet(data, at) != _COLON:
            return nothing
        at += 1
        if at == end:
            return nothing
        if octet(data, at) == _COLON:
            if gap >= 0:
                return nothing
            gap = groups
            at += 1
    if gap < 0:
        return high, low, groups == _GROUPS
    if groups == _GROUPS:
        return nothing
    return _opened(high, low, 16 * (groups - gap), 16 * (_GROUPS - groups))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _opened(high: int, low: int, tail: int, zeros: int) -> tuple[int, int, bool]:
    """Move all but the lowest ``tail`` bits of the address up by ``zeros`` bits (16 to 128)."""
    for _ in range(zeros // 16):
        if tail < 64:
            kept = low & ((np.uint64(1) << np.uint64(tail)) - np.uint64(1))
            rest = low ^ kept
            high = high << np.uint64(16) | rest >> np.uint64(48)
            low = rest << np.uint64(16) | kept
        else:
            kept = high & ((np.uint64(1) << np.uint64(tail - 64)) - np.uint64(1))
            high = (high ^ kept) << np.uint64(16) | kept
    return high, low, True
