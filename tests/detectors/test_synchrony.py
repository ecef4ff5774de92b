# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import polars as pl
import pytest

from minewatch.contracts import CollectiveDetector, Detector
from minewatch.detectors import synchrony
from minewatch.detectors.fusion import BASE_RATE, DEFAULT_PARTS, LABEL_THRESHOLD, Fusion
from minewatch.detectors.intel import IntelDetector
from minewatch.detectors.synchrony import SynchronyDetector
from minewatch.testing import check_detector, conversations
from minewatch.types import Conversations
from pushing import START_NS, blocks, heard, pushing

JOBS = blocks(1)


def lineup(**more):
    """Two miners of one pool, three strangers, and one of too few words."""
    talks = [heard(JOBS, 2), *(blocks(i) for i in (7, 8, 9)), heard(JOBS, 3), JOBS[:3]]
    return pushing(*talks, **more)


def score(given):
    return SynchronyDetector().score(given).probability


def test_it_is_a_collective_detector():
    assert isinstance(SynchronyDetector(), CollectiveDetector)
    assert isinstance(SynchronyDetector(), Detector)
    assert SynchronyDetector().is_collective
    assert not isinstance(IntelDetector(), CollectiveDetector)
    check_detector(SynchronyDetector())


def test_two_miners_convict_each_other():
    probability = score(lineup())
    assert probability[[0, 4]] == pytest.approx([synchrony.MAX_PROBABILITY] * 2, rel=1e-3)
    assert probability[1:4] == pytest.approx([BASE_RATE] * 3, rel=0.1)
    assert math.isnan(probability[5])


def test_the_middle_of_the_scale():
    """A ratio of log(1000) is even odds."""
    found = SynchronyDetector()._found(lineup())
    found.synchrony.ratio[:] = synchrony.RATIO_OF_A_CLOCK
    middle = BASE_RATE + (synchrony.MAX_PROBABILITY - BASE_RATE) / 2
    assert synchrony._probability(found) == pytest.approx([middle] * 5)


def test_a_fast_clock_says_less():
    ticks = blocks(1, 200, 6.0)
    probability = score(pushing(heard(ticks, 2), heard(ticks, 3)))
    assert probability == pytest.approx([synchrony.MAX_OF_A_FAST_CLOCK] * 2, rel=1e-3)


def test_alone_it_never_makes_a_verdict():
    scores = {"synchrony": score(lineup())}
    fused = Fusion().probability(scores, 6)
    assert "synchrony" in DEFAULT_PARTS
    assert BASE_RATE * 10 < fused[0] < LABEL_THRESHOLD


def test_listeners_of_a_chat_room_are_not_compared():
    assert np.isnan(score(pushing(heard(JOBS, 2), heard(JOBS, 3), asks_s=None))).all()


def test_conformance_of_a_collective_detector():
    """The order of rows, time of day and names of hosts do not matter; alone it is not ready."""
    given = lineup()
    plain = score(given)
    order = [3, 5, 0, 4, 1, 2]
    moved = Conversations(given.frame[order], None, given.packets)
    assert score(moved).tolist() == pytest.approx(plain[order].tolist(), nan_ok=True)
    later = lineup(start_ns=START_NS + 12_345_678 * 10**9)
    assert score(later).tolist() == pytest.approx(plain.tolist(), rel=1e-6, nan_ok=True)
    renamed = lineup(hosts=[60, 50, 40, 30, 20, 10], fars=[6, 5, 4, 3, 2, 1])
    assert score(renamed).tolist() == pytest.approx(plain.tolist(), nan_ok=True)
    for row in range(6):
        assert np.isnan(score(given.filter(np.arange(6) == row))).all()


@pytest.mark.parametrize("name", SynchronyDetector.requires)
def test_it_is_silent_without_what_it_requires(name):
    given = lineup()
    without = Conversations(given.frame.drop(name), None, given.packets)
    assert np.isnan(score(without)).all()
    assert SynchronyDetector().explain(without, 0) == []


def test_it_is_silent_on_flow_logs():
    assert np.isnan(score(conversations(3, source_address_low=[1, 2, 3]))).all()


def test_the_reason_names_the_partner():
    given, detector = lineup(fars=[1, 2, 3, 4, 5, 6]), SynchronyDetector()
    detector.score(given)
    (reason,) = detector.explain(given, 0)
    assert reason.feature == "push_coincidence"
    assert reason.value > 0.9
    assert reason.contribution == pytest.approx(5.37, abs=0.02)
    assert "10.0.0.5 had from 198.51.100.5, another far end; chance would give" in reason.text
    assert "would disprove it" in reason.text
    assert detector.explain(given, 1) == []
    assert detector.explain(given, 5) == []
    (same,) = SynchronyDetector().explain(lineup(), 4)
    assert "10.0.0.1 had from 198.51.100.1, the same far end" in same.text


def test_several_partners_are_counted():
    (reason,) = SynchronyDetector().explain(pushing(*(heard(JOBS, i) for i in range(4))), 0)
    assert "(and 2 more)" in reason.text


def test_nothing_is_remembered_unless_told():
    first, second = pushing(heard(JOBS, 2)), pushing(heard(JOBS, 3), hosts=[2])
    detector = SynchronyDetector()
    detector.score(first)
    assert np.isnan(detector.score(second).probability).all()
    remembers = SynchronyDetector(remember=1000)
    assert np.isnan(remembers.score(first).probability).all()
    assert remembers.score(second).probability[0] > 0.29
    again = Conversations(second.frame, None, second.packets)
    assert remembers.score(again).probability[0] > 0.29  # not its own partner, nor forgotten
    (reason,) = remembers.explain(again, 0)
    assert "10.0.0.1 had" in reason.text


def test_the_past_is_not_examined_again():
    detector = SynchronyDetector(remember=10_000)
    detector.score(pushing(*(heard(JOBS, i) for i in range(10))))
    later = pushing(blocks(5), hosts=[99])
    detector.score(later)
    assert detector._found(later).synchrony.pairs_examined == 0
    assert len(detector._past) == 11
    assert len(detector._found(pushing(JOBS, start_ns=START_NS + 10**15)).arrivals) == 1
    detector.score(conversations(2))
    assert len(detector._past) == 11


def test_memory_is_bounded_and_forgets_the_oldest():
    detector = SynchronyDetector(remember=85)
    for i in range(6):
        late = pushing(JOBS, hosts=[i + 1], start_ns=START_NS + i * 10**13)
        detector.score(late)
        assert len(detector._past.time_ns) <= 85
    assert (detector._past.host[:, 1] & 0xFF).tolist() == [6, 5]
    with pytest.raises(ValueError, match="remember -1"):
        SynchronyDetector(remember=-1)


def test_addresses_that_are_not_known_are_no_partners():
    given = lineup()
    unknown = pl.Series("source_address_low", [None] * 6, pl.UInt64)
    given.frame = given.frame.with_columns(unknown)
    assert np.isnan(score(given)).all()
