# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.datasets.grouping import assign_groups
from minewatch.errors import ConfigError


def sums(counts, numbers, n):
    result = np.zeros((n, 2), int)
    for name, number in numbers.items():
        result[number] += counts[name]
    return result


@pytest.mark.parametrize("seed", range(5))
def test_both_labels_get_their_share(seed):
    rng = np.random.default_rng(seed)
    counts = {
        f"g{i}": (int(rng.integers(0, 5)) if i < 20 else 0, int(rng.integers(20, 60)))
        for i in range(60)
    }
    numbers = assign_groups(counts, [0.8, 0.2], seed)
    assert numbers.keys() == counts.keys()
    parts = sums(counts, numbers, 2)
    assert np.abs(parts[1] / parts.sum(axis=0) - 0.2).max() < 0.08


def test_no_part_goes_without_while_there_are_enough():
    counts = {"a": (1, 0), "b": (1, 0), "c": (0, 1), "d": (0, 1000)}
    for seed in range(20):
        parts = sums(counts, assign_groups(counts, [0.9, 0.1], seed), 2)
        assert (parts > 0).all()


def test_the_deal_nearest_to_the_shares_is_taken():
    # One deal in random order leaves 11 and 7 as often as not.
    counts = dict.fromkeys("ab", (0, 5)) | {"c": (5, 0), "d": (4, 0)}
    counts |= dict.fromkeys("efg", (3, 0))
    parts = [sums(counts, assign_groups(counts, [1, 1], seed), 2) for seed in range(20)]
    assert sum((part == [9, 5]).all() for part in parts) >= 18


def test_one_label_only_and_no_groups():
    assert set(assign_groups({"a": (0, 5), "b": (0, 5)}, [1, 1], 0).values()) == {0, 1}
    assert assign_groups({}, [1, 1], 0) == {}


@pytest.mark.parametrize("shares", [[], [1, 0], [1, -1]])
def test_shares_are_above_0(shares):
    with pytest.raises(ConfigError, match="each above 0"):
        assign_groups({"a": (1, 1)}, shares, 0)
