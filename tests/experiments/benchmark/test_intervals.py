# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.experiments.benchmark.intervals import (
    Draws,
    draws_for,
    interval,
    ratio,
    share,
    weighted_median,
)
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def units(scores):
    return units_of(scores, InputKind.PACKETS).of_scope(REAL)


def test_the_same_seed_draws_the_same(units):
    one, other = (draws_for(units, 50).weights for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert (draws_for(units, 50, seed=8).weights != one).any()


def test_recorders_are_drawn_before_hosts(units):
    weights = draws_for(units, 400).weights
    totals = np.array([weights[:, units.cluster_recorder == r].sum(axis=1) for r in range(4)])
    sizes = np.bincount(units.cluster_recorder)
    times = totals / sizes[:, None]
    np.testing.assert_array_equal(times, times.round())
    assert set(np.unique(times)) == {0, 1, 2}
    mines = [bool(units.is_mining[units.cluster_recorder[units.cluster] == r].any())
             for r in range(4)]  # fmt: skip
    assert sorted(mines) == [False, False, True, True]
    assert (times[mines].sum(axis=0) == 2).all()
    assert (times[np.invert(mines)].sum(axis=0) == 2).all()
    # Hosts of a recorder drawn once are drawn with replacement.
    assert weights.max() > 2
    assert weights.mean() == pytest.approx(1, abs=0.1)


def test_hosts_that_differ_make_an_interval():
    draws = Draws(np.random.default_rng(1).multinomial(4, [0.25] * 4, 500).astype(float))
    found = share(np.array([1.0, 0, 1, 1]), np.ones(4), draws)
    assert found.value == 0.75
    assert found.low < 0.5
    assert found.high == 1


def test_where_nothing_varies_the_bound_is_exact():
    draws = Draws(np.ones((10, 3)))
    none, all_of_them = share(np.zeros(3), np.ones(3), draws), share(np.ones(3), np.ones(3), draws)
    edge = 0.025 ** (1 / 3)
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(1 - edge))
    assert (all_of_them.value, all_of_them.low, all_of_them.high) == (1, pytest.approx(edge), 1)


def test_clusters_without_any_are_no_trial():
    found = share(np.array([2.0, 0.0]), np.array([2.0, 0.0]), Draws(np.ones((10, 2))))
    assert found.low == pytest.approx(0.025)


def test_a_share_of_none_is_not_known():
    assert np.isnan(share(np.zeros(2), np.zeros(2), Draws(np.ones((10, 2)))).value)


def test_draws_that_seldom_tell_make_no_interval():
    drawn = np.append(np.full(99, np.nan), 0.5)
    assert np.isnan(interval(0.5, drawn).low)


def test_an_interval_may_end_at_never():
    found = interval(60.0, np.append(np.full(90, 60.0), np.full(10, np.inf)))
    assert (found.low, found.high) == (60, np.inf)


def test_nothing_divided_is_not_known():
    np.testing.assert_array_equal(ratio(np.array([1.0, 0]), np.array([2.0, 0])), [0.5, np.nan])


def test_a_median_of_nothing_is_not_known():
    assert np.isnan(weighted_median(np.empty(0), np.ones((2, 0)))).all()
    assert np.isnan(weighted_median(np.array([1.0]), np.zeros((1, 1)))).all()
