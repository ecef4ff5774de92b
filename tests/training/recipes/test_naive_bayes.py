# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.detectors.naive_bayes import NaiveBayesDetector
from minewatch.training.recipes.naive_bayes import RECIPES
from recipe_check import check_recipe, trickles_and_bursts


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    (recipe,) = RECIPES
    _, model = check_recipe(recipe, tmp_path)
    given, is_mining = trickles_and_bursts(100, 4)
    found = NaiveBayesDetector([model]).score(given).probability
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])
