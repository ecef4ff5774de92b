# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from minewatch.experiments.operating_points import NormalScores, bounds, operating_points, points
from minewatch.models.budget import Budget
from minewatch.models.operating_points import read_points


def scores(n=1000, benign=10_000, seed=0):
    return np.random.default_rng(seed).beta(0.3, 8, n), benign


def test_each_point_has_as_many_false_alarms_as_it_says():
    probability, benign = scores()
    found = points(NormalScores(probability, benign))
    assert [one["false_alarms"] for one in found][-11:] == list(range(10, -1, -1))
    for one in found:
        assert (probability >= one["threshold"]).sum() == one["false_alarms"]
        assert one["per_100000"] == pytest.approx(10 * one["false_alarms"])
        assert one["low"] <= one["per_100000"] <= one["high"]
    assert np.all(np.diff([one["threshold"] for one in found]) > 0)
    assert np.all(np.diff([one["high"] for one in found]) <= 0)


def test_the_bounds_are_clopper_and_pearsons():
    # 0 of n: 1 - 0.025 ** (1 / n); 5 of 100: the textbook's 1.64 % to 11.28 %
    assert bounds(0, 300) == pytest.approx((0.0, 1 - 0.025 ** (1 / 300)))
    assert bounds(5, 100) == pytest.approx((0.0164, 0.1128), abs=5e-5)
    assert bounds(10, 10)[1] == 1.0


def test_equal_scores_go_together():
    found = points(NormalScores(np.array([0.9, 0.9, 0.9, 0.1]), 100))
    assert [one["false_alarms"] for one in found] == [3, 0]


def test_a_score_of_1_leaves_no_threshold_above_it():
    found = points(NormalScores(np.array([1.0, 0.5, 0.2]), 100))
    assert min(one["false_alarms"] for one in found) == 1


def test_false_alarms_in_families_widen_the_bound():
    probability = np.repeat([0.9, 0.1], [10, 990])
    alone = points(NormalScores(probability, 1000))
    families = np.repeat(np.arange(100), 10)
    grouped = points(NormalScores(probability, 1000, families))
    assert alone[-2:] == grouped[-2:] or alone[0]["high"] < grouped[0]["high"]
    assert alone[0]["high"] < grouped[0]["high"]
    assert grouped == points(NormalScores(probability, 1000, families))


def test_the_promise_holds_on_conversations_never_seen():
    """The chosen threshold breaks its budget in at most one of twenty worlds."""
    broken = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        seen, unseen = random.beta(0.3, 8, 2000), random.beta(0.3, 8, 200_000)
        usable = [p for p in points(NormalScores(seen, 2000)) if p["high"] <= 1000]
        broken += (unseen >= usable[0]["threshold"]).mean() > 0.01
    assert broken <= 10


@pytest.mark.parametrize(("probability", "benign"), [([np.nan], 10), ([0.1, 0.2], 1), ([], 0)])
def test_what_cannot_be_counted_is_refused(probability, benign):
    with pytest.raises(ValueError, match=r"NaN|scores of"):
        NormalScores(np.array(probability), benign)


def test_the_file_can_be_read_and_chosen_from(tmp_path):
    probability, benign = scores()
    path = tmp_path / "operating_points.json"
    data = operating_points(
        {"packets": NormalScores(probability, benign)},
        made_by="minewatch evaluate",
        sources={"office": benign},
        per_host_day=(843.4, "counted"),
        detectors=["signature", "flowstats"],
        models={"flowstats.onnx": "0" * 64},
    )
    path.write_text(json.dumps(data))
    chosen = read_points(path).choose(Budget(100.0, "100000-conversations"))
    # 3 of 10,000 has the upper bound 87.6 per 100,000; 4 of 10,000 has 102.4
    assert (probability >= chosen.threshold).sum() == 3
