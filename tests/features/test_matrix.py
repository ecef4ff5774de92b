# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.features.matrix import as_matrix, divide, duration_s, is_complete, unknown


def test_zero_below_is_unknown_and_zero_above_is_zero():
    found = divide(np.array([0.0, 1.0, np.nan, 1.0]), np.array([2.0, 0.0, 1.0, np.nan]))
    np.testing.assert_array_equal(found, [0.0, np.nan, np.nan, np.nan])


def test_what_cannot_be_is_unknown():
    """An exporter whose clock went back gives a record that ends before it begins."""
    assert np.isnan(divide(np.array([1.0]), np.array([-1.0]))).all()


def test_durations_are_exact_at_todays_nanoseconds():
    start = 1_900_000_000_123_456_789
    frame = pl.DataFrame(
        {"flow_start_nanoseconds": [start, start], "flow_end_nanoseconds": [start, start + 3]}
    )
    assert duration_s(frame).tolist() == [0.0, 3e-9]


def test_a_matrix_is_float32_in_the_order_given():
    matrix = as_matrix([np.array([1.0]), np.array([2.0])], ("a", "b"), ("s", "1"))
    assert matrix.values.dtype == np.float32
    assert matrix.column("b").tolist() == [2.0]


def test_an_unknown_matrix_is_nan():
    assert np.isnan(unknown(3, ("a", "b"), ("1", "1")).values).all()


def test_completeness():
    assert is_complete(pl.DataFrame({"a": [1], "b": [1]}), ["a"])
    assert not is_complete(pl.DataFrame({"b": [1]}), ["a"])
