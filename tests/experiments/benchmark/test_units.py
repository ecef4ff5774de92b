# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.benchmark.units import REAL, recorders, units_of
from minewatch.training.corpus.views import InputKind

_ROWS = [
    {"conversation": 7, "a": 0.9, "label": "mining", "horizon_s": 0, "host": "x"},
    {"conversation": 7, "a": 0.4, "label": "mining", "horizon_s": 60, "host": "x"},
    {"conversation": 3, "a": None, "horizon_s": 0, "host": "y"},
]


def test_a_conversation_is_one_row_with_its_horizons(make_tiny):
    units = units_of(make_tiny(_ROWS), InputKind.PACKETS)
    assert units.horizons_s == (60, 0)
    np.testing.assert_array_equal(units.scores["a"], [[np.nan, np.nan], [0.4, 0.9]])
    assert units.is_mining.tolist() == [False, True]
    assert units.weight.tolist() == [1, 1]
    assert units.cluster.tolist() == [1, 0]


def test_what_the_gate_stopped_is_in_it_without_scores(make_tiny):
    table = make_tiny(_ROWS, [("s", "mining", 4, 1.0), ("s", "normal", 1, 1.0)])
    units = units_of(table, InputKind.PACKETS)
    assert units.weight.tolist() == [1, 1, 3]
    assert units.is_mining.tolist() == [False, True, True]
    assert np.isnan(units.scores["a"][2]).all()


def test_another_input_has_its_own_rest(make_tiny):
    table = make_tiny(_ROWS, [("s", "mining", 4, 1.0), ("s", "normal", 1, 1.0)])
    assert units_of(table, InputKind.FLOWS_60).weight.tolist() == [4, 1]


def test_more_scored_than_there_are_is_an_error(make_tiny):
    table = make_tiny(_ROWS, [("s", "normal", 1, 1.0)])
    with pytest.raises(ConfigError, match=r"more scored .* label mining"):
        units_of(table, InputKind.PACKETS)


def test_a_finer_population_finds_its_hosts_and_durations(make_tiny):
    people = [("s", "mining", 1, 1.0), ("s", "normal", 1, 1.0), ("s", "mining", 2, 1.0)]
    table = make_tiny(_ROWS, people)
    finer = table.population.with_columns(
        host=pl.Series(["x", "y", "z"]), duration_s=pl.Series([100.0, 100.0, 5.0])
    )
    units = units_of(replace(table, population=finer), InputKind.PACKETS)
    assert units.frame["host"].to_list() == ["y", "x", "z"]
    assert units.frame["duration_s"].to_list() == [100, 100, 5]
    assert units.weight.tolist() == [1, 1, 2]


def test_first_packets_alone_are_no_conversation_of_other_inputs(scores):
    of = {kind: units_of(scores, kind) for kind in (InputKind.FIRST_30, InputKind.PACKETS)}
    assert "cesnet" in set(of[InputKind.FIRST_30].frame["recorder"])
    assert "cesnet" not in set(of[InputKind.PACKETS].frame["recorder"])


def test_thresholds_are_those_of_the_fold(make_tiny):
    table = make_tiny([{"a": 0.1, "fold": "f"}, {"a": 0.2, "fold": "g"}], None, {("a", 10): 0.5})
    changed = table.thresholds.with_columns(
        threshold=pl.when(pl.col("fold") == "g").then(0.7).otherwise(0.5)
    )
    units = units_of(replace(table, thresholds=changed), InputKind.PACKETS)
    assert units.thresholds["a", 10].tolist() == [0.5, 0.7]
    assert np.isnan(units.thresholds["a", 1]).all()


def test_taking_some_keeps_everything_together(scores):
    units = units_of(scores, InputKind.PACKETS)
    real = units.of_scope(REAL)
    assert set(real.frame["recorder"]) == {"cj-sniffer", "nesfit", "zeek", "nDPI"}
    assert len(np.unique(real.cluster)) == len(real.cluster_recorder) == 32
    assert len(np.unique(real.cluster_recorder)) == 4
    assert real.cluster_days.tolist() == [2.0] * 32
    rows = (units.frame["recorder"] == "zeek").to_numpy()
    np.testing.assert_array_equal(units.take(rows).whole("fused"), units.whole("fused")[rows])
    names = real.frame.select("recorder").with_columns(r=real.cluster_recorder[real.cluster])
    assert names.unique().height == 4


def test_a_source_that_nobody_scored_has_a_recorder(make_tiny):
    table = make_tiny(_ROWS, [("s", "mining", 1, 1.0), ("s", "normal", 1, 1.0),
                              ("cj-sniffer-x", "mining", 2, 1.0)])  # fmt: skip
    assert recorders(table) == {"s": "s", "cj-sniffer-x": "cj-sniffer"}
