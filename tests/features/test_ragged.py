# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.ragged import Ragged

NAN = float("nan")


@pytest.fixture
def lists():
    """Four lists: 4, 1, 1, 9; none; 5; 2, 2."""
    return Ragged(np.array([4.0, 1, 1, 9, 5, 2, 2]), np.array([4, 4, 5, 7]))


def same(found, wanted):
    assert found.tolist() == pytest.approx(wanted, nan_ok=True)


def test_where_lists_lie(lists):
    assert lists.count().tolist() == [4, 0, 1, 2]
    assert lists.starts.tolist() == [0, 4, 4, 5]
    assert lists.owner.tolist() == [0, 0, 0, 0, 2, 3, 3]


def test_statistics_of_each_list(lists):
    """Of 4, 1, 1, 9: the mean is 3.75, squares off it sum up to 42.75."""
    same(lists.sum(), [15, 0, 5, 4])
    same(lists.mean(), [3.75, NAN, 5, 2])
    same(lists.std(), [np.sqrt(42.75 / 4), NAN, NAN, 0])
    same(lists.variation(), [np.sqrt(42.75 / 4) / 3.75, NAN, NAN, 0])
    assert lists.distinct().tolist() == [3, 0, 1, 1]


def test_quantiles_lie_between_values_as_numpys_do(lists):
    """Of 1, 1, 4, 9: the middle is 2.5, a tenth 1, nine tenths 4 + 0.7 * 5."""
    low, middle, high = lists.quantile(0.1, 0.5, 0.9)
    same(low, [1, NAN, 5, 2])
    same(middle, [2.5, NAN, 5, 2])
    same(high, [7.5, NAN, 5, 2])
    same(lists.quantile(1.0), [9, NAN, 5, 2])


def test_a_variation_about_nothing_is_not_known():
    same(Ragged(np.zeros(3), np.array([3])).variation(), [NAN])


def test_the_value_before_is_of_the_same_list(lists):
    same(lists.previous(), [NAN, 4, 1, 1, NAN, NAN, 2])
    same(lists.previous(-1.0), [-1, 4, 1, 1, -1, -1, 2])


def test_a_share_is_of_each_lists_own_values(lists):
    same(lists.share(lists.values == 1), [0.5, NAN, 0, 0])


def test_leaving_values_out_leaves_every_list(lists):
    kept = lists.where(lists.values < 5)
    assert kept.count().tolist() == [3, 0, 0, 2]
    assert kept.values.tolist() == [4, 1, 1, 2, 2]
    other = lists.with_values(lists.values * 2)
    assert other.stops is lists.stops
    same(other.sum(), [30, 0, 10, 8])


@pytest.mark.parametrize("stops", [[], [0, 0]])
def test_nothing_has_no_statistics(stops):
    none = Ragged(np.empty(0), np.array(stops, np.int64))
    n = len(stops)
    same(none.sum(), [0.0] * n)
    for found in (none.mean(), none.std(), none.variation(), none.quantile(0.5)):
        same(found, [NAN] * n)
    assert none.count().tolist() == none.distinct().tolist() == [0] * n
    assert none.previous().tolist() == none.owner.tolist() == []
    assert none.where(np.empty(0, np.bool_)).stops.tolist() == [0] * n


def test_many_lists_are_as_numpy_says_of_each(rng):
    counts = rng.integers(0, 9, 60)
    many = Ragged(rng.integers(0, 5, counts.sum()).astype(float), np.cumsum(counts))
    parts = np.split(many.values, many.stops[:-1])
    same(many.std(), [np.std(p) if len(p) > 1 else NAN for p in parts])
    same(many.mean(), [np.mean(p) if len(p) else NAN for p in parts])
    same(many.quantile(0.3), [np.quantile(p, 0.3) if len(p) else NAN for p in parts])
    assert many.distinct().tolist() == [len(set(p)) for p in parts]
    before = np.concatenate([np.r_[np.nan, p[:-1]] for p in parts if len(p)])
    same(many.previous(), before.tolist())


def test_each_list_is_ordered_by_itself_whatever_its_length(rng):
    counts = np.concatenate([np.arange(70), rng.integers(0, 400, 900)])
    values = rng.integers(0, 50, counts.sum()).astype(float)
    values[rng.random(len(values)) < 0.02] = NAN
    many = Ragged(values, np.cumsum(counts))
    parts = np.split(many.values, many.stops[:-1])
    found = many.ordered()
    assert found.stops is many.stops
    np.testing.assert_array_equal(found.values, np.concatenate([np.sort(p) for p in parts]))
    np.testing.assert_array_equal(many.values, values)
