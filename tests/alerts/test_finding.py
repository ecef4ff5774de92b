# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from minewatch.types import Evidence, Verdict
from watched import finding


def test_a_conversation_is_told_apart_by_the_port_that_was_called():
    called = finding(pool_port=41_234, server_port=80)
    assert called.pair == ("10.0.0.1", "203.0.113.9", 80, 6)
    assert replace(called, pool_port=5).pair == called.pair


def test_the_strongest_is_the_likeliest_then_the_earliest():
    weak, early = finding(probability=0.6), finding(5)
    late = finding(9, community_id="1:zzz")
    assert sorted([early, late, weak], key=lambda one: one.strength) == [weak, late, early]


def test_the_latest_is_the_one_seen_last():
    first, second = finding(0, 90), finding(50, 80)
    assert max(first.recency, second.recency) == first.recency
    assert first.recency.community_id == "1:abc"
    assert finding(community_id=None).recency[2:] == ("", "")


def test_against_mining_it_says_what_the_gate_said():
    reason = Evidence("gate", "bulk-transfer", "text", 0.0, "Not scored: a transfer.")
    verdict = Verdict(1, 0.002, "normal", {"rhythm": None}, [reason])
    one = finding(has_proof=True, disproof=("a",)).against(verdict, has_ended=True, is_final=False)
    assert (one.is_mining, one.has_ended, one.is_final) == (False, True, False)
    assert (one.probability, one.evidence, one.detectors) == (0.002, (reason,), {"rhythm": None})
    assert (one.kinds, one.has_proof, one.disproof) == ((), False, ())
    assert one.pair == finding().pair


def test_without_text_it_is_what_is_needed_to_count_it():
    short = finding(disproof=("a",)).without_text()
    assert (short.evidence, short.disproof, short.detectors, short.identity) == ((), (), {}, {})
    assert short.strength == finding().strength
    assert short.community_id == "1:abc"
