# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from minewatch.detectors.learnt import LearntDetector, features_of
from minewatch.errors import ModelError
from minewatch.features.volume import VolumeFeatures
from minewatch.models.model_file import load_model
from minewatch.odds import from_log_odds, logit
from minewatch.testing import conversations
from minewatch.training.corpus.views import InputKind
from minewatch.training.export import to_onnx
from minewatch.training.recipe import (
    MAX_SLOPE,
    Making,
    Recipe,
    fit_sigmoid,
    follow,
    model_file,
    raw_log_odds,
    recorder_folds,
)
from minewatch.training.view_table import ViewTable, stacked

FEATURES = ("packets_ratio", "sent_octets_per_packet", "sent_packets_per_minute", "duration")
N = 240
SOURCES = ("lab", "cj-sniffer-a", "cj-sniffer-b", "simulator-wild-1", "office", "clinic")
MAKING = Making(metering={"interval_s": 60.0}, pass_share=1.0, base_rate=0.01)


@pytest.fixture(scope="module")
def given():
    """240 conversations; every third mines, and sends more than it receives, mostly."""
    rng = np.random.default_rng(5)
    is_mining = np.arange(N) % 3 == 0
    sent = rng.integers(20, 200, N)
    received = np.where(rng.random(N) < 0.9, is_mining, ~is_mining) * -0.9 * sent + 1.2 * sent
    received = (received * rng.uniform(0.7, 1.4, N)).astype(int)
    received[::20] = 0  # no packets received: ratios are not known
    return conversations(
        N,
        packet_delta_count=sent.tolist(),
        reverse_packet_delta_count=received.tolist(),
        octet_delta_count=(sent * rng.integers(60, 400, N)).tolist(),
    )


