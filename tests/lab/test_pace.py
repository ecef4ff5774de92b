# SPDX-License-Identifier: Apache-2.0
import math
import statistics
from random import Random

import pytest

from minewatch.lab.pace import MAX_RATE, Pace


def gaps_of(pace, seconds, job_s):
    """Return the gaps between shares while jobs come at a fixed gap."""
    now_s, job_due_s, last_s, gaps = 0.0, 0.0, 0.0, []
    while now_s < seconds:
        if pace.next_share_s < job_due_s:
            now_s = pace.next_share_s
            gaps.append(now_s - last_s)
            last_s = now_s
            pace.find_next(now_s)
        else:
            now_s = job_due_s
            pace.take_job(now_s, 20_000.0)
            job_due_s = now_s + job_s()
    return gaps


def test_gaps_are_those_of_a_real_miner():
    """One pool's miners had p50 8.4 s, mean 18.3 s, p95 63 s."""
    rng = Random(4)
    pace = Pace(20_000 / 18.3, rng)
    gaps = gaps_of(pace, 400_000, lambda: min(rng.expovariate(1 / 120), 120))
    assert statistics.fmean(gaps) == pytest.approx(18.3, rel=0.05)
    assert statistics.median(gaps) == pytest.approx(9, rel=0.25)
    assert statistics.quantiles(gaps, n=20)[-1] == pytest.approx(63, rel=0.25)


def test_a_throttled_miner_finds_a_tenth_and_pauses():
    full = gaps_of(Pace(10_000, Random(1), sigma=0.0), 60_000, lambda: 60.0)
    held = gaps_of(Pace(10_000, Random(1), sigma=0.0, is_throttled=True), 60_000, lambda: 60.0)
    assert len(held) / len(full) == pytest.approx(0.1, rel=0.2)
    # Pauses make gaps longer than hashing slowly and steadily would.
    assert statistics.stdev(held) / statistics.fmean(held) > 1.2
    assert statistics.stdev(full) / statistics.fmean(full) == pytest.approx(1, rel=0.05)


def test_without_a_job_there_are_no_shares():
    pace = Pace(1_000, Random(1))
    pace.find_next(5.0)
    assert pace.next_share_s == math.inf
    pace.take_job(5.0, 1_000.0)
    assert 5.0 < pace.next_share_s < math.inf
    pace.take_job(6.0, None)
    assert pace.next_share_s == math.inf


def test_a_share_is_never_in_the_past():
    rng = Random(3)
    pace, now_s = Pace(5_000, rng, is_throttled=True), 1e9
    for _ in range(2_000):
        now_s += rng.expovariate(1 / 40)
        pace.take_job(now_s, 20_000.0)
        assert pace.next_share_s >= now_s


def test_a_difficulty_far_too_low_floods_nobody():
    gaps = gaps_of(Pace(1e12, Random(1), sigma=0.0), 20, lambda: 10.0)
    assert statistics.fmean(gaps) == pytest.approx(1 / MAX_RATE, rel=0.1)


@pytest.mark.parametrize("hash_rate", [0, -1, math.inf, math.nan])
def test_a_hash_rate_is_a_positive_number(hash_rate):
    with pytest.raises(ValueError, match="hash_rate must be above 0"):
        Pace(hash_rate, Random(1))
