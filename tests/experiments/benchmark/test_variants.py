# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from bench_corpus import RECIPES as OTHERS
from bench_corpus import Company, Sizes
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.rhythm import RhythmDetector
from minewatch.experiments.benchmark.folds import MADE, Fold
from minewatch.experiments.benchmark.run import BenchmarkOptions
from minewatch.experiments.benchmark.variants import (
    ALL,
    HORIZONS_S,
    INPUTS,
    INSTEAD,
    MAX_SIMULATED,
    ablations,
    real_only,
    reduced,
    without,
)
from minewatch.features.rhythm import FAMILIES, RhythmFeatures
from minewatch.training.recipes.rhythm import RECIPES
from stratum_talk import conversations_and_labels
from talks import heard

OPTIONS = BenchmarkOptions(
    [*RECIPES, *OTHERS], [RhythmDetector, Sizes], [Company()], Fusion(), seed=5, workers=3
)
MADE_OPTIONS = dict(ablations(OPTIONS))


def test_an_ablation_is_of_one_detector_and_cheaper():
    small = reduced(OPTIONS)
    assert [one.part for one in small.recipes] == ["rhythm", "rhythm-flows"]
    assert {one.variants for one in small.recipes} == {0}
    assert {one.horizons_s for one in small.recipes} == {HORIZONS_S}
    assert {one.max_simulated for one in small.recipes} == {MAX_SIMULATED}
    assert small.learnt == [RhythmDetector]
    assert (list(small.fixed), small.workers, small.seed) == ([], 1, 5)
    assert (small.inputs, small.horizons_s) == (INPUTS, HORIZONS_S)
    # nothing else differs
    assert [one.features for one in small.recipes] == [one.features for one in RECIPES]
    # every input has a recipe that learns from it
    assert all(any(kind in one.inputs for one in small.recipes) for kind in INPUTS)


def test_each_family_is_left_out_once():
    names = ["timing", "sequence", "persistence", "volume"]
    assert list(MADE_OPTIONS) == [ALL, *(f"without {name}" for name in names)]
    assert MADE_OPTIONS[ALL] == reduced(OPTIONS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_without_a_family_none_of_its_features_is_learnt(family):
    whole = MADE_OPTIONS[ALL]
    made = MADE_OPTIONS[f"without {family.name}"]
    gone = set()
    for before, after in zip(whole.recipes, made.recipes, strict=True):
        assert after.features
        assert not set(after.features) & set(family.feature_names)
        lost = set(before.features) - set(after.features)
        assert lost <= set(family.feature_names)
        gone |= lost
        # columns are taken by name: those of the family are not among them
        columns = {after.feature_set.feature_names[i] for i in after.columns}
        assert not columns & set(family.feature_names)
        assert 1 <= after.min_known <= len(after.features)
        assert len(after.needs) == len(before.needs)
        assert set(after.needs) <= set(after.features)
    assert gone
    # all else is as it was
    assert replace(made, recipes=whole.recipes) == whole


@pytest.mark.parametrize("name", MADE_OPTIONS)
def test_the_model_of_packets_still_leaves_flow_logs_to_the_other(name):
    packets, flows = MADE_OPTIONS[name].recipes
    for with_packets in (True, False):
        given, _ = conversations_and_labels(1, with_packets=with_packets)
        values = packets.feature_set.transform(given).values
        assert set(packets.is_ready(values[:, packets.columns])) == {with_packets}
        assert flows.is_ready(values[:, flows.columns]).all()


def test_what_stands_in_for_a_needed_feature_is_known_of_the_same_conversations():
    one_way = [[(7.0 * i, forth, 100) for i in range(8)] for forth in (True, False)]
    both = [(7.0 * i, i % 2 == 0, 100 + i) for i in range(8)]
    features = RhythmFeatures()
    values = features.transform(heard(*one_way, both, [])).values
    for needed, other in INSTEAD.items():
        known = [np.isfinite(values[:, features.feature_names.index(n)]) for n in (needed, other)]
        assert known[0].tolist() == known[1].tolist() == [True, True, True, False]


def test_as_large_a_share_must_be_known_as_before():
    one = replace(OTHERS[0], min_known=2)
    assert without(one, frozenset({"number"})).min_known == 1
    assert without(one, frozenset({"number"})).features == one.features[1:]
    assert without(one, frozenset({"colour"})) == one


def test_real_networks_are_what_is_measured():
    folds = [
        Fold("a+b", ("a", "b")),
        Fold("lab", ("lab",)),
        Fold("simulator", ("simulator",)),
        Fold("far ends", ("cesnet",), ("port-1",)),
        Fold("lab-xmrig", ("lab-xmrig",)),
    ]
    assert [one.name for one in real_only(folds, MADE)] == ["a+b", "lab-xmrig"]
