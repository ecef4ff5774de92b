# SPDX-License-Identifier: Apache-2.0
"""Compiled reading of numbers and IPv4 addresses from text, eight octets at a time.

A number is read backwards from its end, so up to 16 octets before the text are read too, and not
used: the caller keeps so many free before its first field. What is not exactly as a machine writes
it is not understood here (-1); slower code then says what is wrong with it.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from minewatch.metering.text_scan import lowest_one
from minewatch.types import ByteArray

MAX_DIGITS: Final = 16

_ALL: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_ZEROS: Final = np.uint64(0x3030_3030_3030_3030)
_ABOVE_NINE: Final = np.uint64(0x7676_7676_7676_7676)
_TOP_BITS: Final = np.uint64(0x8080_8080_8080_8080)
_LOW_BITS: Final = np.uint64(0x0101_0101_0101_0101)
_GATHER: Final = np.uint64(0x0102_0408_1020_4080)
_EIGHT: Final = np.uint64(8)
_SIXTEEN: Final = np.uint64(16)
_NO_ADDRESS: Final = np.uint64(1 << 16)
"""Above the sixteen bits of dots in either half, so that no dot of the other can hide it."""
_TWENTY_FOUR: Final = np.uint64(24)
_OCTET: Final = np.uint64(255)
_FIVE_BITS: Final = np.uint64(31)
_TEN: Final = np.uint64(10)
_HUNDRED: Final = np.uint64(100)
_FOUR_ZEROS: Final = np.uint64(0x3030_3030)
_FOUR_OCTETS: Final = np.uint64(0xFFFF_FFFF)
_DOT: Final = np.uint64(0x1E)
"""A dot with the bits of the digit zero taken away."""


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def word_before(data: ByteArray, end: int) -> int:
    """Return the eight octets before ``end``, the last one uppermost."""
    at = np.uint64(end) - _EIGHT
    word = np.uint64(0)
    for place in range(8):
        word |= np.uint64(data[at + np.uint64(place)]) << np.uint64(8 * place)
    return word


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def is_text(data: ByteArray, end: int, length: int, text: int) -> bool:
    """Return whether the ``length`` octets (1 to 8) before ``end`` are ``text``, first lowest."""
    return word_before(data, end) >> np.uint64(64 - 8 * length) == text


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def short_decimal(data: ByteArray, end: int, length: int) -> int:
    """Return the number of ``length`` digits (1 to 8) before ``end``; -1 if they are none.

    Neighbours are joined three times: digits to pairs, pairs to fours, fours to the number.
    """
    digits = (word_before(data, end) ^ _ZEROS) & (_ALL << np.uint64(64 - 8 * length))
    if ((digits + _ABOVE_NINE) | digits) & _TOP_BITS:
        return -1
    pairs = digits * _TEN + (digits >> _EIGHT)
    upper = (pairs & np.uint64(0x0000_00FF_0000_00FF)) * np.uint64(0x000F_4240_0000_0064)
    lower = ((pairs >> _SIXTEEN) & np.uint64(0x0000_00FF_0000_00FF)) * np.uint64(
        0x0000_2710_0000_0001
    )
    return np.int64((upper + lower) >> np.uint64(32))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def decimal(data: ByteArray, start: int, end: int) -> int:
    """Return the number in ``data[start:end]``; -1 unless it is 1 to 16 digits."""
    length = end - start
    if length <= 8:
        return short_decimal(data, end, length) if length > 0 else -1
    if length > MAX_DIGITS:
        return -1
    lower = short_decimal(data, end, 8)
    upper = short_decimal(data, end - 8, length - 8)
    return -1 if lower < 0 or upper < 0 else upper * 100_000_000 + lower


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _dots(word: int) -> int:
    """Return a bit for each dot among eight octets; ``_NO_ADDRESS`` if one is no dot or digit."""
    dots = (word >> np.uint64(4)) & _LOW_BITS
    digits = word ^ (dots * _DOT)
    wrong = ((digits + _ABOVE_NINE) | digits) & _TOP_BITS
    wrong |= digits & (dots * _OCTET)
    return _NO_ADDRESS if wrong else (dots * _GATHER) >> np.uint64(56)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _part(data: ByteArray, end: int, length: int) -> int:
    """Return the number of 1 to 3 digits before ``end``; above 255 if it is not written so."""
    at = np.uint64(end - 4)
    word = np.uint64(0)
    for place in range(4):
        word |= np.uint64(data[at + np.uint64(place)]) << np.uint64(8 * place)
    cut = (_FOUR_OCTETS << (np.uint64(32 - 8 * length) & _FIVE_BITS)) & _FOUR_OCTETS
    digits = (word ^ _FOUR_ZEROS) & cut
    hundreds = (digits >> _EIGHT) & _OCTET
    tens = (digits >> _SIXTEEN) & _OCTET
    number = np.int64(hundreds * _HUNDRED + tens * _TEN + (digits >> _TWENTY_FOUR))
    # A leading zero would mean an octal number to some readers.
    least = 10 * (length == 2) + 100 * (length == 3)
    return number | ((number < least) | (np.uint64(length - 1) > np.uint64(2))) << 10


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def ipv4_number(data: ByteArray, start: int, end: int) -> int:
    """Return the IPv4 address in ``data[start:end]`` as a number; -1 if it is none."""
    length = end - start
    if length < 7 or length > 15:
        return -1
    # No branch: how long an address is, no processor can foretell.
    lower = (word_before(data, end) ^ _ZEROS) & (_ALL << np.uint64(8 * (length == 7)))
    half = np.uint64(64 - 4 * length)
    upper = (word_before(data, end - 8) ^ _ZEROS) & (_ALL << half << half)
    dots = _dots(lower) << _EIGHT | _dots(upper)
    # Places of the dots, counted from 16 octets before the end: lowest first.
    one = np.uint64(1)
    first = dots & (~dots + one)
    rest = dots ^ first
    second = rest & (~rest + one)
    third = rest ^ second
    if third == np.uint64(0) or third & (third - one) or third > np.uint64(0xFFFF):
        return -1
    base = end - 16
    a_end = base + _place(first)
    b_end = base + _place(second)
    c_end = base + _place(third)
    a = _part(data, a_end, a_end - start)
    b = _part(data, b_end, b_end - a_end - 1)
    c = _part(data, c_end, c_end - b_end - 1)
    d = _part(data, end, end - c_end - 1)
    if (a | b | c | d) > 255:
        return -1
    return a << 24 | b << 16 | c << 8 | d


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _place(bit: int) -> int:
    """Return the place of the one bit that is set."""
    return lowest_one(bit)
