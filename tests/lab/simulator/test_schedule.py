# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import numpy as np

from minewatch.lab.simulator.engagements import Engagement
from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.schedule import (
    BATCH_CONVERSATIONS,
    BATCH_COST,
    MINING,
    draw_schedule,
)
from minewatch.lab.simulator.settings import Settings

SETTINGS = Settings(conversations=60_000, mining=2)
MINED = [
    Engagement(0, 0, 0, SETTINGS.start_s + 10, SETTINGS.start_s + 20),
    Engagement(1, 0, 0, SETTINGS.start_s + 90, SETTINGS.start_s + 4000),
]


def test_starts_are_sorted_and_kinds_follow_their_weights():
    made = draw_schedule(SETTINGS, KINDS, MINED, np.random.default_rng(1))
    assert len(made.start_s) == SETTINGS.conversations
    assert (np.diff(made.start_s) >= 0).all()
    early = made.kind[made.start_s < SETTINGS.start_s]
    assert 0 < len(early) < 0.01 * SETTINGS.conversations
    assert all(KINDS[kind].is_long_lived for kind in early)
    assert made.start_s[0] >= SETTINGS.earliest_s
    assert made.start_s[-1] < SETTINGS.horizon_s
    assert made.engagement[made.kind == MINING].tolist() == [0, 1]
    counts = np.bincount(made.kind[made.kind >= 0], minlength=len(KINDS))
    weights = np.array([kind.weight for kind in KINDS])
    expected = weights / weights.sum() * (SETTINGS.conversations - 2)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 3).all()


def test_there_is_one_of_each_kind_where_there_is_room():
    made = draw_schedule(
        Settings(conversations=1000, mining=0), KINDS, [], np.random.default_rng(1)
    )
    assert set(made.kind.tolist()) == set(range(len(KINDS)))


def test_batches_cover_everything_and_are_bounded():
    made = draw_schedule(SETTINGS, KINDS, MINED, np.random.default_rng(1))
    batches = list(made.batches())
    assert batches[0].start == 0
    assert batches[-1].stop == SETTINGS.conversations
    assert all(a.stop == b.start for a, b in pairwise(batches))
    for batch in batches:
        assert 1 <= batch.stop - batch.start <= BATCH_CONVERSATIONS
        cost = made.cost[batch].sum()
        assert cost <= BATCH_COST + made.cost.max()


def test_days_are_busier_than_nights():
    made = draw_schedule(Settings(mining=0), KINDS, [], np.random.default_rng(1))
    hours = (made.start_s % 86_400 // 3600).astype(int)
    by_hour = np.bincount(hours, minlength=24)
    assert by_hour[10:14].mean() > 1.4 * by_hour[[23, 0, 1, 2]].mean()
