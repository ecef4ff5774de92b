# SPDX-License-Identifier: Apache-2.0
"""Looks through the octets of an ONNX file before any library loads it.

A model file comes from anywhere. ONNX cannot hold code, but it can name other files to read
(external data), operators of a plug-in library (custom domains), and loops. So the file's
protobuf messages are walked here, with nothing but the standard library, and only what our own
models need is let through. What this does not bound is the memory and time that a hostile model
may ask for.

Message and field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_LEARNING: Final = """
TreeEnsembleClassifier TreeEnsemble SVMClassifier LinearClassifier Scaler Normalizer Imputer
ArrayFeatureExtractor Add Sub Mul Div Neg Sum Exp Log Sqrt Pow Abs Sign Min Max Clip ArgMax
ArgMin TopK Transpose Flatten Reshape Squeeze Unsqueeze Concat Slice Gather Cast Equal Less
Greater Where Not And Or IsNaN Identity Constant Shape Scan ReduceSum ReduceSumSquare
ReduceMean ReduceMax ReduceMin
"""
"""Trees, neighbours and support vectors as skl2onnx writes them, and calibration."""
_SEQUENCE: Final = """
Conv MatMul Gemm Relu LeakyRelu Sigmoid Tanh Softmax LogSoftmax Gelu Erf BatchNormalization
LayerNormalization MaxPool AveragePool GlobalAveragePool GlobalMaxPool GRU LSTM
"""
"""Small networks."""
OPERATORS: Final = frozenset((*_LEARNING.split(), *_SEQUENCE.split()))
"""What may occur: no file, no free loop, nothing random."""

MAX_DEPTH: Final = 4


class OnnxError(ValueError):
    """The octets are not an ONNX model that may be loaded; the text says why."""


@dataclass(slots=True)
class OnnxContent:
    """What the walk found."""

    operators: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    """``metadata_props`` of the model."""
    has_graph: bool = False


def check_onnx(data: bytes) -> OnnxContent:
    """Return what is in an ONNX file, or say why it may not be loaded.

    Parameters
    ----------
    data : the whole file.

    Raises
    ------
    OnnxError : not a protobuf message of an ONNX model, or it has external data, functions, a
        foreign operator domain, or an operator outside ``OPERATORS``.

    Examples
    --------
    >>> check_onnx(b"GIF89a")
    Traceback (most recent call last):
    minewatch.models.onnx_check.OnnxError: not an ONNX model: damaged at octet 0
    """
    content = OnnxContent()
    for number, value in _fields(memoryview(data)):
        match number:
            case 7:
                content.has_graph = True
                _graph(_message(value), content, 0)
            case 8:
                _opset(_message(value))
            case 14:
                key, text = _pair(_message(value))
                content.metadata[key] = text
            case 20 | 25:
                raise OnnxError("it holds training information or functions, which are not needed")
            case _:
                pass
    if not content.has_graph:
        raise OnnxError("not an ONNX model: it has no graph")
    return content


def _graph(view: memoryview, content: OnnxContent, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise OnnxError("its graphs are nested too deeply")
    for number, value in _fields(view):
        if number == 1:
            _node(_message(value), content, depth)
        elif number == 5:
            _tensor(_message(value))
        elif number == 15:
            _sparse(_message(value))


def _node(view: memoryview, content: OnnxContent, depth: int) -> None:
    for number, value in _fields(view):
        if number == 4:
            operator = _string(value)
            if operator not in OPERATORS:
                raise OnnxError(f"operator {operator[:40]!r} is not among those that may be used")
            content.operators.add(operator)
        elif number == 7 and _string(value) not in DOMAINS:
            raise OnnxError(f"operator domain {_string(value)[:40]!r} is foreign")
        elif number == 5:
            _attribute(_message(value), content, depth)


def _attribute(view: memoryview, content: OnnxContent, depth: int) -> None:
    for number, value in _fields(view):
        if number in (5, 10):
            _tensor(_message(value))
        elif number in (22, 23):
            _sparse(_message(value))
        elif number in (6, 11):
            _graph(_message(value), content, depth + 1)


def _tensor(view: memoryview) -> None:
    for number, value in _fields(view):
        if number == 13 or (number == 14 and value != 0):
            raise OnnxError("it reads external data from another file")


def _sparse(view: memoryview) -> None:
    for number, value in _fields(view):
        if number in (1, 2):
            _tensor(_message(value))


def _opset(view: memoryview) -> None:
    for number, value in _fields(view):
        if number == 1 and _string(value) not in DOMAINS:
            raise OnnxError(f"operator domain {_string(value)[:40]!r} is foreign")


def _pair(view: memoryview) -> tuple[str, str]:
    key = text = ""
    for number, value in _fields(view):
        if number == 1:
            key = _string(value)
        elif number == 2:
            text = _string(value)
    return key, text


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of one message: number, and the integer or the octets."""
    position, end = 0, len(view)
    while position < end:
        start = position
        tag, position = _varint(view, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(view, position)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, position = _varint(view, position)
        else:
            length = {1: 8, 5: 4}.get(kind, -1)
        if length < 0 or position + length > end or tag < 8:
            raise OnnxError(f"not an ONNX model: damaged at octet {start}")
        yield tag >> 3, view[position : position + length]
        position += length


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """One variable-length integer (at most 64 bits) and the position after it."""
    value = shift = 0
    while position < len(view) and shift < 70:
        octet = view[position]
        value |= (octet & 0x7F) << shift
        position += 1
        if octet < 0x80:
            return value, position
        shift += 7
    raise OnnxError(f"not an ONNX model: damaged at octet {position}")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise OnnxError("not an ONNX model: an integer where a message belongs")
    return value


def _string(value: int | memoryview) -> str:
    try:
        return str(_message(value), "utf-8")
    except UnicodeDecodeError as error:
        raise OnnxError("not an ONNX model: a name is not UTF-8") from error
