# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from minewatch.experiments.benchmark.calibration import moved
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.measures import areas_of, bound, measures_of
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind


def _measured(units, name="a", reference=None):
    draws = draws_for(units, 100)
    return measures_of(units, name, draws, areas_of(units, name, draws), reference)


@pytest.fixture(scope="module")
def table(make_tiny):
    """Four mining, one of them not ready and one stopped; 20,000 normal, three of them scored."""
    mining = [{"a": value, "label": "mining", "host": "m"} for value in (0.9, 0.4, None)]
    normal = [
        {"a": value, "host": host, "remote": remote}
        for value, host, remote in ((0.7, "n", "x"), (0.6, "n", "x"), (0.1, "o", "y"))
    ]
    return make_tiny(
        [*mining, *normal],
        [("s", "mining", 4, 1.0), ("s", "normal", 20_000, 9.0)],
        {("a", 1): 0.95, ("a", 10): 0.5, ("a", 100): 0.05},
        days={("s", "m"): 1.0, ("s", "n"): 3.0, ("s", "o"): 4.0},
    )


@pytest.fixture(scope="module")
def found(table):
    return _measured(units_of(table, InputKind.PACKETS))


def test_not_ready_and_stopped_count_as_missed(found):
    assert (found.mining, found.ready_mining) == (4, 2)
    at = found.budgets[100].trained
    assert (at.found, at.mining, at.recall.value) == (2, 4, 0.5)


def test_what_the_gate_stopped_is_in_the_denominator(found):
    assert (found.normal, found.ready_normal) == (20_000, 3)
    at = found.budgets[10].trained
    assert (at.false_alarms, at.normal) == (2, 20_000)
    assert at.false_alarm_rate.value == 0.0001


@pytest.mark.parametrize(
    ("budget", "allowed", "is_resolved", "hit", "false"),
    [(1, 0, False, 1, 0), (10, 2, True, 2, 2), (100, 20, True, 2, 3)],
)
def test_the_own_point_spends_the_budget(found, budget, allowed, is_resolved, hit, false):
    at = found.budgets[budget]
    assert (at.allowed, at.is_resolved) == (allowed, is_resolved)
    assert (at.own.found, at.own.false_alarms) == (hit, false)


def test_precision_is_at_the_base_rate(found):
    at = found.budgets[10].trained
    assert at.recall.value == 0.25
    assert at.precision.value == pytest.approx(0.002 * 0.25 / (0.002 * 0.25 + 0.998 * 0.0001))


def test_without_false_alarms_precision_has_the_bound_of_their_rate(found):
    at = found.budgets[1].own
    assert at.precision.value == 1
    assert at.precision.high == 1
    rate, recall = at.false_alarm_rate.high, at.recall.low
    assert 0 < rate < 1
    assert at.precision.low == pytest.approx(0.002 * recall / (0.002 * recall + 0.998 * rate))


def test_without_any_alarm_there_is_no_precision(found):
    at = found.budgets[1].trained
    assert (at.found, at.false_alarms) == (0, 0)
    assert np.isnan(at.precision.value)


def test_one_host_and_one_far_end_are_one_alert(found):
    # Two false alarms at 0.5 are of one host about one far end.
    assert found.budgets[10].trained.alerts_per_host_day.value == 1 / 8
    assert found.budgets[100].trained.alerts_per_host_day.value == 2 / 8


def test_alerts_of_a_host_never_watched_are_not_counted_per_day(table):
    unwatched = replace(table, host_days=table.host_days.filter(pl.col("host") != "n"))
    at = _measured(units_of(unwatched, InputKind.PACKETS)).budgets
    assert np.isnan(at[10].trained.alerts_per_host_day.value)
    assert at[1].trained.alerts_per_host_day.value == 0


def test_macro_f1_calls_what_is_more_probable(scores):
    units = units_of(scores, InputKind.PACKETS).of_scope(REAL)
    values = units.whole("fused")
    ready = ~np.isnan(values)
    prevalence = units.is_mining[ready].mean()
    said = np.nan_to_num(moved(values, 0.002, prevalence)) > 0.5
    found = _measured(units, "fused")
    expected = f1_score(units.is_mining, said, average="macro", sample_weight=units.weight)
    assert found.macro_f1.value == pytest.approx(expected)
    total = [units.weight[units.is_mining == of].sum() for of in (False, True)]
    at_base = units.weight * np.where(units.is_mining, 0.002 / total[1], 0.998 / total[0])
    said = np.nan_to_num(values) > 0.5
    expected = f1_score(units.is_mining, said, average="macro", sample_weight=at_base)
    assert found.macro_f1_at_base.value == pytest.approx(expected)


def test_areas_have_intervals_around_them(scores):
    found = _measured(units_of(scores, InputKind.PACKETS).of_scope(REAL), "detector-3")
    for of in (found.auc, found.pr_auc, found.pr_auc_at_base, found.macro_f1):
        assert 0 < of.low < of.value < of.high < 1


def test_a_score_at_the_threshold_is_not_above_it(make_tiny):
    rows = [{"a": 0.5, "label": "mining"}, {"a": 0.5}]
    units = units_of(make_tiny(rows, None, {("a", 10): 0.5}), InputKind.PACKETS)
    at = _measured(units).budgets[10]
    assert (at.trained.found, at.trained.false_alarms) == (0, 0)
    assert (at.own.found, at.own.false_alarms) == (0, 0)


def test_the_own_threshold_is_chosen_anew_in_each_draw(scores):
    units = units_of(scores, InputKind.PACKETS).of_scope(REAL)
    draws = draws_for(units, 100)
    areas = areas_of(units, "detector-3", draws)
    own = measures_of(units, "detector-3", draws, areas).budgets[10].own
    assert 0 < own.found < own.mining
    low, high = np.quantile(areas.recall_at[10], (0.025, 0.975))
    assert (own.recall.low, own.recall.high) == (pytest.approx(low), pytest.approx(high))
    elsewhere = measures_of(units, "detector-3", draws, areas, units).budgets[10].own
    assert elsewhere.recall.value == own.recall.value
    assert elsewhere.recall.high < own.recall.high  # of one threshold, chosen once


def test_one_label_alone_has_recall_but_no_areas(scores):
    units = units_of(scores, InputKind.PACKETS).of_scope(REAL)
    mining = units.take(units.is_mining)
    found = _measured(mining, "fused", units)
    assert np.isnan([found.auc.value, found.macro_f1.value, found.pr_auc_at_base.value]).all()
    assert found.budgets[10].own.recall.value > 0.5
    assert found.budgets[10].own.false_alarms == 0
    assert _measured(mining, "fused").budgets[10].own is None


def test_without_thresholds_there_is_the_own_point_alone(make_tiny):
    units = units_of(make_tiny([{"a": 0.9, "label": "mining"}, {"a": 0.1}]), InputKind.PACKETS)
    at = _measured(units).budgets[10]
    assert at.trained is None
    assert at.own.recall.value == 1


def test_the_bound_of_everything_is_one():
    assert bound(3, 3) == 1
    assert np.isnan(bound(0, 0))
    assert bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
