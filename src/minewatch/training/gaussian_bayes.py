# SPDX-License-Identifier: Apache-2.0
"""Gaussian naive Bayes over logarithms, to which what is unknown says nothing."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.models.card import ModelCard
from minewatch.models.model_file import INPUT, OUTPUT
from minewatch.training.onnx_graph import OnnxGraph
from minewatch.types import BoolArray, Float32Array, FloatArray, Int64Array

LEAST_SPREAD: Final = 0.1
"""Standard deviation of a logarithm, at least: nothing is known to be closer than 10 % to itself
in traffic that was not seen, and a file in float32 could not tell it as exactly."""


class GaussianBayes:
    """Naive Bayes whose features are log-normal in either label.

    Sizes and rates span six decades; a Gaussian of the raw values would describe none of them. A
    feature that is unknown is left out of the product, which is what the independence that the
    method assumes makes of it.

    Parameters
    ----------
    seed : not used; every recipe's estimator takes one.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(
        self, values: Float32Array, y: Int64Array, sample_weight: FloatArray | None = None
    ) -> GaussianBayes:
        """Return itself, fitted.

        Parameters
        ----------
        values : features of 0 or more, shape (n, n_features), NaN where unknown.
        y : 1 for mining, shape (n,).
        sample_weight : shape (n,).
        """
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        logs = np.log1p(values.astype(np.float64))
        (self.centre, self.scale), mining, normal = (
            _moments(logs, weights * rows) for rows in (np.ones(len(y)), y == 1, y == 0)
        )
        # What a feature z, standardised, adds to the log-odds: bend z^2 + slope z + level.
        means = [(mean - self.centre) / self.scale for mean, _ in (mining, normal)]
        spreads = [spread / self.scale for _, spread in (mining, normal)]
        precise = [1 / spread**2 for spread in spreads]
        self.bend = (precise[1] - precise[0]) / 2
        self.slope = means[0] * precise[0] - means[1] * precise[1]
        squares = means[1] ** 2 * precise[1] - means[0] ** 2 * precise[0]
        self.level = squares / 2 + np.log(spreads[1] / spreads[0])
        self.prior = float(np.log(weights[y == 1].sum() / weights[y == 0].sum()))
        return self

    def predict_proba(self, values: Float32Array) -> FloatArray:
        """Return probabilities of normal and mining, shape (n, 2).

        Parameters
        ----------
        values : shape (n, n_features), NaN where unknown.
        """
        from scipy.special import expit

        z = (np.log1p(values.astype(np.float64)) - self.centre) / self.scale
        terms = (self.bend * z + self.slope) * z + self.level
        mining = expit(np.nansum(terms, axis=1) + self.prior)
        return np.column_stack([1 - mining, mining])


def _moments(logs: FloatArray, weights: FloatArray | BoolArray) -> tuple[FloatArray, FloatArray]:
    """Weighted mean and standard deviation of each column; 0 and ``LEAST_SPREAD`` if unknown."""
    weight = np.isfinite(logs) * np.asarray(weights, np.float64)[:, None]
    known = np.where(weight > 0, logs, 0.0)
    total = np.maximum(weight.sum(axis=0), np.finfo(np.float64).tiny)
    mean = (weight * known).sum(axis=0) / total
    spread = np.sqrt((weight * (known - mean) ** 2).sum(axis=0) / total)
    return mean, np.maximum(spread, LEAST_SPREAD)


def gaussian_bayes_file(fitted: GaussianBayes, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a naive Bayes.

    Parameters
    ----------
    fitted : a fitted one.
    n_features : columns of its input.
    card : goes into the file's metadata.
    """
    graph = OnnxGraph()
    logs = graph.add("Log", graph.add("Add", INPUT, graph.constant(1.0)))
    off = graph.add("Sub", logs, graph.constant(fitted.centre))
    z, known = graph.known(graph.add("Div", off, graph.constant(fitted.scale)))
    sloped = graph.add(
        "Add", graph.add("Mul", z, graph.constant(fitted.bend)), graph.constant(fitted.slope)
    )
    terms = graph.add("Add", graph.add("Mul", sloped, z), graph.constant(fitted.level))
    told = graph.add("Mul", terms, known)
    total = graph.add("ReduceSum", told, graph.constant([1], np.int64), keepdims=1)
    mining = graph.add("Sigmoid", graph.add("Add", total, graph.constant(fitted.prior)))
    normal = graph.add("Sub", graph.constant(1.0), mining)
    graph.add("Concat", normal, mining, axis=1, output=OUTPUT)
    return graph.model_file(n_features, card)
