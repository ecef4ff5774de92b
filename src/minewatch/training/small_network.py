# SPDX-License-Identifier: Apache-2.0
"""A network of one hidden layer over features of which some are unknown."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from minewatch.models.card import ModelCard
from minewatch.models.model_file import INPUT, OUTPUT
from minewatch.training.onnx_graph import OnnxGraph
from minewatch.types import Float32Array, FloatArray, Int64Array

FARTHEST: Final = 4.0
"""Standard deviations from the mean beyond which a value says no more: a network goes on in a
straight line where it has seen nothing."""


class SmallNetwork:
    """The mean of a few multilayer perceptrons, each from another seed.

    Values are standardised and bounded; one that is unknown is an ordinary one, and an input of its
    own says that it is.

    Parameters
    ----------
    seed : of the first weights and the order of the rows.
    n_hidden : units of the hidden layer.
    n_members : perceptrons.
    decay : penalty on the squares of the weights.
    n_epochs : passes over the rows, at most.
    """

    def __init__(
        self,
        seed: int,
        n_hidden: int = 16,
        n_members: int = 5,
        decay: float = 1.0,
        n_epochs: int = 12,
    ) -> None:
        self.seed = seed
        self.n_hidden = n_hidden
        self.n_members = n_members
        self.decay = decay
        self.n_epochs = n_epochs
        self.members: list[Any] = []

    def fit(
        self, values: Float32Array, y: Int64Array, sample_weight: FloatArray | None = None
    ) -> SmallNetwork:
        """Return itself, fitted.

        Parameters
        ----------
        values : shape (n, n_features), NaN where unknown.
        y : 1 for mining, shape (n,).
        sample_weight : shape (n,).
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean = (np.where(known, values, 0).sum(axis=0) / count).astype(np.float32)
        off = np.where(known, values - self.mean, 0)
        scale = np.sqrt((off**2).sum(axis=0) / count)
        self.scale = np.where(scale > 0, scale, 1).astype(np.float32)
        inputs = self._inputs(values)
        self.members = [
            MLPClassifier(
                (self.n_hidden,),
                alpha=self.decay,
                learning_rate_init=3e-3,
                max_iter=self.n_epochs,
                random_state=self.seed + i,
            )
            for i in range(self.n_members)
        ]
        with warnings.catch_warnings():
            # That it goes on to the last epoch is meant.
            warnings.simplefilter("ignore", ConvergenceWarning)
            for member in self.members:
                member.fit(inputs, y, sample_weight=sample_weight)
        return self

    def _inputs(self, values: Float32Array) -> Float32Array:
        scaled = np.clip((values - self.mean) / self.scale, -FARTHEST, FARTHEST)
        known = np.isfinite(values)
        found: Float32Array = np.hstack([np.where(known, scaled, 0), known]).astype(np.float32)
        return found

    def predict_proba(self, values: Float32Array) -> FloatArray:
        """Return probabilities of normal and mining, shape (n, 2).

        Parameters
        ----------
        values : shape (n, n_features), NaN where unknown.
        """
        inputs = self._inputs(values)
        found: FloatArray = np.mean([one.predict_proba(inputs) for one in self.members], axis=0)
        return found


def small_network_file(fitted: SmallNetwork, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a small network.

    Parameters
    ----------
    fitted : a fitted network.
    n_features : columns of its input.
    card : goes into the file's metadata.
    """
    graph = OnnxGraph()
    off = graph.add("Sub", INPUT, graph.constant(fitted.mean))
    scaled = graph.add("Div", off, graph.constant(fitted.scale))
    zeroed, known = graph.known(scaled)
    bounds = (graph.constant(-FARTHEST), graph.constant(FARTHEST))
    inputs = graph.add("Concat", graph.add("Clip", zeroed, *bounds), known, axis=1)
    scores = []
    for member in fitted.members:
        hidden, last = (
            (graph.constant(weights), graph.constant(offsets))
            for weights, offsets in zip(member.coefs_, member.intercepts_, strict=True)
        )
        layer = graph.add("Relu", graph.add("Gemm", inputs, *hidden))
        scores.append(graph.add("Sigmoid", graph.add("Gemm", layer, *last)))
    whole = graph.add("Sum", *scores)
    mining = graph.add("Div", whole, graph.constant(float(len(scores))))
    normal = graph.add("Sub", graph.constant(1.0), mining)
    graph.add("Concat", normal, mining, axis=1, output=OUTPUT)
    return graph.model_file(n_features, card)
