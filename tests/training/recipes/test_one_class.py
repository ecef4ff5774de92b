# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.learnt import features_of
from minewatch.detectors.one_class import OneClassDetector
from minewatch.models.model_file import load_model
from minewatch.testing import check_detector, conversations
from minewatch.training.recipe import Making, follow, model_file
from minewatch.training.recipes.one_class import RECIPES
from minewatch.training.view_table import ViewTable
from stratum_talk import N, conversations_and_labels, table_of

MAKING = Making(metering={"interval_s": 60.0}, pass_share=0.5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Each recipe followed, with its table and its loaded model."""
    folder, found = tmp_path_factory.mktemp("models"), []
    for recipe in RECIPES:
        table = table_of(recipe)
        fitted = follow(recipe, table)
        path = folder / f"{recipe.part}.onnx"
        path.write_bytes(model_file(fitted, table, MAKING))
        found.append((fitted, table, load_model(path)))
    return found


def test_packets_are_read_first_and_records_where_there_are_none():
    assert tuple(recipe.part for recipe in RECIPES) == OneClassDetector.parts
    assert {recipe.detector for recipe in RECIPES} == {OneClassDetector.name}
    packets, flows = RECIPES
    given, _ = conversations_and_labels(0)
    values = features_of(given, packets.feature_set)
    assert packets.is_ready(values[:, packets.columns]).all()
    given, _ = conversations_and_labels(0, with_packets=False)
    values = features_of(given, flows.feature_set)
    assert not packets.is_ready(values[:, packets.columns]).any()
    assert flows.is_ready(values[:, flows.columns]).all()


def test_totals_alone_are_not_enough():
    packets, flows = RECIPES
    values = features_of(conversations(3), flows.feature_set)
    assert not packets.is_ready(values[:, packets.columns]).any()
    assert not flows.is_ready(values[:, flows.columns]).any()


def test_normal_conversations_move_the_calibration_and_nothing_else(made):
    """Half of the normal conversations look like mining: the same density, other odds."""
    for fitted, table, _ in made:
        features = fitted.recipe.feature_set.name
        values = table.values[features].copy()
        alike = np.flatnonzero(~table.is_mining)[::2]
        values[alike] = values[alike - 1]
        assert table.is_mining[alike - 1].all()
        other = follow(fitted.recipe, ViewTable({features: values}, table.rows))
        mixture, again = fitted.estimator.mixture, other.estimator.mixture
        np.testing.assert_array_equal(mixture.mean, again.mean)
        np.testing.assert_array_equal(mixture.centre, again.centre)
        assert mixture.zero == again.zero
        assert (fitted.slope, fitted.offset) != (other.slope, other.offset)


def test_mining_of_a_recorder_not_seen_is_told_from_the_rest(made):
    detector = OneClassDetector([model for _, _, model in made])
    for with_packets in (True, False):
        given, is_mining = conversations_and_labels(9, with_packets=with_packets)
        found = detector.score(given).probability
        assert np.isfinite(found).all()
        assert (found[is_mining] > found[~is_mining].max()).mean() > 0.9
        evidence = detector.explain(given, 0)
        assert evidence
        assert all(one.text for one in evidence)


def test_the_detector_conforms_with_models_that_were_made(made):
    check_detector(OneClassDetector([model for _, _, model in made]))


def test_every_recorder_counts(made):
    for fitted, table, _ in made:
        assert np.isfinite(fitted.held_out[fitted.recipe.rows(table)]).all()
        assert len(table) == 3 * N * len(fitted.recipe.inputs) * len(fitted.recipe.horizons_s)
