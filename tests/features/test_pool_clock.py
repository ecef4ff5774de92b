# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.pool_clock import MIN_GAPS, clock_of, pool_clock, refresh_of
from minewatch.features.ragged import Ragged
from minewatch.testing import conversations
from pushing import blocks, pushing


def lists(*values):
    stops = np.cumsum([len(one) for one in values]).astype(np.int64)
    return Ragged(np.concatenate(values), stops)


def jobs(seed, n, mean_s, refresh_s):
    rng = np.random.default_rng(seed)
    return np.minimum(rng.exponential(mean_s, n), refresh_s + rng.normal(0, 0.2, n))


def ratio(gaps):
    return clock_of(lists(gaps)).ratio[0]


def test_a_refreshed_pool_is_told_from_its_gaps():
    found = clock_of(lists(jobs(1, 60, 120.0, 55.0)))
    assert found.ratio[0] > 10
    assert found.refresh_s[0] == pytest.approx(55.0, abs=0.5)
    assert found.block_mean_s[0] in {75.0, 120.0, 150.0}
    assert found.gaps.tolist() == [60]


def test_blocks_alone_are_no_better_than_chance_but_as_good():
    found = clock_of(lists(jobs(2, 60, 120.0, 1e6)))
    assert -2 < found.ratio[0] < 1
    assert np.isinf(found.refresh_s[0])


@pytest.mark.parametrize(
    "gaps",
    [
        np.full(60, 30.0),
        np.random.default_rng(1).normal(60.0, 0.4, 60),
        np.random.default_rng(2).lognormal(3.0, 0.3, 60),
        np.random.default_rng(3).lognormal(2.0, 2.0, 200).clip(1.0, 7000.0),
    ],
    ids=["beat", "beat-with-jitter", "narrow", "wide"],
)
def test_other_laws_are_told(gaps):
    assert ratio(gaps) < -5


def test_a_rate_that_no_chain_has_costs():
    slow, known = (np.random.default_rng(4).exponential(mean, 60) for mean in (2500.0, 120.0))
    assert ratio(slow) < ratio(known) - 10


def test_few_gaps_fit_anything():
    assert np.isnan(ratio(jobs(1, MIN_GAPS - 1, 120.0, 55.0)))
    assert np.isfinite(ratio(jobs(1, MIN_GAPS, 120.0, 55.0)))
    assert np.isnan(clock_of(lists(np.empty(0))).ratio).all()
    assert np.isnan(pool_clock(conversations(2)).ratio).all()
    assert pool_clock(conversations(0)).ratio.shape == (0,)


def test_lists_do_not_touch_each_other():
    several = [jobs(1, 40, 120.0, 55.0), np.empty(0), np.full(20, 30.0), jobs(3, 30, 60.0, 1e6)]
    together = clock_of(lists(*several))
    for i, one in enumerate(several):
        alone = clock_of(lists(one))
        assert together.ratio[i] == pytest.approx(alone.ratio[0], nan_ok=True)
        assert together.refresh_s[i] == pytest.approx(alone.refresh_s[0], nan_ok=True)


def test_the_refresh_is_the_gap_that_most_are_like():
    first = np.array([3.0, 3.1, 3.2, 3.3, 30.0, 30.5, 17.0, 30.1])
    found = refresh_of(lists(first, np.array([2.0]), np.empty(0), np.array([50.0, 9.0, 50.9])))
    assert found.tolist() == [30.1, np.inf, np.inf, 50.45]


def test_bursts_are_one_push():
    moments = blocks(1, 30)
    burst = np.sort(np.r_[moments, moments[4] + np.array([0.3, 0.9, 1.5])])
    assert pool_clock(pushing(burst)).gaps.tolist() == pool_clock(pushing(moments)).gaps.tolist()
