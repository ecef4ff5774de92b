# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.contracts import CollectiveDetector, Detector
from minewatch.detectors import block_clock, synchrony
from minewatch.detectors.block_clock import BlockClockDetector
from minewatch.detectors.block_times import BlockTimes
from minewatch.detectors.fusion import BASE_RATE, LABEL_THRESHOLD, Fusion, Part
from minewatch.testing import check_detector, conversations
from minewatch.types import Conversations
from pushing import START_NS, blocks, heard, pushing

CHAIN = blocks(3, 40, 120.0)
BLOCKS = BlockTimes(START_NS + np.rint(CHAIN * 1e9).astype(np.int64), "test")


def score(given, blocks=BLOCKS):
    return BlockClockDetector(blocks).score(given).probability


def lineup():
    """A miner of the chain, one of another chain, a beat, and one of three words."""
    return pushing(heard(CHAIN, 1, 1.5), blocks(9, 70), np.arange(5.0, 4000, 60), CHAIN[:3])


def test_it_is_a_detector_of_single_rows():
    assert isinstance(BlockClockDetector(), Detector)
    assert not isinstance(BlockClockDetector(), CollectiveDetector)
    check_detector(BlockClockDetector(), conversations(3))


def test_who_follows_the_blocks_mines():
    probability = score(lineup())
    assert probability[0] == pytest.approx(block_clock.MAX_PROBABILITY, rel=1e-3)
    assert probability[2] == pytest.approx(BASE_RATE, rel=0.05)
    assert math.isnan(probability[3])
    assert block_clock.MAX_PROBABILITY < LABEL_THRESHOLD


def test_not_to_follow_one_chain_leaves_the_hint_of_another():
    given = lineup()
    with_blocks, without = score(given), score(given, None)
    assert without[1] > 1.5 * BASE_RATE
    assert with_blocks[1] == pytest.approx(without[1])
    (reason,) = BlockClockDetector(BLOCKS).explain(given, 1)
    assert reason.feature == "pool_clock_ratio"


def test_blocks_of_another_time_leave_the_blind_form():
    elsewhere = BlockTimes(BLOCKS.time_ns + 10**17, "later")
    assert score(lineup(), elsewhere).tolist() == pytest.approx(
        score(lineup(), None).tolist(), nan_ok=True
    )


def test_the_blind_form_is_a_hint():
    gaps = np.minimum(np.random.default_rng(1).exponential(120.0, 60), 55.0)
    beat = np.arange(5.0, 3000, 55.0)
    probability = score(pushing(np.cumsum(gaps), beat), None)
    assert probability[0] == pytest.approx(block_clock.MAX_BLIND_PROBABILITY, rel=1e-2)
    assert probability[1] == pytest.approx(BASE_RATE, rel=0.05)


def test_the_hint_and_synchrony_together_are_no_verdict():
    """Both look at the same pushes: a broker whose messages come by chance has what both want."""
    scores = {
        "block-clock": np.array([block_clock.MAX_BLIND_PROBABILITY]),
        "synchrony": np.array([synchrony.MAX_PROBABILITY]),
    }
    whole = dict.fromkeys(scores, Part(1.0, 0.0, 8.0))
    assert Fusion(parts=whole).probability(scores, 1)[0] < LABEL_THRESHOLD


def test_rows_do_not_touch_each_other():
    given = lineup()
    together = score(given)
    order = [2, 0, 3, 1]
    moved = Conversations(given.frame[order], None, given.packets)
    assert score(moved).tolist() == pytest.approx(together[order].tolist(), nan_ok=True)
    for row in range(4):
        alone = score(given.filter(np.arange(4) == row))
        assert alone[0] == pytest.approx(together[row], nan_ok=True)


def test_it_is_silent_on_flow_logs_and_without_what_it_requires():
    assert np.isnan(score(conversations(2))).all()
    bare = Conversations(lineup().frame.drop("flow_id"))
    assert np.isnan(score(bare)).all()
    assert BlockClockDetector().explain(bare, 0) == []


def test_the_reason_tells_the_blocks():
    given, detector = lineup(), BlockClockDetector(BLOCKS)
    (reason,) = detector.explain(given, 0)
    assert reason.feature == "block_similarity"
    assert reason.value > block_clock.ALERT_SIMILARITY
    assert reason.contribution == pytest.approx(5.8, abs=0.05)
    assert "of 39 blocks something came" in reason.text or "of 38 blocks" in reason.text
    assert "above the 0.6" in reason.text
    assert "A node or a wallet" in reason.text
    few = pushing(np.arange(5.0, 5000, 600))  # too few gaps for the blind form
    (other,) = detector.explain(few, 0)
    assert "not above the 0.6" in other.text
    assert detector.explain(given, 3) == []


def test_the_reason_of_the_blind_form_says_that_it_guesses():
    gaps = np.minimum(np.random.default_rng(1).exponential(120.0, 60), 55.0)
    given = pushing(np.cumsum(gaps), np.arange(5.0, 3000, 55.0))
    (reason,) = BlockClockDetector().explain(given, 0)
    assert reason.feature == "pool_clock_ratio"
    assert "and again after 55 s without one" in reason.text
    assert "a guess from their gaps alone" in reason.text
    assert "are timed like" in reason.text
    assert reason.contribution == pytest.approx(0.695, abs=0.01)
    (beat,) = BlockClockDetector().explain(given, 1)
    assert beat.contribution < 0.1
