# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import os

import numpy as np
import pytest

from minewatch.errors import ModelError
from minewatch.identify.card import THRESHOLDS, CoinCard, Kind
from minewatch.identify.model import (
    CARD_KEY,
    FEATURES,
    MAX_OCTETS,
    CoinModel,
    load_coin_model,
    parse_coin_model,
    shipped_coin_model,
)
from minewatch.models.model_file import shipped_model
from minewatch.testing import conversations

KINDS = (
    Kind("cryptonote", "randomx"),
    Kind("cryptonote-p2pool", "randomx"),
    Kind("bitcoin", "sha256d"),
    Kind("bitcoin-scrypt", "scrypt"),
)
CARD = CoinCard(1, ("octets_ratio",), KINDS, dict.fromkeys(THRESHOLDS, 0.6))
HAS = np.array([True])


def answers(shares, question, allowed=None, thresholds=CARD.thresholds, has=HAS):
    model = CoinModel(dataclasses.replace(CARD, thresholds=thresholds), None)
    rows = np.array([shares], np.float32)
    limits = None if allowed is None else np.array([allowed])
    return model.answers(rows, question, has, limits).tolist()


def test_kinds_that_agree_on_an_answer_add_up():
    shares = [0.45, 0.35, 0.1, 0.1]
    assert answers(shares, "algorithm") == ["randomx"]
    assert answers(shares, "dialect") == ["cryptonote"]
    assert answers(shares, "pool_family") == ["single-coin"]
    assert answers([0.3, 0.5, 0.1, 0.1], "pool_family") == ["unknown"]


def test_what_is_known_narrows_the_answers():
    shares = [0.6, 0.2, 0.15, 0.05]
    of_bitcoin = [False, False, True, True]
    assert answers(shares, "algorithm", of_bitcoin) == ["sha256d"]
    assert answers([0.6, 0.2, 0.1, 0.1], "algorithm", of_bitcoin) == ["unknown"]
    assert answers(shares, "algorithm", [False] * 4) == ["unknown"]
    assert answers(shares, "algorithm", [False] * 4, dict.fromkeys(THRESHOLDS, 0.0)) == ["unknown"]


def test_without_packets_another_threshold_holds():
    limits = dict(CARD.thresholds) | {"algorithm without packets": 0.9}
    shares = [0.45, 0.35, 0.1, 0.1]
    assert answers(shares, "algorithm", None, limits) == ["randomx"]
    assert answers(shares, "algorithm", None, limits, ~HAS) == ["unknown"]


def test_the_model_that_ships_loads_and_is_small():
    model = shipped_coin_model()
    assert model is shipped_coin_model()
    assert {kind.algorithm for kind in model.card.kinds} >= {"randomx", "ethash", "sha256d"}
    assert set(model.card.features) <= set(FEATURES.feature_names)
    assert not {name for name in model.card.features if "port" in name or "address" in name}


def test_shares_are_probabilities_also_of_an_input_that_knows_little():
    model = shipped_coin_model()
    given = conversations(3, octet_delta_count=[900, 90_000, 9_000_000])
    shares = model.shares(model.values(given))
    assert shares.shape == (3, len(model.card.kinds))
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-4)
    assert model.shares(np.empty((0, len(model.card.features)), np.float32)).shape[0] == 0
    alone = model.shares(model.values(given)[1:2])
    assert np.array_equal(alone[0], shares[1])


@pytest.fixture
def shipped():
    path = shipped_model("flowstats").parents[1] / "identify" / "coins.onnx"
    return path.read_bytes()


def with_card(data, **members):
    """Return the model file with another card."""
    import onnx

    proto = onnx.load_model_from_string(data)
    (entry,) = (one for one in proto.metadata_props if one.key == CARD_KEY)
    entry.value = json.dumps(json.loads(entry.value) | members)
    return proto.SerializeToString()


def test_a_file_that_does_not_fit_is_refused(shipped, tmp_path):
    for data, complaint in (
        (b"GIF89a", "do not use this file"),
        (shipped[:-100], "x.onnx: "),
        (shipped_model("flowstats").read_bytes(), "without a card of coins"),
        (with_card(shipped, schema_version=99), "schema version 99"),
        (with_card(shipped, features=["no_such_feature"]), "'no_such_feature' is unknown"),
        (with_card(shipped, features=["octets_ratio"]), "do not fit its card"),
        (with_card(shipped, kinds=[{"fine": "a", "algorithm": "b"}]), "do not fit its card"),
        (with_card(shipped, coin_card_version=0), "its card is wrong"),
    ):
        with pytest.raises(ModelError, match=complaint):
            parse_coin_model(data, "x.onnx")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        load_coin_model(tmp_path / "gone.onnx")
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_OCTETS + 1)
    with pytest.raises(ModelError, match="larger than"):
        load_coin_model(path)
