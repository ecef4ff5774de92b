# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from minewatch.errors import ModelError
from minewatch.models.card import ModelCard
from minewatch.models.model_file import OUTPUT, load_model, runtime
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


def card_of(examples, algorithm):
    return ModelCard(
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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_onnx_runtime_gives_scikit_learns_probabilities(algorithm, examples, tmp_path):
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, 0)
    model = calibrate(algorithm, examples.values, examples.is_mining, folds, 0)
    card = card_of(examples, algorithm)
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


FORGETFUL = {
    "extra trees": ExtraTreesClassifier(50, random_state=0),
    "few extra trees": ExtraTreesClassifier(10, max_features=1.0, random_state=0),
    "random forest": RandomForestClassifier(50, random_state=0),
    "decision tree": DecisionTreeClassifier(random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "monotone boosting": HistGradientBoostingClassifier(monotonic_cst=[1, 0, 0, 0, 0]),
    "imputed extra trees": make_pipeline(
        SimpleImputer(strategy="median"), ExtraTreesClassifier(50, random_state=0)
    ),
    "imputed boosting": make_pipeline(SimpleImputer(), HistGradientBoostingClassifier()),
    "imputed with a constant": make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0),
        ExtraTreesClassifier(20, random_state=0),
    ),
    "imputed logistic regression": make_pipeline(
        SimpleImputer(), StandardScaler(), LogisticRegression()
    ),
    "calibrated extra trees": CalibratedClassifierCV(
        ExtraTreesClassifier(20, random_state=0), ensemble=False, cv=3
    ),
    "calibrated boosting": CalibratedClassifierCV(
        HistGradientBoostingClassifier(max_iter=20), ensemble=False, cv=3
    ),
}
"""Estimators that take features of which some are NaN."""


@pytest.fixture(scope="module")
def partly_known(examples):
    """Rows with a third of the values unknown; that the second is unknown says much of the label.

    Half of the values are coarse, so that thresholds meet them exactly.
    """
    rng = np.random.default_rng(2)
    values = np.where(rng.random(examples.values.shape) < 0.5, examples.values.round(1), 0.1)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[examples.is_mining & (rng.random(300) < 0.8), 1] = np.nan
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def strange(partly_known):
    """Rows never learnt from: nothing known, each value alone, infinite, tiny and huge ones."""
    unknown = np.full((7, 5), np.nan, np.float32)
    unknown[1:6][np.eye(5, dtype=bool)] = 0.1
    unknown[6] = [1e-40, 3e38, -3e38, 0.0, -0.0]
    return np.concatenate([partly_known * np.float32(1.37), unknown])


@pytest.mark.parametrize("name", FORGETFUL)
def test_what_is_not_known_goes_the_same_way_in_both(
    name, examples, partly_known, strange, tmp_path
):
    model = FORGETFUL[name].fit(partly_known, examples.is_mining.astype(int))
    card = card_of(examples, name)
    data = to_onnx(model, 5, card)
    assert largest_difference(model, data, partly_known) < PARITY
    assert largest_difference(model, data, strange) < PARITY
    check_onnx(data)
    assert to_onnx(model, 5, card) == data
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    session = load_model(path).session
    assert [output.name for output in session.get_outputs()] == ["label", OUTPUT]
    # The rows must tell: a model that ignored NaN would not depend on it.
    filled = np.nan_to_num(partly_known)
    moved = model.predict_proba(filled)[:, 1] - model.predict_proba(partly_known)[:, 1]
    assert np.abs(moved).max() > 0.01


@pytest.mark.parametrize("name", ["boosting", "decision tree"])
def test_the_label_is_scikit_learns(name, examples, partly_known):
    model = FORGETFUL[name].fit(partly_known, examples.is_mining.astype(int))
    data = to_onnx(model, 5, card_of(examples, name))
    session = runtime().InferenceSession(data, providers=["CPUExecutionProvider"])
    (labels,) = session.run(["label"], {"features": partly_known})
    np.testing.assert_array_equal(labels, model.predict(partly_known))


def test_imputers_that_change_the_columns_are_refused(examples, partly_known):
    is_mining = examples.is_mining.astype(int)
    marked = make_pipeline(SimpleImputer(add_indicator=True), DecisionTreeClassifier())
    with pytest.raises(ModelError, match="add_indicator"):
        to_onnx(marked.fit(partly_known, is_mining), 5, card_of(examples, "x"))
    never = partly_known.copy()
    never[:, 2] = np.nan
    dropping = make_pipeline(SimpleImputer(), DecisionTreeClassifier())
    with (
        pytest.warns(UserWarning, match="without any observed"),
        pytest.raises(ModelError, match="keep_empty_features"),
    ):
        to_onnx(dropping.fit(never, is_mining), 5, card_of(examples, "x"))
    keeping = make_pipeline(SimpleImputer(keep_empty_features=True), DecisionTreeClassifier())
    data = to_onnx(keeping.fit(never, is_mining), 5, card_of(examples, "x"))
    assert largest_difference(keeping, data, never) < PARITY


def test_a_model_that_gives_nan_differs_from_one_that_does_not(examples):
    class Silent:
        def predict_proba(self, values):
            return np.full((len(values), 2), np.nan)

    tree = DecisionTreeClassifier().fit(examples.values, examples.is_mining.astype(int))
    data = to_onnx(tree, 5, card_of(examples, "x"))
    assert largest_difference(tree, data, examples.values) < PARITY
    assert largest_difference(Silent(), data, examples.values) == np.inf
