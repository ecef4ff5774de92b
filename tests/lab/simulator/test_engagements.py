# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.simulator.engagements import draw_engagements
from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.settings import Settings
from minewatch.lab.simulator.ventures import draw_ventures
from minewatch.lab.simulator.world import World


@pytest.mark.parametrize("days", [0.01, 1.0, 7.0])
def test_there_are_as_many_as_asked_for_within_the_time(days: float):
    settings = Settings(days=days)
    rng = np.random.default_rng(1)
    ventures = draw_ventures(settings, World(10, KINDS, rng), tuple(DIALECTS), rng, Random(1))
    made = draw_engagements(settings, ventures, rng)
    assert len(made) == settings.mining
    assert {e.venture for e in made} == set(range(len(ventures)))
    starts = [e.start_s for e in made]
    assert starts == sorted(starts)
    assert all(settings.earliest_s <= e.start_s < e.end_s for e in made)
    assert all(e.end_s > settings.start_s for e in made)
    assert all(e.end_s <= settings.horizon_s + 1e-6 for e in made)
    for number in range(len(ventures)):
        chain = [e for e in made if e.venture == number]
        assert [e.number for e in chain] == list(range(len(chain)))
        pairs = pairwise(chain)
        assert all(before.end_s < after.start_s for before, after in pairs)


def test_some_began_before_the_capture_and_some_go_on_after_it():
    settings = Settings(mining=600, conversations=1000, days=0.2)
    rng = np.random.default_rng(3)
    ventures = draw_ventures(settings, World(10, KINDS, rng), tuple(DIALECTS), rng, Random(1))
    made = draw_engagements(settings, ventures, rng)
    assert sum(e.start_s < settings.start_s for e in made) > 10
    assert sum(e.end_s == settings.horizon_s for e in made) > 10


def test_without_miners_there_are_none():
    assert draw_engagements(Settings(mining=0), [], np.random.default_rng(1)) == []
