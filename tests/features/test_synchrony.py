# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features import synchrony
from minewatch.features.arrivals import arrivals_of
from minewatch.features.synchrony import candidates, compared, synchrony_of
from pushing import blocks, heard, pushing

JOBS = blocks(1)


def found(*pushes_s, **more):
    return synchrony_of(arrivals_of(pushing(*pushes_s, **more)))


def test_two_miners_of_a_pool_convict_each_other_and_nobody_else():
    result = found(heard(JOBS, 2), blocks(7), heard(JOBS, 3), fars=[1, 2, 3])
    assert result.partner.tolist() == [2, -1, 0]
    assert (result.ratio[[0, 2]] > 50).all()
    assert result.ratio[1] == -np.inf
    assert result.share[0] > 0.95
    assert result.chance[0] < 0.1
    assert result.partners.tolist() == [1, 0, 1]


def test_the_ratio_is_that_of_two_binomial_laws():
    result = found(heard(JOBS, 2), heard(JOBS, 3))
    n, chance = result.shared[0] / result.share[0], result.chance[0]
    k = result.shared[0]
    share = min(k / n, synchrony.MOST_SHARE)
    expected = k * np.log(share / chance) + (n - k) * np.log((1 - share) / (1 - chance))
    assert result.ratio[0] == pytest.approx(expected)  # one other: the logarithm of 1 is 0


def test_half_of_the_jobs_are_enough():
    rng = np.random.default_rng(5)
    first, second = (heard(JOBS[rng.random(40) < 0.7], i) for i in (2, 3))
    result = found(first, second)
    assert 0.4 < result.share[0] < 0.95
    assert result.ratio[0] > 10


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.arange(5.0, 2400, 60), np.arange(5.3, 2400, 60)),
        (np.arange(5.0, 2400, 30), np.arange(5.3, 2400, 60)),
        (60.0 * np.flatnonzero(np.arange(60) % 3), 60.0 * np.flatnonzero(np.arange(60) % 4) + 0.2),
        (blocks(4, 40), blocks(5, 40)),
        (blocks(4, 300, 5.0), blocks(5, 300, 5.0)),
        (JOBS, JOBS + 16.0),
    ],
    ids=["one-beat", "two-beats", "gapped-beats", "strangers", "busy-strangers", "clocks-apart"],
)
def test_what_is_no_common_clock_is_no_partner(first, second):
    assert (found(first, second).ratio < synchrony.RATIO_OF_A_PARTNER).all()


def test_two_connections_of_one_host_do_not_count():
    result = found(heard(JOBS, 2), heard(JOBS, 3), hosts=[1, 1])
    assert result.partner.tolist() == [-1, -1]
    assert np.isnan(result.ratio).all()


def test_alone_or_at_another_time_there_is_nobody_to_compare_with():
    assert np.isnan(found(JOBS).ratio).all()
    assert np.isnan(found(JOBS, JOBS + JOBS[-1]).ratio).all()
    assert len(found().ratio) == 0


def test_more_strangers_cost_evidence():
    few = found(heard(JOBS, 2), heard(JOBS, 3))
    many = found(heard(JOBS, 2), heard(JOBS, 3), *(blocks(i) for i in range(10, 18)))
    assert few.ratio[0] - many.ratio[0] == pytest.approx(np.log(9))


def test_a_crowd_that_meets_one_event_is_one_event():
    crowd = np.sort(np.r_[JOBS[10] + np.arange(-1.0, 1.0, 0.1), blocks(6)])
    result = found(crowd, JOBS)
    assert np.nan_to_num(result.shared[0]) <= 3
    assert (result.ratio < 2).all()


def test_what_was_not_kept_of_one_is_not_held_against_the_other():
    arrivals = arrivals_of(pushing(heard(JOBS, 2), heard(JOBS, 3)))
    late = arrivals.seen_ns.copy()
    late[1, :3] = arrivals.time_ns[arrivals.stops[0] + 20]  # the second is known from push 20 on
    arrivals.seen_ns[:] = late
    keep = np.r_[np.arange(arrivals.stops[0]), arrivals.stops[0] + np.arange(20, 40)]
    cut = type(arrivals)(
        arrivals.time_ns[keep],
        np.array([arrivals.stops[0], arrivals.stops[0] + 20]),
        late,
        arrivals.host,
        arrivals.far,
        arrivals.row,
    )
    assert synchrony_of(cut).share[0] > 0.9


def test_the_order_of_rows_does_not_matter():
    talks = [heard(JOBS, i) for i in range(4)] + [blocks(i) for i in range(20, 26)]
    order = np.random.default_rng(1).permutation(10).tolist()
    plain = found(*talks, hosts=list(range(1, 11)))
    shuffled = found(*(talks[i] for i in order), hosts=[i + 1 for i in order])
    assert shuffled.ratio.tolist() == plain.ratio[order].tolist()
    partners = [order[i] if i >= 0 else -1 for i in shuffled.partner]
    assert partners == plain.partner[order].tolist()


def test_a_flood_costs_no_more_than_it_may(monkeypatch):
    """All of 40 hosts pushed at the same moments: 780 pairs, of which few are examined."""
    arrivals = arrivals_of(pushing(*(heard(JOBS, i) for i in range(40))))
    first, second = candidates(arrivals)
    assert len(first) <= 40 * synchrony.MAX_PARTNERS
    assert np.bincount(np.r_[first, second], minlength=40).min() >= 1
    monkeypatch.setattr(synchrony, "MAX_PAIRS", 25)
    assert synchrony_of(arrivals).pairs_examined == 25


def test_pushes_are_compared_with_so_many_neighbours(monkeypatch):
    """Whatever their number, a moment gives no more comparisons than neighbours."""
    monkeypatch.setattr(synchrony, "NEIGHBOURS", 3)
    monkeypatch.setattr(synchrony, "MIN_SHARED", 1)
    same = np.arange(10.0, 90.0, 10.0)
    arrivals = arrivals_of(pushing(*([same] * 30), asks_s=3.0))
    assert len(arrivals) == 30
    first, _ = candidates(arrivals)
    assert len(first) == 3 * 30 - (1 + 2 + 3)


def test_pairs_that_were_hardly_known_together_say_nothing():
    arrivals = arrivals_of(pushing(JOBS, heard(JOBS, 2)))
    pairs = compared(arrivals, np.array([0]), np.array([1]))
    assert len(pairs.ratio) == 1
    arrivals.seen_ns[1] += 10**13
    apart = compared(arrivals, np.array([0]), np.array([1]))
    assert len(apart.ratio) == 0
