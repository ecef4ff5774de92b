# SPDX-License-Identifier: Apache-2.0
"""The paper's four classifiers as scikit-learn has them, with nothing tuned.

The paper names no settings; these are the library's. It speaks of scaling without saying how: here
each feature is standardised, by the mean and deviation of the training rows alone. ``training``
has the versions that minewatch uses: bounded, and weighted by how rare mining is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from minewatch.experiments.paper.samples import IntArray
from minewatch.types import FloatArray

TREES: Final = 100
"""Of the forest: scikit-learn's default."""


def _svm(seed: int) -> Any:
    from sklearn.svm import SVC

    return SVC(cache_size=500)


def _tree(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=seed)


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=TREES, random_state=seed, n_jobs=1)


def _neighbours(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier()


MODELS: Final[Mapping[str, Callable[[int], Any]]] = MappingProxyType(
    {"SVM": _svm, "DT": _tree, "RFT": _forest, "KNN": _neighbours}
)
"""In the order and by the names of the paper's Table I."""


def standard_scaler() -> Any:
    """Return a scaler to mean 0 and deviation 1."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def range_scaler() -> Any:
    """Return a scaler to the range from 0 to 1."""
    from sklearn.preprocessing import MinMaxScaler

    return MinMaxScaler()


def fitted(name: str, values: FloatArray, labels: IntArray, seed: int) -> Any:
    """Return a model with its scaler, both fitted to these rows.

    Parameters
    ----------
    name : one of ``MODELS``.
    values : features, shape (n, n_features).
    labels : classes as numbers from 0, shape (n,).
    seed : of the model.
    """
    from sklearn.pipeline import make_pipeline

    return make_pipeline(standard_scaler(), MODELS[name](seed)).fit(values, labels)


def score(model: Any, values: FloatArray) -> FloatArray:
    """Return how strongly each row looks like the second class, shape (n,).

    Parameters
    ----------
    model : fitted to two classes.
    values : features, shape (n, n_features).
    """
    if hasattr(model, "decision_function"):
        result: FloatArray = model.decision_function(values)
        return result
    probability: FloatArray = model.predict_proba(values)[:, 1]
    return probability
