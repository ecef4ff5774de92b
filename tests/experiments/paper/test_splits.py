# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from minewatch.experiments.paper.samples import codes
from minewatch.experiments.paper.splits import (
    MIN_MINING,
    _dealt,
    as_few_at_random,
    coin_rotations,
    honest_rotations,
    random_folds,
    random_split,
    time_cut,
)


def test_eighty_and_twenty_in_proportion():
    labels = (np.arange(84_344) < 157).astype(np.int64)
    train, test = random_split(labels, seed=7)
    assert (len(train), len(test)) == (67_475, 16_869)
    assert labels[test].sum() == 31
    assert not set(train) & set(test)
    assert np.array_equal(train, random_split(labels, seed=7)[0])


def test_ten_folds_test_each_row_once():
    labels = np.arange(200) % 2
    folds = random_folds(labels, seed=1)
    assert len(folds) == 10
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(200))


def test_a_rare_class_means_fewer_folds():
    labels = np.array([0] * 50 + [1] * 6)
    assert len(random_folds(labels, seed=1)) == 6


def test_the_honest_split_shares_nothing(samples):
    honest = honest_rotations(samples, seed=7)
    table, is_mining = samples.table, samples.is_mining
    assert honest.held_out == ("host", "pool", "time")
    assert len(honest.splits) == 9
    tested = np.concatenate([test for _, test in honest.splits])
    assert len(set(tested)) == len(tested)
    for train, test in honest.splits:
        for name in ("host", "far_end"):
            assert not set(table[name][train]) & set(table[name][test])
        pools = [set(table["pool"][rows[is_mining[rows]]]) for rows in (train, test)]
        assert not pools[0] & pools[1]
        assert table["flow_end_nanoseconds"][train].max() < honest.cut_ns
        assert table["flow_start_nanoseconds"][test].min() >= honest.cut_ns
        assert 0 < is_mining[train].sum() < len(train)
    late = table["flow_start_nanoseconds"].to_numpy() >= honest.cut_ns
    assert sorted(tested) == np.flatnonzero(late).tolist()


def test_what_cannot_be_held_out_is_told(samples):
    whole_day = samples.table.with_columns(
        flow_start_nanoseconds=pl.lit(0, pl.Int64),
        flow_end_nanoseconds=pl.lit(1, pl.Int64),
        host=pl.lit("only"),
    )
    honest = honest_rotations(replace(samples, table=whole_day), seed=7)
    assert honest.held_out == ("pool",)
    assert honest.cut_ns is None
    tested = np.concatenate([test for _, test in honest.splits])
    assert sorted(tested) == list(range(len(samples)))


def test_one_host_one_pool_and_no_time_is_no_split(samples):
    table = samples.table.with_columns(
        flow_start_nanoseconds=pl.lit(0, pl.Int64), host=pl.lit("only"), pool=pl.lit("only")
    )
    honest = honest_rotations(replace(samples, table=table), seed=7)
    assert (honest.splits, honest.held_out) == ([], ())


def test_traffic_between_two_groups_of_servers_is_in_neither_part(samples):
    hosts = pl.Series([f"vps{i % 10}" for i in range(len(samples))])
    table = samples.table.with_columns(other_host=hosts)
    honest = honest_rotations(replace(samples, table=table), seed=7)
    assert honest.n_left_out > len(samples) // 3
    for train, test in honest.splits:
        ends = [set(table["host"][rows]) | set(table["other_host"][rows]) for rows in (train, test)]
        assert not ends[0] & ends[1]


@pytest.mark.parametrize("n", [2 * MIN_MINING - 2, 2 * MIN_MINING + 20])
def test_a_cut_needs_mining_on_both_sides(n):
    start = np.arange(n) * 1000
    cut = time_cut(start, start + 10)
    assert (cut is not None) == (n > 2 * MIN_MINING)


def test_the_control_trains_on_as_many_of_each_class_and_tests_the_same():
    labels = np.array([0] * 80 + [1] * 20)
    honest = [(np.r_[0:10, 80:84], np.r_[40:60, 90:95])]
    ((train, test),) = as_few_at_random(labels, honest, 3)
    assert test.tolist() == honest[0][1].tolist()
    assert np.bincount(labels[train]).tolist() == [10, 4]
    assert not set(train) & set(test)
    assert len(set(train)) == 14
    assert set(train) != set(honest[0][0])


def test_a_coin_with_one_pool_cannot_be_tested_on_another(samples):
    mining = samples.mining()
    labels = codes(mining.table["coin"].to_list())
    whole = coin_rotations(mining, labels, 7)
    assert whole.n_untaught == 0
    table = mining.table.with_columns(
        pool=pl.when(pl.col("coin") == "XMR").then(pl.lit("only")).otherwise("pool")
    )
    honest = coin_rotations(replace(mining, table=table), labels, 7)
    tested = np.concatenate([test for _, test in honest.splits])
    assert "XMR" not in set(table["coin"][tested])
    assert honest.n_untaught >= table.filter(pl.col("coin") == "XMR").height


def one_coin_a_server(samples):
    """Two servers and two pools a coin, as in the paper's composition: no coin elsewhere."""
    mining = samples.mining()
    coin = codes(mining.table["coin"].to_list())
    turn = np.arange(len(coin))
    table = mining.table.with_columns(
        host=pl.Series([f"vps{c}-{t % 2}" for c, t in zip(coin, turn // 5, strict=True)]),
        pool=pl.Series([f"pool{c}-{t % 2}" for c, t in zip(coin, turn // 10, strict=True)]),
    )
    return replace(mining, table=table), coin


def test_every_coin_is_tested_after_others_of_its_kind(samples):
    mining, coin = one_coin_a_server(samples)
    honest = coin_rotations(mining, coin, seed=7)
    assert len(honest.splits) == 4
    assert {"host", "pool"} <= set(honest.held_out)
    for train, test in honest.splits:
        assert set(coin[test]) <= set(coin[train])
        for name in ("host", "pool"):
            assert not set(mining.table[name][train]) & set(mining.table[name][test])
    tested = np.concatenate([test for _, test in honest.splits])
    assert len(set(tested)) == len(tested)
    assert honest.n_untaught == 0


def test_time_is_given_up_before_a_coin_is(make_samples):
    mining, coin = one_coin_a_server(make_samples(2600, 600))
    with_time = coin_rotations(mining, coin, seed=7)
    # One coin is mined late only: behind any cut there would be nothing to learn it from.
    late = pl.when(pl.col("coin") == "XMR").then(2 * 10**14).otherwise(0)
    table = mining.table.with_columns(
        *(pl.col(f"flow_{end}_nanoseconds") + late for end in ("start", "end"))
    )
    without = coin_rotations(replace(mining, table=table), coin, seed=7)
    assert with_time.held_out == ("host", "pool", "time")
    assert without.held_out == ("host", "pool")
    assert sum(len(test) for _, test in without.splits) == len(coin)


@pytest.mark.parametrize("seed", range(8))
def test_the_coin_with_the_least_choice_chooses_first(seed):
    """Coin 0 has two pools only, which others use too: they must not come to lie together."""
    names = pl.Series(["a", "b"] + ["a"] * 5 + ["b"] * 5 + ["c"] * 10 + ["d"] * 9)
    labels = np.array([0, 0] + [1] * 29)
    group, n = _dealt(names, labels, seed)
    assert n == 2
    assert group[0] != group[1]
    assert set(group[2:]) == {0, 1}
