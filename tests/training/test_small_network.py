# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from made_up_card import made_up_card
from minewatch.models.onnx_check import check_onnx
from minewatch.training.export import PARITY, largest_difference
from minewatch.training.small_network import FARTHEST, SmallNetwork, small_network_file

CARD = made_up_card("a", "b")


def _rows(n: int = 600, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Mining where the two features have one sign; a fifth of them unknown."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)) * [1, 100]
    y = (values[:, 0] * values[:, 1] > 0).astype(np.int64)
    values[rng.random((n, 2)) < 0.2] = np.nan
    return values.astype(np.float32), y


@pytest.fixture(scope="module")
def fitted():
    return SmallNetwork(0, n_members=2, decay=0.01, n_epochs=150).fit(*_rows())


def test_it_learns_what_no_line_can_tell(fitted):
    values, y = _rows(seed=2)
    known = np.isfinite(values).all(axis=1) & (np.abs(values[:, 0]) > 0.2)
    right = (fitted.predict_proba(values)[:, 1] > 0.5) == y
    assert right[known].mean() > 0.95


def test_nothing_known_is_no_evidence(fitted):
    found = fitted.predict_proba(np.full((1, 2), np.nan, np.float32))
    assert 0.1 < found[0, 1] < 0.9
    assert found.sum() == pytest.approx(1)


def test_far_is_no_farther_than_far(fitted):
    far = (fitted.mean + (FARTHEST + 1) * fitted.scale)[None]
    farther = (fitted.mean + 1e6 * fitted.scale)[None]
    np.testing.assert_allclose(fitted.predict_proba(far), fitted.predict_proba(farther), rtol=1e-6)


def test_a_row_without_weight_is_not_learnt_from():
    values, y = _rows()
    given = SmallNetwork(0, n_members=1)
    wrong = np.concatenate([y, 1 - y])
    twice = np.concatenate([values, values])
    weights = np.repeat([1.0, 0.0], len(y))
    found = given.fit(twice, wrong, weights).predict_proba(values)[:, 1]
    opposite = given.fit(twice, wrong, weights[::-1]).predict_proba(values)[:, 1]
    known = np.isfinite(values).all(axis=1)
    assert np.corrcoef(found[known], y[known])[0, 1] > 0.3
    assert np.corrcoef(opposite[known], y[known])[0, 1] < -0.3


def test_a_constant_feature_is_no_failure():
    values, y = _rows()
    values[:, 1] = 7
    found = SmallNetwork(0, n_members=1, n_epochs=3).fit(values, y).predict_proba(values)
    assert np.isfinite(found).all()


def test_the_seed_tells_the_network():
    values, y = _rows()
    first, again, other = (
        SmallNetwork(seed, n_members=1, n_epochs=3).fit(values, y).predict_proba(values)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_onnx_runtime_gives_the_same_probabilities(fitted):
    data = small_network_file(fitted, 2, CARD)
    check_onnx(data)
    values = np.concatenate([_rows(seed=3)[0], [[1e9, -1e9], [np.nan, np.nan]]]).astype(np.float32)
    assert largest_difference(fitted, data, values) < PARITY
    assert small_network_file(fitted, 2, CARD) == data
