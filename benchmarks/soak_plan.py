# SPDX-License-Identifier: Apache-2.0
"""What happens in a soak, drawn from a seed: who mines where from when on, and faults.

All times are seconds after the first packet. What is 60 minutes in the real thing is shorter in a
trial of a few minutes, down to what a fault needs to be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

KILL, WEBHOOK, DISK, DATABASE, LINK, STEP = "kill webhook disk database link step".split()
KILLS = 5
CLOCK_STEPS_S = (-90.0, 3600.0)
FIRST_MINER_S = 20.0
TITLES = {
    KILL: "kill -9 of watch, started again at once",
    WEBHOOK: "webhook does not listen",
    DISK: "disk full (checkpoints, spool, JSON Lines, SQLite)",
    DATABASE: "PostgreSQL: immediate stop, start",
    LINK: "interface down, up",
    STEP: "clock of the second watch steps",
}


@dataclass(frozen=True)
class Miner:
    """A host that mines at a pool, in two sessions one after the other."""

    host: str
    pool: str
    start_s: float
    seconds: tuple[float, float]
    """Of the sessions."""
    pause_s: float
    """Between them."""

    @property
    def end_s(self) -> float:
        return self.start_s + sum(self.seconds) + self.pause_s


@dataclass
class Fault:
    """Something that goes wrong for a time."""

    kind: str
    start_s: float
    seconds: float = 0.0
    step_s: float = 0.0
    """Of a clock."""

    @property
    def end_s(self) -> float:
        return self.start_s + self.seconds


@dataclass(frozen=True)
class Plan:
    """A whole soak."""

    seed: int
    seconds: float
    miners: list[Miner]
    faults: list[Fault]

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """What must be alerted, and delivered to every place."""
        return {(miner.host, miner.pool) for miner in self.miners}


def draw_plan(minutes: float, seed: int) -> Plan:
    """Return what happens in a soak of so many minutes."""
    rng = Random(f"soak {seed}")
    part = min(1.0, minutes / 60)
    seconds = minutes * 60
    return Plan(seed, seconds, _miners(seconds, part, rng), _faults(seconds, part, rng))


def _miners(seconds: float, part: float, rng: Random) -> list[Miner]:
    """One new miner every half to whole minute (in a trial: every 10 s or so)."""
    made: list[Miner] = []
    at = FIRST_MINER_S
    last_s = seconds - max(90.0, 240.0 * part)
    while at < last_s:
        number = len(made)
        made.append(
            Miner(
                host=f"10.220.{number // 200}.{number % 200 + 10}",
                # Two hosts at one pool now and then: alerts are of pairs.
                pool=f"203.0.113.{(number - (number % 7 == 1)) % 240 + 5}",
                start_s=at,
                seconds=(rng.uniform(0.8, 1.2) * most(60.0, 180.0 * part), most(40.0, 120 * part)),
                pause_s=rng.uniform(5.0, 25.0),
            )
        )
        at += most(8.0, rng.uniform(30.0, 60.0) * part)
    return made


def most(least: float, wanted: float) -> float:
    """Return what is wanted, but not less than what makes sense in a trial."""
    return max(least, wanted)


def _faults(seconds: float, part: float, rng: Random) -> list[Fault]:
    """Draw faults with time between them; the webhook is down across a kill, which it shall be."""
    single = [
        *(Fault(KILL, 0.0) for _ in range(KILLS)),
        Fault(DISK, 0.0, most(15.0, 90.0 * part)),
        Fault(DATABASE, 0.0, most(25.0, 90.0 * part)),
        Fault(LINK, 0.0, most(10.0, 20.0 * part)),
        *(Fault(STEP, 0.0, step_s=step_s) for step_s in CLOCK_STEPS_S),
    ]
    rng.shuffle(single)
    rest_s = most(12.0, 75.0 * part)
    begin_s, end_s = most(30.0, 180.0 * part), seconds - most(45.0, 240.0 * part)
    spare_s = end_s - begin_s - sum(fault.seconds + rest_s for fault in single)
    if spare_s < 0:
        raise SystemExit(f"{seconds / 60:g} minutes are too few for these faults: give 6 or more")
    gaps = [rng.random() for _ in single]
    at = begin_s
    for fault, gap in zip(single, gaps, strict=True):
        at += spare_s * gap / (sum(gaps) + 1)
        fault.start_s = round(at, 1)
        at += fault.seconds + rest_s
    down_s = most(45.0, 600.0 * part)
    kills = [fault.start_s for fault in single if fault.kind == KILL]
    around = rng.choice([at for at in kills if begin_s < at < end_s - down_s] or kills[:1])
    start_s = max(5.0, min(around - down_s * rng.uniform(0.2, 0.8), end_s - down_s))
    return sorted([*single, Fault(WEBHOOK, round(start_s, 1), down_s)], key=lambda one: one.start_s)
