# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import numpy as np
import polars as pl
import pytest

from minewatch.experiments.shipped.counting import Counts, Tally, summed
from minewatch.testing import conversations
from minewatch.training.rules import Rule

RULES = (
    Rule("lab", 1, port=3333),
    Rule("lab", -1, port=25),
    Rule("lab", 1, port=4444),
    Rule("office", 0, protocol=6),
)
PORTS = [3333, 443, 25, 3333, 443]
PROBABILITY = np.array([0.3, 0.7, 0.9, 0.1, 0.3])


@pytest.fixture
def tally():
    """Five that were scored, three that the gate stopped; one of UDP that no rule matches."""
    made = Tally(RULES, (0.1, 0.3, 0.5), 0.3)
    frame = conversations(5, destination_transport_port=PORTS).frame
    made.add_scored(made.label(frame), PROBABILITY)
    gated = conversations(
        3, destination_transport_port=[3333, 443, 53], protocol_identifier=[6, 6, 17]
    ).frame
    made.add_gated(made.label(gated), pl.Series(["too-short", "too-short", "not-tcp"]))
    return made


def test_every_labelled_conversation_counts_and_no_other(tally):
    assert list(tally.counts()) == [
        ("lab", 1, Counts(3, 1, (2, 1, 0), Counter({"too-short": 1}))),
        ("office", 0, Counts(3, 2, (2, 2, 1), Counter({"too-short": 1}))),
    ]
    assert tally.n_uncounted == 2  # one to skip, one that no rule matches


def test_a_rule_of_mining_that_matches_nothing_is_told(tally):
    assert tally.unmatched() == [RULES[2]]


def test_a_miner_that_the_gate_stopped_is_matched():
    tally = Tally([Rule("lab", 1)], (0.5,), 0.5)
    tally.add_gated(np.array([0]), pl.Series(["one-way"]))
    assert tally.unmatched() == []
    assert next(tally.counts())[2] == Counts(1, 0, (0,), Counter({"one-way": 1}))


def test_labels_of_rules(tally):
    assert tally.labels_of(np.array([0, 1, 3, -1])).tolist() == [1, -1, 0, -1]
    assert tally.label(conversations(1).frame[:0]).tolist() == []


def test_sums():
    one = Counts(2, 1, (2, 1), Counter({"a": 1}))
    assert summed([one, one], 2) == Counts(4, 2, (4, 2), Counter({"a": 2}))
    assert summed([], 2) == Counts(0, 0, (0, 0), Counter())
