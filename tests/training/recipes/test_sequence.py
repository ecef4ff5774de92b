# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.detectors.sequence import SequenceDetector
from minewatch.models.model_file import load_model
from minewatch.training import sequence_net
from minewatch.training.recipe import follow, model_file
from minewatch.training.recipes.sequence import RECIPES
from recipe_check import MAKING
from talk_table import mining_talk, other_talk, talk_table, talks_of
from talks import heard


def test_the_recipe_makes_a_model_that_the_detector_runs(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="fitted with PyTorch: pip install minewatch[deep]")
    monkeypatch.setattr(sequence_net, "ROWS_AN_EPOCH", 256)
    (recipe,) = RECIPES
    table = talk_table(recipe)
    fitted = follow(recipe, table)
    data = model_file(fitted, table, MAKING)
    assert len(data) < 200_000
    path = tmp_path / "sequence.onnx"
    path.write_bytes(data)
    model = load_model(path)
    assert torch.__version__.startswith(model.card.versions["torch"])
    given, is_mining = talks_of(60, 9)
    found = SequenceDetector([model]).score(given).probability
    assert np.isfinite(found).all()
    assert found[is_mining].min() > found[~is_mining].max()


@pytest.mark.parametrize("talk", [mining_talk, other_talk])
def test_six_messages_are_enough_and_four_are_not(talk):
    (recipe,) = RECIPES
    said = talk(np.random.default_rng(0))
    given = heard(said[:6], said[:4])
    assert recipe.is_ready(recipe.feature_set.transform(given).values).tolist() == [True, False]
