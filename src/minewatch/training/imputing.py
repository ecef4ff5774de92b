# SPDX-License-Identifier: Apache-2.0
"""Classifiers that take no NaN are given the median of the training rows in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minewatch.types import Float32Array, FloatArray, Int64Array


@dataclass(frozen=True, slots=True)
class WeightedPipeline:
    """A pipeline whose last step is fitted with sample weights.

    Parameters
    ----------
    pipeline : of scikit-learn; its own ``fit`` takes weights only by the name of a step.
    """

    pipeline: Any

    def fit(self, values: Float32Array, labels: Int64Array, sample_weight: FloatArray) -> Any:
        """Return the fitted pipeline itself, which other libraries know.

        Parameters
        ----------
        values : shape (n, n_features).
        labels : 1 for mining, shape (n,).
        sample_weight : shape (n,).
        """
        last = self.pipeline.steps[-1][0]
        return self.pipeline.fit(values, labels, **{f"{last}__sample_weight": sample_weight})


def with_medians(*steps: Any) -> WeightedPipeline:
    """Return steps that see the median of the training rows where NaN is given.

    Parameters
    ----------
    steps : transformers and at last a classifier, of scikit-learn.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return WeightedPipeline(make_pipeline(imputer, *steps))
