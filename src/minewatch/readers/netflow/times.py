# SPDX-License-Identifier: Apache-2.0
"""When a flow began and ended: the ways in which exporters tell it (RFC 7012, RFC 3954)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from minewatch.readers.netflow import elements as e
from minewatch.readers.netflow.templates import NANOSECONDS, column
from minewatch.readers.netflow.work import MAX_TIME_NS, UNKNOWN_UPTIME, Work
from minewatch.types import BoolArray, Int64Array

Clock: TypeAlias = Callable[[Work, int], Int64Array]
"""Gives the times that a field tells, in ns UTC."""

_MILLISECOND: Final = 1_000_000
_MICROSECOND: Final = 1000
_MAX_AGO: Final = 1 << 51
"""Microseconds: 71 years."""
_NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_UPTIME_WRAP: Final = 1 << 32
_AHEAD_MS: Final = 3_600_000
"""An uptime that lies less than this after its header's is later, not 49 days earlier."""
_SECONDS_LOOK: Final = (10**9, 10**11)
"""Numbers that are seconds of the years 2001 to 5138, and of no other unit."""
_MILLISECONDS_LOOK: Final = (10**12, 10**14)


def _numbers(work: Work, key: int) -> Int64Array:
    return column(work.rows, key).astype(np.int64)


