# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from made_up_card import made_up_card
from minewatch.features.opening import N_MESSAGES, OpeningFeatures
from minewatch.models.model_file import INPUT, OUTPUT, runtime
from minewatch.models.onnx_check import check_onnx
from minewatch.training import sequence_layers as layers
from minewatch.training.export import PARITY
from minewatch.training.sequence_net import first_weights
from talk_table import talks_of
from talks import heard

KNOWN, SIZE, DIRECTION, GAP, STEP, HAS_STEP, IS_SAME = range(layers.N_CHANNELS)


def _values(n: int = 40, seed: int = 5) -> np.ndarray:
    """Openings of any length, none and one message among them."""
    values = OpeningFeatures().transform(talks_of(n, seed)[0]).values
    place = np.concatenate([np.arange(start, N_MESSAGES) for start in layers.STARTS])
    length = np.random.default_rng(seed).integers(2, N_MESSAGES + 1, n)
    length[:2] = 0, 1
    return np.where(place >= length[:, None], np.nan, values).astype(np.float32)


def _weights(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = first_weights(rng)
    offsets = {name: rng.normal(0, 0.2, one.shape) for name, one in found.items() if one.ndim == 1}
    return {name: offsets.get(name, one).astype(np.float32) for name, one in found.items()}


def test_the_columns_are_those_of_the_features():
    assert len(OpeningFeatures().feature_names) == layers.N_FEATURES
    numbered = np.arange(layers.N_FEATURES, dtype=np.float32)[None]
    names = OpeningFeatures().feature_names
    for kind, values in zip(
        ("octets", "is_sent", "gap", "step"), layers.kinds_of(numbered), strict=True
    ):
        for i, value in enumerate(values[0], 1):
            if np.isfinite(value):
                assert names[int(value)] == f"{kind}_{i}"
            else:
                assert (kind, i) in {("gap", 1), ("step", 1)}


def test_channels_are_what_they_say():
    talk = [(0.0, True, 100), (2.0, False, 50), (4.0, True, 100), (4.5, False, 20)]
    found = layers.channels_of(OpeningFeatures().transform(heard(talk)).values)[0, :, :5]
    assert found[KNOWN].tolist() == [1, 1, 1, 1, 0]
    np.testing.assert_allclose(found[SIZE], np.log([101, 51, 101, 21, 1]) / 8, rtol=1e-6)
    assert found[DIRECTION].tolist() == [1, -1, 1, -1, 0]
    np.testing.assert_allclose(found[GAP], np.log([1, 101, 101, 26, 1]) / 6, rtol=1e-5)
    np.testing.assert_allclose(found[STEP], [0, 0, 0, -np.log(31) / 8, 0], rtol=1e-6)
    assert found[HAS_STEP].tolist() == [0, 0, 1, 1, 0]
    assert found[IS_SAME].tolist() == [0, 0, 1, 0, 0]


def test_the_place_of_a_message_beyond_the_edges_does_not_matter():
    """A conversation judged by its messages, not by how much padding is after them."""
    channels = layers.channels_of(_values())
    short = channels[channels[:, KNOWN].sum(axis=1) <= 20]
    assert len(short) >= 5
    longer = np.pad(short, ((0, 0), (0, 0), (0, 9)))
    np.testing.assert_allclose(
        layers.probability_of(_weights(1), short), layers.probability_of(_weights(1), longer)
    )


def test_each_weight_matters():
    channels, weights = layers.channels_of(_values()), _weights(2)
    before = layers.probability_of(weights, channels)
    for name, array in weights.items():
        after = layers.probability_of({**weights, name: array + 0.1}, channels)
        assert np.abs(after - before).max() > 1e-4, name


@pytest.mark.parametrize("n_rows", [1, 40])
def test_onnx_runtime_gives_the_same_probabilities(n_rows):
    members = [_weights(seed) for seed in range(3)]
    card = made_up_card(*OpeningFeatures().feature_names)
    data = layers.sequence_file(members, layers.N_FEATURES, card)
    check_onnx(data)
    values = _values()[:n_rows]
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {INPUT: values})
    channels = layers.channels_of(values)
    expected = np.mean([layers.probability_of(one, channels) for one in members], axis=0)
    assert np.abs(found[:, 1] - expected).max() < PARITY
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert layers.sequence_file(members, layers.N_FEATURES, card) == data
    assert len(data) < 150_000
