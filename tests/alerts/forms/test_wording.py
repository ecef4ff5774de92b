# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from made_up_alerts import ALL, ENDED, HOSTILE, PLAIN
from minewatch.alert import Change
from minewatch.alerts.forms.wording import TITLE_CHARACTERS, pool, reasons, sentences, title


def test_what_a_person_reads():
    assert title(PLAIN) == "10.0.0.5 mines at pool.example (203.0.113.9:443)"
    assert title(ENDED) == "10.0.0.5 no longer mines at pool.example (203.0.113.9:443)"
    assert sentences(PLAIN) == (
        "10.0.0.5 mines at pool.example (203.0.113.9:443). Severity high, probability 0.987,"
        " 2 conversations since 2023-11-14T22:13:20.123456Z. Algorithm rx/0. A miner logged in."
    )


def test_without_name_or_evidence():
    bare = replace(PLAIN, pool_name=None, evidence=(), identity={}, conversations=1)
    assert pool(replace(bare, pool="2001:db8::9")) == "[2001:db8::9]:443"
    assert sentences(bare).endswith("1 conversation since 2023-11-14T22:13:20.123456Z.")


@pytest.mark.parametrize("change", list(Change))
def test_what_was_withdrawn_says_so_whatever_changed(change):
    withdrawn = replace(PLAIN, change=change, conversations=0, mining_probability=0.25)
    assert title(withdrawn) == "10.0.0.5 does not seem to mine at pool.example (203.0.113.9:443)"
    assert sentences(withdrawn) == (
        "10.0.0.5 does not seem to mine at pool.example (203.0.113.9:443): what was seen since "
        "2023-11-14T22:13:20.123456Z speaks against it (probability now 0.250). Small packets."
    )


def test_the_reason_speaks_for_what_is_said():
    against, towards = reversed(PLAIN.evidence)
    turned = replace(PLAIN, evidence=(against, towards))
    assert [item.text for item in reasons(turned)] == ["A miner logged in."]
    assert sentences(turned).endswith(" A miner logged in.")
    gate = replace(against, contribution=0.0, text="Not scored: a bulk transfer.")
    stopped = replace(PLAIN, conversations=0, evidence=(towards, gate))
    assert [item.text for item in reasons(stopped)] == [gate.text]
    assert "A miner logged in" not in sentences(replace(stopped, evidence=(towards,)))


def test_what_is_allowed_says_so():
    assert title(replace(PLAIN, allowed_by="lab")).endswith(", as allowed")


@pytest.mark.parametrize("alert", ALL)
def test_a_line_is_a_line(alert):
    assert title(alert).isprintable()
    assert sentences(alert).isprintable()
    assert len(title(alert)) <= TITLE_CHARACTERS


def test_a_long_name_is_cut():
    assert len(sentences(replace(HOSTILE, pool_name="x" * 10_000))) < 3_000
