# SPDX-License-Identifier: Apache-2.0
"""From a fitted ``MiningDensity`` to a model file's octets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minewatch.models.card import ModelCard
from minewatch.models.model_file import INPUT, OUTPUT
from minewatch.training.density import FLOOR, GAIN, LIMIT, MiningDensity, Mixture
from minewatch.training.onnx_graph import OnnxGraph


def density_to_onnx(model: MiningDensity, n_features: int, card: ModelCard) -> bytes:
    """Return the model file of a fitted density; a ``Recipe.exporter``.

    The graph is ``MiningDensity.predict_proba`` operator by operator, in float64, because squares
    cancel.

    Parameters
    ----------
    model : fitted.
    n_features : columns of its input.
    card : goes into the file's metadata.
    """
    from onnx import TensorProto

    graph, learnt = OnnxGraph(), model.mixture
    wide = graph.add("Cast", INPUT, to=TensorProto.DOUBLE)
    z, known = _standardised(graph, learnt, wide)
    density = _density(graph, learnt, z, known)
    over = graph.add("Sub", density, _double(graph, learnt.zero))
    odds = graph.add("Mul", over, _double(graph, GAIN))
    lifted = graph.add("Add", graph.add("Exp", odds), _double(graph, np.exp(FLOOR)))
    mining = graph.add("Sigmoid", graph.add("Log", lifted))
    other = graph.add("Sub", _double(graph, 1.0), mining)
    both = graph.add("Concat", other, mining, axis=1)
    graph.add("Cast", both, output=OUTPUT, to=TensorProto.FLOAT)
    return graph.model_file(n_features, card)


def _double(graph: OnnxGraph, values: npt.ArrayLike) -> str:
    return graph.constant(values, np.float64)


def _standardised(graph: OnnxGraph, learnt: Mixture, x: str) -> tuple[str, str]:
    """Names of the values in standard deviations, 0 where unknown, and of 1 where known."""
    zero, one = _double(graph, 0.0), _double(graph, 1.0)
    unknown = graph.add("IsNaN", x)
    there = graph.add("Where", unknown, zero, one)
    known = graph.add("Mul", there, _double(graph, learnt.is_used))
    filled = graph.add("Where", unknown, zero, x)
    scaled = graph.add("Div", graph.add("Abs", filled), _double(graph, learnt.scale))
    size = graph.add("Log", graph.add("Add", scaled, one))
    logs = graph.add("Mul", graph.add("Sign", filled), size)
    off = graph.add("Sub", logs, _double(graph, learnt.centre))
    deviations = graph.add("Div", off, _double(graph, learnt.deviation))
    bounded = graph.add("Clip", deviations, _double(graph, -LIMIT), _double(graph, LIMIT))
    return graph.add("Mul", bounded, known), known


def _density(graph: OnnxGraph, learnt: Mixture, z: str, known: str) -> str:
    """Name of the log-density of each row per known feature."""
    across = graph.constant([1], np.int64)
    row = graph.add("Concat", graph.add("Mul", z, z), z, known, axis=1)
    product = graph.add("MatMul", row, _double(graph, learnt.terms()))
    logs = graph.add("Add", product, _double(graph, learnt.weight))
    top = graph.add("ReduceMax", logs, across)
    below = graph.add("Exp", graph.add("Sub", logs, top))
    rest = graph.add("Log", graph.add("ReduceSum", below, across))
    count = graph.add("ReduceSum", known, across)
    some = graph.add("Max", count, _double(graph, 1.0))
    return graph.add("Div", graph.add("Add", top, rest), some)
