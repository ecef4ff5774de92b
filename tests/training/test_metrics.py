# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.training.metrics import Rate, rate, threshold_for


def test_a_share_and_its_interval():
    found = rate(np.array([5, 0, 10, 1]), np.array([10, 10, 10, 10]))
    assert (found.flagged, found.total, found.n_captures) == (16, 40, 4)
    assert 0 <= found.low < found.share < found.high <= 1


def test_alike_conversations_of_one_capture_are_one_observation():
    one, many = rate(np.array([0]), np.array([1000])), rate(np.zeros(100), np.full(100, 10))
    assert one.high == pytest.approx(0.975)
    assert many.high < 0.04


def test_all_flagged_has_a_lower_bound():
    found = rate(np.array([3, 3]), np.array([3, 3]))
    assert found.high == 1
    assert found.low == pytest.approx(math.sqrt(0.025))


def test_nothing_to_flag_is_no_number():
    found = rate(np.array([]), np.array([]))
    assert math.isnan(found.share)
    assert found.as_percent() == found.per_ten_thousand() == "none"


def test_the_same_seed_gives_the_same_interval():
    given = np.array([1, 0, 4, 2]), np.array([5, 5, 5, 5])
    assert rate(*given, seed=3) == rate(*given, seed=3)


def test_texts():
    found = Rate(1, 8, 4, 0.05, 0.3)
    assert found.as_percent() == "12 % (1 of 8; 5 to 30)"
    assert found.per_ten_thousand() == "1250.0 (1 of 8; 500.0 to 3000.0)"


@pytest.mark.parametrize(("allowed", "threshold"), [(0, 5.0), (2, 3.0), (99, 1.0)])
def test_a_threshold_lets_so_many_through(allowed, threshold):
    normal = np.array([3.0, 1.0, 5.0, 4.0, 2.0])
    assert threshold_for(normal, allowed) == threshold
