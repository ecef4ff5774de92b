# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from minewatch.models.card import FeatureCard, ModelCard
from minewatch.models.model_file import load_model
from minewatch.training.export import PARITY, largest_difference
from minewatch.training.gaussian_bayes import LEAST_SPREAD, GaussianBayes, gaussian_bayes_file


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(2)
    y = (np.arange(600) % 3 == 0).astype(np.int64)
    centre = np.where(y[:, None] == 1, [4.0, 9.0, 2.0, 1.0], [6.0, 7.0, 2.0, 0.5])
    values = np.exp(rng.normal(centre, [1.0, 3.0, 1.0, 0.3])).astype(np.float32)
    return values, y, rng.uniform(0.1, 3.0, 600)


def test_it_is_the_naive_bayes_of_scikit_learn_over_logarithms(rows):
    values, y, weights = rows
    found = GaussianBayes().fit(values, y, weights).predict_proba(values)
    other = GaussianNB(var_smoothing=0).fit(np.log1p(values.astype(float)), y, weights)
    np.testing.assert_allclose(
        found, other.predict_proba(np.log1p(values.astype(float))), atol=1e-9
    )


def test_what_is_unknown_says_nothing(rows):
    values, y, weights = rows
    without = GaussianBayes().fit(values[:, :3], y, weights).predict_proba(values[:, :3])
    partly = values.copy()
    partly[:, 3] = np.nan
    whole = GaussianBayes().fit(values, y, weights)
    np.testing.assert_allclose(whole.predict_proba(partly), without, atol=1e-12)
    assert np.abs(whole.predict_proba(values) - without).max() > 0.1


def test_rows_in_which_a_feature_is_unknown_do_not_move_its_gaussian(rows):
    values, y, weights = rows
    holed = values.copy()
    holed[::2, 1] = np.nan
    fitted = GaussianBayes().fit(holed, y, weights)
    half = GaussianBayes().fit(values[1::2], y[1::2], weights[1::2])
    assert fitted.bend[1] / fitted.scale[1] ** 2 == pytest.approx(
        half.bend[1] / half.scale[1] ** 2, rel=1e-9
    )


def test_a_feature_that_is_never_known_or_never_differs_does_no_harm(rows):
    values, y, weights = rows
    more = np.column_stack([values, np.full(600, np.nan), np.full(600, 40.0)]).astype(np.float32)
    fitted = GaussianBayes().fit(more, y, weights)
    plain = GaussianBayes().fit(values, y, weights)
    np.testing.assert_allclose(
        fitted.predict_proba(more), plain.predict_proba(values), rtol=1e-6, atol=1e-12
    )
    assert fitted.scale[5] == LEAST_SPREAD


def test_the_file_says_the_same_over_nine_decades_and_loads(rows, tmp_path):
    values, y, weights = rows
    values = values.copy()
    values[:5] = [[0.0] * 4, [1e9] * 4, [1e-6] * 4, [np.nan] * 4, [1e6, np.nan, 0.0, 3.0]]
    fitted = GaussianBayes().fit(values, y, weights)
    features = tuple(FeatureCard(name, "1", 0.0, 0.0, 0.0) for name in "abcd")
    card = ModelCard(
        name="naive-bayes",
        schema_version=1,
        feature_set="volume",
        features=features,
        metering={"interval_s": 60.0},
        algorithm="Gaussian naive Bayes",
        prevalence=0.5,
        base_rate=0.5,
        pass_share=1.0,
        min_known=1,
    )
    data = gaussian_bayes_file(fitted, 4, card)
    assert largest_difference(fitted, data, values) < PARITY
    path = tmp_path / "naive-bayes.onnx"
    path.write_bytes(data)
    found = load_model(path).probability(values)
    np.testing.assert_allclose(found, fitted.predict_proba(values)[:, 1], atol=2e-5)
    assert data == gaussian_bayes_file(fitted, 4, card)
