# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import pytest

from minewatch.lab.dialects.contract import PoolSettings
from minewatch.lab.dialects.vardiff import MOST_CHANGE, Retarget


def steer(rate, *, start=1_000.0, target_s=10.0, seconds=3_000, **more):
    """Let a miner of `rate` find shares exactly when due; return the difficulties."""
    retarget = Retarget(
        PoolSettings(difficulty=start, share_target_s=target_s, retarget_s=60.0), **more
    )
    retarget.is_changed(0.0)
    seen, left = [retarget.difficulty], retarget.difficulty
    for second in range(1, seconds):
        left -= rate
        while left <= 0:
            retarget.count(retarget.difficulty)
            left += retarget.difficulty
        if retarget.is_changed(float(second)):
            seen.append(retarget.difficulty)
    return seen


@pytest.mark.parametrize(("rate", "start"), [(1_000, 1_000.0), (1_000, 500_000.0), (10, 1e4)])
def test_shares_come_at_the_gap_aimed_at(rate, start):
    seen = steer(rate, start=start)
    assert rate * 10 * 0.65 < seen[-1] < rate * 10 * 1.5


def test_a_change_is_at_most_by_two():
    seen = steer(1_000_000)
    assert len(seen) > 5
    assert all(after <= MOST_CHANGE * before for before, after in pairwise(seen))


def test_who_finds_nothing_gets_it_easier_down_to_the_least():
    assert steer(0.001, start=100.0, least=20.0) == [100.0, 50.0, 25.0, 20.0]


def test_what_is_near_is_left_alone():
    assert steer(110) == [1_000.0]


def test_the_gap_between_changes_is_kept():
    retarget = Retarget(PoolSettings(difficulty=1e3, share_target_s=10.0, retarget_s=60.0))
    assert not retarget.is_changed(100.0)  # starts the clock
    retarget.count(1e9)
    assert not retarget.is_changed(159.0)
    assert retarget.is_changed(160.0)
    retarget.count(1e9)
    assert not retarget.is_changed(219.0)


def test_without_a_target_nothing_changes():
    retarget = Retarget(PoolSettings(difficulty=1e3))
    retarget.count(1e12)
    assert not any(retarget.is_changed(float(second)) for second in range(0, 10_000, 50))
    assert retarget.difficulty == 1e3


@pytest.mark.parametrize("difficulty", [0.0, -5.0, 0.99, float("nan")])
def test_a_difficulty_below_the_least_is_refused(difficulty):
    with pytest.raises(ValueError, match="least difficulty"):
        Retarget(PoolSettings(difficulty=difficulty))
