# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.lab.drawing_clocks import Clocks


@pytest.mark.parametrize("seconds", [12.0, 60.0, 120.0])
def test_a_short_lab_shows_blocks_jobs_and_shares(seconds):
    clocks = Clocks(seconds)
    assert clocks.is_short
    assert clocks.block_mean_s(600.0) <= seconds / 3
    assert clocks.refresh_s(120.0) <= seconds / 5
    assert clocks.share_gap_s(60.0, False) <= seconds / 10
    assert clocks.share_gap_s(60.0, True) == pytest.approx(min(60.0, seconds / 10) / 10)


def test_a_long_lab_lives_at_the_usual_pace():
    clocks = Clocks(1800.0)
    assert not clocks.is_short
    assert (clocks.block_mean_s(600.0), clocks.refresh_s(55.0)) == (600.0, 55.0)
    assert clocks.share_gap_s(20.0, True) == clocks.share_gap_s(20.0, False) == 20.0
    assert clocks.hop_mean_s == 300.0


def test_a_pool_that_finds_its_difficulty_begins_with_what_it_gives_all():
    assert Clocks(120.0).first_difficulty(700.0, 20_000.0) == 700.0
    long = Clocks(1800.0)
    assert long.first_difficulty(15_000.0, 20_000.0) == 20_000.0
    assert long.first_difficulty(100.0, 20_000.0) == 400.0
    assert long.first_difficulty(1e9, 20_000.0) == 1.25e8


def test_some_miners_come_late_and_some_leave_early():
    rng = Random(1)
    lives = [Clocks(600.0).draw_life(rng) for _ in range(1000)]
    late = [start_s for start_s, _ in lives if start_s]
    early = [stop_s for _, stop_s in lives if stop_s is not None]
    assert 200 < len(late) < 300
    assert 150 < len(early) < 250
    assert max(late) <= 300.0 < 360.0 <= min(early)
    assert max(early) < 600.0


def test_in_a_short_lab_every_life_is_long_enough():
    rng = Random(1)
    for start_s, stop_s in (Clocks(60.0).draw_life(rng) for _ in range(500)):
        assert start_s <= 6.0
        assert stop_s is None or stop_s >= 51.0


def test_a_few_pools_hang_up():
    rng = Random(1)
    means = [Clocks(60.0).draw_drop_mean_s(rng) for _ in range(1000)]
    some = [mean for mean in means if mean]
    assert 100 < len(some) < 200
    assert min(some) >= 20.0
