# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl

from minewatch.features.direction import column, directed, forward_is_outbound, forward_is_sent


def test_a_null_is_nan_and_a_zero_stays_zero():
    found = column(pl.DataFrame({"x": [0, None, 5]}), "x")
    np.testing.assert_array_equal(found, [0.0, np.nan, 5.0])


def test_an_absent_column_is_nan():
    assert np.isnan(column(pl.DataFrame({"x": [1, 2]}), "y")).all()


def test_outbound_is_unknown_without_a_watched_side():
    assert np.isnan(forward_is_outbound(pl.DataFrame({"x": [1]}))).all()


def test_a_known_initiator_is_the_client_wherever_home_is():
    frame = pl.DataFrame({"is_initiator_known": [True, True], "is_source_home": [True, False]})
    assert forward_is_sent(frame).tolist() == [True, True]


def test_met_in_the_middle_the_watched_side_is_the_client():
    frame = pl.DataFrame({"is_initiator_known": [False, False], "is_source_home": [True, False]})
    assert forward_is_sent(frame).tolist() == [True, False]


def test_a_counter_follows_the_direction():
    frame = pl.DataFrame({"n": [1, 1], "reverse_n": [2, 2]})
    near, far = directed(frame, "n", np.array([True, False]))
    assert near.tolist() == [1.0, 2.0]
    assert far.tolist() == [2.0, 1.0]
