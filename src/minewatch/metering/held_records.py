# SPDX-License-Identifier: Apache-2.0
"""Compiled: records of flow logs kept by biflow in memory of a fixed size, each at a fixed cost.

Records lie in a pool and hang in one chain a biflow, in the order in which they came. Only TCP is
kept, for the gate lets nothing else pass, and nothing of what a firewall denied.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np

from minewatch.metering.index import insert_index, remove_index
from minewatch.metering.record_keys import directions, is_same_biflow, record_hash
from minewatch.records import DENIED, RECORD, RecordArray
from minewatch.types import BoolArray, Int64Array

# Words of a row: a biflow.
(
    FIRST,
    LAST,
    COUNT,
    NEW,
    START_NS,
    END_NS,
    WAYS,
    BEGAN_NS,
    SEEN_NS,
    ARRIVED,
    LOOK_NS,
    NEW_NS,
    FLAGS,
    OBSERVER,
    HASH,
    LOOKS,
) = range(16)
ROW_WORDS: Final = 16
"""``FIRST``, ``LAST``: ends of its chain. ``NEW``: records since the last look. ``WAYS``: of which
directions any told. ``BEGAN_NS``, ``SEEN_NS``, ``NEW_NS``: the clock when the first, the latest and
the first new record came; ``ARRIVED``: how many records had come in all by the latest. ``LOOK_NS``:
not to be looked at before."""
SUSPECT, FOLLOWED, SAID_ENDED = 1, 2, 4
"""``FLAGS``: likely to mine; of an alert; the alert knows that it is over."""
BOTH_WAYS: Final = 3
FREE_SLOT, SLOTS, FREE_ROW, ROWS, TAKEN, TCP, DENIED_RECORDS, FULL, HELD, OPEN = range(10)
N_COUNTS: Final = 10
"""``FREE_SLOT``, ``FREE_ROW``: heads of the free ones, -1 for none; ``SLOTS``, ``ROWS``: ever used;
``TAKEN``: records that came, ``TCP``: of these kept; ``FULL``: the row that is; ``HELD``: records,
``OPEN``: biflows in memory."""
ALL, NO_SLOT, NO_ROW, ROW_IS_FULL = range(4)
"""Why ``take_records`` ended."""
OBSERVERS: Final = 1024
"""Observers are told apart by their number modulo this."""
TCP_PROTOCOL: Final = 6
WORDS: Final = RECORD.itemsize // 8


class Held(NamedTuple):
    """The memory. A row is in use where its ``COUNT`` is above 0."""

    words: Int64Array
    """The pool, shape (n, WORDS)."""
    records: RecordArray
    """The same memory as records."""
    links: Int64Array
    """The next record in the chain, or among the free ones."""
    rows: Int64Array
    index: Int64Array
    counts: Int64Array
    of_observer: Int64Array
    """Records by observer of their biflow's first record."""


def new_held(most_records: int, most_biflows: int) -> Held:
    """Return memory that holds nothing; the system gives it when it is used.

    Parameters
    ----------
    most_records : room.
    most_biflows : room.
    """
    words = np.empty((most_records, WORDS), np.int64)
    counts = np.zeros(N_COUNTS, np.int64)
    counts[FREE_SLOT] = counts[FREE_ROW] = -1
    return Held(
        words,
        words.reshape(-1).view(RECORD),
        np.empty(most_records, np.int64),
        np.zeros((most_biflows, ROW_WORDS), np.int64),
        np.zeros(1 << (2 * most_biflows - 1).bit_length(), np.int64),
        counts,
        np.zeros(OBSERVERS, np.int64),
    )


