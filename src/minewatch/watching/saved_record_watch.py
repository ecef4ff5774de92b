# SPDX-License-Identifier: Apache-2.0
"""A watch of flow records as JSON and arrays, and back: records, names, alerts, the clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from minewatch.alerts.saved_book import load_book, save_book
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.records import RECORD, UNKNOWN
from minewatch.types import Int64Array
from minewatch.watching.record_names import RecordNames
from minewatch.watching.record_watch import RecordWatch, RecordWatchCounters
from minewatch.watching.saved_watch import refuse_other

LAYOUT: Final = hashlib.sha256(
    repr((RECORD.descr, h.ROW_WORDS, h.N_COUNTS, ticks.N_WORDS, "flow records 1")).encode()
).hexdigest()[:16]
"""Tells whether the arrays mean the same as when they were saved."""


@dataclass(frozen=True, slots=True)
class Head:
    """What of a watch is no array.

    Parameters
    ----------
    layout : see ``LAYOUT``.
    settings : of conversations and the clock.
    origin : what was read, if it can be read again from its start.
    book : alerts.
    counters : of the watch.
    servers : names, by place.
    followed : place among the rows, start and number of each conversation that an alert follows.
    next_id : of conversations.
    taken : counts of records that came: all, those of TCP, and denied ones.
    failures : plug-ins that failed.
    """

    layout: str
    settings: dict[str, float]
    origin: list[str | int]
    book: Any
    counters: RecordWatchCounters
    servers: list[str]
    followed: list[tuple[int, int, int]]
    next_id: int
    taken: tuple[int, int, int]
    failures: dict[str, str] = field(default_factory=dict)


_TAKEN: Final = (h.TAKEN, h.TCP, h.DENIED_RECORDS)


def save_record_watch(
    watch: RecordWatch, origin: list[str | int]
) -> tuple[Any, dict[str, np.ndarray]]:
    """Return copies of all that is known, which do not change when the watch goes on.

    Parameters
    ----------
    watch : between two strikes, or while it yields at one.
    origin : what is read; empty if it cannot be read again from its start.
    """
    held = watch.held
    numbers = held.everything()
    rows = held.rows[numbers]
    n = int(rows[:, h.COUNT].sum())
    words, row_of = np.empty((n, h.WORDS), np.int64), np.empty(n, np.int64)
    h.gather_records(held.held, numbers, words, row_of)
    place = {number: i for i, number in enumerate(numbers.tolist())}
    head = Head(
        LAYOUT,
        _settings(watch),
        origin,
        save_book(watch.book),
        watch.counters,
        watch.names.servers,
        [
            (place[row], *known)
            for row, followed in watch.judge.followed.items()
            for known in followed
        ],
        watch.judge.next_id,
        (held.count(h.TAKEN), held.count(h.TCP), held.count(h.DENIED_RECORDS)),
        dict(watch.report.failures),
    )
    arrays = {"clock": watch.clock.copy(), "rows": rows, "records": words}
    return msgspec.to_builtins(head, str_keys=True), arrays


def load_record_watch(
    watch: RecordWatch, value: Any, arrays: dict[str, np.ndarray]
) -> list[str | int]:
    """Let a watch go on where ``save_record_watch`` was called; return the origin of then.

    Parameters
    ----------
    watch : new, with the same settings.
    value : the head.
    arrays : by name.

    Raises
    ------
    ValueError : they are of another watch, or do not fit together.
    """
    try:
        head = msgspec.convert(value, Head, str_keys=True)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    refuse_other(head, LAYOUT, _settings(watch))
    clock, rows, words = arrays["clock"], arrays["rows"], arrays["records"]
    if clock.shape != watch.clock.shape or clock[ticks.TICK_NS] != watch.clock[ticks.TICK_NS]:
        raise ValueError("a clock of other words, or of another tick")
    if not 0 <= clock[ticks.AHEAD] < ticks.CONFIRMED:
        raise ValueError("a clock with more ends ahead than it keeps")
    _check(watch, rows, words, head)
    book = load_book(head.book, watch.book.most_octets)
    watch.held.restore(rows, _with_known_names(words, len(head.servers)))
    for word, count in zip(_TAKEN, head.taken, strict=True):
        watch.held.held.counts[word] = count
    watch.clock[:] = clock
    watch.counters = head.counters
    watch.book = watch.judge.book = book
    watch.names = watch.judge.names = RecordNames(head.servers)
    watch.judge.next_id = head.next_id
    for row, start, flow_id in head.followed:
        watch.judge.followed.setdefault(row, []).append((start, flow_id))
    watch.report.failures.update(head.failures)
    return head.origin


def _check(watch: RecordWatch, rows: Int64Array, words: Int64Array, head: Head) -> None:
    """Refuse what the kernels, which do not check, could not work with."""
    if rows.ndim != 2 or rows.shape[1] != h.ROW_WORDS:
        raise ValueError(f"rows of shape {rows.shape}")
    if words.ndim != 2 or words.shape[1] != h.WORDS:
        raise ValueError(f"records of shape {words.shape}")
    if len(rows) > watch.options.most_biflows or len(words) > watch.options.most_records:
        raise ValueError("more than there is room for now; give more --memory")
    counts = rows[:, h.COUNT]
    if (counts < 1).any() or (counts > len(words)).any() or int(counts.sum()) != len(words):
        raise ValueError("rows that count other records")
    if ((rows[:, h.OBSERVER] < 0) | (rows[:, h.OBSERVER] >= h.OBSERVERS)).any():
        raise ValueError("observers that cannot be")
    if any(not 0 <= row < len(rows) for row, _, _ in head.followed):
        raise ValueError("followed rows that are not there")


def _with_known_names(words: Int64Array, n_servers: int) -> Int64Array:
    words = np.array(words, np.int64, order="C")
    told = words.reshape(-1).view(RECORD)["server_name"]
    told[(told < 0) | (told >= n_servers)] = UNKNOWN
    return words


def _settings(watch: RecordWatch) -> dict[str, float]:
    return {
        "interval_s": float(watch.settings.interval_s),
        "conversation_timeout_s": float(watch.settings.conversation_timeout_s),
        "tick_s": float(watch.options.tick_s),
        "has_own_clock": float(watch.options.has_own_clock),
    }
