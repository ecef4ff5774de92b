# SPDX-License-Identifier: Apache-2.0
"""Builds the model file of a small network operator by operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minewatch.models.card import ModelCard
from minewatch.models.model_file import CARD_KEY, INPUT, OUTPUT
from minewatch.training.export import OPSETS

IR_VERSION = 9
"""What ONNX Runtime 1.20 and later read."""


class OnnxGraph:
    """A graph that grows by one operator at a time; each result has a name.

    Nothing but numbers and operators' names goes in, in the order in which they are added, so that
    the same network gives the same octets.
    """

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Return the name of an array that the model holds.

        Parameters
        ----------
        values : its numbers.
        dtype : float32, or int64 for shapes and axes.
        """
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Return the name of what an operator gives.

        Parameters
        ----------
        operator : of ONNX's own.
        inputs : names of earlier results or constants.
        output : the result's name; None numbers it.
        attributes : of the operator.
        """
        from onnx import helper

        name = output or f"r{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def known(self, values: str) -> tuple[str, str]:
        """Return names of the values with 0 in place of NaN, and of 1 where they are known.

        Parameters
        ----------
        values : a name.
        """
        unknown = self.add("IsNaN", values)
        zero, one = self.constant(0.0), self.constant(1.0)
        return self.add("Where", unknown, zero, values), self.add("Where", unknown, zero, one)

    def model_file(self, n_features: int, card: ModelCard) -> bytes:
        """Return the octets of a model that takes ``INPUT`` and gives ``OUTPUT``.

        Parameters
        ----------
        n_features : columns of its input.
        card : goes into the file's metadata.
        """
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self._nodes,
            card.name,
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, n_features])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 2])],
            initializer=self._constants,
        )
        opsets = [helper.make_opsetid("", OPSETS[""])]
        proto = helper.make_model(graph, opset_imports=opsets, producer_name="minewatch")
        proto.ir_version = IR_VERSION
        helper.set_model_props(proto, {CARD_KEY: card.to_json()})
        data: bytes = proto.SerializeToString(deterministic=True)
        return data
