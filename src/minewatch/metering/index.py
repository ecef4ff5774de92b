# SPDX-License-Identifier: Apache-2.0
"""The compiled hash index from a biflow's key to its row: open addressing, no tombstones.

An entry is ``hash << 32 | row + 1``; 0 is empty. Keeping the hash beside the row spares most
looks at the row, and tells an entry's home when a gap is closed.
"""

from __future__ import annotations

import numba

from minewatch.metering.state import A_HIGH, A_LOW, B_HIGH, B_LOW, HASH, KEY_TAIL
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_HASH,
    P_IS_SWAPPED,
    P_KEY_TAIL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    Int64Array,
)


@numba.njit(cache=True, nogil=True)
def hash_key(a_high: int, a_low: int, b_high: int, b_low: int, tail: int, seed: int) -> int:
    """Return 32 bits of a seeded hash; the seed keeps a hostile capture from choosing slots."""
    h = (a_low ^ seed) * -7046029254386353131
    h ^= (h >> 29) & 0x7FFFFFFFF
    h = (h + b_low) * -4417276706812531889
    h ^= (h >> 32) & 0xFFFFFFFF
    if a_high | b_high:  # of IPv4 both are 0
        # Each by itself: what is made of the two together, many pairs share, whatever the seed.
        h = (h + a_high) * -7046029254386353131
        h ^= (h >> 29) & 0x7FFFFFFFF
        h = (h + b_high) * -4417276706812531889
        h ^= (h >> 32) & 0xFFFFFFFF
    h = (h + tail) * -7046029254386353131
    h ^= (h >> 32) & 0xFFFFFFFF
    h *= 1609587929392839161
    return (h >> 31) & 0xFFFFFFFF


@numba.njit(cache=True, nogil=True)
def rehash(rows: Int64Array, numbers: Int64Array, seed: int) -> None:
    """Give rows that come from another process the hash that packets have in this one."""
    for i in range(numbers.shape[0]):
        number = numbers[i]
        rows[number, HASH] = hash_key(
            rows[number, A_HIGH],
            rows[number, A_LOW],
            rows[number, B_HIGH],
            rows[number, B_LOW],
            rows[number, KEY_TAIL],
            seed,
        )


@numba.njit(cache=True, nogil=True)
def insert_index(index: Int64Array, hashed: int, row: int) -> None:
    """Put a row into the index."""
    mask = index.shape[0] - 1
    at = hashed & mask
    while index[at] != 0:
        at = (at + 1) & mask
    index[at] = (hashed << 32) | (row + 1)


@numba.njit(cache=True, nogil=True)
def remove_index(index: Int64Array, hashed: int, row: int) -> None:
    """Take a row out of the index and close the gap behind it."""
    mask = index.shape[0] - 1
    at = hashed & mask
    wanted = (hashed << 32) | (row + 1)
    while index[at] != wanted:
        at = (at + 1) & mask
    hole = at
    while True:
        at = (at + 1) & mask
        entry = index[at]
        if entry == 0:
            break
        home = (entry >> 32) & mask
        # Move an entry back if its home does not lie between the hole and where it stands.
        if ((at - home) & mask) >= ((at - hole) & mask):
            index[hole] = entry
            hole = at
    index[hole] = 0


@numba.njit(cache=True, nogil=True)
def find_row(index: Int64Array, rows: Int64Array, columns: Int64Array, i: int) -> int:
    """Return the row of packet ``i``'s biflow, or -1."""
    hashed = columns[i, P_HASH]
    tail = columns[i, P_KEY_TAIL]
    if columns[i, P_IS_SWAPPED]:
        a_high, a_low = columns[i, P_DESTINATION_HIGH], columns[i, P_DESTINATION_LOW]
        b_high, b_low = columns[i, P_SOURCE_HIGH], columns[i, P_SOURCE_LOW]
    else:
        a_high, a_low = columns[i, P_SOURCE_HIGH], columns[i, P_SOURCE_LOW]
        b_high, b_low = columns[i, P_DESTINATION_HIGH], columns[i, P_DESTINATION_LOW]
    mask = index.shape[0] - 1
    at = hashed & mask
    while index[at] != 0:
        entry = index[at]
        if (entry >> 32) & 0xFFFFFFFF == hashed:
            row = (entry & 0xFFFFFFFF) - 1
            if (
                rows[row, A_LOW] == a_low
                and rows[row, B_LOW] == b_low
                and rows[row, KEY_TAIL] == tail
                and rows[row, A_HIGH] == a_high
                and rows[row, B_HIGH] == b_high
            ):
                return row
        at = (at + 1) & mask
    return -1
