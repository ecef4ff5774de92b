# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import polars as pl

from minewatch.experiments.paper.experiment import Clock, as_json, run_all


def test_results_are_plain_and_whole(findings):
    members = as_json(findings)
    text = json.dumps(members, allow_nan=False)
    assert json.loads(text) == members
    assert len(members["mining"]) == len(members["coins"]) == 12
    assert members["pairs"] == {"mining": 157, "normal": 543}
    assert members["honest_split"]["held_out"] == ["host", "pool", "time"]
    assert len(members["paper"]["table_1"]) == 12
    assert members["mining"][0]["cross_validation"]["macro"]["value"] > 0


def test_samples_without_coins_still_give_the_rest(make_samples, small_forest):
    made = make_samples(300, 60)
    samples = replace(made, table=made.table.with_columns(coin=pl.lit("")))
    clock = Clock()
    found = run_all(samples, 1, "ip", clock)
    assert found.coin_task is None
    assert "needs two coins" in found.coin_problem
    assert len(found.results) == 12
    assert set(clock.seconds) >= {"splits", "coins", "mechanisms"}


def test_the_clock_tells_each_part():
    told = []
    clock = Clock(told.append)
    with clock.part("a"):
        pass
    with clock.part("a"):
        pass
    assert told == ["a", "a"]
    assert clock.seconds["a"] >= 0
