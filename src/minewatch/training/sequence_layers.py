# SPDX-License-Identifier: Apache-2.0
"""The layers of the sequence network: in numpy, and as operators of a model file.

Messages go through three convolutions; what they find anywhere, at most and on average, goes
through two dense layers. After each convolution the places after the last message are 0 again, so
that a short conversation is not judged by its padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from minewatch.features.opening import N_MESSAGES, STARTS
from minewatch.models.card import ModelCard
from minewatch.models.model_file import INPUT, OUTPUT
from minewatch.training.onnx_graph import OnnxGraph
from minewatch.types import Float32Array, FloatArray

Weights: TypeAlias = Mapping[str, Float32Array]
"""By name: ``conv0`` (out, in, width) and ``conv0_offset`` (out,), and so on; ``dense0`` (in,
out) and ``dense0_offset`` (out,), and so on."""

DILATIONS: Final = (1, 2, 1)
"""Of the convolutions: messages from one that is looked at to the next."""
N_DENSE: Final = 2
N_CHANNELS: Final = 7
"""Known; size; direction; gap; step in size, whether it is known, and whether it is 0."""
GAP_S: Final = 0.02
"""The gap at which its logarithm begins to tell; below it packets are one message."""
SIZE_SCALE: Final = 8.0
GAP_SCALE: Final = 6.0
"""Logarithms are divided by these, so that inputs are about 1."""
_ENDS: Final = tuple(np.cumsum([N_MESSAGES - start for start in STARTS]).tolist())
N_FEATURES: Final[int] = _ENDS[-1]


def kinds_of(values: Float32Array) -> list[Float32Array]:
    """Return size, direction, gap and step of each message, each of shape (n, N_MESSAGES).

    Parameters
    ----------
    values : columns of ``features.opening``, shape (n, N_FEATURES).
    """
    found = []
    for start, end in zip(STARTS, _ENDS, strict=True):
        part = values[:, end - (N_MESSAGES - start) : end]
        found.append(np.pad(part, ((0, 0), (start, 0)), constant_values=np.nan))
    return found


def channels_of(values: Float32Array) -> Float32Array:
    """Return what the first convolution sees, shape (n, N_CHANNELS, N_MESSAGES).

    Parameters
    ----------
    values : shape (n, N_FEATURES), NaN after the last message.
    """
    octets, is_sent, gap, step = kinds_of(values)
    known, has_step = (np.isfinite(one).astype(np.float32) for one in (octets, step))
    octets, is_sent, gap, step = (np.nan_to_num(one) for one in (octets, is_sent, gap, step))
    rows = [
        known,
        np.log(1 + octets) / np.float32(SIZE_SCALE),
        (2 * is_sent - 1) * known,
        np.log(1 + gap / np.float32(GAP_S)) / np.float32(GAP_SCALE),
        np.sign(step) * np.log(1 + np.abs(step)) / np.float32(SIZE_SCALE),
        has_step,
        has_step * (np.abs(step) < 0.5),
    ]
    found: Float32Array = np.stack(rows, axis=1).astype(np.float32)
    return found


def probability_of(weights: Weights, channels: Float32Array) -> FloatArray:
    """Return probabilities of mining, shape (n,).

    Parameters
    ----------
    weights : of one network.
    channels : of ``channels_of``.
    """
    known = channels[:, :1]
    layer = channels
    for i, dilation in enumerate(DILATIONS):
        layer = np.maximum(_convolved(layer, weights, i, dilation), 0) * known
    count = np.maximum(known.sum(axis=2), 1)
    dense = np.concatenate([layer.sum(axis=2) / count, layer.max(axis=2)], axis=1)
    for i in range(N_DENSE):
        dense = np.maximum(dense, 0) @ weights[f"dense{i}"] + weights[f"dense{i}_offset"]
    found: FloatArray = 1 / (1 + np.exp(-dense[:, 0].astype(np.float64)))
    return found


def _convolved(layer: Float32Array, weights: Weights, i: int, dilation: int) -> Float32Array:
    kernel = weights[f"conv{i}"]
    beside = dilation * (kernel.shape[2] // 2)
    padded = np.pad(layer, ((0, 0), (0, 0), (beside, beside)))
    total = np.zeros((len(layer), kernel.shape[0], layer.shape[2]), np.float32)
    for at in range(kernel.shape[2]):
        shifted = padded[:, :, at * dilation : at * dilation + layer.shape[2]]
        total += kernel[:, :, at] @ shifted
    return total + weights[f"conv{i}_offset"][:, None]


def sequence_file(members: list[Weights], n_features: int, card: ModelCard) -> bytes:
    """Return the model file of the mean of some networks.

    Parameters
    ----------
    members : weights of each.
    n_features : columns of its input, ``N_FEATURES``.
    card : goes into the file's metadata.
    """
    graph = OnnxGraph()
    channels, known = _channels(graph)
    scores = [_network(graph, weights, channels, known) for weights in members]
    mining = graph.add("Div", graph.add("Sum", *scores), graph.constant(float(len(scores))))
    normal = graph.add("Sub", graph.constant(1.0), mining)
    graph.add("Concat", normal, mining, axis=1, output=OUTPUT)
    return graph.model_file(n_features, card)


def _channels(graph: OnnxGraph) -> tuple[str, str]:
    """Names of ``channels_of`` and of its first channel."""
    known: list[str] = []
    values: list[str] = []
    for start, end in zip(STARTS, _ENDS, strict=True):
        part = _columns(graph, INPUT, end - (N_MESSAGES - start), end)
        value, is_known = graph.known(part)
        if start:
            # A column of zeros for the message that nothing is before, as long as the batch.
            first = _columns(graph, known[0], 0, 1)
            none = graph.add("Sub", first, first)
            value, is_known = (graph.add("Concat", none, one, axis=1) for one in (value, is_known))
        known.append(is_known)
        values.append(value)
    octets, is_sent, gap, step = values
    one, zero = graph.constant(1.0), graph.constant(0.0)
    sign = graph.add("Sub", graph.add("Mul", is_sent, graph.constant(2.0)), one)
    far = graph.add("Abs", step)
    is_same = graph.add("Where", graph.add("Less", far, graph.constant(0.5)), one, zero)
    rows = [
        known[0],
        _log(graph, octets, SIZE_SCALE),
        graph.add("Mul", sign, known[0]),
        _log(graph, graph.add("Div", gap, graph.constant(GAP_S)), GAP_SCALE),
        graph.add("Mul", graph.add("Sign", step), _log(graph, far, SIZE_SCALE)),
        known[3],
        graph.add("Mul", is_same, known[3]),
    ]
    axis = graph.constant([1], np.int64)
    stacked = [graph.add("Unsqueeze", row, axis) for row in rows]
    return graph.add("Concat", *stacked, axis=1), stacked[0]


def _columns(graph: OnnxGraph, name: str, start: int, end: int) -> str:
    bounds = [graph.constant([at], np.int64) for at in (start, end, 1)]
    return graph.add("Slice", name, *bounds)


def _log(graph: OnnxGraph, name: str, scale: float) -> str:
    more = graph.add("Add", name, graph.constant(1.0))
    return graph.add("Div", graph.add("Log", more), graph.constant(scale))


def _network(graph: OnnxGraph, weights: Weights, channels: str, known: str) -> str:
    """Name of one network's probabilities, shape (n, 1)."""
    layer = channels
    for i, dilation in enumerate(DILATIONS):
        kernel, offset = weights[f"conv{i}"], weights[f"conv{i}_offset"]
        beside = dilation * (kernel.shape[2] // 2)
        names = (graph.constant(kernel), graph.constant(offset))
        layer = graph.add("Conv", layer, *names, dilations=[dilation], pads=[beside, beside])
        layer = graph.add("Mul", graph.add("Relu", layer), known)
    axis = graph.constant([2], np.int64)
    total = graph.add("ReduceSum", layer, axis, keepdims=0)
    count = graph.add("ReduceSum", known, axis, keepdims=0)
    mean = graph.add("Div", total, graph.add("Max", count, graph.constant(1.0)))
    dense = graph.add("Concat", mean, graph.add("ReduceMax", layer, axis, keepdims=0), axis=1)
    for i in range(N_DENSE):
        names = (graph.constant(weights[f"dense{i}"]), graph.constant(weights[f"dense{i}_offset"]))
        dense = graph.add("Gemm", graph.add("Relu", dense), *names)
    return graph.add("Sigmoid", dense)
