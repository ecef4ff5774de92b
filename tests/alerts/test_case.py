# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from minewatch.alert import Change, Severity
from minewatch.alerts import case as cases
from minewatch.alerts.case import HOUR_NS, Case, Ended
from packets import NS, START
from watched import finding


def over(start_s, end_s, flow_id=1, **changes):
    return finding(
        start_s,
        end_s,
        flow_id=flow_id,
        has_ended=True,
        is_final=True,
        **{"community_id": f"1:{flow_id}", **changes},
    )


def case(*found):
    made = Case("id", found[0].pair)
    for one in found:
        made.take(one)
    return made


def alert(made, now_s=1000):
    return made.alert("test", START + now_s * NS, Change.UPDATED)


def test_the_last_word_counts():
    made = case(finding(0, 30), finding(0, 60, probability=0.7))
    assert (made.conversations, alert(made).mining_probability) == (1, 0.7)
    made.take(over(0, 90, probability=0.8, community_id="1:abc"))
    assert (made.conversations, made.open) == (1, {})
    assert alert(made).mining_probability == 0.8
    assert alert(made).last_seen_ns == START + 90 * NS


def test_the_strongest_is_shown_and_all_are_counted():
    made = case(
        over(0, 50, 1, probability=0.9, kinds=("shape",), pool_name="a"),
        over(10, 80, 2, probability=0.99, kinds=("list",), pool_name="b", tags=("gpu",)),
        finding(20, 70, flow_id=3, community_id="1:3", has_proof=True, kinds=("payload",)),
    )
    one = alert(made)
    assert (one.conversations, one.mining_probability, one.pool_name) == (3, 0.99, "b")
    assert (one.first_seen_ns, one.last_seen_ns) == (START, START + 80 * NS)
    assert one.community_ids == ("1:1", "1:3", "1:2")
    assert one.tags == ("gpu",)
    state = made.state(START + 100 * NS)
    assert state.kinds == ("list", "payload", "shape")
    assert state.severity is Severity.HIGH


def test_the_order_of_what_is_over_does_not_matter():
    parts = [
        over(i * 10, i * 10 + 50 + i % 3, i + 1, probability=0.5 + i % 4 / 10) for i in range(40)
    ]
    assert alert(case(*parts)) == alert(case(*reversed(parts)))
    assert len(alert(case(*parts)).community_ids) == 16


def test_one_that_turns_out_to_be_none_is_withdrawn():
    made = case(finding())
    made.take(finding(0, 120, is_mining=False, probability=0.1))
    assert not made.is_standing
    one = alert(made)
    assert (one.conversations, one.severity, one.mining_probability) == (0, Severity.LOW, 0.1)
    assert one.next_steps[0].startswith("What was seen later speaks against mining")
    made.take(finding(0, 180))
    assert made.is_standing


def test_it_is_over_when_nothing_is_open_for_an_hour():
    made = case(over(0, 60))
    end_ns = START + 60 * NS
    assert not made.is_over(end_ns + HOUR_NS - 1)
    assert made.is_over(end_ns + HOUR_NS)
    made.take(finding(30, 50, flow_id=2))
    assert not made.is_over(end_ns + 9 * HOUR_NS)
    made.take(finding(30, 50, flow_id=2, has_ended=True))
    assert made.is_over(end_ns + HOUR_NS)


def test_the_allowance_is_that_of_the_latest_conversation():
    made = case(over(0, 60, 1, allowed_by="ops until then: a course (a.toml:3)"))
    assert alert(made).allowed_by.startswith("ops")
    assert alert(made).severity is Severity.LOW
    made.take(over(70, 99, 2))
    assert alert(made).allowed_by is None


def test_conversations_are_told_at_powers_of_two():
    made = Case("id", finding().pair)
    steps = []
    for i in range(17):
        made.take(over(i, i + 60, i + 1))
        steps.append(made.state(START).steps)
    assert [i + 1 for i in range(17) if i == 0 or steps[i] != steps[i - 1]] == [1, 2, 4, 8, 16]


def test_texts_are_kept_of_the_strongest():
    made = Case("id", finding().pair)
    for i in range(cases.MOST_TEXTS + 10):
        made.take(finding(flow_id=i, probability=0.9 - (i * 7 % 18) / 100))
    kept = sorted(one.probability for one in made.open.values() if one.evidence)
    assert kept == sorted(one.probability for one in made.open.values())[-cases.MOST_TEXTS :]
    made.take(finding(flow_id=999, probability=0.95))
    assert alert(made).evidence
    assert len([one for one in made.open.values() if one.evidence]) == cases.MOST_TEXTS


def test_what_is_shown_has_its_evidence():
    """The strongest becomes weak at its next look, and that of the next one is not kept."""
    made = Case("id", finding().pair)
    for i in range(cases.MOST_TEXTS):
        made.take(finding(flow_id=i, probability=0.9, tags=("told",)))
    made.take(finding(flow_id=77, probability=0.89))
    for i in range(cases.MOST_TEXTS):
        made.take(finding(flow_id=i, probability=0.6, tags=("told",)))
    one = alert(made)
    assert one.evidence == finding().evidence
    assert one.tags == ("told",)
    assert one.mining_probability == 0.89


def test_what_was_told_before_a_restart_stands_until_something_is_found():
    before = replace(alert(case(over(0, 60))), id="id", revision=3)
    made = Case("id", finding().pair)
    made.before, made.revision = before, 3
    made.told = case(over(0, 60)).state(START)
    assert (made.is_standing, made.is_known) == (True, False)
    assert (made.first_ns, made.last_ns) == (before.first_seen_ns, before.last_seen_ns)
    assert alert(made, 5000) == replace(before, updated_ns=START + 5000 * NS)
    assert made.state(START) == made.told
    made.take(over(100, 200, 2))
    assert (made.conversations, made.first_ns) == (1, START + 100 * NS)


def test_what_was_told_before_a_restart_may_be_withdrawn():
    made = Case("id", finding().pair, before=alert(case(over(0, 60))), revision=1)
    made.told = case(over(0, 60)).state(START)
    made.take(finding(100, 200))
    made.take(finding(100, 300, is_mining=False, probability=0.1))
    assert not made.is_standing
    assert (alert(made).conversations, alert(made).severity) == (0, Severity.LOW)


def test_a_case_of_nothing_is_a_defect():
    with pytest.raises(AssertionError, match="nothing told"):
        _ = Case("id", finding().pair).first_ns


def test_ended_ones_span_all():
    ended = Ended()
    ended.add(over(50, 60))
    ended.add(over(10, 20))
    assert (ended.count, ended.first_ns, ended.last_ns) == (2, START + 10 * NS, START + 60 * NS)
