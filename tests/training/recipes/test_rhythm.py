# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from minewatch.detectors.rhythm import RhythmDetector
from minewatch.features.volume import LENGTH_FEATURES, STACK_FEATURES
from minewatch.models.model_file import load_model
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import follow, model_file
from minewatch.training.recipes.rhythm import RECIPES
from recipe_check import MAKING
from stratum_talk import conversations_and_labels, table_of

PACKETS, FLOWS = RECIPES


def few(seed, recipe):
    """Return the recipe's own trees, but few of them."""
    made = recipe.estimator(seed)
    name = "n_estimators" if "n_estimators" in made.get_params() else "max_iter"
    return made.set_params(**{name: 5})


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.part)
def test_the_recipe_makes_a_model_that_the_detector_runs(recipe, tmp_path):
    small = dataclasses.replace(
        recipe, estimator=lambda seed: few(seed, recipe), horizons_s=recipe.horizons_s[-1:]
    )
    table = table_of(small)
    assert small.rows(table).all()
    path = tmp_path / f"{recipe.part}.onnx"
    path.write_bytes(model_file(follow(small, table), table, MAKING))
    model = load_model(path)
    assert model.card.feature_names == recipe.features
    given, is_mining = conversations_and_labels(9, with_packets=recipe is PACKETS)
    found = RhythmDetector([model]).score(given).probability
    assert np.isfinite(found).all()
    assert np.median(found[is_mining]) > 5 * np.median(found[~is_mining])
    assert not recipe.rows(
        dataclasses.replace(
            table,
            rows=table.rows.with_columns(
                input=table.rows["input"].replace({kind.value: "another" for kind in recipe.inputs})
            ),
        )
    ).any()


def test_its_parts_are_those_of_the_detector_and_share_no_input():
    assert tuple(one.part for one in RECIPES) == RhythmDetector.parts
    assert {one.detector for one in RECIPES} == {RhythmDetector.name}
    assert not set(PACKETS.inputs) & set(FLOWS.inputs)
    assert not any(kind.is_flow_log for kind in PACKETS.inputs)
    assert all(kind.is_flow_log for kind in FLOWS.inputs)
    assert InputKind.PACKETS not in PACKETS.inputs  # payload tells it nothing


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.part)
def test_neither_the_length_of_a_recording_nor_a_stack_is_learnt(recipe):
    assert not set(recipe.features) & {*LENGTH_FEATURES, *STACK_FEATURES, "interval_records"}
    assert len(set(recipe.features)) == len(recipe.features)
    assert 0 < recipe.min_known < len(recipe.features)


def test_of_flow_logs_nothing_is_learnt_that_they_do_not_know():
    assert not any("payload" in name for name in FLOWS.features)
    given, _ = conversations_and_labels(2, with_packets=False)
    values = FLOWS.feature_set.transform(given).values
    assert FLOWS.is_ready(values[:, FLOWS.columns]).all()
    # what needs packets is no feature of theirs, and the other model is not ready
    assert np.isfinite(values[:, FLOWS.columns]).any(axis=0).all()
    assert not PACKETS.is_ready(values[:, PACKETS.columns]).any()


def test_packets_are_enough_for_the_first_model():
    given, _ = conversations_and_labels(2)
    values = PACKETS.feature_set.transform(given).values
    assert PACKETS.is_ready(values[:, PACKETS.columns]).all()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.part)
def test_the_seed_says_how(recipe):
    assert recipe.estimator(7).get_params()["random_state"] == 7
    assert recipe.estimator(7).get_params()["max_features"] == pytest.approx(0.3)
