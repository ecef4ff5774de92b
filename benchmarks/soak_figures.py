# SPDX-License-Identifier: Apache-2.0
"""Figures of a soak: memory over time, packets sent and seen, time until an alert."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from soak_check import Store
from soak_plan import Plan
from soak_watch import Life, Watch

WARM_S, LIFE_WARM_S, LEAST_SPAN_S = 600.0, 180.0, 180.0
FLAT = 0.05
"""Memory is flat if it grows by less than this part of itself in all the time that is looked at."""


@dataclass(frozen=True)
class Memory:
    """Of one process."""

    life: Life
    median_mib: float
    span_s: float
    """Time that is looked at, 0 if it is too short."""
    slope: float
    """MiB an hour."""

    @property
    def grown_mib(self) -> float:
        return self.slope * self.span_s / 3600

    @property
    def is_flat(self) -> bool:
        return self.grown_mib <= FLAT * self.median_mib


def memory_of(life: Life, plan: Plan) -> Memory:
    """Return the memory of a process after it has warmed up."""
    part = min(1.0, plan.seconds / 3600)
    from_s = max(WARM_S * part, life.ready_s + LIFE_WARM_S * part)
    seen = [(s.at_s, s.rss_mib) for s in life.samples if from_s <= s.at_s <= plan.seconds]
    everything = [s.rss_mib for s in life.samples] or [0.0]
    if len(seen) < 4 or seen[-1][0] - seen[0][0] < LEAST_SPAN_S * part:
        return Memory(life, statistics.median(everything), 0.0, 0.0)
    times, sizes = np.array(seen).T
    slope = float(np.polyfit(times, sizes, 1)[0]) * 3600
    return Memory(life, float(np.median(sizes)), float(times[-1] - times[0]), slope)


@dataclass(frozen=True)
class Sent:
    """What the sender wrote down, one row a second."""

    rows: Any

    @staticmethod
    def read(path: Path) -> Sent:
        return Sent(np.loadtxt(path, ndmin=2))

    @property
    def packets(self) -> int:
        return int(self.rows[-1, 1])

    @property
    def refused(self) -> int:
        return int(self.rows[-1, 2])

    def between(self, start_s: float, end_s: float) -> int:
        """Return how many were sent in a time."""
        at = np.interp([start_s, end_s], self.rows[:, 0], self.rows[:, 1])
        return int(at[1] - at[0])


@dataclass(frozen=True)
class Packets:
    """Sent and seen."""

    sent: int
    refused: int
    """By the wire, whose other end was down."""
    received: int
    dropped: int
    """By the kernel, because they were not read in time."""
    dropped_early: int
    """Of these, until a watch served its counters."""
    unwatched: int
    """Sent while no watch was there, or it was just starting."""

    @property
    def missing(self) -> int:
        return self.sent - self.received - self.dropped


def packets_of(watch: Watch, sent: Sent) -> Packets:
    """Return what became of the packets at the watch that opens the interface itself."""
    lives = watch.lives
    gaps = itertools.pairwise(lives)
    return Packets(
        sent.packets,
        sent.refused,
        int(sum(life.last("minewatch_received_packets") for life in lives)),
        int(sum(life.last("minewatch_dropped_packets") for life in lives)),
        int(sum(life.first("minewatch_dropped_packets") for life in lives)),
        sum(sent.between(before.end_s, after.ready_s) for before, after in gaps),
    )


@dataclass(frozen=True)
class Delay:
    """Time from a miner's first packet to its alert."""

    start_s: float
    alert_s: float
    post_s: float
    """The same until the webhook had it."""


def _moment_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def told_at(store: Store, began_s: float) -> list[float]:
    """Return when each telling was told, after the start, by the data's clock."""
    return sorted(_moment_s(words[1]) - began_s for words in store.words.values())


def delays(
    plan: Plan, store: Store, posts: Sequence[dict[str, Any]], began_s: float
) -> list[Delay]:
    """Return how long each miner mined before its alert was told, and before it arrived."""
    told: dict[tuple[str, str], float] = {}
    for (id_, revision), words in store.words.items():
        if revision == 1:
            at_s = _moment_s(words[1]) - began_s
            pair = store.pairs[id_]
            told[pair] = min(at_s, told.get(pair, at_s))
    arrived: dict[tuple[str, str], float] = {}
    for post in posts:
        pair = post["alert"]["host"], post["alert"]["pool"]
        arrived.setdefault(pair, post["arrived_s"] - began_s)
    found = []
    for miner in plan.miners:
        pair = miner.host, miner.pool
        if pair in told and pair in arrived:
            found.append(
                Delay(miner.start_s, told[pair] - miner.start_s, arrived[pair] - miner.start_s)
            )
    return found
