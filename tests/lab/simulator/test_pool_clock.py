# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from minewatch.lab.plan import Pool
from minewatch.lab.simulator.pool_clock import PoolClock

POOL = Pool("p", "h", 3333, "cryptonote", "XMR", "rx/0", chain_seed=3, refresh_s=120.0)
START_S, DAY_S = 1_700_000_000.0, 86_400.0


def test_pushes_are_a_minimum_of_block_and_refresh():
    """As measured at a real pool: mean 75.9 s, more than a third at the refresh."""
    gaps = np.diff(PoolClock(POOL, START_S, START_S + 4 * DAY_S).times[:-1])
    assert gaps.mean() == pytest.approx(75.9, rel=0.05)
    assert gaps.max() <= 120.0 + 1e-6
    assert (gaps > 119.99).mean() == pytest.approx(math.exp(-1), abs=0.04)


def test_the_same_pool_has_the_same_clock_and_another_has_not():
    once, again = (PoolClock(POOL, START_S, START_S + 3600) for _ in range(2))
    assert once.times == again.times
    other = PoolClock(Pool(**{**_fields(POOL), "chain_seed": 4}), START_S, START_S + 3600)
    assert other.times != once.times


def test_lookup_finds_the_next_push():
    clock = PoolClock(POOL, START_S, START_S + 3600)
    assert clock.times[-1] == math.inf
    assert clock.index_after(START_S - 5) == 1
    assert clock.index_after(clock.times[4]) == 5
    assert clock.work_at(4, clock.times[4] + 7.5).time_s == int(clock.times[4] + 7.5)
    assert clock.work_at(4, 0).height == clock.works[4].height


def _fields(pool: Pool) -> dict[str, object]:
    return {name: getattr(pool, name) for name in pool.__dataclass_fields__}
