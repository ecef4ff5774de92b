# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from minewatch.experiments.paper.metrics import (
    RESAMPLES,
    auc,
    auc_as_printed,
    auc_by_host,
    by_host,
    class_f1,
    confusion,
    drawn_hosts,
    f1_of,
    macro_f1,
    ranks,
)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    is_positive = rng.random(300) < 0.1
    is_positive[:2] = (True, False)
    scores = rng.integers(0, 20, 300).astype(float)  # many ties
    assert auc(is_positive, scores) == pytest.approx(roc_auc_score(is_positive, scores))


def test_auc_of_labels_is_the_mean_of_recall_and_specificity():
    is_positive = np.array([True] * 33 + [False] * 1000)
    said = np.array([1.0] * 30 + [0.0] * 1003)
    assert round(100 * auc(is_positive, said), 2) == 95.45


def test_one_answer_for_all_is_half():
    is_positive = np.arange(1000) < 31
    assert auc(is_positive, np.zeros(1000)) == 0.5


def test_the_printed_formula_has_the_other_count():
    is_positive = np.arange(100) < 10
    scores = np.linspace(1, 0, 100)
    assert auc(is_positive, scores) == 1.0
    s_p = sum(range(91, 101))
    assert auc_as_printed(is_positive, scores) == (s_p - 10 * 91 / 2) / (10 * 90)


def test_ranks_share_their_mean():
    assert ranks(np.array([2.0, 1.0, 2.0, 3.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


@pytest.mark.parametrize("n", [2, 5])
def test_f1_is_scikit_learns(n):
    rng = np.random.default_rng(n)
    actual, said = rng.integers(0, n, 200), rng.integers(0, n, 200)
    matrix = confusion(actual, said, n)
    assert macro_f1(matrix) == pytest.approx(f1_score(actual, said, average="macro"))
    assert class_f1(matrix) == pytest.approx(f1_score(actual, said, average=None))


def test_a_class_that_does_not_occur_does_not_count():
    actual = np.array([0, 0, 1])
    assert macro_f1(confusion(actual, actual, 3)) == 1.0


def test_all_normal_is_the_papers_number():
    actual = np.array([0] * 84_187 + [1] * 157)
    value = macro_f1(confusion(actual, np.zeros_like(actual), 2))
    assert round(100 * float(value), 3) == 49.953


def test_nothing_said_is_no_error():
    assert f1_of(np.zeros(2), np.zeros(2), np.zeros(2)).tolist() == [0, 0]


def test_hosts_are_drawn_with_replacement():
    drawn = drawn_hosts(10, seed=1)
    assert drawn.shape == (RESAMPLES, 10)
    assert (drawn.sum(axis=1) == 10).all()
    assert np.array_equal(drawn, drawn_hosts(10, seed=1))


def test_an_interval_is_as_wide_as_hosts_differ():
    good, bad = np.array([[90, 0], [0, 10.0]]), np.array([[90, 0], [10.0, 0]])
    alike = by_host(0.9, np.stack([good] * 5), macro_f1, 0)
    apart = by_host(0.9, np.stack([good, good, good, bad, bad]), macro_f1, 0)
    assert alike.low == alike.high == 1.0
    assert apart.low < 0.75 < apart.high
    assert by_host(0.9, np.stack([good]), macro_f1, 0).value == 0.9


def test_an_interval_of_the_auc_holds_it():
    rng = np.random.default_rng(0)
    is_positive, hosts = rng.random(2000) < 0.1, rng.integers(0, 10, 2000)
    scores = rng.normal(is_positive * 1.5)
    interval = auc_by_host(is_positive, scores, hosts, 0)
    assert interval.value == pytest.approx(roc_auc_score(is_positive, scores))
    assert interval.low < interval.value < interval.high
    assert interval.high - interval.low < 0.1


def test_resamples_of_hosts_agree_with_the_plain_auc():
    rng = np.random.default_rng(1)
    is_positive, hosts = rng.random(300) < 0.2, rng.integers(0, 4, 300)
    scores = rng.integers(0, 9, 300).astype(float)
    drawn = drawn_hosts(4, seed=3).astype(int)
    plain = []
    for weights in drawn:
        rows = np.repeat(np.arange(300), weights[hosts])
        plain.append(roc_auc_score(is_positive[rows], scores[rows]))
    interval = auc_by_host(is_positive, scores, hosts, 3)
    low, high = np.quantile(plain, (0.025, 0.975))
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_without_one_label_there_is_no_auc():
    interval = auc_by_host(np.zeros(5, bool), np.arange(5.0), np.zeros(5, int), 0)
    assert np.isnan(interval.value)
