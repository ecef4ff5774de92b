# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.experiments.benchmark.by_moment import Cost, by_moment
from minewatch.experiments.benchmark.intervals import draws_for
from minewatch.experiments.benchmark.units import units_of
from minewatch.training.corpus.views import InputKind

HORIZONS = (600, 1800, 0)


def _units(make_tiny, scores, population=None):
    rows = [
        {
            "conversation": number, "label": label, "duration_s": duration_s, "a": value,
            "horizon_s": horizon_s, "host": f"h{number}", "input": InputKind.FLOWS_60.value,
        }
        for number, (label, duration_s, values) in enumerate(scores, 1)
        for horizon_s, value in zip(HORIZONS, values, strict=True)
        if horizon_s < duration_s
    ]  # fmt: skip
    return units_of(make_tiny(rows, population), InputKind.FLOWS_60)


SCORES = (
    ("mining", 4000.0, (0.35, 0.7, 0.9)),
    ("mining", 4000.0, (0.9, 0.25, 0.5)),  # not what was found earlier, but what is seen then
    ("mining", 900.0, (0.45, None, 0.45)),
    ("mining", 100.0, (None, None, 0.8)),
    ("normal", 4000.0, (0.1, 0.4, 0.1)),
    ("normal", 4000.0, (0.3, 0.1, 0.1)),
    ("normal", 4000.0, (None, None, None)),
)


@pytest.fixture(scope="module")
def found(make_tiny):
    units = _units(make_tiny, SCORES)
    return by_moment(units, draws_for(units, 40), "a")


def _counts(found, cost):
    return {
        (one.seen_s, one.lasting_s): (one.found, one.mining)
        for one in found.recalls
        if one.cost is cost
    }


def test_a_normal_conversation_counts_with_its_highest_score(found):
    assert found.thresholds == {"none": 0.4, "one": 0.3, "label": 0.5}
    assert found.false_alarms == {"none": 0, "one": 1, "label": 0}
    assert (found.normal, found.normal_scored) == (3, 2)


def test_each_moment_is_told_of_what_lasts_longer_and_of_what_lasts_long(found):
    assert _counts(found, Cost.NONE) == {
        (600, 600): (2, 3),
        (600, 1800): (1, 2),
        (1800, 1800): (1, 2),
        (0, 0): (4, 4),
        (0, 1800): (2, 2),
    }
    assert _counts(found, Cost.ONE)[600, 600] == (3, 3)


def test_what_scores_no_higher_than_normal_traffic_is_not_found(make_tiny):
    equal = ("mining", 4000.0, (0.4, 0.3, 0.4))
    units = _units(make_tiny, (*SCORES, equal))
    told = by_moment(units, draws_for(units, 10), "a")
    assert _counts(told, Cost.NONE)[600, 600] == (2, 4)
    assert _counts(told, Cost.ONE)[1800, 1800] == (1, 3)


def test_what_reaches_a_half_is_labelled(found):
    assert _counts(found, Cost.LABEL)[0, 1800] == (2, 2)
    assert _counts(found, Cost.LABEL)[1800, 1800] == (1, 2)


def test_what_is_labelled_depends_on_the_threshold(make_tiny):
    units = _units(make_tiny, SCORES)
    told = by_moment(units, draws_for(units, 10), "a", 0.3)
    assert (told.thresholds["label"], told.false_alarms["label"]) == (0.3, 2)
    assert _counts(told, Cost.LABEL)[600, 600] == (3, 3)


def test_a_recall_comes_with_its_interval(found):
    (one,) = [r for r in found.recalls if (r.cost, r.seen_s, r.lasting_s) == ("one", 1800, 1800)]
    assert one.recall.value == pytest.approx(one.found / one.mining)
    assert 0 <= one.recall.low <= one.recall.value <= one.recall.high <= 1


def test_mining_that_nobody_scored_is_missed(make_tiny):
    scored = SCORES[:1] + SCORES[4:]
    people = [("s", "mining", 5, 1.0), ("s", "normal", 9, 1.0)]
    units = _units(make_tiny, scored, people)
    told = by_moment(units, draws_for(units, 10), "a")
    assert _counts(told, Cost.NONE)[0, 0] == (1, 5)
    assert told.normal == 9


def test_without_normal_traffic_everything_with_a_score_is_found(make_tiny):
    units = _units(make_tiny, SCORES[:4])
    told = by_moment(units, draws_for(units, 10), "a")
    assert told.thresholds["none"] == -math.inf
    assert (told.normal, told.normal_scored) == (0, 0)
    assert _counts(told, Cost.NONE)[0, 0] == (4, 4)
    assert np.isfinite([r.recall.value for r in told.recalls]).all()
