# SPDX-License-Identifier: Apache-2.0
"""What the test from end to end measured: from what was seen to figures and a table of them."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e import scene

NS = 1_000_000_000


@dataclass(frozen=True)
class Visits:
    """How a service answered while something went on."""

    answered: int
    failed: int
    median_s: float
    slowest_s: float


class Run:
    """One run of the test.

    Parameters
    ----------
    out : the folder that it left.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        seen = json.loads((out / "seen.json").read_text(encoding="utf-8"))
        self.started_s: float = seen["started_s"]
        self.tellings: list[dict[str, Any]] = seen["tellings"]
        self.deeds: list[dict[str, Any]] = seen["deeds"]
        self.links: list[list[Any]] = seen["links"]
        self.knocks: list[list[Any]] = seen["knocks"]
        self.statuses: dict[str, int] = seen["statuses"]
        lines = (out / "visits.jsonl").read_text(encoding="utf-8").splitlines()
        self.visits: list[dict[str, Any]] = [json.loads(line) for line in lines]
        full = scene.plan()
        self.address = {pool.name: full.host(pool.host).address for pool in full.pools}

    def tellings_of(self, server: str, pool: str) -> list[dict[str, Any]]:
        """Return what was told of a server's miner at a pool, in order."""
        address = self.address[pool]
        return [one for one in self.tellings if (one["server"], one["pool"]) == (server, address)]

    def delay_s(self, server: str, pool: str) -> float:
        """Return how long after the miner's first packet its alert was in the file.

        The first packet is what the miner's pool saw, a tenth of a second ago at most: the watch
        may have lost it.
        """
        told, lives = self.tellings_of(server, pool), self.lives(server, pool)
        return float(told[0]["seen_s"]) - lives[0][0] if told and lives else math.inf

    def deeds_of(self, server: str, pool: str) -> list[dict[str, Any]]:
        address = self.address[pool]
        return [one for one in self.deeds if (one["server"], one["pool"]) == (server, address)]

    @property
    def applied_s(self) -> float:
        """When the plain miner was cut off first."""
        deeds = self.deeds_of(scene.WATCHED, scene.PLAIN)
        applied = (one["time_ns"] / NS for one in deeds if one["action"] == "applied")
        return next(applied, math.inf)

    def lives(self, server: str, pool: str) -> list[tuple[float, float]]:
        """Return from when to when a pool knew each connection of a server's; infinity: it stays.

        Knocks are left out: they are over before one looks twice, or nearly so.
        """
        found: dict[int, tuple[float, float]] = {}
        for at_s, name, host, port, is_open in self.links:
            if (name, host) != (pool, server):
                continue
            if is_open:
                found[port] = (at_s, math.inf)
            else:
                found[port] = (found[port][0], at_s)
        return [life for life in found.values() if life[1] - life[0] > 2.0]

    @property
    def died_s(self) -> float:
        """When the pool's system knew that the first connection was dead."""
        return self._life(0)[1]

    @property
    def again_s(self) -> float:
        """When the pool could be reached again."""
        return next((at_s for at_s, what in self.knocks if what == "reached"), math.inf)

    @property
    def mined_again_s(self) -> float:
        """When the miner was back at its pool by itself."""
        return self._life(1)[0]

    def _life(self, number: int) -> tuple[float, float]:
        """Return the miner's connection of a number; one that never was begins never."""
        lives = self.lives(scene.WATCHED, scene.PLAIN)
        return lives[number] if number < len(lives) else (math.inf, math.inf)

    def lost(self) -> dict[str, int]:
        """Return how many packets the kernel dropped before each watch could read them."""
        found = {}
        for server in (scene.WATCHED, scene.LET_ALONE):
            (log,) = (self.out / "logs").glob(f"*-minewatch-watch-on-{server}.log")
            count = re.search(r"the kernel dropped (\d+) of", log.read_text(encoding="utf-8"))
            found[server] = int(count[1]) if count else 0
        return found

    def visits_in(self, from_s: float, to_s: float, service: str | None = None) -> Visits:
        """Return how the services answered that were asked in a time; None for all of them."""
        rows = [
            one
            for one in self.visits
            if from_s <= one["at_s"] < to_s and service in (None, one["service"])
        ]
        took = [one["took_s"] for one in rows if not one["error"]]
        median_s = statistics.median(took) if took else math.inf
        return Visits(len(took), len(rows) - len(took), median_s, max(took, default=math.inf))

    def table(self) -> str:
        """Return the figures as text, one a line."""
        return "\n".join(f"{name:<58} {value}" for name, value in self._rows())

    def _rows(self) -> Iterator[tuple[str, str]]:
        plain = self.delay_s(scene.WATCHED, scene.PLAIN)
        yield "plain Stratum: first packet to alert", _s(plain)
        yield "TLS: first packet to alert", _s(self.delay_s(scene.WATCHED, scene.HIDDEN))
        for first in self.tellings_of(scene.WATCHED, scene.PLAIN)[:1]:
            yield "plain Stratum: alert to block", _s(self.applied_s - first["seen_s"])
        yield "block to the pool's end of the connection dead", _s(self.died_s - self.applied_s)
        refused = sum(what != "reached" for _, what in self.knocks)
        yield "new connections refused while blocked", str(refused)
        yield "block to the pool reached again", _s(self.again_s - self.applied_s)
        yield "block to the miner back at its pool", _s(self.mined_again_s - self.applied_s)
        deeds = self.deeds_of(scene.WATCHED, scene.HIDDEN)
        yield "TLS: what the response did", ", ".join(_deed(one) for one in deeds) or "nothing"
        deeds = self.deeds_of(scene.LET_ALONE, scene.PLAIN)
        yield "allowed miner: what the response did", ", ".join(_deed(one) for one in deeds)
        for name, lost in self.lost().items():
            yield f"packets that the watch on {name} lost", f"{lost:,}"
        times = {
            "before the block": (0.0, self.applied_s),
            "while blocked": (self.applied_s, self.again_s),
            "in all": (0.0, math.inf),
        }
        for name, (from_s, to_s) in times.items():
            found = self.visits_in(from_s, to_s)
            took = f"{_s(found.median_s)} / {_s(found.slowest_s)}"
            yield (
                f"services {name}: answered / failed / median / slowest",
                f"{found.answered:,} / {found.failed} / {took}",
            )


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


def _deed(deed: dict[str, Any]) -> str:
    return f"{deed['action']}: {deed['reason']}" if deed["action"] == "refused" else deed["action"]


def are_rising(numbers: Sequence[int]) -> bool:
    """Return whether numbers count 1, 2, 3 and on.

    >>> are_rising([1, 2, 3]), are_rising([1, 1])
    (True, False)
    """
    return list(numbers) == list(range(1, len(numbers) + 1))
