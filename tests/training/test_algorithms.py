# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.errors import ConfigError
from minewatch.training.algorithms import (
    ALGORITHMS,
    DEFAULT_ALGORITHM,
    calibrate,
    folds_for,
    raw_score,
    source_folds,
)

SOURCES = np.array([*"aaaabbbbcccc"], dtype=object)
CAPTURES = np.array([f"{s}{i % 2}" for i, s in enumerate(SOURCES)], dtype=object)
IS_MINING = np.array([True, False] * 6)


def test_the_papers_four_are_there_in_its_order():
    assert list(ALGORITHMS)[:4] == [
        "support vector machine",
        "decision tree",
        "random forest",
        "nearest neighbours",
    ]
    assert DEFAULT_ALGORITHM in ALGORITHMS


def test_each_source_is_left_out_once():
    folds = folds_for(SOURCES, CAPTURES, IS_MINING, 0)
    assert [set(SOURCES[test]) for _, test in folds] == [{"a"}, {"b"}, {"c"}]
    for train, test in folds:
        assert not set(SOURCES[train]) & set(SOURCES[test])
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(12))


def test_a_source_that_holds_all_mining_is_not_left_out():
    assert list(source_folds(SOURCES, SOURCES == "a")) != []
    assert all("a" not in SOURCES[test] for _, test in source_folds(SOURCES, SOURCES == "a"))


def test_with_one_source_captures_are_left_out():
    captures = np.array([*"ppqqrrssttuu"], dtype=object)
    folds = folds_for(np.full(12, "x", dtype=object), captures, IS_MINING, 0)
    for train, test in folds:
        assert not set(captures[train]) & set(captures[test])
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(12))


def test_too_little_to_hold_out_is_an_error():
    with pytest.raises(ConfigError, match="two captures with mining"):
        folds_for(np.full(4, "x", object), np.full(4, "p", object), IS_MINING[:4], 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_higher_is_more_suspicious(algorithm, rng):
    n = 240
    is_mining = np.arange(n) % 3 == 0
    sources = np.array([*"abc"], dtype=object)[np.arange(n) // 80]
    values = rng.normal(size=(n, 4)).astype(np.float32) + 2 * is_mining[:, None]
    folds = folds_for(sources, sources, is_mining, 0)
    model = calibrate(algorithm, values, is_mining, folds, 0)
    scores = raw_score(model.calibrated_classifiers_[0].estimator, values)
    probability = model.predict_proba(values)[:, 1]
    for found in (scores, probability):
        assert found[is_mining].mean() > found[~is_mining].mean()
    order = np.argsort(scores)
    assert (np.diff(probability[order]) >= -1e-12).all()
