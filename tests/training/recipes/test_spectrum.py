# SPDX-License-Identifier: Apache-2.0
import numpy as np

from minewatch.detectors.spectrum import SpectrumDetector
from minewatch.models.model_file import load_model
from minewatch.training.recipe import follow, model_file
from minewatch.training.recipes.spectrum import RECIPES
from recipe_check import MAKING
from talk_table import talk_table, talks_of


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path):
    (recipe,) = RECIPES
    table = talk_table(recipe)
    fitted = follow(recipe, table)
    path = tmp_path / "spectrum.onnx"
    path.write_bytes(model_file(fitted, table, MAKING))
    given, is_mining = talks_of(60, 9)
    found = SpectrumDetector([load_model(path)]).score(given).probability
    assert np.isfinite(found).all()
    assert found[is_mining].min() > found[~is_mining].max()


def test_a_conversation_with_one_direction_is_told_and_one_with_little_is_not():
    (recipe,) = RECIPES
    n_sent = sum(name.startswith("sent") for name in recipe.features)
    values = np.full((2, len(recipe.features)), np.nan, np.float32)
    values[0, :n_sent] = 1
    values[1, : recipe.min_known - 1] = 1
    assert recipe.is_ready(values).tolist() == [True, False]
