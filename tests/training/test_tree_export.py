# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from minewatch.errors import ModelError
from minewatch.training.tree_export import converters, ensemble_of, rounded_down


def test_a_float32_is_below_the_rounded_threshold_exactly_if_it_is_below_the_threshold():
    near = np.float32(0.1)
    above, below = np.nextafter(near, np.float32([1, -1]))
    thresholds = np.array([0.1, float(near), float(above), 1e300, -1e300, 0.0, np.inf])
    values = np.array([below, near, above, 0, np.float32(3e38), np.float32(-3e38)], np.float32)
    rounded = rounded_down(thresholds)
    assert rounded.dtype == np.float32
    goes_left = values[:, None].astype(np.float64) <= thresholds
    np.testing.assert_array_equal(values[:, None] <= rounded, goes_left)
    # 0.1 as float32 lies above 0.1: rounding to the nearest would have sent it left.
    assert goes_left[1].tolist() == [False, True, True, True, False, False, True]


@pytest.fixture
def rows():
    """One feature: 0 and NaN are normal, 1 is mining."""
    values = np.array([[0], [0], [np.nan], [1], [1]] * 20, np.float32)
    return values, np.array([0, 0, 0, 1, 1] * 20)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_stump_says_where_nan_goes(rows, flipped):
    values, labels = rows
    if flipped:  # NaN like the mining rows, to the right
        labels = np.where(np.isnan(values[:, 0]), 1, labels)
    given = ensemble_of(DecisionTreeClassifier().fit(values, labels)).attributes()
    assert given["nodes_values"].tolist() == [0.5, 0, 0]
    assert given["nodes_modes"] == ["BRANCH_LEQ", "LEAF", "LEAF"]
    assert given["nodes_truenodeids"] == [1, 0, 0]
    assert given["nodes_falsenodeids"] == [2, 0, 0]
    assert given["nodes_missing_value_tracks_true"] == [int(not flipped), 0, 0]
    assert given["class_nodeids"] == [1, 2]
    assert given["class_weights"].tolist() == [0, 1]
    assert given["classlabels_int64s"] == [0, 1]


def test_a_forest_shares_out_its_vote_among_its_trees(rows):
    forest = ExtraTreesClassifier(4, random_state=0).fit(*rows)
    given = ensemble_of(forest).attributes()
    assert sorted(set(given["nodes_treeids"])) == [0, 1, 2, 3]
    assert set(given["class_weights"].tolist()) == {0.0, 0.25}
    leaves = [one.get_n_leaves() for one in forest.estimators_]
    assert given["class_treeids"] == np.repeat([0, 1, 2, 3], leaves).tolist()
    assert "base_values" not in given


def test_a_forest_of_three_classes_keeps_every_share(rows):
    values, labels = rows
    labels = np.where(np.isnan(values[:, 0]), 2, labels)
    given = ensemble_of(RandomForestClassifier(1, random_state=0).fit(values, labels)).attributes()
    assert given["class_ids"] == [0, 1, 2] * (len(given["class_ids"]) // 3)
    assert given["classlabels_int64s"] == [0, 1, 2]


def test_a_boosting_starts_from_its_base_and_ends_in_a_probability(rows):
    boosting = HistGradientBoostingClassifier(max_iter=3).fit(*rows)
    given = ensemble_of(boosting).attributes()
    assert given["base_values"].tolist() == pytest.approx([np.log(40 / 60)], rel=1e-6)
    assert given["post_transform"] == "LOGISTIC"
    assert ensemble_of(boosting, raw=True).attributes()["post_transform"] == "NONE"
    assert sorted(set(given["nodes_treeids"])) == [0, 1, 2]
    # Every octet of a flag must be a Python integer: ONNX refuses numpy booleans.
    assert {type(flag) for flag in given["nodes_missing_value_tracks_true"]} == {int}


def test_splits_by_category_are_refused(rows):
    values, labels = rows
    boosting = HistGradientBoostingClassifier(categorical_features=[0]).fit(values, labels)
    with pytest.raises(ModelError, match="splits by category"):
        ensemble_of(boosting)


def test_the_trees_of_scikit_learn_have_a_converter():
    assert set(converters()) == {
        DecisionTreeClassifier,
        RandomForestClassifier,
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
    }
