# SPDX-License-Identifier: Apache-2.0
import contextlib

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from minewatch.models.onnx_check import OnnxError, check_onnx

FLOATS = TensorProto.FLOAT


def model(
    *nodes: onnx.NodeProto, initializers: tuple[onnx.TensorProto, ...] = ()
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Identity", ["x"], ["y"])],
        "test",
        [helper.make_tensor_value_info("x", FLOATS, [None, 2])],
        [helper.make_tensor_value_info("y", FLOATS, [None, 2])],
        initializer=list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def external() -> onnx.TensorProto:
    tensor = TensorProto(name="secret", data_type=FLOATS, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def test_a_plain_model_passes_and_its_metadata_is_found():
    proto = model()
    helper.set_model_props(proto, {"key": "value"})
    content = check_onnx(proto.SerializeToString())
    assert content.metadata == {"key": "value"}
    assert content.operators == {"Identity"}


def test_external_data_of_an_initializer_is_refused():
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(model(initializers=(external(),)).SerializeToString())


def test_external_data_without_a_location_mark_is_refused():
    tensor = external()
    tensor.data_location = TensorProto.DEFAULT
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(model(initializers=(tensor,)).SerializeToString())


def test_the_mark_of_external_data_alone_is_refused():
    tensor = TensorProto(name="secret", data_type=FLOATS, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(model(initializers=(tensor,)).SerializeToString())


def test_external_data_of_a_constant_is_refused():
    node = helper.make_node("Constant", [], ["y"])
    node.attribute.append(helper.make_attribute("value", external()))
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(model(node).SerializeToString())


def test_external_data_of_a_sparse_tensor_is_refused():
    proto = model()
    proto.graph.sparse_initializer.add().values.CopyFrom(external())
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(proto.SerializeToString())


def test_external_data_within_an_inner_graph_is_refused():
    body = model(initializers=(external(),)).graph
    node = helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)
    with pytest.raises(OnnxError, match="external data"):
        check_onnx(model(node).SerializeToString())


def test_graphs_in_graphs_in_graphs_are_refused():
    proto = model()
    for _ in range(6):
        node = helper.make_node("Scan", ["x"], ["y"], body=proto.graph, num_scan_inputs=1)
        proto = model(node)
    with pytest.raises(OnnxError, match="too deeply"):
        check_onnx(proto.SerializeToString())


@pytest.mark.parametrize("operator", ["Loop", "If", "RandomNormal", "Expand", "Tile", "PyOp"])
def test_an_operator_that_we_do_not_need_is_refused(operator):
    with pytest.raises(OnnxError, match=f"operator '{operator}'"):
        check_onnx(model(helper.make_node(operator, ["x"], ["y"])).SerializeToString())


def test_a_foreign_domain_of_a_node_is_refused():
    node = helper.make_node("Identity", ["x"], ["y"], domain="com.microsoft")
    with pytest.raises(OnnxError, match=r"com\.microsoft"):
        check_onnx(model(node).SerializeToString())


def test_a_foreign_domain_among_the_imports_is_refused():
    proto = model()
    proto.opset_import.append(helper.make_opsetid("evil.ops", 1))
    with pytest.raises(OnnxError, match=r"evil\.ops"):
        check_onnx(proto.SerializeToString())


def test_functions_are_refused():
    proto = model()
    proto.functions.add().name = "f"
    with pytest.raises(OnnxError, match="functions"):
        check_onnx(proto.SerializeToString())


@pytest.mark.parametrize(
    "data", [b"", b"ORTM", b"\x80\x04pickle", b"\x08\x07", b"\x0b\x0c", b"\x02\x00\x3a\x00"]
)
def test_what_is_no_model_is_refused(data):
    with pytest.raises(OnnxError, match="not an ONNX model"):
        check_onnx(data)


@given(st.binary(max_size=300))
def test_any_octets_are_answered_with_one_error(data):
    with contextlib.suppress(OnnxError):
        check_onnx(data)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3))
def test_a_damaged_model_is_answered_with_one_error(position, change):
    data = bytearray(model().SerializeToString())
    data[position : position + len(change)] = change
    with contextlib.suppress(OnnxError):
        check_onnx(bytes(data))
