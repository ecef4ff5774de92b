# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from minewatch.experiments.benchmark.calibration import calibration, moved, prevalence_of
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind


def _found(table, name="a", base_rate=0.002):
    units = units_of(table, InputKind.PACKETS)
    return calibration(units, name, draws_for(units, 50), base_rate)


def test_by_hand(make_tiny):
    rows = [{"a": 0.5, "label": "mining"}, {"a": 0.1}, {"a": 0.2}, {"a": 0.5}, {"a": None}]
    found = _found(make_tiny(rows, [("s", "mining", 1, 1.0), ("s", "normal", 99, 1.0)]), "a", 0.25)
    assert (found.ready, found.prevalence) == (4, 0.25)  # the probabilities stay as they are
    assert found.brier.value == pytest.approx((0.25 + 0.01 + 0.04 + 0.25) / 4)
    assert found.brier_at_base.value == pytest.approx(0.25 * 0.25 + 0.75 * 0.3 / 3)
    assert found.skill == pytest.approx(1 - found.brier.value / (0.25 * 0.75))
    assert [(b.conversations, b.predicted, b.observed) for b in found.bins] == [
        (1, pytest.approx(0.1), 0), (1, pytest.approx(0.2), 0), (2, 0.5, 0.5),
    ]  # fmt: skip


def test_it_is_the_brier_score_of_scikit_learn(scores):
    units = units_of(scores, InputKind.PACKETS).of_scope(REAL)
    found = calibration(units, "fused", draws_for(units, 50), 0.002)
    values = units.whole("fused")
    ready = ~np.isnan(values)
    moved_to = moved(values[ready], 0.002, found.prevalence)
    labels = units.is_mining[ready]
    assert found.brier.value == pytest.approx(brier_score_loss(labels, moved_to))
    at_base = np.where(labels, 0.002 / labels.sum(), 0.998 / (~labels).sum())
    expected = brier_score_loss(labels, values[ready], sample_weight=at_base)
    assert found.brier_at_base.value == pytest.approx(expected)
    assert found.brier.low < found.brier.value < found.brier.high
    assert sum(part.conversations for part in found.bins) == found.ready


def test_one_label_alone_tells_nothing(make_tiny):
    found = _found(make_tiny([{"a": 0.5, "label": "mining"}, {"a": 0.9, "label": "mining"}]))
    assert np.isnan([found.brier.value, found.skill, found.brier_at_base.value]).all()
    assert found.bins == ()


def test_nobody_ready_tells_nothing(make_tiny):
    found = _found(make_tiny([{"a": None, "label": "mining"}, {"a": None}]))
    assert found.ready == 0
    assert np.isnan(found.brier.value)


def test_moving_there_and_back():
    values = np.array([0.1, 0.5, 0.999, np.nan])
    np.testing.assert_allclose(moved(moved(values, 0.002, 0.3), 0.3, 0.002), values)


def test_prevalence_is_that_of_the_ready():
    assert prevalence_of(np.array([0.1, np.nan]), np.array([True, False])) == 1
    assert np.isnan(prevalence_of(np.array([np.nan]), np.array([True])))
