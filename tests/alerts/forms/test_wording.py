# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from made_up_alerts import ALL, ENDED, HOSTILE, PLAIN
from minewatch.alerts.forms.wording import TITLE_CHARACTERS, pool, sentences, title


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


def test_what_is_allowed_says_so():
    assert title(replace(PLAIN, allowed_by="lab")).endswith(", as allowed")


@pytest.mark.parametrize("alert", ALL)
def test_a_line_is_a_line(alert):
    assert title(alert).isprintable()
    assert sentences(alert).isprintable()
    assert len(title(alert)) <= TITLE_CHARACTERS


def test_a_long_name_is_cut():
    assert len(sentences(replace(HOSTILE, pool_name="x" * 10_000))) < 3_000
