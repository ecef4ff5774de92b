# SPDX-License-Identifier: Apache-2.0
"""Columns of text or numbers as arrays of what records hold, whole blocks at a time."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.readers.flowlogs.addresses import address_halves
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.records import UNKNOWN
from minewatch.types import BoolArray, Int64Array

Halves: TypeAlias = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]

MAX_COUNT: Final = (1 << 62) - 1
"""Sums of two counts fit 64 bits."""
LATEST_SECOND: Final = 9_000_000_000
"""Year 2255; nanoseconds of it fit 64 bits."""
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
_MAPPED: Final = 0xFFFF << 32
_BAD_ADDRESS: Final = (0, 0)


def whole_numbers(
    column: pl.Series,
    faults: RowFaults,
    what: str,
    high: int = MAX_COUNT,
    *,
    missing: int = UNKNOWN,
) -> Int64Array:
    """Return numbers from 0 to ``high``; others are faults.

    Parameters
    ----------
    column : texts or numbers.
    faults : of these rows.
    what : name of the column, for those who read of a fault.
    high : largest one that can be.
    missing : stands for null.

    Examples
    --------
    >>> faults = RowFaults(np.arange(3), str)
    >>> whole_numbers(pl.Series(["1", None, "-1"]), faults, "bytes").tolist(), faults.fine.tolist()
    ([1, -1, -1], [True, True, False])
    """
    numbers = column.cast(pl.Int64, strict=False)
    is_bad = (numbers.is_null() & column.is_not_null()).to_numpy()
    values = numbers.fill_null(missing).to_numpy().copy()
    is_known = numbers.is_not_null().to_numpy()
    faults.mark(is_bad, f"{what} is no number", "check the columns; found", column)
    is_outside = is_known & ((values < 0) | (values > high))
    faults.mark(is_outside, f"{what} is out of range", f"0 to {high} can be; found", column)
    values[is_outside] = missing
    return values


def required(column: pl.Series, faults: RowFaults, what: str) -> None:
    """Mark rows in which the column is null.

    Parameters
    ----------
    column : of these rows.
    faults : of these rows.
    what : name of the column.
    """
    is_null = column.is_null()
    if is_null.any():
        faults.mark(is_null.to_numpy(), f"{what} is missing", "a flow cannot be told without it")


def nanoseconds(
    column: pl.Series, faults: RowFaults, what: str, *, unit_ns: int = 10**9
) -> Int64Array:
    """Return times or durations in nanoseconds, exact to the microsecond; 0 for null.

    Parameters
    ----------
    column : texts or numbers, with or without fraction.
    faults : of these rows.
    what : name of the column.
    unit_ns : nanoseconds of one.

    Examples
    --------
    >>> nanoseconds(pl.Series(["1.5"]), RowFaults(np.arange(1), str), "ts").tolist()
    [1500000000]
    """
    numbers = column.cast(pl.Float64, strict=False)
    is_bad = (numbers.is_null() & column.is_not_null()).to_numpy()
    faults.mark(is_bad, f"{what} is no number", "seconds are expected; found", column)
    values = numbers.fill_null(0.0).to_numpy()
    with np.errstate(invalid="ignore"):
        is_outside = ~((values >= 0) & (values <= LATEST_SECOND * (10**9 // unit_ns)))
    faults.mark(is_outside, f"{what} is out of range", "check its unit; found", column)
    inside = np.where(is_outside, 0.0, values)
    micros: Int64Array = np.rint(inside * (unit_ns / 1000)).astype(np.int64)
    return micros * 1000


def ends(start: Int64Array, duration: Int64Array, faults: RowFaults) -> Int64Array:
    """Return when flows ended; an end after all time is a fault.

    Parameters
    ----------
    start : nanoseconds.
    duration : nanoseconds.
    faults : of these rows.

    Examples
    --------
    >>> ends(np.array([5]), np.array([7]), RowFaults(np.arange(1), str)).tolist()
    [12]
    """
    latest = LATEST_SECOND * 10**9
    is_late = duration > latest - start
    faults.mark(is_late, "it ends too late", "check the units of its times")
    return start + np.where(is_late, 0, duration)


def addresses(column: pl.Series, faults: RowFaults, what: str) -> Halves:
    """Return the halves of addresses, IPv4 mapped; what is none is a fault.

    Parameters
    ----------
    column : texts.
    faults : of these rows.
    what : name of the column.

    Examples
    --------
    >>> high, low = addresses(pl.Series(["10.0.0.1"]), RowFaults(np.arange(1), str), "source")
    >>> hex(int(low[0]))
    '0xffff0a000001'
    """
    required(column, faults, what)
    is_ipv4 = column.str.contains(_IPV4).fill_null(value=False).to_numpy()
    octets = column.str.split_exact(".", 3).struct.unnest().cast(pl.UInt32, strict=False)
    numbers = sum(
        octets.to_series(place) * (1 << shift) for place, shift in enumerate((24, 16, 8, 0))
    )
    assert isinstance(numbers, pl.Series)
    low = numbers.fill_null(0).cast(pl.UInt64).to_numpy() | np.uint64(_MAPPED)
    high = np.zeros(len(low), np.uint64)
    if not is_ipv4.all():
        _other_addresses(column, ~is_ipv4, high, low, faults, what)
    return high, low


def _other_addresses(
    column: pl.Series,
    rows: BoolArray,
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    faults: RowFaults,
    what: str,
) -> None:
    """Fill in the halves of what is not plain IPv4, each different text looked at once."""
    texts = column.filter(pl.Series(rows)).unique().drop_nulls().to_list()
    found = [_halves(text) for text in texts]
    places = mapped(column, {text: place for place, text in enumerate(texts)})
    halves = np.array([one or _BAD_ADDRESS for one in (*found, None)], np.uint64)
    is_bad = np.array([one is None for one in (*found, None)])[places] & rows
    high[rows], low[rows] = halves[places[rows]].T
    faults.mark(is_bad, f"{what} is no address", "check the columns; found", column)


def _halves(text: str) -> tuple[int, int] | None:
    try:
        return address_halves(text)
    except ValueError:
        return None


def is_ipv6(halves: Halves) -> BoolArray:
    """Return which addresses are not mapped IPv4.

    Parameters
    ----------
    halves : of addresses.
    """
    high, low = halves
    is_long: BoolArray = (high != 0) | (low >> np.uint64(32) != 0xFFFF)
    return is_long


def mapped(column: pl.Series, values: dict[str, int], missing: int = UNKNOWN) -> Int64Array:
    """Return the number that stands for each text; ``missing`` for null and other texts.

    Parameters
    ----------
    column : texts.
    values : number by text.
    missing : stands for the rest.

    Examples
    --------
    >>> mapped(pl.Series(["tcp", "x"]), {"tcp": 6}).tolist()
    [6, -1]
    """
    numbers = column.replace_strict(values, default=missing, return_dtype=pl.Int64)
    return numbers.fill_null(missing).to_numpy().copy()