@pytest.fixture(scope="module")
def table(given):
    rows = pl.DataFrame(
        {
            "conversation": np.arange(1, N + 1),
            "label": np.where(np.arange(N) % 3 == 0, "mining", "normal"),
            "source": [SOURCES[i // 4 % 6] for i in range(N)],
            "capture": "one",
            "dialect": None,
            "service": None,
            "input": "packets",
            "horizon_s": 300,
            "variant": 0,
        }
    )
    return ViewTable({"volume": features_of(given, VolumeFeatures())}, rows)


def recipe(**changes):
    plain = Recipe(
        detector="volume",
        part="volume-packets",
        feature_set=VolumeFeatures(),
        features=FEATURES,
        inputs=(InputKind.PACKETS,),
        horizons_s=(300,),
        estimator=lambda seed: ExtraTreesClassifier(30, min_samples_leaf=3, random_state=seed),
        algorithm="extra trees",
        min_known=2,
    )
    return dataclasses.replace(plain, **changes)


def changed(table, **columns):
    return ViewTable(table.values, table.rows.with_columns(**columns))


class Memory:
    """Knows the label of every row that it was fitted to, and nothing of any other."""

    def __init__(self, seed=0):
        self.known = {}

    def fit(self, values, labels, sample_weight):
        assert len(sample_weight) == len(labels)
        self.known = {row.tobytes(): label for row, label in zip(values, labels, strict=True)}
        self.labels = labels
        return self

    def predict_proba(self, values):
        mining = np.array([self.known.get(row.tobytes(), 0.5) for row in values])
        return np.stack([1 - mining, mining], axis=1)


def test_it_learns_from_rows_of_its_inputs_horizons_and_variants(table):
    one = recipe(variants=1, inputs=(InputKind.PACKETS, InputKind.FLOWS_60))
    for columns, rows in (
        ({"input": pl.lit("flow-log-60s")}, True),
        ({"input": pl.lit("flow-log-600s")}, False),
        ({"horizon_s": pl.lit(600)}, False),
        ({"variant": pl.lit(1)}, True),
        ({"variant": pl.lit(2)}, False),
    ):
        assert one.rows(changed(table, **columns)).any() == rows


def test_it_learns_from_rows_of_which_enough_is_known(table):
    """Without packets received there is no ratio: three of four features are known."""
    known = np.isfinite(recipe().inputs_of(table)).sum(axis=1)
    assert set(known.tolist()) == {3, 4}
    assert recipe(min_known=3).rows(table).all()
    assert recipe(min_known=4).rows(table).tolist() == (known == 4).tolist()


def test_its_inputs_are_taken_by_name(table):
    names = VolumeFeatures().feature_names
    wanted = table.values["volume"][:, [names.index(name) for name in FEATURES]]
    np.testing.assert_array_equal(recipe().inputs_of(table), wanted)


def test_no_recorder_is_in_two_folds(table):
    folds = recorder_folds(table, 4)
    recorders = table.recorders
    assert len(folds) == 4
    assert np.sum(folds, axis=0).tolist() == [1] * N
    inside = [set(recorders[fold]) for fold in folds]
    assert sorted(name for names in inside for name in names) == sorted(set(recorders))
    # both sources of one recorder lie together
    sniffers = table.rows["source"].str.starts_with("cj-sniffer").to_numpy()
    assert sum(fold[sniffers].any() for fold in folds) == 1


def test_every_fold_has_mining_if_there_is_enough():
    """Five recorders with mining, five without: four folds, each with one of the former."""
    sources = [f"m{i}" for i in range(5)] + [f"n{i}" for i in range(5)] * 3
    labels = ["mining"] * 5 + ["normal"] * 15
    rows = pl.DataFrame(
        {"source": sources, "label": labels, "conversation": range(20), "variant": [0] * 20}
    )
    table = ViewTable({}, rows)
    folds = recorder_folds(table, 4)
    assert all(table.is_mining[fold].any() for fold in folds)
    # fifteen normal conversations of five recorders: three, three, three and six
    assert sorted((~table.is_mining[fold]).sum() for fold in folds) == [3, 3, 3, 6]
    assert len(recorder_folds(table.take(np.arange(20) < 2), 4)) == 2


def test_held_out_scores_are_of_models_that_did_not_see_the_recorder(table):
    """A model that knows by heart says nothing of what it has not seen: log-odds of 0."""
    fitted = follow(recipe(estimator=Memory), table)
    assert fitted.held_out == pytest.approx(np.zeros(N), abs=1e-3)
    # and the last one, fitted to all of them, knows them all
    raw = raw_log_odds(fitted.estimator, recipe().inputs_of(table))
    assert ((raw > 5) == table.is_mining).all()


def test_rows_that_were_not_learnt_from_are_scored_all_the_same(table):
    """Thresholds are chosen on every moment; but not on varied copies that were left out."""
    later = changed(table, horizon_s=pl.when(pl.col("conversation") > 30).then(300).otherwise(60))
    fitted = follow(recipe(), later)
    assert not recipe().rows(later)[:30].any()
    assert np.isfinite(fitted.held_out).all()
    copies = changed(table, variant=pl.when(pl.col("conversation") > 30).then(0).otherwise(1))
    fitted = follow(recipe(), copies)
    assert np.isnan(fitted.held_out[:30]).all()
    assert np.isfinite(fitted.held_out[30:]).all()


def test_it_tells_mining_of_recorders_that_it_had_not_seen(table):
    fitted = follow(recipe(), table)
    right = (fitted.held_out > 0) == table.is_mining
    assert right.mean() > 0.8
    assert 0 < fitted.slope <= MAX_SLOPE


def test_the_seed_says_how(table):
    first, again, other = (follow(recipe(), table, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.held_out, again.held_out)
    assert (first.slope, first.offset) == (again.slope, again.offset)
    assert not np.array_equal(first.held_out, other.held_out)


def test_what_is_not_ready_has_no_score(table):
    fitted = follow(recipe(min_known=4), table)
    ready = recipe(min_known=4).rows(table)
    assert 0 < (~ready).sum() < N
    assert np.isfinite(fitted.log_odds(table)).tolist() == ready.tolist()
    raw = raw_log_odds(fitted.estimator, recipe().inputs_of(table)[ready])
    wanted = fitted.slope * raw + fitted.offset
    np.testing.assert_allclose(fitted.log_odds(table)[ready], wanted)
    none = table.take(~ready)
    assert np.isnan(fitted.log_odds(none)).all()


def test_mining_or_normal_of_one_recorder_alone_is_refused(table):
    is_lab = table.rows["source"] == "lab"
    one = table.take((is_lab | (table.rows["label"] == "normal")).to_numpy())
    with pytest.raises(ModelError, match=r"volume-packets: .* of two recorders"):
        follow(recipe(), one)
    two = table.take((is_lab | (table.rows["source"] == "office")).to_numpy())
    assert np.isfinite(follow(recipe(), two).held_out).all()


def test_one_class_is_fitted_to_mining_alone(table):
    one = follow(recipe(estimator=Memory, is_one_class=True), table)
    assert set(one.estimator.labels.tolist()) == {1}
    assert len(one.estimator.labels) == table.is_mining.sum()
    both = follow(recipe(estimator=Memory), table)
    assert len(both.estimator.labels) == N
    # the normal ones were scored all the same, to calibrate with
    assert np.isfinite(one.held_out).all()


def test_calibration_never_turns_a_score_round(rng):
    truth = rng.normal(0, 2, 2000)
    is_mining = rng.random(2000) < 1 / (1 + np.exp(-truth))
    ones = np.ones(2000)
    slope, offset = fit_sigmoid(-truth, is_mining, ones)
    assert slope == 0
    assert offset == pytest.approx(0, abs=0.01)
    assert fit_sigmoid(truth / 9, is_mining, ones)[0] == MAX_SLOPE
    assert fit_sigmoid(truth, is_mining, ones)[0] == pytest.approx(1, abs=0.1)
    assert fit_sigmoid(2 * truth, is_mining, ones)[0] == pytest.approx(0.5, abs=0.05)


def test_calibration_is_for_a_prevalence_of_a_half(rng):
    """Ten times as many normal ones, of the same scores as before, move nothing."""
    scores = np.concatenate([rng.normal(1, 1, 500), rng.normal(-1, 1, 500)])
    is_mining = np.arange(1000) < 500
    even = fit_sigmoid(scores, is_mining, np.ones(1000))
    many = fit_sigmoid(
        np.concatenate([scores, np.tile(scores[500:], 9)]),
        np.concatenate([is_mining, np.zeros(4500, bool)]),
        np.ones(5500),
    )
    assert many == pytest.approx(even, abs=1e-3)
    weighed = fit_sigmoid(scores, is_mining, np.where(is_mining, 1.0, 7.0))
    assert weighed == pytest.approx(even, abs=1e-3)


class Volume(LearntDetector):
    name = "volume"
    parts = ("volume-packets",)
    feature_sets = (VolumeFeatures(),)


ESTIMATORS = {
    "extra trees": recipe().estimator,
    "boosting": lambda seed: HistGradientBoostingClassifier(max_iter=20, random_state=seed),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_detector_with_the_file_says_what_was_fitted(name, given, table, tmp_path):
    fitted = follow(recipe(estimator=ESTIMATORS[name], min_known=3), table)
    data = model_file(fitted, table, MAKING)
    assert model_file(fitted, table, MAKING) == data
    path = tmp_path / "volume-packets.onnx"
    path.write_bytes(data)
    detector = Volume([load_model(path, metering={"interval_s": 60.0})])
    found = detector.score(given).probability
    wanted = from_log_odds(fitted.log_odds(table) + logit(0.01))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-6)
    assert found[table.is_mining].mean() > 5 * found[~table.is_mining].mean()


def test_the_card_tells_how_it_was_made(table, tmp_path):
    fitted = follow(recipe(), table)
    making = dataclasses.replace(MAKING, parameters={"trees": 30}, metrics={"recall": 0.5})
    path = tmp_path / "m.onnx"
    path.write_bytes(model_file(fitted, table, making))
    card = load_model(path).card
    assert card.name == "volume-packets"
    assert card.feature_set == "volume"
    assert card.feature_names == FEATURES
    assert [one.unit for one in card.features] == ["1", "octets", "1/min", "s"]
    assert (card.prevalence, card.base_rate, card.min_known) == (0.5, 0.01, 2)
    assert card.calibration == (fitted.slope, fitted.offset)
    assert card.parameters == {"trees": 30}
    assert card.metrics == {"recall": 0.5}
    normal = recipe().inputs_of(table)[~table.is_mining][:, 0].astype(float)
    low, median, high = np.nanquantile(normal, (0.05, 0.5, 0.95))
    ratio = card.features[0]
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((low, median, high))


def test_a_feature_that_no_normal_conversation_has_is_usually_nothing(table, tmp_path):
    values = table.values["volume"].copy()
    column = recipe().columns[0]
    values[~table.is_mining, column] = np.nan
    fitted = follow(recipe(), ViewTable({"volume": values}, table.rows))
    path = tmp_path / "m.onnx"
    path.write_bytes(model_file(fitted, ViewTable({"volume": values}, table.rows), MAKING))
    ratio = load_model(path).card.features[0]
    assert (ratio.low, ratio.median, ratio.high) == (0, 0, 0)


def test_a_file_that_says_something_else_is_refused(table):
    other = follow(recipe(), table, seed=9).estimator
    lying = recipe(exporter=lambda model, n, card: to_onnx(other, n, card))
    with pytest.raises(ModelError, match=r"volume-packets: the exported model differs .* by 0"):
        model_file(follow(lying, table), table, MAKING)


def test_varied_copies_are_learnt_from_if_the_recipe_says_so(table):
    varied = stacked([table, changed(table, variant=pl.lit(1, pl.Int32))])
    sizes = [
        len(follow(recipe(estimator=Memory, variants=n), varied).estimator.labels) for n in (0, 1)
    ]
    assert sizes == [N, 2 * N]
