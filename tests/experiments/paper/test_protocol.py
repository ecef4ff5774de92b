# SPDX-License-Identifier: Apache-2.0
import threading

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from minewatch.experiments.paper.models import MODELS, standard_scaler
from minewatch.experiments.paper.protocol import in_threads, run
from minewatch.experiments.paper.splits import as_few_at_random
from minewatch.experiments.paper.tasks import mining_task


def test_results_stand_in_the_tables_order(findings):
    cells = [(r.model, r.statistic) for r in findings.results]
    statistics = ["packets/s", "bits/packet", "bits/s"]
    assert cells == [(m, s) for m in ("SVM", "DT", "RFT", "KNN") for s in statistics]


def test_cross_validation_is_scikit_learns(findings):
    task = findings.task
    train = task.split[0]
    for model in ("DT", "KNN"):
        own = next(r for r in findings.results if (r.model, r.statistic) == (model, "bits/s"))
        pipeline = make_pipeline(standard_scaler(), MODELS[model](task.seed))
        values = task.samples.values("bits/s")[train]
        expected = cross_val_score(
            pipeline, values, task.labels[train], cv=task.folds, scoring="f1_macro"
        )
        assert own.folds == pytest.approx(expected)
        assert own.cross_validation.macro.value == pytest.approx(expected.mean())


def test_the_test_part_is_told_in_full(findings):
    task = findings.task
    train, test = task.split
    own = next(r for r in findings.results if (r.model, r.statistic) == ("DT", "packets/s"))
    model = make_pipeline(standard_scaler(), MODELS["DT"](task.seed))
    values = task.samples.values("packets/s")
    said = model.fit(values[train], task.labels[train]).predict(values[test])
    assert own.test.macro.value == pytest.approx(f1_score(task.labels[test], said, average="macro"))
    assert own.test.rows == len(test)
    assert np.array(own.test.matrix).sum() == len(test)
    assert own.test.matrix[1][1] == ((said == 1) & (task.labels[test] == 1)).sum()


def test_a_cloud_apart_is_found_by_all_and_the_honest_split_sees_it(findings):
    for result in findings.results:
        if result.statistic == "bits/packet":
            assert result.cross_validation.macro.value > 0.95
            assert result.honest.macro.value > 0.9
            assert result.honest.auc.value > 0.95
            assert result.honest.rows == sum(len(test) for _, test in findings.task.honest.splits)


def test_the_control_is_trained_on_random_rows(findings):
    task = findings.task
    values = task.samples.values("packets/s")
    actual, said = [], []
    for train, test in as_few_at_random(task.labels, task.honest.splits, task.seed):
        model = make_pipeline(standard_scaler(), MODELS["DT"](task.seed))
        said.append(model.fit(values[train], task.labels[train]).predict(values[test]))
        actual.append(task.labels[test])
    expected = f1_score(np.concatenate(actual), np.concatenate(said), average="macro")
    own = next(r for r in findings.results if (r.model, r.statistic) == ("DT", "packets/s"))
    assert own.as_few.macro.value == pytest.approx(expected)
    assert own.as_few.matrix != own.honest.matrix
    assert own.as_few.rows == own.honest.rows


def test_the_same_seed_gives_the_same(samples):
    first, second = (run(mining_task(samples, 3), ("DT",)) for _ in range(2))
    assert first == second


def test_logarithms_are_other_features(samples):
    task = mining_task(samples, 3)
    plain, logs = (run(task, ("SVM",), logarithms=flag) for flag in (False, True))
    assert plain != logs


def test_threads_keep_the_order():
    barrier = threading.Barrier(2)

    def work(item):
        barrier.wait(10)
        return item * 2

    assert in_threads(work, [1, 2]) == [2, 4]
