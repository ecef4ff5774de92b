# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np

from minewatch.detectors.flowstats import FlowStatsDetector
from minewatch.features.volume import (
    COUNTER_COLUMNS,
    LENGTH_FEATURES,
    STACK_FEATURES,
    VolumeFeatures,
)
from minewatch.testing import conversations
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipes.flowstats import RECIPES
from minewatch.types import Conversations
from recipe_check import check_recipe, trickles_and_bursts

(RECIPE,) = RECIPES
SMALL = dataclasses.replace(
    RECIPE,
    estimator=lambda seed: RECIPE.estimator(seed).set_params(n_estimators=10, min_samples_leaf=10),
    horizons_s=RECIPE.horizons_s[-1:],
)


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    _, model = check_recipe(SMALL, tmp_path)
    given, is_mining = trickles_and_bursts(100, 4)
    found = FlowStatsDetector([model]).score(given).probability
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])


def test_it_is_the_forest_that_knows_no_conversation_by_heart():
    made = RECIPE.estimator(5).get_params()
    assert (made["random_state"], made["min_samples_leaf"], made["max_depth"]) == (5, 40, 8)
    assert (RECIPE.detector, RECIPE.part) == (FlowStatsDetector.name, *FlowStatsDetector.parts)


def test_neither_length_nor_stack_nor_payload_is_learnt():
    left_out = {*LENGTH_FEATURES, *STACK_FEATURES}
    assert not set(RECIPE.features) & left_out
    gone = set(VolumeFeatures.feature_names) - set(RECIPE.features) - left_out
    assert gone == {name for name in VolumeFeatures.feature_names if "payload" in name} - left_out


def test_every_input_knows_every_feature():
    """A flow log's counters alone are enough."""
    assert {InputKind.NO_PAYLOAD, InputKind.FLOWS_60} <= set(RECIPE.inputs)
    frame = conversations(2).frame.select(*COUNTER_COLUMNS, "is_source_home", "is_initiator_known")
    values = VolumeFeatures().transform(Conversations(frame)).values[:, RECIPE.columns]
    assert np.isfinite(values).all()
    assert RECIPE.is_ready(values).all()
    values[1, RECIPE.min_known - 1 :] = np.nan
    assert RECIPE.is_ready(values).tolist() == [True, False]
