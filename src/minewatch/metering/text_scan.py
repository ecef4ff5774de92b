# SPDX-License-Identifier: Apache-2.0
"""Compiled search for the ends of lines and fields, 64 octets at a time.

First all ends are found, and only then is anything parsed: where a field begins no longer depends
on the one before it, so that the processor works at several fields at once (Langdale and Lemire,
"Parsing gigabytes of JSON per second", 2019, doi:10.1007/s00778-019-00578-5).

The small kernels of the ``text_`` modules are inlined, and none counts references to arrays
(``_nrt=False``: nothing is allocated in them): both together made reading twice as fast.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from minewatch.types import ByteArray

Int32Array: TypeAlias = npt.NDArray[np.int32]

SCAN_OCTETS: Final = 64
"""Octets that are looked at together: so many may be read, but not used, after the end."""

_ONE: Final = np.uint64(1)
_PAIRS: Final = np.uint64(0x5555_5555_5555_5555)
_FOURS: Final = np.uint64(0x3333_3333_3333_3333)
_EIGHTS: Final = np.uint64(0x0F0F_0F0F_0F0F_0F0F)
_EACH_OCTET: Final = np.uint64(0x0101_0101_0101_0101)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_ones(bits: int) -> int:
    """Return how many bits are set; LLVM makes one instruction of it."""
    bits = bits - ((bits >> np.uint64(1)) & _PAIRS)
    bits = (bits & _FOURS) + ((bits >> np.uint64(2)) & _FOURS)
    bits = (bits + (bits >> np.uint64(4))) & _EIGHTS
    return np.int64((bits * _EACH_OCTET) >> np.uint64(56))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def lowest_one(bits: int) -> int:
    """Return the place of the lowest bit that is set; 64 if there is none."""
    return count_ones((bits & (~bits + _ONE)) - _ONE)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def ends_of_lines(data: ByteArray, at: int) -> int:
    """Return a bit for each of the 64 octets at ``at``: 1 if it is a line feed."""
    bits = np.uint64(0)
    for place in range(SCAN_OCTETS):
        bits |= np.uint64(data[np.uint64(at + place)] == 10) << np.uint64(place)
    return bits


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def ends_of_fields(data: ByteArray, at: int) -> int:
    """Return a bit for each of the 64 octets at ``at``: 1 for white space and control octets."""
    bits = np.uint64(0)
    for place in range(SCAN_OCTETS):
        bits |= np.uint64(data[np.uint64(at + place)] <= 32) << np.uint64(place)
    return bits


@numba.njit(cache=True, nogil=True, _nrt=False)
def index_lines(
    data: ByteArray, start: int, end: int, field_ends: Int32Array, line_ends: Int32Array
) -> int:
    """Find the ends of all fields and lines in ``data[start:end]``; return the number of lines.

    ``field_ends`` gets the place of each white space, after one entry for the octet before the
    first line; ``line_ends`` gets for each line feed its place in ``field_ends``, after a 0. So
    field ``f`` of line ``k`` goes from ``field_ends[line_ends[k] + f] + 1`` to
    ``field_ends[line_ends[k] + f + 1]``. Both need room for an octet each and two more.
    """
    field_ends[0] = start - 1
    line_ends[0] = 0
    n_fields, n_lines = 1, 1
    at = start
    while at < end:
        fields = ends_of_fields(data, at)
        lines = ends_of_lines(data, at)
        if at + SCAN_OCTETS > end:
            wanted = (_ONE << np.uint64(end - at)) - _ONE
            fields &= wanted
            lines &= wanted
        while lines != np.uint64(0):
            place = lowest_one(lines)
            below = fields & ((_ONE << np.uint64(place)) - _ONE)
            line_ends[n_lines] = n_fields + count_ones(below)
            n_lines += 1
            lines &= lines - _ONE
        while fields != np.uint64(0):
            field_ends[n_fields] = at + lowest_one(fields)
            n_fields += 1
            fields &= fields - _ONE
        at += SCAN_OCTETS
    return n_lines - 1
