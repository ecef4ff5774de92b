# SPDX-License-Identifier: Apache-2.0
"""Mining conversations: the lab's own dialect sessions, driven in virtual time.

Both ends of ``minewatch.lab.dialects`` talk to each other as they do over real sockets, a round
trip apart. Times are those of the point of capture, which is the miner's host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from minewatch.lab.dialects.contract import (
    Dialect,
    MinerSession,
    MinerSettings,
    PoolSession,
    PoolSettings,
)
from minewatch.lab.pace import RATE_SIGMA, Pace
from minewatch.lab.padding import pad
from minewatch.lab.plan import Miner, Pool
from minewatch.lab.simulator.pool_clock import PoolClock
from minewatch.lab.simulator.web_frames import frame, upgrade

LATE_SIGMA = 0.6
"""Spread of what a pool takes to answer, sigma of its logarithm."""

JITTER_S = 15.0
"""With the evasion ``jitter`` a share is held back for up to this long; as in the lab [s]."""

WRITE_S = 0.00004
"""Between two writes of one program [s]."""
THINK_S = 0.0003
"""From hearing to saying something, at the miner [s]."""

MAX_SPOKEN = 2_000_000
"""Messages of one conversation; what would come later is not said."""

SQRT_2 = math.sqrt(2.0)

_TO_POOL, _TO_MINER = 0, 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message as it passes the point of capture."""

    time_s: float
    """Seconds since 1970."""
    is_reply: bool
    octets: bytes
    late_s: float = 0.0
    """By how much its way to the pool and the answer's back exceed the round trip [s]."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One connection of a miner to its pool."""

    miner: Miner
    pool: Pool
    start_s: float
    """When the first message may be sent, seconds since 1970."""
    end_s: float
    """When it ends."""
    rtt_s: float
    jitter_s: float
    """Standard deviation of what the network adds to that [s]."""
    processing_s: float
    """What the pool takes to answer, on average [s]."""
    push_delay_s: float
    """How late in its round of pushes the pool comes to this worker [s]."""
    late_share: float = 0.0
    """Share of answers for which the pool waits for something else."""
    late_s: Callable[[], float] = lambda: 0.0
    """How long each of these takes [s]."""
    rate_sigma: float = RATE_SIGMA
    """Spread of the miner's hash rate from job to job (``minewatch.lab.pace``)."""
    miner_options: Mapping[str, object] = field(default_factory=dict)
    """What only some dialects know."""


def converse(terms: Terms, dialect: Dialect, clock: PoolClock, rng: Random) -> list[Spoken]:
    """Return what miner and pool say over one connection, in order of time.

    Parameters
    ----------
    terms : who, where and how long.
    dialect : what they speak.
    clock : of the pool, the same for all its workers.
    rng : source of ids, gaps, refusals and results.
    """
    return _Talk(terms, dialect, clock, rng).run()


