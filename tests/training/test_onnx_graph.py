# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from made_up_card import made_up_card
from minewatch.models.model_file import INPUT, OUTPUT, load_model, runtime
from minewatch.models.onnx_check import OnnxError, check_onnx
from minewatch.training.onnx_graph import OnnxGraph

CARD = made_up_card("a", "b")


def _graph() -> OnnxGraph:
    """Unknown values as a half; the first column is normal, the second is mining."""
    graph = OnnxGraph()
    values, known = graph.known(INPUT)
    half = graph.constant(0.5)
    missing = graph.add("Mul", graph.add("Sub", graph.constant(1.0), known), half)
    graph.add("Add", values, missing, output=OUTPUT)
    return graph


def test_what_is_unknown_is_told_from_zero():
    data = _graph().model_file(2, CARD)
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    given = np.array([[0.25, np.nan], [np.nan, 0.0]], np.float32)
    (found,) = session.run([OUTPUT], {INPUT: given})
    assert found.tolist() == [[0.25, 0.5], [0.5, 0.0]]


def test_a_file_loads_with_its_card(tmp_path):
    path = tmp_path / "made-up.onnx"
    path.write_bytes(_graph().model_file(2, CARD))
    model = load_model(path)
    assert model.card == CARD
    found = model.probability(np.array([[0.25, 0.75]], np.float32))
    assert found == pytest.approx([0.75])


def test_the_same_network_gives_the_same_octets():
    assert _graph().model_file(2, CARD) == _graph().model_file(2, CARD)


def test_an_operator_that_may_not_be_loaded_is_refused_by_the_check():
    graph = OnnxGraph()
    graph.add("RandomNormalLike", INPUT, output=OUTPUT)
    with pytest.raises(OnnxError, match="RandomNormalLike"):
        check_onnx(graph.model_file(2, CARD))
