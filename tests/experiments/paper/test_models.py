# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from minewatch.experiments.paper import models
from minewatch.experiments.paper.models import (
    MODELS,
    fitted,
    range_scaler,
    score,
    standard_scaler,
)


def test_the_papers_four_in_its_order():
    assert list(MODELS) == ["SVM", "DT", "RFT", "KNN"]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_learns_and_ranks(name):
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    values = rng.normal(labels[:, None] * 3.0, 1.0, (200, 2)) * [1, 1e6]
    model = fitted(name, values, labels, seed=1)
    assert (model.predict(values) == labels).mean() > 0.9
    assert roc_auc_score(labels, score(model, values)) > 0.95
    again = fitted(name, values, labels, seed=1)
    assert np.array_equal(score(again, values), score(model, values))


def test_features_of_any_scale_count_alike():
    """Only the small feature tells the classes apart; unscaled, the large one drowns it."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    values = np.column_stack([labels + rng.normal(0, 0.1, 200), rng.normal(0, 1e6, 200)])
    assert (fitted("KNN", values, labels, seed=1).predict(values) == labels).mean() > 0.95


def test_nothing_is_tuned():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    assert MODELS["KNN"](0).get_params() == KNeighborsClassifier().get_params()
    ours, plain = MODELS["SVM"](0).get_params(), SVC().get_params()
    assert {k for k in plain if ours[k] != plain[k]} == {"cache_size"}
    assert MODELS["DT"](3).get_params()["max_depth"] is None
    forest, plain = MODELS["RFT"](3).get_params(), RandomForestClassifier(random_state=3)
    assert forest["n_estimators"] == models.TREES
    assert {k for k, v in plain.get_params().items() if forest[k] != v} <= {
        "n_jobs",
        "n_estimators",
    }


def test_scalers():
    values = np.array([[0.0], [10.0]])
    assert standard_scaler().fit_transform(values).ravel().tolist() == [-1, 1]
    assert range_scaler().fit_transform(values).ravel().tolist() == [0, 1]
