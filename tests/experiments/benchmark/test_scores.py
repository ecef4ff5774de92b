# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import polars as pl
import pytest

from minewatch.errors import ConfigError
from minewatch.experiments.benchmark.scores import read_scores


def test_it_comes_back_as_it_was_written(scores, tmp_path):
    scores.write(tmp_path / "new")
    found = read_scores(tmp_path / "new")
    assert found.detectors == scores.detectors
    for name in ("rows", "thresholds", "population", "host_days"):
        assert getattr(found, name).equals(getattr(scores, name))


def test_another_format_is_refused(scores, tmp_path):
    scores.write(tmp_path)
    card = json.loads((tmp_path / "scores.json").read_text())
    (tmp_path / "scores.json").write_text(json.dumps({**card, "format": 2}))
    with pytest.raises(ConfigError, match="scores of format 2"):
        read_scores(tmp_path)


@pytest.mark.parametrize("name", ["scores.json", "rows.parquet", "host_days.parquet"])
@pytest.mark.parametrize("text", [None, "[1]"])
def test_a_missing_or_damaged_file_is_told(scores, tmp_path, name, text):
    scores.write(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match="not a table of scores"):
        read_scores(tmp_path)


def _changed(scores, column, value):
    return scores.rows.with_columns(value.alias(column))


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("fused", pl.lit(1.5), "fused: probabilities"),
        ("fused", pl.lit(float("nan")), "fused: probabilities"),
        ("detector-1", pl.lit(1, pl.Int64), "detector-1 is Int64"),
        ("label", pl.lit("skip"), "labels are"),
        ("input", pl.lit("smoke"), "inputs are"),
        ("conversation", pl.lit(1, pl.UInt32), "occurs twice"),
        ("strange", pl.lit(1), "rows: missing or unknown: strange"),
        ("fold", pl.lit("new"), "no threshold of .* in fold new"),
    ],
)
def test_rows_that_are_none_are_refused(scores, column, value, problem):
    with pytest.raises(ConfigError, match=problem):
        replace(scores, rows=_changed(scores, column, value))


def test_a_detector_without_any_threshold_is_allowed(scores):
    some = scores.thresholds.filter(pl.col("detector") != "detector-1")
    assert replace(scores, thresholds=some).thresholds.height < scores.thresholds.height


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (pl.lit(float("nan")).alias("threshold"), "not a number"),
        (pl.lit("other").alias("detector"), "neither known"),
        (pl.lit(7, pl.Int64).alias("budget"), "neither known"),
    ],
)
def test_thresholds_that_are_none_are_refused(scores, value, problem):
    chosen = scores.thresholds.filter(detector="fused", budget=1).with_columns(value)
    with pytest.raises(ConfigError, match=problem):
        replace(scores, thresholds=chosen)


def test_two_thresholds_for_one_are_refused(scores):
    twice = pl.concat([scores.thresholds, scores.thresholds.head(1)])
    with pytest.raises(ConfigError, match="two thresholds"):
        replace(scores, thresholds=twice)


def test_a_population_needs_its_columns(scores):
    with pytest.raises(ConfigError, match="population: missing or unknown: hours"):
        replace(scores, population=scores.population.drop("hours"))
