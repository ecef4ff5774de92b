# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.netflow import NetflowDetector
from minewatch.features.volume import COUNTER_COLUMNS, VolumeFeatures
from minewatch.testing import conversations
from minewatch.training.recipes.netflow import RECIPES
from minewatch.types import Conversations
from recipe_check import check_recipe, trickles_and_bursts


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    (recipe,) = RECIPES
    _, model = check_recipe(recipe, tmp_path)
    given, is_mining = trickles_and_bursts(100, 4)
    found = NetflowDetector([model]).score(given).probability
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])


def test_a_flow_log_knows_every_feature():
    (recipe,) = RECIPES
    frame = conversations(2).frame.select(*COUNTER_COLUMNS, "is_source_home", "is_initiator_known")
    matrix = VolumeFeatures().transform(Conversations(frame))
    assert np.isfinite(matrix.values[:, recipe.columns]).all()


@pytest.mark.parametrize(
    "columns",
    [
        {"reverse_packet_delta_count": 0, "reverse_octet_delta_count": 0},
        {"flow_end_nanoseconds": conversations(1).frame["flow_start_nanoseconds"][0]},
    ],
    ids=["one direction", "no duration"],
)
def test_half_a_record_is_not_enough(columns):
    (recipe,) = RECIPES
    values = VolumeFeatures().transform(conversations(1, **columns)).values
    assert not recipe.is_ready(values[:, recipe.columns]).any()
    assert recipe.is_ready(VolumeFeatures().transform(conversations(1)).values[:, recipe.columns])
