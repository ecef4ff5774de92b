# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.simulator.circumstances import CIRCUMSTANCES, table
from minewatch.lab.simulator.distributions import PARAMETERS, parameter
from minewatch.lab.simulator.mining_part import make_part
from minewatch.lab.simulator.population import Population, draw
from minewatch.lab.simulator.settings import Composition, Settings

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "simulator.md"


def test_each_composition_has_its_own_and_nothing_else():
    assert set(CIRCUMSTANCES) == set(get_args(Composition))
    for here in CIRCUMSTANCES.values():
        assert set(here.laws) <= set(PARAMETERS)
        assert sum(system.weight for system in here.systems) == pytest.approx(1.0)
        assert {pool.dialect for pool in here.pools} <= set(DIALECTS)


def test_what_is_not_taken_over_is_as_everywhere():
    here = CIRCUMSTANCES["f2pool"]
    assert here.parameter("retry") is parameter("retry")
    assert here.parameter("rate_sigma").one(np.random.default_rng(1)) == 0.35


def test_the_page_shows_the_table_as_it_is():
    assert table() in PAGE.read_text(encoding="utf-8")


def drawn(composition: Composition, mining: int = 24) -> Population:
    return draw(Settings(mining, mining, 0.1, 4, composition=composition), 5)


@pytest.mark.parametrize("composition", ["f2pool", "xmrig-lab", "ethminer"])
def test_every_miner_is_at_a_pool_of_the_source(composition: Composition):
    here, population = CIRCUMSTANCES[composition], drawn(composition)
    assert len(population.ventures) == 24
    for number, venture in enumerate(population.ventures):
        kind, place = here.pools[number % len(here.pools)], venture.places[0]
        assert (place.pool.dialect, place.pool.coin) == (kind.dialect, kind.ticker)
        assert (place.port, place.pool.transport) == (kind.port, kind.transport)
        assert not venture.miner.evasions
        assert venture.options.items() >= kind.miner_options.items()
    assert all(e.start_s >= population.settings.start_s for e in population.engagements)


def test_f2pools_jobs_come_by_block_or_some_seconds_after_two_minutes():
    population = drawn("f2pool", 12)
    _, part = make_part(population._mining, population.engagements)
    gaps: list[float] = []
    for row in range(12):
        jobs = (part.conversation == row) & part.is_reply & (part.octets >= 370)
        gaps += [b - a for a, b in pairwise(part.time_s[jobs].tolist()[1:])]
    assert len(gaps) > 300
    assert 30 < np.quantile(gaps, 0.25) < 40
    assert 70 < np.quantile(gaps, 0.5) < 95
    assert 0.2 < np.mean(np.array(gaps) > 119) < 0.5
    assert np.quantile(gaps, 0.99) < 136
