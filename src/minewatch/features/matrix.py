# SPDX-License-Identifier: Apache-2.0
"""The arithmetic that feature sets share: quotients, durations, matrices. Missing is NaN."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from minewatch.types import FeatureMatrix, FloatArray

NS_PER_S = 1e9


def duration_s(frame: pl.DataFrame) -> FloatArray:
    """Return the seconds from first to last packet; the subtraction is exact (int64).

    Examples
    --------
    >>> start = 1_700_000_000_000_000_000
    >>> times = {"flow_start_nanoseconds": [start], "flow_end_nanoseconds": [start + 1]}
    >>> duration_s(pl.DataFrame(times))
    array([1.e-09])
    """
    elapsed = frame["flow_end_nanoseconds"] - frame["flow_start_nanoseconds"]
    return elapsed.cast(pl.Float64).to_numpy() / NS_PER_S


def divide(numerator: FloatArray, denominator: FloatArray | float) -> FloatArray:
    """Return the quotient, NaN where the denominator is not above 0.

    Examples
    --------
    >>> divide(np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 4.0]))
    array([0.5, nan, 0. ])
    """
    safe = np.where(np.asarray(denominator) > 0, denominator, np.nan)
    quotient: FloatArray = numerator / safe
    return quotient


def as_matrix(
    columns: Sequence[FloatArray], names: tuple[str, ...], units: tuple[str, ...]
) -> FeatureMatrix:
    """Return the columns as one float32 matrix.

    Examples
    --------
    >>> as_matrix([np.array([1.0, 2.0])], ("duration",), ("s",)).values.shape
    (2, 1)
    """
    values = np.stack(columns, axis=1).astype(np.float32)
    return FeatureMatrix(values, names, units)


def unknown(n_rows: int, names: tuple[str, ...], units: tuple[str, ...]) -> FeatureMatrix:
    """Return a matrix of NaN: what a feature set says of an input that lacks its columns.

    Examples
    --------
    >>> unknown(1, ("duration",), ("s",)).values
    array([[nan]], dtype=float32)
    """
    return FeatureMatrix(np.full((n_rows, len(names)), np.nan, np.float32), names, units)


def is_complete(frame: pl.DataFrame, required: Iterable[str]) -> bool:
    """Return whether the frame has all of the ``required`` columns.

    Examples
    --------
    >>> is_complete(pl.DataFrame({"a": [1]}), ["a", "b"])
    False
    """
    return set(required) <= set(frame.columns)
