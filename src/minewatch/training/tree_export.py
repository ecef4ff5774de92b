# SPDX-License-Identifier: Apache-2.0
"""Ensembles of trees as one ONNX node, which goes where scikit-learn goes when a value is NaN.

skl2onnx 1.20 does not write which way a forest's missing values go, so that every NaN goes right,
and cannot write a gradient boosting at all (its flags are numpy booleans).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from minewatch.errors import ModelError
from minewatch.types import BoolArray, Float32Array, FloatArray, Int64Array

DOMAIN: Final = "ai.onnx.ml"


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree, a node a row."""

    feature: Int64Array
    """Shape (n_nodes,)."""
    threshold: Float32Array
    """A value up to it goes left, shape (n_nodes,)."""
    left: Int64Array
    """Number of the node to the left; 0 for a leaf, shape (n_nodes,)."""
    right: Int64Array
    """Shape (n_nodes,)."""
    nan_goes_left: BoolArray
    """Shape (n_nodes,)."""
    is_leaf: BoolArray
    """Shape (n_nodes,)."""
    value: FloatArray
    """What a leaf adds to the score of each class, shape (n_nodes, n_scores)."""
    first_class: int = 0
    """The class to which the first column of ``value`` belongs."""

    def leaves(self) -> tuple[Int64Array, Int64Array, FloatArray]:
        """Return node, class and weight of what leaves add, shape (n_leaves * n_scores,) each."""
        at = np.flatnonzero(self.is_leaf)
        width = self.value.shape[1]
        classes = np.tile(np.arange(self.first_class, self.first_class + width), len(at))
        return np.repeat(at, width), classes, self.value[at].ravel()


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Trees whose leaves are summed."""

    trees: list[Tree]
    classes: list[int]
    base: list[float] = field(default_factory=list)
    """Scores before any tree; none for 0."""
    transform: str = "NONE"
    """From the sums to the output, as ONNX calls it."""

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of ONNX's ``TreeEnsembleClassifier``."""
        trees = self.trees
        modes = ("BRANCH_LEQ", "LEAF")
        leaves = [tree.leaves() for tree in trees]
        given: dict[str, Any] = {
            "nodes_treeids": _whole(
                [np.full(len(tree.feature), i) for i, tree in enumerate(trees)]
            ),
            "nodes_nodeids": _whole([np.arange(len(tree.feature)) for tree in trees]),
            "nodes_featureids": _whole([tree.feature for tree in trees]),
            "nodes_values": np.concatenate([tree.threshold for tree in trees]),
            "nodes_modes": [modes[leaf] for tree in trees for leaf in tree.is_leaf.tolist()],
            "nodes_truenodeids": _whole([tree.left for tree in trees]),
            "nodes_falsenodeids": _whole([tree.right for tree in trees]),
            "nodes_missing_value_tracks_true": _whole([tree.nan_goes_left for tree in trees]),
            "class_treeids": _whole([np.full(len(one), i) for i, (one, _, _) in enumerate(leaves)]),
            "class_nodeids": _whole([nodes for nodes, _, _ in leaves]),
            "class_ids": _whole([classes for _, classes, _ in leaves]),
            "class_weights": np.concatenate(
                [weights for _, _, weights in leaves], dtype=np.float32
            ),
            "classlabels_int64s": self.classes,
            "post_transform": self.transform,
        }
        if self.base:
            given["base_values"] = np.array(self.base, np.float32)
        return given


def _whole(parts: Sequence[Any]) -> list[int]:
    """One list of Python's integers; ONNX takes no numpy booleans."""
    found: list[int] = np.concatenate(parts).astype(np.int64).tolist()
    return found


