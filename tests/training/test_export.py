# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.models.card import ModelCard
from minewatch.models.model_file import load_model
from minewatch.models.onnx_check import check_onnx
from minewatch.training.algorithms import ALGORITHMS, calibrate, folds_for
from minewatch.training.examples import Examples
from minewatch.training.export import (
    LIBRARIES,
    PARITY,
    feature_cards,
    largest_difference,
    library_versions,
    to_onnx,
)

# skl2onnx reads attributes of SVC that scikit-learn is about to remove.
pytestmark = pytest.mark.filterwarnings("ignore:Attribute `prob:FutureWarning")


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(1)
    n = 300
    is_mining = np.arange(n) % 3 == 0
    values = np.exp(rng.normal(size=(n, 5)) * 2 + is_mining[:, None]).astype(np.float32)
    sources = np.array([*"abc"], dtype=object)[np.arange(n) // 100]
    names, units = tuple("vwxyz"), ("1",) * 5
    return Examples(values, names, units, is_mining, sources, sources, np.zeros(n, np.int64), {})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_onnx_runtime_gives_scikit_learns_probabilities(algorithm, examples, tmp_path):
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    model = calibrate(algorithm, examples.values, examples.is_mining, folds, 0)
    card = ModelCard(
        name="flowstats",
        schema_version=1,
        feature_set="volume",
        features=feature_cards(examples),
        metering={"interval_s": 60.0},
        algorithm=algorithm,
        prevalence=0.3,
        base_rate=0.3,
        pass_share=1.0,
        min_known=1,
    )
    data = to_onnx(model, 5, card)
    assert largest_difference(model, data, examples.values) < PARITY
    check_onnx(data)
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    loaded = load_model(path)
    assert loaded.card == card
    np.testing.assert_allclose(
        loaded.probability(examples.values), model.predict_proba(examples.values)[:, 1], atol=PARITY
    )
    if algorithm != "nearest neighbours":  # skl2onnx numbers its names by process
        assert to_onnx(model, 5, card) == data


def test_features_are_described_by_normal_traffic_alone(examples):
    cards = feature_cards(examples)
    normal = examples.values[~examples.is_mining]
    assert cards[0].median == pytest.approx(float(np.median(normal[:, 0])), rel=1e-6)
    assert all(card.low < card.median < card.high for card in cards)


def test_versions_name_every_library_that_makes_the_file():
    assert set(library_versions()) == set(LIBRARIES)
