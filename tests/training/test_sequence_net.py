# SPDX-License-Identifier: Apache-2.0
import sys

import numpy as np
import pytest

from minewatch.errors import ConfigError
from minewatch.features.opening import OpeningFeatures
from minewatch.training import sequence_layers as layers
from minewatch.training import sequence_net
from minewatch.training.sequence_net import SequenceNetwork, first_weights, held_out_rows
from talk_table import talks_of

NEEDS_TORCH = "the sequence network is fitted with PyTorch: pip install minewatch[deep]"


def _rows(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    given, is_mining = talks_of(n, seed)
    return OpeningFeatures().transform(given).values, is_mining.astype(np.int64)


@pytest.fixture
def few_rows(monkeypatch):
    monkeypatch.setattr(sequence_net, "ROWS_AN_EPOCH", 512)


def test_weights_begin_at_random_and_are_few():
    first, again, other = (first_weights(np.random.default_rng(seed)) for seed in (1, 1, 2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
    assert (first["conv0"] != other["conv0"]).all()
    assert sum(array.nbytes for array in first.values()) < 20_000


def test_views_of_one_conversation_are_held_out_together():
    values, _ = _rows(100)
    views = np.concatenate([values, values])
    views[100:, -20:] = np.nan
    found = held_out_rows(views, np.random.default_rng(0))
    np.testing.assert_array_equal(found[:100], found[100:])
    assert 0.05 < found.mean() < 0.3


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"minewatch\[deep\]"):
        SequenceNetwork(0).fit(*_rows(10))


def test_more_rows_than_are_taken_at_once(monkeypatch):
    network = SequenceNetwork(0)
    network.members = [first_weights(np.random.default_rng(seed)) for seed in (1, 2)]
    values, _ = _rows(30)
    whole = network.predict_proba(values)
    monkeypatch.setattr(sequence_net, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(network.predict_proba(values), whole, rtol=1e-6)
    np.testing.assert_allclose(whole.sum(axis=1), 1)


def test_pytorch_and_numpy_have_the_same_layers():
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    channels = layers.channels_of(_rows(20)[0])
    weights = first_weights(np.random.default_rng(3))
    tensors = {name: torch.tensor(array) for name, array in weights.items()}
    scores = sequence_net._forward(torch, tensors, channels, np.ones((20, 48)))
    found = torch.sigmoid(scores).numpy()
    np.testing.assert_allclose(found, layers.probability_of(weights, channels), atol=1e-5)


def test_it_learns_and_the_seed_tells_how(few_rows):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    threads = torch.get_num_threads()
    fitted, again, other = (
        SequenceNetwork(seed, n_members=1, n_epochs=6).fit(*_rows()) for seed in (0, 0, 1)
    )
    values, y = _rows(seed=1)
    found = fitted.predict_proba(values)[:, 1]
    assert found[y == 1].min() > found[y == 0].max()
    np.testing.assert_array_equal(found, again.predict_proba(values)[:, 1])
    assert (found != other.predict_proba(values)[:, 1]).any()
    assert torch.get_num_threads() == threads


def test_a_row_without_weight_is_not_learnt_from(few_rows):
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    values, y = _rows()
    twice, both = np.concatenate([values, values]), np.concatenate([y, 1 - y])
    weights = np.repeat([0.0, 1.0], len(y))
    fitted = SequenceNetwork(0, n_members=1, n_epochs=6).fit(twice, both, weights)
    found = fitted.predict_proba(values)[:, 1]
    assert found[y == 1].mean() < 0.3 < 0.7 < found[y == 0].mean()


def test_it_stops_where_nothing_is_gained(few_rows, monkeypatch):
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    epochs = []
    real = sequence_net.varied_channels
    monkeypatch.setattr(
        sequence_net, "varied_channels", lambda *given: epochs.append(1) or real(*given)
    )
    values, _ = _rows()
    by_chance = np.random.default_rng(0).integers(0, 2, len(values))
    SequenceNetwork(0, n_members=1, n_epochs=60, patience=2).fit(values, by_chance)
    assert len(epochs) < 30
