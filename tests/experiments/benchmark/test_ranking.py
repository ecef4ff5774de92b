# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.ranking import (
    allowed_false_alarms,
    curve_of,
    drawn_areas,
    own_threshold,
    precision_at,
    score_above,
)
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind


@pytest.fixture(scope="module")
def units(scores):
    return units_of(scores, InputKind.PACKETS).of_scope(REAL)


@pytest.fixture(scope="module")
def few(make_tiny):
    """Mining at 0.9, 0.6 (as one normal), 0.3 and none; normal at 0.6 and 0.2, and 1998 stopped."""
    mining = [{"a": value, "label": "mining", "host": f"m{value}"} for value in (0.9, 0.6, 0.3)]
    normal = [{"a": value, "host": f"n{value}"} for value in (0.6, 0.2)]
    table = make_tiny([*mining, *normal], [("s", "mining", 4, 1.0), ("s", "normal", 2000, 9.0)])
    return units_of(table, InputKind.PACKETS)


def test_the_curve_by_hand(few):
    curve = curve_of(few, "a")
    assert curve.found.tolist() == [[1, 2, 3, 4]]
    assert curve.false.tolist() == [[0, 1, 1, 2000]]
    assert curve.false_above.tolist() == [[0, 0, 1, 2]]


def test_areas_by_hand(few):
    curve = curve_of(few, "a")
    pairs = 2000 + (1999 + 0.5) + 1999 + 1998 / 2
    assert curve.auc()[0] == pytest.approx(pairs / 8000)
    assert curve.average_precision()[0] == pytest.approx((1 + 2 / 3 + 3 / 4 + 4 / 2004) / 4)
    steps = [1.0, *precision_at(0.5, np.array([0.5, 0.75, 1]), np.array([1 / 2000, 1 / 2000, 1]))]
    assert curve.average_precision(0.5)[0] == pytest.approx(sum(steps) / 4)


def test_recall_at_a_budget_by_hand(few):
    curve = curve_of(few, "a")
    assert [curve.recall_at(budget)[0] for budget in (1, 49, 50, 100_000)] == [
        0.25, 0.25, 0.75, 0.75,
    ]  # fmt: skip


def test_a_budget_below_one_false_alarm_allows_none(few):
    assert allowed_false_alarms(few, 10) == (0, False)
    assert allowed_false_alarms(few, 50) == (1, True)
    assert own_threshold(few, "a", 10) == 0.6
    assert own_threshold(few, "a", 50) == 0.2
    assert own_threshold(few, "a", 100) == -np.inf


def test_the_threshold_finds_what_the_curve_finds(units):
    mining = units.weight * units.is_mining
    for name in units.scores:
        for budget in (1, 100, 1000, 10_000):
            over = units.whole(name) > own_threshold(units, name, budget)
            recall = (mining * over).sum() / mining.sum()
            assert curve_of(units, name).recall_at(budget)[0] == pytest.approx(recall)
            allowed, _ = allowed_false_alarms(units, budget)
            assert over[~units.is_mining].sum() <= allowed


def test_areas_are_those_of_scikit_learn(units):
    scores = np.nan_to_num(units.whole("detector-2").round(1), nan=-1)
    rounded = {**units.scores, "detector-2": units.scores["detector-2"].round(1)}
    object.__setattr__(units, "scores", rounded)
    curve = curve_of(units, "detector-2")
    by = {"sample_weight": units.weight}
    assert curve.auc()[0] == pytest.approx(roc_auc_score(units.is_mining, scores, **by))
    assert curve.average_precision()[0] == pytest.approx(
        average_precision_score(units.is_mining, scores, **by)
    )


def test_each_draw_is_as_if_its_clusters_were_all_there_is(units):
    draws = draws_for(units, 250)
    found = drawn_areas(units, "fused", draws, 0.002, (100,))
    number = 217  # of the third part
    weight = draws.weights[number][units.cluster] * units.weight
    scores = np.nan_to_num(units.whole("fused"), nan=-1)
    auc = roc_auc_score(units.is_mining, scores, sample_weight=weight)
    assert found.auc[number] == pytest.approx(auc)
    shares = [weight[units.is_mining == of].sum() for of in (False, True)]
    at_base = weight * np.where(units.is_mining, 0.002 / shares[1], 0.998 / shares[0])
    expected = average_precision_score(units.is_mining, scores, sample_weight=at_base)
    assert found.pr_auc_at_base[number] == pytest.approx(expected)


def test_without_both_labels_there_is_no_curve(units):
    mining = units.take(units.is_mining)
    assert curve_of(mining, "fused") is None
    found = drawn_areas(mining, "fused", draws_for(mining, 20), 0.002, (1,))
    assert np.isnan(found.auc).all()
    assert np.isnan(found.recall_at[1]).all()
    assert np.isnan(own_threshold(mining, "fused", 1))


def test_a_detector_that_is_never_ready_finds_nothing(make_tiny):
    table = make_tiny([{"a": None, "label": "mining"}, {"a": None}])
    units = units_of(table, InputKind.PACKETS)
    curve = curve_of(units, "a")
    assert curve.auc()[0] == 0.5
    assert curve.recall_at(100_000)[0] == 0


def test_score_above_counts_ties(few):
    assert score_above(np.array([0.5, 0.5, 0.1]), 1) == 0.5
