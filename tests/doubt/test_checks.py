# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.doubt.checks import CLOCK, LIST, PAYLOAD, SHAPE, TOGETHER, carriers, checks
from minewatch.types import Evidence

NS = 10**9
ROW = {"flow_start_nanoseconds": 0, "flow_end_nanoseconds": 600 * NS}
ENDS = ("10.0.0.5", 41022, "203.0.113.9", 443)


def evidence(feature, contribution=2.0):
    return Evidence(feature, 1.0, "1", contribution, "A sentence.")


def asked(*features, row=None, values=None, others=(0, 0)):
    given = [evidence(feature) for feature in features]
    return list(checks(ROW | (row or {}), ENDS, given, values or {}, others))


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        ("stratum_state", PAYLOAD),
        ("payload_kinds", PAYLOAD),
        ("destination_address", LIST),
        ("tls_sni", LIST),
        ("synchrony", TOGETHER),
        ("push_coincidence", TOGETHER),
        ("block_similarity", CLOCK),
        ("pool_clock_ratio", CLOCK),
        ("push_gap_median", SHAPE),
        ("flowstats", SHAPE),
    ],
)
def test_kinds_of_evidence(feature, kind):
    assert carriers([evidence(feature)]) == [kind]


def test_only_what_carried_the_verdict_counts_and_the_strongest_first():
    given = [evidence("push_share", 1.0), evidence("sent_octets", 1.0), evidence("tls_sni", 1.5)]
    assert carriers(given) == [SHAPE, LIST]
    assert carriers([evidence("push_share", 0.4), evidence("stratum_state", -3.0)]) == []


def test_the_process_is_always_asked_for_on_the_watched_host():
    first = asked()[0]
    assert "On 10.0.0.5, while it lasts: ss -tnp '( sport = :41022 and dport = :443 )'" in first


def test_payload_that_was_paid_leaves_only_a_rehearsal():
    paid = asked("stratum_state", row={"stratum_results_ok": 5})
    assert any("203.0.113.9 accepted work. Only a rehearsal disproves it" in t for t in paid)
    unpaid = asked("stratum_state")
    assert any("No accepted share was read" in text for text in unpaid)


def test_shape_gets_the_night_the_answers_and_the_name():
    texts = asked("push_share", values={"asked_answered_share": 0.52})
    assert any("This was seen for 10 min." in text for text in texts)
    assert any("here 52% are answered" in text for text in texts)
    assert any("No name was seen. A certificate" in text for text in texts)
    long = asked("push_share", row={"flow_end_nanoseconds": 50_000 * NS})
    assert not any("at night" in text for text in long)


def test_flow_records_ask_for_packets():
    texts = asked("sent_octets_variation")
    assert any("Capture 10.0.0.5 and 203.0.113.9 for ten minutes" in text for text in texts)
    assert not any("are answered" in text for text in texts)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"tls_sni": "a.example"}, "The client calls it a.example, and may call it anything."),
        ({"destination_name": "b.example"}, "DNS calls it b.example."),
        ({"tls_sni": "x" * 300}, f"The client calls it {'x' * 128}, and"),
    ],
)
def test_names_are_told_for_what_they_are_worth(row, text):
    assert any(text in one for one in asked("push_share", row=row))


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ((0, 0), "No other host was seen to talk to 203.0.113.9, port 443."),
        ((1, 0), "1 more host talks to 203.0.113.9, port 443, in no such manner"),
        ((7, 1), "1 more host has a conversation like this with 203.0.113.9, port 443"),
        ((7, 3), "3 more hosts have a conversation like this"),
    ],
)
def test_who_else_talks_to_the_far_end(others, text):
    assert any(text in one for one in asked("push_share", others=others))


def test_where_hosts_in_step_carried_it_no_second_host_is_asked_for():
    assert not any("Is a second host in step?" in text for text in asked("push_coincidence"))
    more = asked("push_coincidence", others=(7, 3))
    assert any("3 more hosts have a conversation like this" in text for text in more)


def test_what_is_asked_depends_on_what_carried_it():
    listed, together = asked("destination_address"), asked("synchrony")
    assert any("Is the entry still true?" in text for text in listed)
    assert any("Are the others in step by chance?" in text for text in together)
    clock = asked("block_similarity")
    assert any("A node, an exchange or a wallet that hears of blocks" in text for text in clock)
    assert not any("at night" in text for text in listed)
