# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.population import BACKGROUND, draw, kinds_of
from minewatch.lab.simulator.script import TCP, Script
from minewatch.lab.simulator.settings import Settings

SETTINGS = Settings(conversations=30_000, mining=50, days=0.1)


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return list(draw(SETTINGS, 2).batches())


def test_every_script_holds_what_it_must(scripts: list[Script]):
    before = 0.0
    for script in scripts:
        c, m = script.conversations, script.messages
        n = len(c.start_s)
        assert all(len(getattr(c, field.name)) == n for field in fields(c))
        assert all(len(getattr(m, field.name)) == len(m.octets) for field in fields(m))
        assert c.start_s[0] >= before
        assert (np.diff(c.start_s) >= 0).all()
        before = c.start_s[-1]
        assert (c.end_s >= c.start_s).all()
        assert (np.diff(m.conversation) >= 0).all()
        assert (np.diff(m.time_s)[np.diff(m.conversation) == 0] >= 0).all()
        is_tcp = c.protocol[m.conversation] == TCP
        assert (m.time_s >= np.where(is_tcp, c.rtt_s[m.conversation] - 1e-9, 0)).all()
        assert (m.content_octets <= m.octets).all()
        assert (m.content_start + m.content_octets <= len(script.blob)).all()
        last = np.array(c.start_s)
        np.maximum.at(last, m.conversation, c.start_s[m.conversation] + m.time_s)
        assert (c.end_s >= last - 1e-5).all()
    assert sum(len(s.conversations.start_s) for s in scripts) == SETTINGS.conversations


def test_no_five_tuple_comes_twice(scripts: list[Script]):
    names = "protocol initiator_address initiator_port responder_address responder_port".split()
    rows = [
        np.stack([getattr(s.conversations, name).astype(np.int64) for name in names], axis=1)
        for s in scripts
    ]
    joined = np.concatenate(rows)
    assert len(np.unique(joined, axis=0)) == SETTINGS.conversations


def test_the_same_seed_tells_the_same_and_another_does_not():
    small = Settings(conversations=800, mining=20, days=0.02)
    population = draw(small, 4)
    first, again = (next(population.batches()) for _ in range(2))
    third, other = next(draw(small, 4).batches()), next(draw(small, 5).batches())
    for script in (again, third):
        for part in ("conversations", "messages"):
            for field in fields(getattr(script, part)):
                one = getattr(getattr(first, part), field.name)
                assert np.array_equal(one, getattr(getattr(script, part), field.name)), field.name
        assert np.array_equal(first.blob, script.blob)
    assert not np.array_equal(first.conversations.start_s, other.conversations.start_s)


def test_mining_and_business_share_hosts_in_the_wild_and_not_in_the_paper():
    wild, paper = draw(SETTINGS, 1), draw(Settings(composition="paper"), 1)
    assert len(wild.kinds) == len(KINDS)
    assert {kind.service for kind in paper.kinds} == BACKGROUND
    assert len({v.server for v in wild.ventures}) < SETTINGS.servers


def test_conversations_are_of_a_length_that_makes_the_papers_size_feasible(scripts: list[Script]):
    """20 to 40 packets a conversation on average: some 8 to 25 messages."""
    messages = sum(len(s.messages.octets) for s in scripts)
    assert 5 < messages / SETTINGS.conversations < 25


def test_look_alikes_are_mostly_long_lived_services():
    long_lived = {kind.service for kind in KINDS if kind.is_long_lived}
    weights = {kind.service: kind.weight for kind in kinds_of("look-alikes")}
    assert weights.keys() == {kind.service for kind in KINDS}
    assert sum(weights[name] for name in long_lived) > 0.75 * sum(weights.values())
    assert len({weights[name] for name in long_lived}) == 1
    assert kinds_of("wild") is KINDS
