# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.experiments.benchmark import small
from minewatch.experiments.benchmark.fold_models import TRAINING_AID
from minewatch.experiments.benchmark.folds import Fold
from minewatch.experiments.benchmark.small import TOWNS, simulated_towns

NAMES = ["town-a", "town-b", "town-c"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small, "CONVERSATIONS", 60)
        patch.setattr(small, "MINING", 12)
        corpus = simulated_towns(tmp_path_factory.mktemp("towns"), 7, steps.append)
    return corpus.conversations, corpus.packets, steps


def test_there_are_three_towns_each_with_mining_and_others(made):
    frame, _, steps = made
    assert [name for name, _ in TOWNS] == NAMES
    assert steps == [f"simulating {name}" for name in NAMES]
    assert frame["source"].unique(maintain_order=True).to_list() == NAMES


def test_each_town_can_be_left_out(made):
    frame, _, _ = made
    left_out = [Fold(name, (name,)).rows(frame) for name in NAMES]
    assert sum(left_out).tolist() == [1] * frame.height
    for rows in left_out:
        labels = frame.filter(rows)["label"]
        assert set(labels) == {"mining", "normal"}
        assert (labels == "mining").sum() == 12


def test_towns_are_tested_and_not_only_learnt_from(made):
    assert not any(name.startswith(TRAINING_AID) for name in made[0]["source"].unique())


def test_conversations_are_numbered_on_and_have_packets(made):
    frame, packets, _ = made
    assert frame["conversation"].to_list() == list(range(1, frame.height + 1))
    kept = frame.filter("is_kept")
    assert set(packets["conversation"]) == set(kept["conversation"])
    assert set(kept["source"]) == set(NAMES)


def test_towns_differ(made):
    frame, _, _ = made
    starts = [set(frame.filter(source=name)["flow_start_nanoseconds"]) for name in NAMES]
    assert not starts[0] & starts[2]