@numba.njit(cache=True, nogil=True)
def take_records(
    held: Held,
    records: RecordArray,
    words: Int64Array,
    start: int,
    stop: int,
    shown: Int64Array,
    most_of_one: int,
    timeout_ns: int,
    seed: int,
) -> tuple[int, int]:
    """Keep records; return the first one for which there is no room, and why.

    Parameters
    ----------
    held : the memory.
    records : of a batch.
    words : the same memory as 64-bit words, shape (n, WORDS).
    start : the first one to take.
    stop : the first one not to take.
    shown : what the clock shows when each of them comes, shape (n,).
    most_of_one : records of one biflow; then it is full.
    timeout_ns : what comes after a longer silence begins anew.
    seed : of the hash.
    """
    rows, counts = held.rows, held.counts
    for i in range(start, stop):
        if records[i].firewall_event == DENIED:
            counts[DENIED_RECORDS] += 1
            counts[TAKEN] += 1
            continue
        if records[i].protocol_identifier != TCP_PROTOCOL:
            counts[TAKEN] += 1
            continue
        slot = counts[FREE_SLOT]
        if slot < 0:
            slot = counts[SLOTS]
            if slot == held.links.shape[0]:
                return i, NO_SLOT
        held.words[slot, :] = words[i, :]
        hashed = record_hash(records, i, seed)
        row = _find(held, hashed, slot)
        if row < 0:
            row = _new_row(held, hashed, slot, shown[i])
            if row < 0:
                return i, NO_ROW
        elif rows[row, COUNT] >= most_of_one:
            counts[FULL] = row
            return i, ROW_IS_FULL
        elif shown[i] - rows[row, SEEN_NS] > timeout_ns:
            rows[row, BEGAN_NS] = shown[i]
            rows[row, LOOK_NS] = 0
        _use_slot(held, slot)
        _append(held, row, slot, shown[i])
        counts[TAKEN] += 1
        counts[TCP] += 1
    return stop, ALL


@numba.njit(cache=True, nogil=True)
def _find(held: Held, hashed: int, slot: int) -> int:
    """Return the row of the record in a slot, or -1."""
    mask = held.index.shape[0] - 1
    at = hashed & mask
    while held.index[at] != 0:
        entry = held.index[at]
        if (entry >> 32) & 0xFFFF_FFFF == hashed:
            row = (entry & 0xFFFF_FFFF) - 1
            if is_same_biflow(held.records, slot, held.rows[row, FIRST]):
                return row
        at = (at + 1) & mask
    return -1


@numba.njit(cache=True, nogil=True)
def _new_row(held: Held, hashed: int, slot: int, now_ns: int) -> int:
    rows, counts = held.rows, held.counts
    row = counts[FREE_ROW]
    if row >= 0:
        counts[FREE_ROW] = rows[row, LAST]
    else:
        row = counts[ROWS]
        if row == rows.shape[0]:
            return -1
        counts[ROWS] += 1
    rows[row, :] = 0
    rows[row, FIRST] = rows[row, LAST] = -1
    rows[row, START_NS] = held.records[slot].flow_start_nanoseconds
    rows[row, END_NS] = held.records[slot].flow_end_nanoseconds
    rows[row, BEGAN_NS] = now_ns
    rows[row, OBSERVER] = np.int64(held.records[slot].observation_point) % OBSERVERS
    rows[row, HASH] = hashed
    insert_index(held.index, hashed, row)
    counts[OPEN] += 1
    return row


@numba.njit(cache=True, nogil=True)
def _use_slot(held: Held, slot: int) -> None:
    counts = held.counts
    if counts[FREE_SLOT] >= 0:
        counts[FREE_SLOT] = held.links[slot]
    else:
        counts[SLOTS] += 1
    held.links[slot] = -1


@numba.njit(cache=True, nogil=True)
def _append(held: Held, row: int, slot: int, now_ns: int) -> None:
    """Hang a record at the end of a row's chain."""
    rows, record = held.rows, held.records[slot]
    if rows[row, LAST] < 0:
        rows[row, FIRST] = slot
    else:
        held.links[rows[row, LAST]] = slot
    rows[row, LAST] = slot
    rows[row, COUNT] += 1
    rows[row, START_NS] = min(rows[row, START_NS], record.flow_start_nanoseconds)
    rows[row, END_NS] = max(rows[row, END_NS], record.flow_end_nanoseconds)
    rows[row, WAYS] |= directions(held.records, slot)
    if rows[row, NEW] == 0:
        rows[row, NEW_NS] = now_ns
    rows[row, NEW] += 1
    rows[row, SEEN_NS] = now_ns
    rows[row, ARRIVED] = held.counts[TAKEN]
    held.of_observer[rows[row, OBSERVER]] += 1
    held.counts[HELD] += 1


