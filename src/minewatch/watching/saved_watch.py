# SPDX-License-Identifier: Apache-2.0
"""A watch as JSON and arrays, and back: open biflows, interval records, alerts, the clock."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import polars as pl

from minewatch.alerts.saved_book import load_book, save_book
from minewatch.metering import state as st
from minewatch.metering import ticks
from minewatch.metering.process import MeterCounters, flow_table
from minewatch.readers.capture import HASH_SEED
from minewatch.schema import SCHEMA_VERSION
from minewatch.types import FlowTable, Int64Array
from minewatch.watching.engine import Watch, WatchCounters

VERSION: Final = 1
"""Of what is saved. Another one is refused."""
LAYOUT: Final = hashlib.sha256(
    repr(
        (
            *(SCHEMA_VERSION, st.ROW_WORDS, st.RECORD_COLUMNS, st.SERIES_WORDS, st.FIRST_PACKETS),
            *(st.LATEST_PACKETS, st.BLOCK_OCTETS, st.BLOCK_HEAD, st.N_COUNTS, ticks.N_WORDS),
        )
    ).encode()
).hexdigest()[:16]
"""Tells whether the arrays mean the same as when they were saved."""
FOREIGN: Final = (
    "another version of minewatch laid it out; go on with that one, or remove checkpoint-* and "
    "told-* to begin anew"
)
_SHAPING: Final = ("interval_s", "idle_timeout_s", "conversation_timeout_s", "closed_linger_s")
"""Options of metering under which biflows that are open now would not have come to be."""
_RECORDS: Final = "interval_records"
_COUNT: Final = "interval_count"


@dataclass(frozen=True, slots=True)
class Head:
    """What of a watch is no array.

    Parameters
    ----------
    layout : see ``LAYOUT``.
    settings : of the metering and the clock.
    origin : what was read, if it can be read again from its start.
    book : alerts.
    counters : of the watch.
    metering : of the metering process.
    looked_ns : time of the last strike.
    failures : plug-ins that failed.
    """

    layout: str
    settings: dict[str, float]
    origin: list[str | int]
    book: Any
    counters: WatchCounters
    metering: MeterCounters
    looked_ns: int
    failures: dict[str, str] = field(default_factory=dict)


def save_watch(watch: Watch, origin: list[str | int]) -> tuple[Any, dict[str, np.ndarray]]:
    """Return copies of all that is known, which do not change when the watch goes on.

    Parameters
    ----------
    watch : between two strikes, or while it yields at one.
    origin : what is read; empty if it cannot be read again from its start.
    """
    head = Head(
        LAYOUT,
        _settings(watch),
        origin,
        save_book(watch.book),
        watch.counters,
        watch.meter.counters,
        watch.looked_ns,
        dict(watch.report.failures),
    )
    arrays = watch.meter.save()
    arrays["clock"] = watch.clock.copy()
    arrays[_RECORDS] = _record_array(watch.builder.save())
    return msgspec.to_builtins(head, str_keys=True), arrays


def load_watch(watch: Watch, value: Any, arrays: dict[str, np.ndarray]) -> list[str | int]:
    """Let a watch go on where ``save_watch`` was called; return the origin that was given there.

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
    clock = arrays["clock"]
    if clock.shape != watch.clock.shape or clock[ticks.TICK_NS] != watch.clock[ticks.TICK_NS]:
        raise ValueError("a clock of other words, or of another tick")
    book = load_book(head.book, watch.book.most_octets)
    watch.builder.restore(_record_table(arrays[_RECORDS]))
    watch.meter.restore(arrays, HASH_SEED)
    watch.book = book
    watch.clock[:] = clock
    watch.looked_ns = head.looked_ns
    watch.counters, watch.meter.counters = head.counters, head.metering
    watch.report.failures.update(head.failures)
    return head.origin


class AnyHead(Protocol):
    """What the head of every watch tells of what was saved."""

    @property
    def layout(self) -> str:
        """What the arrays mean."""
        ...

    @property
    def settings(self) -> dict[str, float]:
        """Under which they came to be."""
        ...


def refuse_other(head: AnyHead, layout: str, settings: dict[str, float]) -> None:
    """Refuse what this watch could not go on with.

    Parameters
    ----------
    head : of what was saved.
    layout : what arrays mean here.
    settings : of this watch.

    Raises
    ------
    ValueError : it was laid out by another version, or made with other settings.
    """
    if head.layout != layout:
        raise ValueError(FOREIGN)
    if head.settings != settings:
        changed = [name for name in settings if settings[name] != head.settings.get(name)]
        raise ValueError(f"made with other settings ({', '.join(changed)})")


def _record_array(records: FlowTable) -> Int64Array:
    """Interval records as the kernel writes them, and in how many they were, a row each."""
    columns = []
    for name in (*st.RECORD_COLUMNS, _COUNT):
        column = records.get_column(name)
        if column.dtype == pl.UInt64:
            columns.append(column.to_numpy().view(np.int64))
        else:
            columns.append(column.cast(pl.Int64).fill_null(-1).to_numpy())
    return np.column_stack(columns)


def _record_table(array: Int64Array) -> FlowTable:
    if array.ndim != 2 or array.shape[1] != len(st.RECORD_COLUMNS) + 1:
        raise ValueError(f"interval records of shape {array.shape}")
    try:
        table = flow_table(array[:, :-1])
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"interval records: {error}") from error
    return table.with_columns(pl.Series(_COUNT, array[:, -1].copy(), pl.Int64))


def _settings(watch: Watch) -> dict[str, float]:
    metering = asdict(watch.scan.pipeline.metering)
    return {
        **{name: float(metering[name]) for name in _SHAPING},
        "tick_s": float(watch.options.tick_s),
    }
