# SPDX-License-Identifier: Apache-2.0
"""What a kind of normal conversation is, and arithmetic that its generators share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.paths import Paths, Realm
from minewatch.lab.simulator.script import TCP, FloatArray, IntArray
from minewatch.lab.simulator.talk import Part

Generate: TypeAlias = Callable[[Rng, Paths, float], Part]
"""Source of chance, the conversations' starts and networks, end of the capture [s since 1970]."""


@dataclass(frozen=True, slots=True)
class TrafficKind:
    """One kind of conversation and how common it is."""

    service: str
    """As labels call it; where the lab has the same service, by the same name."""

    generate: Generate

    weight: float
    """Conversations of this kind among 10,000."""

    messages: float
    """How many messages a conversation has on average, roughly: batches are cut by it."""

    ports: tuple[int, ...]
    """Where the responder listens; a server has one of them."""

    realm: Realm = "internet"
    """Where the far end is."""

    is_outbound: bool = False
    """True if the watched server opens the conversation."""

    protocol: int = TCP

    is_long_lived: bool = False
    """Starts are then even over the day, not by its hours."""


def repeated(counts: IntArray) -> IntArray:
    """Return each row as often as told.

    Examples
    --------
    >>> repeated(np.array([2, 0, 1]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def remaining(paths: Paths, horizon_s: float, life_s: FloatArray) -> FloatArray:
    """Return lives, cut where the capture ends."""
    return np.clip(life_s, 0.0, np.maximum(horizon_s - paths.start_s, 0.0))


def beats(life_s: FloatArray, period_s: FloatArray) -> IntArray:
    """Return how many periods fit into each life."""
    return (life_s / period_s).astype(np.int64)


def moments(rng: Rng, life_s: FloatArray, mean_gap_s: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return rows and times of events that come by chance during each life.

    Parameters
    ----------
    rng : source of chance.
    life_s : how long each conversation lasts, shape (n,).
    mean_gap_s : mean gap of its events, shape (n,).
    """
    rows = repeated(rng.poisson(life_s / mean_gap_s))
    times = rng.random(len(rows)) * life_s[rows]
    order = np.lexsort((times, rows))
    return rows[order], times[order]


def ticks(life_s: FloatArray, period_s: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return rows and times of what comes once a period during each life.

    Examples
    --------
    >>> ticks(np.array([35.0, 5.0]), np.array([10.0, 10.0]))
    (array([0, 0, 0]), array([10., 20., 30.]))
    """
    counts = beats(life_s, period_s)
    rows = repeated(counts)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return rows, (np.arange(len(rows)) - starts[rows] + 1) * period_s[rows]
