# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from minewatch.errors import ModelError
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import (
    CARD_KEY,
    MAX_OCTETS,
    load_model,
    read_card,
    scored_base_rate,
    shipped_model,
)
from minewatch.odds import logit
from minewatch.schema import SCHEMA_VERSION

CARD = ModelCard(
    name="flowstats",
    schema_version=SCHEMA_VERSION,
    feature_set="volume",
    features=tuple(FeatureCard(name, "1", 0.5, 0.0, 1.0) for name in ("a", "b")),
    metering={"interval_s": 60.0, "idle_timeout_s": 120.0},
    algorithm="none",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=1,
)


def identity(card: ModelCard | None = CARD, width: int = 2) -> onnx.ModelProto:
    """A model whose two probabilities are its two features."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["features"], ["probabilities"])],
        "test",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, width])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if card is not None:
        helper.set_model_props(proto, {CARD_KEY: card.to_json()})
    return proto


@pytest.fixture
def write(tmp_path):
    def write(data: bytes | onnx.ModelProto) -> Path:
        path = tmp_path / "model.onnx"
        path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
        return path

    return write


def changed(**changes: Any) -> ModelCard:
    return dataclasses.replace(CARD, **changes)


def test_a_model_gives_its_probabilities(write):
    model = load_model(write(identity()))
    rows = np.array([[0.9, 0.1], [0.25, 0.75]], np.float32)
    np.testing.assert_allclose(model.probability(rows), [0.1, 0.75], rtol=1e-6)
    assert model.card == CARD


def test_probabilities_are_corrected_to_the_base_rate(write):
    model = load_model(write(identity(changed(prevalence=0.2, base_rate=0.002, pass_share=0.1))))
    log_odds = model.log_odds(np.array([[0.5, 0.5]], np.float32))
    assert log_odds == pytest.approx(logit(scored_base_rate(0.002, 0.1)) - logit(0.2))


def test_certainty_stays_finite(write):
    model = load_model(write(identity()))
    log_odds = model.log_odds(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32))
    assert np.isfinite(log_odds).all()
    assert log_odds[0] == pytest.approx(-log_odds[1])


def test_many_rows_are_scored_in_parts_and_none_at_all_too(write, rng):
    model = load_model(write(identity()))
    mining = rng.random(10_000).astype(np.float32) * 0.9 + 0.05
    found = model.probability(np.stack([1 - mining, mining], axis=1))
    np.testing.assert_allclose(found, mining, rtol=1e-5)
    assert model.probability(np.empty((0, 2), np.float32)).shape == (0,)


def test_the_card_is_read_without_loading(write):
    assert read_card(write(identity())) == CARD


def test_the_metering_in_use_must_be_the_models(write):
    path = write(identity())
    load_model(path, metering={"interval_s": 60.0, "idle_timeout_s": 120.0, "other": 1.0})
    for other in (300, 30):
        with pytest.raises(ModelError, match=rf"onnx: made with interval_s 60, {other} is in use"):
            load_model(path, metering={"interval_s": float(other)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX model"),
        (b"\x80\x04\x95pickled", "not an ONNX model"),
        (identity(None), "without a minewatch card"),
        (identity(changed(schema_version=SCHEMA_VERSION + 1)), "schema version"),
        (identity(changed(schema_version=SCHEMA_VERSION - 1)), "schema version"),
        (identity(changed(base_rate=2.0)), "its card is wrong"),
        (identity(width=3), "other tensors"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_a_cure(write, data, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_model(write(data))
    assert "model.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read"):
        load_model("gone.onnx")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path)


def test_a_huge_file_is_refused(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_OCTETS + 1)
    with pytest.raises(ModelError, match="larger than"):
        load_model(path)


def test_what_onnx_runtime_refuses_is_a_model_error(write):
    proto = identity()
    proto.graph.node[0].input[0] = "absent"
    with pytest.raises(ModelError, match="ONNX Runtime refuses it"):
        load_model(write(proto))


def test_a_truncated_file_is_a_model_error(write):
    data = identity().SerializeToString()
    for length in range(0, len(data), 7):
        with pytest.raises(ModelError):
            load_model(write(data[:length]))


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../../etc/passwd", "secret.bin"])
def test_a_hostile_model_cannot_read_another_file(write, tmp_path, monkeypatch, location):
    (tmp_path / "secret.bin").write_bytes(b"\x00\x00\x80\x3f" * 2)
    monkeypatch.chdir(tmp_path)
    proto = identity()
    secret = TensorProto(name="secret", data_type=TensorProto.FLOAT, dims=[1, 2])
    secret.data_location = TensorProto.EXTERNAL
    secret.external_data.add(key="location", value=location)
    secret.external_data.add(key="length", value="8")
    proto.graph.initializer.append(secret)
    proto.graph.node[0].op_type = "Add"
    proto.graph.node[0].input.append("secret")
    with pytest.raises(ModelError, match="reads external data from another file"):
        load_model(write(proto))


def test_an_unknown_shipped_model_is_an_error():
    with pytest.raises(ModelError, match="flowstats"):
        shipped_model("other")


def test_the_shipped_model_fits_this_version():
    model = load_model(shipped_model())
    assert shipped_model().stat().st_size < 5_000_000
    assert model.card.base_rate == 0.002
    assert model.card.metrics["by_source"]
    assert not any("/" in name for name in model.card.training["sources"])


def test_the_prior_among_scored_conversations():
    assert scored_base_rate(0.5, 0.5) == pytest.approx(2 / 3)
