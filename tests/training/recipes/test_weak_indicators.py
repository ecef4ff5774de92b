# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.detectors.weak_indicators import WeakIndicatorsDetector
from minewatch.features.volume import COUNTER_COLUMNS, VolumeFeatures
from minewatch.testing import conversations
from minewatch.training.recipes.weak_indicators import RECIPES
from minewatch.types import Conversations
from recipe_check import check_recipe, trickles_and_bursts


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    (recipe,) = RECIPES
    _, model = check_recipe(recipe, tmp_path)
    given, is_mining = trickles_and_bursts(100, 4)
    found = WeakIndicatorsDetector([model]).score(given).probability
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])


def test_a_flow_log_that_lacks_pushes_and_smallest_packets_knows_enough():
    (recipe,) = RECIPES
    frame = conversations(2).frame.with_columns(
        tcp_psh_total_count=None,
        reverse_tcp_psh_total_count=None,
        minimum_ip_total_length=None,
        reverse_minimum_ip_total_length=None,
    )
    assert set(COUNTER_COLUMNS) <= set(frame.columns)
    values = VolumeFeatures().transform(Conversations(frame)).values[:, recipe.columns]
    unknown = np.isnan(values[0])
    names = {name for name, is_unknown in zip(recipe.features, unknown, strict=True) if is_unknown}
    assert names == {"push_ratio", "minimum_packet"}
    assert recipe.is_ready(values).all()