def rounded_down(thresholds: FloatArray) -> Float32Array:
    """Return the largest float32 at or below each threshold.

    A float32 is at or below the threshold if and only if it is at or below this.

    Parameters
    ----------
    thresholds : shape (n,).

    Examples
    --------
    >>> bool(np.float32(0.1) > np.float64(0.1)), bool(rounded_down(np.array([0.1]))[0] <= 0.1)
    (True, True)
    """
    with np.errstate(over="ignore"):
        found: Float32Array = thresholds.astype(np.float32)
    down: Float32Array = np.nextafter(found, np.float32(-np.inf))
    return np.where(found > thresholds, down, found)


def ensemble_of(model: Any, *, raw: bool = False) -> Ensemble:
    """Return the trees of a fitted classifier.

    Parameters
    ----------
    model : ``DecisionTreeClassifier``, ``RandomForestClassifier``, ``ExtraTreesClassifier`` or
        ``HistGradientBoostingClassifier``.
    raw : the scores of a gradient boosting, not its probabilities.

    Raises
    ------
    ModelError : it has splits by category, which the file cannot hold.
    """
    classes = [int(one) for one in model.classes_]
    if not hasattr(model, "_predictors"):
        grown = [one.tree_ for one in getattr(model, "estimators_", [model])]
        return Ensemble([_averaged(one, len(grown)) for one in grown], classes)
    transform = "LOGISTIC" if len(classes) == 2 else "SOFTMAX"
    return Ensemble(
        [_boosted(one, i) for rounds in model._predictors for i, one in enumerate(rounds)],
        classes,
        np.ravel(model._baseline_prediction).astype(float).tolist(),
        "NONE" if raw else transform,
    )


def _averaged(tree: Any, n_trees: int) -> Tree:
    """A tree of a forest: its leaves hold shares of classes; of two, the second is enough."""
    is_leaf = tree.children_left < 0
    counts = tree.value[:, 0, :]
    shares = counts / counts.sum(axis=1, keepdims=True) / n_trees
    return Tree(
        np.where(is_leaf, 0, tree.feature),
        np.where(is_leaf, np.float32(0), rounded_down(tree.threshold)),
        np.where(is_leaf, 0, tree.children_left),
        np.where(is_leaf, 0, tree.children_right),
        ~is_leaf & (tree.missing_go_to_left != 0),
        is_leaf,
        shares[:, 1:] if shares.shape[1] == 2 else shares,
    )


def _boosted(predictor: Any, first_class: int) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"] != 0
    if (nodes["is_categorical"] != 0).any():
        raise ModelError("a gradient boosting that splits by category cannot be a model file")
    return Tree(
        np.where(is_leaf, 0, nodes["feature_idx"]),
        np.where(is_leaf, np.float32(0), rounded_down(nodes["num_threshold"])),
        np.where(is_leaf, 0, nodes["left"].astype(np.int64)),
        np.where(is_leaf, 0, nodes["right"].astype(np.int64)),
        ~is_leaf & (nodes["missing_go_to_left"] != 0),
        is_leaf,
        nodes["value"][:, None],
        first_class,
    )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the node; skl2onnx calls this in place of its own converter."""
    model = operator.raw_operator
    # Of a decision tree skl2onnx answers None; only a gradient boosting can be asked for scores.
    options = container.get_options(model, {"raw_scores": False}, fail=False) or {}
    raw = bool(options.get("raw_scores"))
    container.add_node(
        "TreeEnsembleClassifier",
        operator.input_full_names,
        [output.full_name for output in operator.outputs],
        op_domain=DOMAIN,
        op_version=3,
        name=scope.get_unique_operator_name("TreeEnsembleClassifier"),
        **ensemble_of(model, raw=raw).attributes(),
    )


def converters() -> dict[type, Callable[[Any, Any, Any], None]]:
    """Return what ``skl2onnx.convert_sklearn`` takes as ``custom_conversion_functions``."""
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.tree import DecisionTreeClassifier

    return dict.fromkeys(
        (
            *(DecisionTreeClassifier, RandomForestClassifier),
            *(ExtraTreesClassifier, HistGradientBoostingClassifier),
        ),
        _convert,
    )
