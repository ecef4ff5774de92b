# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

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
    assert max([first, second], key=lambda one: one.recency) is first


def test_without_text_it_is_what_is_needed_to_count_it():
    short = finding(disproof=("a",)).without_text()
    assert (short.evidence, short.disproof, short.detectors, short.identity) == ((), (), {}, {})
    assert short.strength == finding().strength
    assert short.community_id == "1:abc"
