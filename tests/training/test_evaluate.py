# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from minewatch.detectors.fusion import BASE_RATE
from minewatch.models.model_file import scored_base_rate
from minewatch.odds import log_odds, logit
from minewatch.training.algorithms import folds_for
from minewatch.training.evaluate import (
    HeldOut,
    compare,
    held_out,
    metrics_of,
    random_folds,
    share_flagged,
)
from minewatch.training.examples import Examples

ALGORITHM = "support vector machine"


@pytest.fixture
def examples(rng):
    """Four sources whose mining is told by the first feature, and whose name by the second."""
    n = 400
    sources = np.array([*"abcd"], dtype=object)[np.arange(n) // 100]
    is_mining = np.arange(n) % 4 == 0
    values = np.stack([is_mining * 8 + rng.normal(size=n), np.arange(n) // 100], axis=1)
    values[1, 0] = np.nan
    return Examples(
        values.astype(np.float32),
        ("size", "place"),
        ("1", "1"),
        is_mining,
        sources,
        np.array([f"{s}{i % 5}" for i, s in enumerate(sources)], dtype=object),
        np.zeros(n, np.int64),
        {(False, "a", "a0"): 1000, (False, "b", "b0"): 3000, (True, "a", "a1"): 2},
    )


@pytest.fixture
def result(examples):
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    return held_out(ALGORITHM, examples, folds)


def test_what_is_told_in_every_source_is_found(result, examples):
    assert share_flagged(result.is_over, examples, True).share > 0.5
    assert share_flagged(result.is_over, examples, False).share < 0.01


def test_what_cannot_be_scored_is_not_flagged(result):
    assert not result.is_over[1]
    assert np.isnan(result.probability[1])
    assert not result.at_half()[1]
    assert np.isfinite(np.delete(result.probability, 1)).all()


def test_passing_the_gate_is_part_of_the_probability(examples):
    """Where the gate stops more of what is normal, what passed is mining more often."""
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    stopped = {(False, source, f"{source}0"): 75 * 9 for source in "abcd"}  # one in ten passes
    strict = held_out(ALGORITHM, dataclasses.replace(examples, stopped=stopped), folds)
    lax = held_out(ALGORITHM, dataclasses.replace(examples, stopped={}), folds)
    ready = examples.is_ready
    moved = log_odds(strict.probability, 1e-12) - log_odds(lax.probability, 1e-12)
    expected = logit(scored_base_rate(BASE_RATE, 0.1)) - logit(BASE_RATE)
    np.testing.assert_allclose(moved[ready], expected, rtol=1e-3)


def test_the_gates_losses_count(examples):
    everything = np.ones(len(examples), np.bool_)
    found = share_flagged(everything, examples, True)
    assert (found.flagged, found.total) == (100, 102)
    false = share_flagged(everything, examples, False, source="a")
    assert (false.flagged, false.total) == (75, 1075)


def test_the_same_seed_gives_the_same_answers(result, examples):
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    again = held_out(ALGORITHM, examples, folds)
    np.testing.assert_array_equal(again.is_over, result.is_over)
    np.testing.assert_array_equal(again.probability, result.probability)


def test_a_source_left_out_teaches_nothing(examples):
    """Labels of the source left out do not change its scores."""
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    fold = [fold for fold in folds if examples.sources[fold[1][0]] == "a"]
    turned = examples.take(np.arange(len(examples)))
    here = turned.sources == "a"
    turned.is_mining[here] = ~turned.is_mining[here]
    np.testing.assert_array_equal(
        held_out(ALGORITHM, turned, fold).probability[here],
        held_out(ALGORITHM, examples, fold).probability[here],
    )


def test_random_folds_mix_sources(examples):
    for train, test in random_folds(examples):
        assert set(examples.sources[train]) == set(examples.sources[test])


def test_the_card_gets_every_source(result, examples):
    metrics = metrics_of(result, examples)
    assert list(metrics["by_source"]) == [*"abcd"]
    assert "of 102;" in metrics["all"]["recall_at_threshold"]
    assert metrics["after_5_intervals"]["recall_at_half"] == "none"


def test_the_report_is_markdown(examples):
    lines = list(compare(examples, [ALGORITHM]))
    assert lines[0].startswith("| model |")
    assert any(line.startswith(f"| {ALGORITHM}, source left out |") for line in lines)
    assert any(line.startswith(f"| {ALGORITHM}, random split |") for line in lines)
    assert {line.count("|") for line in lines if line} == {5, 6}


def test_half_is_the_label_threshold():
    result = HeldOut("x", np.zeros(3, np.bool_), np.array([0.49, 0.5, np.nan]))
    assert result.at_half().tolist() == [False, True, False]
