# SPDX-License-Identifier: Apache-2.0
"""Compiled walks over a block of nfdump's files: where its records and their parts lie.

They look at lengths only, and never past the end; what the parts mean is the reader's business
(``readers/nfcapd``).
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.octets import octet
from minewatch.types import ByteArray, Int64Array

ROW_WORDS: Final = 3
R_OFFSET, R_TYPE, R_SIZE = range(ROW_WORDS)
_HEADER: Final = 4
"""Octets of a record's or an element's head: type and length."""

ABSENT: Final = -1
"""Place of an element that a record does not have."""


@numba.njit(cache=True, nogil=True)
def _le16(data: ByteArray, at: int) -> int:
    return octet(data, at) | (octet(data, at + 1) << 8)


@numba.njit(cache=True, nogil=True)
def find_records(data: ByteArray, rows: Int64Array) -> tuple[int, int]:
    """Fill one row a record: offset, type, size; return how many there are, and the next offset.

    It stops at the end of ``rows``, and where no whole record stands.
    """
    end = data.shape[0]
    at = 0
    n = 0
    while n < rows.shape[0] and at + _HEADER <= end:
        size = _le16(data, at + 2)
        if size < _HEADER or at + size > end:
            break
        rows[n, R_OFFSET] = at
        rows[n, R_TYPE] = _le16(data, at)
        rows[n, R_SIZE] = size
        n += 1
        at += size
    return n, at


@numba.njit(cache=True, nogil=True)
def find_elements(
    data: ByteArray,
    rows: Int64Array,
    header: int,
    columns: Int64Array,
    lengths: Int64Array,
    places: Int64Array,
) -> int:
    """Fill one row a record with where the contents of its elements begin.

    ``columns`` gives for each type of element the column of ``places``, -1 for those that nobody
    asks for; ``lengths`` the octets that the content has at least. Returns the number of records
    that are not sound; theirs is -2 in the first column.
    """
    n_bad = 0
    for i in range(rows.shape[0]):
        places[i, :] = ABSENT
        at = rows[i, R_OFFSET] + header
        end = rows[i, R_OFFSET] + rows[i, R_SIZE]
        is_sound = at <= end
        left = _le16(data, at - header + 4) if is_sound else 0
        while left > 0 and is_sound:
            left -= 1
            is_sound = at + _HEADER <= end
            if not is_sound:
                break
            kind = _le16(data, at)
            length = _le16(data, at + 2)
            is_sound = length >= _HEADER and at + length <= end
            if is_sound and kind < columns.shape[0] and columns[kind] >= 0:
                column = columns[kind]
                is_sound = length - _HEADER >= lengths[column]
                places[i, column] = at + _HEADER
            at += length
        if not is_sound:
            places[i, 0] = -2
            n_bad += 1
    return n_bad
