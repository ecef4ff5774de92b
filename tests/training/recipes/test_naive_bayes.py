# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.detectors.naive_bayes import NaiveBayesDetector
from minewatch.training.recipes.naive_bayes import RECIPES, gaussian
from recipe_check import check_recipe, trickles_and_bursts


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    (recipe,) = RECIPES
    _, model = check_recipe(recipe, tmp_path)
    given, is_mining = trickles_and_bursts(100, 4)
    found = NaiveBayesDetector([model]).score(given).probability
    assert np.median(found[is_mining]) > 10 * np.median(found[~is_mining])


def test_features_over_six_decades_are_told_apart_below_a_thousandth_of_their_range():
    rng = np.random.default_rng(2)
    is_mining = np.arange(400) % 2 == 0
    values = np.exp(rng.normal(np.where(is_mining, 4.0, 6.0), 1.0)).astype(np.float32)[:, None]
    values[:4] = 1e9
    fitted = gaussian(0).fit(values, is_mining.astype(np.int64), sample_weight=np.ones(400))
    probability = fitted.predict_proba(np.array([[50.0], [400.0]], np.float32))[:, 1]
    assert probability[0] > 0.8
    assert probability[1] < 0.3
