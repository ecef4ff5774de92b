# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator import draws
from minewatch.lab.simulator.draws import Purpose

KEYS = draws.chain(7, np.arange(20_000))


def test_uniform_numbers_are_uniform_and_never_0_or_1():
    drawn = draws.uniform(KEYS, Purpose.LOSS)
    assert 0 < drawn.min() < 0.001
    assert 0.999 < drawn.max() < 1
    counts = np.histogram(drawn, 20, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # 19 degrees of freedom, p = 0.001


def test_purposes_and_counters_have_streams_of_their_own():
    one = draws.uniform(KEYS, Purpose.LOSS)
    for other in (
        draws.uniform(KEYS, Purpose.HOPS),
        draws.uniform(KEYS, Purpose.LOSS, np.ones(len(KEYS), np.int64)),
    ):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    following = draws.uniform(KEYS[:1].repeat(20_000), Purpose.LOSS, np.arange(20_000))
    assert abs(np.corrcoef(following[1:], following[:-1])[0, 1]) < 0.03
    assert abs(following.mean() - 0.5) < 0.01


def test_half_normal_has_its_moments():
    drawn = draws.half_normal(KEYS, np.zeros(len(KEYS), np.int64))
    assert drawn.min() >= 0
    assert abs((drawn**2).mean() - 1) < 0.05
    assert abs(drawn.mean() - np.sqrt(2 / np.pi)) < 0.02


def test_conversations_have_keys_by_what_they_are_not_by_where_they_stand():
    first, second = scripted.Talk(ports=(1, 2)), scripted.Talk(ports=(5, 2))
    both = draws.conversation_keys(scripted.script(first, second).conversations, 7)
    alone = draws.conversation_keys(scripted.script(first).conversations, 7)
    assert both[0] == alone[0]
    assert both[0] != both[1]
    assert draws.conversation_keys(scripted.script(first).conversations, 8)[0] != both[0]
