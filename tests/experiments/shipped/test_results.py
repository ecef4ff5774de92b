# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch import __version__
from minewatch.experiments.shipped.parts import part_of
from minewatch.experiments.shipped.results import as_data, as_text, notes_of, rule_text
from minewatch.training.rules import Rule, mapped_network


def test_it_holds_what_was_measured(measured):
    data = json.loads(as_text(as_data(measured)))
    assert (data["format"], data["minewatch"], data["confidence"]) == (1, __version__, 0.95)
    assert list(data["kinds"]) == ["packets", "aws", "zeek"]
    assert list(data["sources"]) == ["branch", "demo", "office"]
    assert list(data["sources"]["demo"]["kinds"]) == ["packets", "aws"]
    found = part_of(measured).found
    low, high = found.interval
    assert data["together"]["found"] == pytest.approx(
        {"conversations": found.hits, "share": found.value, "low": low, "high": high}, abs=1e-6
    )
    assert data["together"]["mining"] == found.total == 7
    assert data["kinds"]["aws"]["mining_stopped_by_gate"] == {"too-few-messages": 1}
    at = data["kinds"]["packets"]["at"]
    assert [one["threshold"] for one in at] == list(measured.thresholds)
    assert at[-1]["found"]["conversations"] == 2
    assert data["sources"]["branch"]["found"] == {
        "conversations": 0,
        "share": None,
        "low": None,
        "high": None,
    }
    assert data["missed"]["conversations"] == len(data["missed"]["listed"]) == 3
    assert data["false_alarms"] == {"conversations": 0, "listed": []}
    assert data["inputs"][2]["rules_of_mining_without_conversation"] == [
        "office: address 203.0.113.99"
    ]


def test_notes_tell_what_was_not_used(measured):
    assert "rows that could not be used: 1 srcaddr is no address" in notes_of(measured)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule("a", 1), "a: everything"),
        (Rule("a", 1, port=0, protocol=6), "a: port 0, protocol 6"),
        (Rule("a", 1, mapped_network("10.0.0.0/8")), "a: address 10.0.0.0/8"),
        (Rule("a", 1, mapped_network("0.0.0.0/0")), "a: address 0.0.0.0/0"),
        (Rule("a", 1, peer=mapped_network("2001:db8::/32")), "a: peer 2001:db8::/32"),
        (Rule("a", 1, mapped_network("2001:db8::1")), "a: address 2001:db8::1"),
    ],
)
def test_a_rule_in_words(rule, text):
    assert rule_text(rule) == text