@numba.njit(cache=True, nogil=True)
def gather_records(held: Held, numbers: Int64Array, words: Int64Array, row_of: Int64Array) -> int:
    """Copy the records of some rows, those of one row together; return how many there are.

    Parameters
    ----------
    held : the memory.
    numbers : rows in use.
    words : takes the records, shape (n, WORDS).
    row_of : takes the row of each, shape (n,).
    """
    n = 0
    for i in range(numbers.shape[0]):
        slot = held.rows[numbers[i], FIRST]
        while slot >= 0:
            words[n, :] = held.words[slot, :]
            row_of[n] = numbers[i]
            n += 1
            slot = held.links[slot]
    return n


@numba.njit(cache=True, nogil=True)
def mark_names(held: Held, is_used: BoolArray) -> None:
    """Mark which names of servers the records tell.

    Parameters
    ----------
    held : the memory.
    is_used : takes it, by place of the name.
    """
    for row in range(held.counts[ROWS]):
        slot = held.rows[row, FIRST] if held.rows[row, COUNT] else -1
        while slot >= 0:
            name = held.records[slot].server_name
            if 0 <= name < is_used.shape[0]:
                is_used[name] = True
            slot = held.links[slot]


@numba.njit(cache=True, nogil=True)
def drop_rows(held: Held, numbers: Int64Array) -> None:
    """Forget biflows.

    Parameters
    ----------
    held : the memory.
    numbers : rows in use, each once.
    """
    rows, counts = held.rows, held.counts
    for i in range(numbers.shape[0]):
        row = numbers[i]
        remove_index(held.index, rows[row, HASH], row)
        empty_row(held, row)
        rows[row, LAST] = counts[FREE_ROW]
        counts[FREE_ROW] = row
        counts[OPEN] -= 1


@numba.njit(cache=True, nogil=True)
def empty_row(held: Held, row: int) -> None:
    """Take a row's records away; it stays in the index.

    Parameters
    ----------
    held : the memory.
    row : in use; it must get a record again at once, or be dropped.
    """
    rows, counts = held.rows, held.counts
    held.links[rows[row, LAST]] = counts[FREE_SLOT]
    counts[FREE_SLOT] = rows[row, FIRST]
    held.of_observer[rows[row, OBSERVER]] -= rows[row, COUNT]
    counts[HELD] -= rows[row, COUNT]
    rows[row, COUNT] = 0
    rows[row, FIRST] = rows[row, LAST] = -1


@numba.njit(cache=True, nogil=True)
def put_records(held: Held, row: int, words: Int64Array) -> None:
    """Give a row that was emptied other records, no more than it had; what it knows stays.

    Parameters
    ----------
    held : the memory.
    row : just emptied.
    words : the records, shape (n, WORDS).
    """
    known = held.rows[row].copy()
    for i in range(words.shape[0]):
        slot = held.counts[FREE_SLOT]
        held.words[slot, :] = words[i, :]
        _use_slot(held, slot)
        _append(held, row, slot, known[SEEN_NS])
    for word in (START_NS, END_NS, NEW, NEW_NS, SEEN_NS, ARRIVED, WAYS):
        held.rows[row, word] = known[word]


@numba.njit(cache=True, nogil=True)
def restore_rows(held: Held, rows: Int64Array, words: Int64Array, seed: int) -> None:
    """Fill new memory with rows and their records, which lie row after row.

    Parameters
    ----------
    held : new, with room for them.
    rows : that were in use, shape (n, ROW_WORDS).
    words : their records, shape (m, WORDS), as many as the rows count.
    seed : of the hash in this process.
    """
    at = 0
    for row in range(rows.shape[0]):
        count = rows[row, COUNT]
        held.rows[row, :] = rows[row, :]
        held.rows[row, FIRST], held.rows[row, LAST] = at, at + count - 1
        for slot in range(at, at + count):
            held.words[slot, :] = words[slot, :]
            held.links[slot] = slot + 1
        held.links[at + count - 1] = -1
        hashed = record_hash(held.records, at, seed)
        held.rows[row, HASH] = hashed
        insert_index(held.index, hashed, row)
        held.of_observer[rows[row, OBSERVER]] += count
        at += count
    held.counts[SLOTS] = held.counts[HELD] = at
    held.counts[ROWS] = held.counts[OPEN] = rows.shape[0]
