# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from minewatch.detectors.sampled import HALF_PACKETS, SAMPLING, believed_share, with_sampling
from minewatch.testing import conversations

PRIOR = 0.002


def _frame(packets, interval, back=0):
    columns = {"packet_delta_count": packets, "reverse_packet_delta_count": back}
    frame = conversations(len(packets), **columns).frame
    return frame.with_columns(pl.Series(SAMPLING, interval, pl.Int64))


def test_where_all_packets_are_counted_nothing_changes():
    frame = _frame([1, 1000], [1, 1])
    given = np.array([1e-12, 1.0])
    assert with_sampling(given, frame, PRIOR).tolist() == given.tolist()
    assert believed_share(frame).tolist() == [1.0, 1.0]


def test_an_input_that_tells_of_no_sampling_is_believed():
    frame = conversations(2).frame
    given = np.array([0.3, 0.9])
    assert with_sampling(given, frame, PRIOR).tolist() == [0.3, 0.9]
    unknown = frame.with_columns(pl.lit(None, pl.Int64).alias(SAMPLING))
    assert with_sampling(given, unknown, PRIOR).tolist() == [0.3, 0.9]


def test_so_many_packets_count_half():
    n, interval = int(HALF_PACKETS), 1_000_000
    (share,) = believed_share(_frame([n * interval], [interval]))
    assert share == pytest.approx(0.5, abs=1e-5)


def test_both_directions_are_seen():
    there, both = believed_share(_frame([2000, 1000], [100, 100], back=[0, 1000]))
    assert there == both


def test_fewer_packets_and_thinner_samples_say_less():
    packets = [100, 1000, 10_000, 100_000]
    shares = believed_share(_frame(packets, [100] * 4))
    assert (np.diff(shares) > 0).all()
    same_seen = believed_share(_frame([20, 200, 2000], [2, 20, 200]))
    assert (np.diff(same_seen) < 0).all()
    assert ((shares > 0) & (shares < 1)).all()


def test_evidence_for_and_against_goes_to_the_prior():
    frame = _frame([100, 100, 100], [100, 100, 100])
    found = with_sampling(np.array([0.99, PRIOR, 1e-6]), frame, PRIOR)
    assert PRIOR < found[0] < 0.01
    assert found[1] == pytest.approx(PRIOR)
    assert 1e-4 < found[2] < PRIOR


def test_the_order_of_one_sampling_and_count_is_kept():
    given = np.linspace(0, 1, 9)
    found = with_sampling(given, _frame([5000] * 9, [100] * 9), PRIOR)
    assert (np.diff(found) > 0).all()


def test_no_packets_are_no_evidence():
    frame = _frame([0, None], [100, 100], back=[0, None])
    assert with_sampling(np.array([0.9, 0.0]), frame, PRIOR) == pytest.approx([PRIOR, PRIOR])
