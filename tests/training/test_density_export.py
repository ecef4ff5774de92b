# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import load_model
from minewatch.models.onnx_check import check_onnx
from minewatch.odds import from_log_odds, log_odds
from minewatch.training.density import MiningDensity
from minewatch.training.density_export import density_to_onnx
from minewatch.training.export import PARITY, largest_difference

CARD = ModelCard(
    name="one-class",
    schema_version=1,
    feature_set="stratum-shape",
    features=tuple(FeatureCard(name, "1", 0.0, -1.0, 1.0) for name in "abcde"),
    metering={"interval_s": 60.0},
    algorithm="density",
    prevalence=0.5,
    base_rate=0.5,
    pass_share=1.0,
    min_known=1,
    calibration=(0.5, -1.0),
)


def some(n, seed):
    """Rows of both signs over many decades, a quarter of them unknown, the fourth throughout."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (n, 5)) * np.exp(rng.normal(0, 3, (n, 5)))
    values[rng.random((n, 5)) < 0.25] = np.nan
    values[:, 3] = np.nan
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    values = some(500, 0)
    return MiningDensity(12).fit(values, np.ones(500, np.int64))


@pytest.fixture(scope="module")
def data(fitted):
    return density_to_onnx(fitted, 5, CARD)


def hard(n):
    values = some(n, 1)
    values[0] = np.nan
    values[1] = [np.inf, -np.inf, 3e38, -3e38, 0]
    values[2:50, 3] = 7
    values[50:100] *= 1e6
    return values


def test_onnx_runtime_gives_the_same_probabilities(fitted, data):
    values = hard(3000)
    mining = fitted.predict_proba(values)[:, 1]
    assert mining.min() < 0.02 < 0.9 < mining.max(), "the rows cover the scale"
    assert largest_difference(fitted, data, values) < PARITY


def test_the_file_is_checked_and_loads_with_its_card(fitted, data, tmp_path):
    check_onnx(data)
    path = tmp_path / "one-class.onnx"
    path.write_bytes(data)
    model = load_model(path)
    assert model.card == CARD
    values = hard(200)
    raw = log_odds(fitted.predict_proba(values)[:, 1], 1e-6)
    np.testing.assert_allclose(model.probability(values), from_log_odds(0.5 * raw - 1), atol=PARITY)


def test_a_row_does_not_depend_on_its_batch_mates(data, tmp_path):
    path = tmp_path / "one-class.onnx"
    path.write_bytes(data)
    model = load_model(path)
    values = hard(100)
    whole = model.log_odds(values)
    alone = np.concatenate([model.log_odds(values[i : i + 1]) for i in range(100)])
    np.testing.assert_allclose(alone, whole, atol=1e-5)


def test_the_same_model_gives_the_same_octets(fitted, data):
    assert density_to_onnx(fitted, 5, CARD) == data