class _Talk:
    """The event loop of one connection."""

    def __init__(self, terms: Terms, dialect: Dialect, clock: PoolClock, rng: Random) -> None:
        miner, pool = terms.miner, terms.pool
        self._terms, self._clock, self._rng = terms, clock, rng
        self._way_s = terms.rtt_s / 2
        self._carrier = dialect.carrier
        self._pool: PoolSession = dialect.pool(
            PoolSettings(
                difficulty=pool.difficulty,
                share_target_s=pool.share_target_s,
                reject_ratio=pool.reject_ratio,
                algorithm=pool.algorithm,
            ),
            rng,
        )
        self._miner: MinerSession = dialect.miner(
            MinerSettings(
                login=miner.login,
                rig=miner.name,
                hash_rate=miner.hash_rate,
                options=terms.miner_options,
            ),
            rng,
        )
        self._is_padded = "padding" in miner.evasions
        self._jitter_s = JITTER_S if "jitter" in miner.evasions else 0.0
        self._pace = Pace(
            miner.hash_rate,
            rng,
            is_throttled="throttle" in miner.evasions,
            sigma=terms.rate_sigma,
        )
        self._spoken: list[Spoken] = []
        self._events: list[tuple[float, int, int, bytes]] = []
        self._held: list[float] = []
        self._number = 0
        self._last_s = [terms.start_s, terms.start_s]
        self._heard_s = terms.start_s
        self._working_on: tuple[int, float | None] = (0, None)
        self._next_push = clock.index_after(terms.start_s)

    def run(self) -> list[Spoken]:
        begin_s = self._terms.start_s
        if self._carrier == "websocket":
            begin_s = self._upgrade(begin_s)
        self._miner_writes(begin_s, self._miner.open(begin_s))
        while len(self._spoken) < MAX_SPOKEN:
            now_s, act = self._next()
            if now_s >= self._terms.end_s:
                break
            act(now_s)
        spoken = [s for s in self._spoken if s.time_s < self._terms.end_s]
        spoken.sort(key=lambda s: s.time_s)
        return spoken

    def _next(self) -> tuple[float, Callable[[float], None]]:
        """Return what comes first, and when."""
        best_s, act = self._clock.times[self._next_push], self._push
        if self._events and self._events[0][0] < best_s:
            best_s, act = self._events[0][0], self._deliver
        if self._pace.next_share_s < best_s:
            best_s, act = self._pace.next_share_s, self._find
        if self._held and self._held[0] < best_s:
            best_s, act = self._held[0], self._submit
        if self._miner.next_tick_s < best_s:
            # A session that is always due shall not stop the others.
            best_s, act = max(self._miner.next_tick_s, self._last_s[0]), self._tick
        return best_s, act

    def _push(self, now_s: float) -> None:
        self._next_push += 1
        if self._pool.is_logged_in:
            sent = self._pool.push(self._clock.works[self._next_push - 1], now_s)
            self._pool_writes(now_s + self._terms.push_delay_s, sent)

    def _find(self, now_s: float) -> None:
        heappush(self._held, now_s + self._rng.uniform(0.0, self._jitter_s))
        self._pace.find_next(now_s)

    def _submit(self, now_s: float) -> None:
        heappop(self._held)
        self._miner_writes(now_s, self._miner.share(now_s))

    def _tick(self, now_s: float) -> None:
        before = self._miner.next_tick_s
        self._miner_writes(now_s, self._miner.tick(now_s))
        if self._miner.next_tick_s <= before:
            raise ValueError(f"the miner's clock of {self._terms.pool.dialect} stands still")

    def _deliver(self, now_s: float) -> None:
        _, _, whom, octets = heappop(self._events)
        if whom == _TO_POOL:
            self._pool_hears(now_s, octets)
        else:
            self._miner_hears(now_s, octets)

    def _upgrade(self, now_s: float) -> float:
        """Ask for a web socket; return when it is there."""
        pool = self._terms.pool
        request, reply = upgrade(f"{pool.name}.example", pool.port, now_s, self._rng)
        answered_s = now_s + self._terms.rtt_s + self._terms.processing_s
        self._spoken += [Spoken(now_s, False, request), Spoken(answered_s, True, reply)]
        self._last_s = [answered_s, answered_s]
        return answered_s + THINK_S

    def _pool_hears(self, now_s: float, message: bytes) -> None:
        work = self._clock.work_at(self._next_push - 1, now_s)
        delay_s = self._terms.processing_s * self._rng.lognormvariate(0.0, LATE_SIGMA)
        if self._rng.random() < self._terms.late_share:
            delay_s += self._terms.late_s()
        self._pool_writes(now_s + delay_s, self._pool.receive(message, work, now_s))

    def _miner_hears(self, now_s: float, message: bytes) -> None:
        self._miner_writes(now_s + THINK_S, self._miner.receive(message, now_s))
        job = (self._miner.jobs, self._miner.difficulty)
        if job != self._working_on:
            self._working_on = job
            self._pace.take_job(now_s, job[1])

    def _miner_writes(self, now_s: float, messages: list[bytes]) -> None:
        for message in messages:
            if self._is_padded:
                message = pad(message, self._rng, self._carrier)
            now_s = self._last_s[0] = max(now_s, self._last_s[0] + WRITE_S)
            is_framed = self._carrier == "websocket"
            octets = frame(message, self._rng) if is_framed else message
            way_s = self._way_s + self._rng.gauss(0.0, 1.0) ** 2 * self._terms.jitter_s / SQRT_2
            # Nothing overtakes.
            self._heard_s = max(now_s + way_s, self._heard_s + WRITE_S)
            late_s = max(self._heard_s - now_s - self._way_s, 0.0)
            self._spoken.append(Spoken(now_s, False, octets, late_s))
            self._add(self._heard_s, _TO_POOL, message)

    def _pool_writes(self, now_s: float, messages: list[bytes]) -> None:
        for message in messages:
            seen_s = self._last_s[1] = max(now_s + self._way_s, self._last_s[1] + WRITE_S)
            octets = frame(message) if self._carrier == "websocket" else message
            self._spoken.append(Spoken(seen_s, True, octets))
            self._add(seen_s, _TO_MINER, message)

    def _add(self, when_s: float, whom: int, octets: bytes) -> None:
        self._number += 1
        heappush(self._events, (when_s, self._number, whom, octets))
