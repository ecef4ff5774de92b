# SPDX-License-Identifier: Apache-2.0
"""When each miner is connected: chains of conversations, a short pause between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minewatch.lab.simulator.circumstances import CIRCUMSTANCES
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.settings import LEAD_S, Settings
from minewatch.lab.simulator.ventures import Venture

LEAST_S = 15.0
"""Shortest mining conversation: time for a login and a job."""


@dataclass(frozen=True, slots=True)
class Engagement:
    """One mining conversation."""

    venture: int
    place: int
    """Which of the venture's."""
    number: int
    """Of the venture's conversations, from 0: its client port follows from it."""
    start_s: float
    """Seconds since 1970; it may lie before the capture."""
    end_s: float


def draw_engagements(settings: Settings, ventures: list[Venture], rng: Rng) -> list[Engagement]:
    """Spread the mining conversations over the miners and the time, sorted by start.

    Parameters
    ----------
    settings : how many, and how long the capture is.
    ventures : the miners.
    rng : source of chance.
    """
    if not ventures:
        return []
    left = settings.mining - len(ventures)
    # Those that hop make many short conversations.
    weights = np.array([4.0 if "hopping" in v.miner.evasions else 1.0 for v in ventures])
    counts = 1 + rng.multinomial(left, weights / weights.sum())
    made = [
        engagement
        for number, (venture, count) in enumerate(zip(ventures, counts.tolist(), strict=True))
        for engagement in _chain(settings, number, venture, count, rng)
    ]
    made.sort(key=lambda engagement: engagement.start_s)
    return made


def _chain(
    settings: Settings, number: int, venture: Venture, count: int, rng: Rng
) -> list[Engagement]:
    here = CIRCUMSTANCES[settings.composition]
    span = settings.horizon_s - settings.start_s
    is_hopping = "hopping" in venture.miner.evasions
    if is_hopping:
        lives = np.maximum(rng.exponential(here.parameter("hop_mean").one(rng), count), LEAST_S)
    else:
        lives = here.parameter("mining_life").draw(rng, count)
    pauses = here.parameter("retry").draw(rng, count)
    total = float((lives + pauses).sum())
    # A real source ran as long as its captures.
    room = span if here.pools else span * (0.2 + 0.8 * float(rng.random()))
    if total > room:
        scale = room / total
        lives, pauses, total = lives * scale, pauses * scale, room
    # The first may have begun before the capture, and the last go on after it.
    outside = here.parameter("began_before").one(rng)
    before = min(outside * float(lives[0]), LEAD_S)
    after = outside * float(lives[-1])
    first = settings.start_s - before + float(rng.random()) * (span - total + before + after)
    starts = first + np.concatenate(([0.0], np.cumsum(lives + pauses)[:-1]))
    ends = np.minimum(starts + lives, settings.horizon_s)
    places = len(venture.places)
    return [
        Engagement(number, i % places, i, float(starts[i]), float(ends[i])) for i in range(count)
    ]
