# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.training.view_forest import LEAST_ROWS, view_forest


def fitted(seed):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(600, 3)).astype(np.float32)
    labels = (values[:, 0] > 0).astype(np.int64)
    values[rng.random(values.shape) < 0.1] = np.nan
    return view_forest(seed).fit(values, labels, sample_weight=np.ones(600)), values, labels


def test_no_leaf_holds_fewer_rows_than_a_conversation_has_views():
    forest, _, _ = fitted(0)
    for tree in forest.estimators_:
        is_leaf = tree.tree_.children_left == -1
        assert tree.tree_.weighted_n_node_samples[is_leaf].min() >= LEAST_ROWS


def test_unknown_values_are_taken_and_known_ones_decide():
    forest, values, labels = fitted(0)
    found = forest.predict_proba(values)[:, 1]
    known = np.isfinite(values[:, 0])
    assert ((found[known] > 0.5) == labels[known]).mean() > 0.98
    assert np.isfinite(found).all()


def test_a_seed_gives_the_same_forest_again():
    (one, values, _), (same, _, _), (other, _, _) = fitted(1), fitted(1), fitted(2)
    np.testing.assert_array_equal(one.predict_proba(values), same.predict_proba(values))
    assert (one.predict_proba(values) != other.predict_proba(values)).any()