def _seconds(work: Work, key: int) -> Int64Array:
    values = _numbers(work, key)
    odd = (values >= _MILLISECONDS_LOOK[0]) & (values < _MILLISECONDS_LOOK[1])
    work.repair("milliseconds where seconds belong", odd)
    unfit = (values < 0) | (values >= MAX_TIME_NS // NANOSECONDS)
    _refuse(work, unfit & ~odd)
    return np.where(odd, values, np.where(unfit, 0, values) * 1000) * _MILLISECOND


def _milliseconds(work: Work, key: int) -> Int64Array:
    values = _numbers(work, key)
    odd = (values >= _SECONDS_LOOK[0]) & (values < _SECONDS_LOOK[1])
    work.repair("seconds where milliseconds belong", odd)
    unfit = (values < 0) | (values >= MAX_TIME_NS // _MILLISECOND)
    _refuse(work, unfit)
    return np.where(unfit, 0, np.where(odd, values * 1000, values)) * _MILLISECOND


def _ntp(work: Work, key: int) -> Int64Array:
    stamp = column(work.rows, key).astype(np.uint64)
    seconds = (stamp >> np.uint64(32)).astype(np.int64)
    # RFC 5905: the era that begins in 2036 counts from 0 again.
    seconds += np.where(seconds < _NTP_EPOCH, _UPTIME_WRAP, 0) - _NTP_EPOCH
    fraction = ((stamp & np.uint64(0xFFFF_FFFF)) * np.uint64(NANOSECONDS)) >> np.uint64(32)
    return seconds * NANOSECONDS + fraction.astype(np.int64)


def _before_export(work: Work, key: int) -> Int64Array:
    ago = np.minimum(column(work.rows, key).astype(np.uint64), np.uint64(_MAX_AGO))
    return work.export_ns - ago.astype(np.int64) * _MICROSECOND


def _uptime(work: Work, key: int) -> Int64Array:
    values = _numbers(work, key) % _UPTIME_WRAP
    if _has(work, e.SYSTEM_INIT_TIME):
        return _since(work, _milliseconds(work, e.SYSTEM_INIT_TIME), values)
    if work.uptime_ms[0] != UNKNOWN_UPTIME:
        ago = (work.uptime_ms - values) % _UPTIME_WRAP
        ago -= np.where(ago > _UPTIME_WRAP - _AHEAD_MS, _UPTIME_WRAP, 0)
        return work.export_ns - ago * _MILLISECOND
    if work.system_start_ns is not None:
        return _since(work, np.full(len(values), work.system_start_ns), values)
    return work.export_ns - (_latest(work) - values) * _MILLISECOND


def _since(work: Work, start_ns: Int64Array, uptime_ms: Int64Array) -> Int64Array:
    """Return times by uptimes, which begin anew every 49 days: the latest before the export."""
    up_at_export = (work.export_ns - start_ns) // _MILLISECOND
    wraps = (up_at_export + _AHEAD_MS - uptime_ms) // _UPTIME_WRAP
    times: Int64Array = start_ns + (uptime_ms + wraps * _UPTIME_WRAP) * _MILLISECOND
    return times


def _latest(work: Work) -> Int64Array:
    """Return the latest end in each record's set, which is taken for the time of export."""
    key = e.END_UPTIME if _has(work, e.END_UPTIME) else e.START_UPTIME
    ends = _numbers(work, key) % _UPTIME_WRAP
    latest = np.maximum.reduceat(ends, work.starts)
    work.repair("uptime without the start of the system", np.ones(len(ends), np.bool_))
    return np.repeat(latest, np.diff(np.append(work.starts, len(ends))))


def _has(work: Work, key: int) -> bool:
    return str(key) in (work.rows.dtype.names or ())


def _refuse(work: Work, where: BoolArray) -> None:
    work.fault("time out of range", where)


_PAIRS: Final[tuple[tuple[int, int, Clock], ...]] = (
    (e.START_NANOSECONDS, e.END_NANOSECONDS, _ntp),
    (e.START_MICROSECONDS, e.END_MICROSECONDS, _ntp),
    (e.START_MILLISECONDS, e.END_MILLISECONDS, _milliseconds),
    (e.START_DELTA, e.END_DELTA, _before_export),
    (e.START_UPTIME, e.END_UPTIME, _uptime),
    (e.START_SECONDS, e.END_SECONDS, _seconds),
)
_OBSERVED: Final[tuple[tuple[int, Clock], ...]] = (
    (e.OBSERVED_MILLISECONDS, _milliseconds),
    (e.OBSERVED_SECONDS, _seconds),
)
TIME_KEYS: Final = frozenset(key for start, end, _ in _PAIRS for key in (start, end)) | frozenset(
    key for key, _ in _OBSERVED
)
"""Fields of which one must be there for a record to tell when."""
_DURATIONS: Final = (
    (e.DURATION_MICROSECONDS, _MICROSECOND),
    (e.DURATION_MILLISECONDS, _MILLISECOND),
)


def plan_times(keys: frozenset[int]) -> Callable[[Work], None]:
    """Return what sets the times of records that have the given fields.

    Parameters
    ----------
    keys : of the fields, as in ``elements``.

    Notes
    -----
    The finest pair of start and end is used. Where one of the two is missing, a duration, the
    time of observation or the time of export stands for it; where both are, the latter. Of a
    biflow the earlier start and the later end of its directions count.
    """
    start, end = _clocks(keys, 0)
    start_back, end_back = _clocks(keys, e.REVERSE)

    def set_times(work: Work) -> None:
        known_end = end(work) if end else None
        starts = start(work) if start else _from_end(work, keys, known_end)
        ends = known_end if known_end is not None else _from_start(work, keys, starts)
        if start_back:
            back = start_back(work)
            starts = np.where(back > 0, np.minimum(starts, back), starts)
        if end_back:
            ends = np.maximum(ends, end_back(work))
        work.records["flow_start_nanoseconds"] = starts
        work.records["flow_end_nanoseconds"] = ends
        _refuse(work, (starts <= 0) | (starts > MAX_TIME_NS) | (ends <= 0) | (ends > MAX_TIME_NS))
        work.fault("end before start", ends < starts)

    return set_times


def _clocks(
    keys: frozenset[int], way: int
) -> tuple[Callable[[Work], Int64Array] | None, Callable[[Work], Int64Array] | None]:
    """Return what reads start and end, of the finest pair that is there, or else of any."""
    whole = [pair for pair in _PAIRS if {pair[0] + way, pair[1] + way} <= keys]
    found: list[Callable[[Work], Int64Array] | None] = []
    for is_end in (False, True):
        usable = [
            (end if is_end else start, clock)
            for start, end, clock in whole or _PAIRS
            if (end if is_end else start) + way in keys
        ]
        found.append(_bound(usable[0][1], usable[0][0] + way) if usable else None)
    if found[1] is None and not way:
        found[1] = next((_bound(clock, key) for key, clock in _OBSERVED if key in keys), None)
    return found[0], found[1]


def _bound(clock: Clock, key: int) -> Callable[[Work], Int64Array]:
    return lambda work: clock(work, key)


def _duration(work: Work, keys: frozenset[int]) -> Int64Array | None:
    for key, unit in _DURATIONS:
        if key in keys:
            return (_numbers(work, key) % (1 << 40)) * unit
    return None


def _from_end(work: Work, keys: frozenset[int], end: Int64Array | None) -> Int64Array:
    duration = _duration(work, keys)
    known = end if end is not None else work.export_ns
    return known if duration is None else known - duration


def _from_start(work: Work, keys: frozenset[int], start: Int64Array) -> Int64Array:
    if not any(pair[0] in keys for pair in _PAIRS):
        return work.export_ns
    duration = _duration(work, keys)
    return np.maximum(start, work.export_ns) if duration is None else start + duration
