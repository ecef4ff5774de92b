# SPDX-License-Identifier: Apache-2.0
"""A miner that never hashes: it waits as long as hashing takes and submits a random result.

On the wire it behaves as XMRig 6 does: one long connection without a server name in TLS, a login, a
share now and then, five attempts 5 s apart. The dialect of its pool says what it writes.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from minewatch.errors import ConfigError
from minewatch.lab import access, transport
from minewatch.lab.dialects.contract import Dialect, MinerSession, MinerSettings
from minewatch.lab.pace import RATE_SIGMA, Pace
from minewatch.lab.padding import pad
from minewatch.lab.plan import Miner, Plan, Pool

MIN_WAIT_S = 0.001
"""A session that is always due shall not stop the others."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a mining program does whatever its pool; the defaults are XMRig's."""

    attempts: int = 5
    """Connections tried in a row before the next pool is taken, or none."""

    pause_s: float = 5.0
    """Wait between two attempts [s]."""

    response_timeout_s: float = 20.0
    """How long the pool may take to the first job [s]."""

    keepalive_s: float = 60.0
    """Silence after which a sign of life is sent, in dialects that have one [s]."""

    poll_s: float = 5.0
    """Gap between two questions for work, in dialects that ask [s]; cpuminer's ``--scantime``."""

    rate_sigma: float = RATE_SIGMA
    """Spread of the hash rate from job to job."""

    jitter_s: float = 15.0
    """With the evasion ``jitter`` a share is held back for up to this long [s]. Chosen."""


class MinerClient:
    """Plays one miner of a plan.

    Parameters
    ----------
    miner : who it is, where it mines and what it hides.
    plan : where its pools and its proxy or tunnel are.
    rng : source of waits, nonces and results.
    habits : what mining programs do.

    Raises
    ------
    ConfigError : the plan lacks a pool, a service or a dialect that the miner names.

    Attributes
    ----------
    connections : how many were made so far.
    """

    def __init__(
        self, miner: Miner, plan: Plan, rng: Random, *, habits: Habits | None = None
    ) -> None:
        self.connections = 0
        self._miner = miner
        self._plan = plan
        self._rng = rng
        self._habits = Habits() if habits is None else habits
        who = f"miner {miner.name}"
        self._pools = [access.find_pool(plan, name, who) for name in miner.pools]
        if not self._pools:
            raise ConfigError(f"{who}: it has no pool")
        self._way = access.find_way(plan, miner)
        self._identity = rng.random()
        self._session: MinerSession | None = None
        self._past = {"accepted": 0, "rejected": 0, "jobs": 0}

    @property
    def accepted(self) -> int:
        """Shares accepted so far, over all connections."""
        return self.counts()["accepted"]

    @property
    def rejected(self) -> int:
        """Shares refused so far."""
        return self.counts()["rejected"]

    @property
    def jobs(self) -> int:
        """Jobs received so far."""
        return self.counts()["jobs"]

    def counts(self) -> dict[str, int]:
        """Return accepted, rejected, jobs and connections so far."""
        counts = dict(self._past)
        if self._session is not None:
            for name in counts:
                counts[name] += getattr(self._session, name)
        return {**counts, "connections": self.connections}

    async def run(self) -> None:
        """Mine from the miner's start to its stop, or until cancelled.

        Raises
        ------
        ConnectionError : the last attempts in a row, with every pool, brought no job.
        """
        began_s = self._plan.started_s or time.time()
        await asyncio.sleep(max(began_s + self._miner.start_s - time.time(), 0.0))
        if self._miner.stop_s is None:
            await self._mine_on()
            return
        scope = asyncio.timeout(max(began_s + self._miner.stop_s - time.time(), 0.0))
        try:
            async with scope:
                await self._mine_on()
        except TimeoutError:
            if not scope.expired():
                raise

    async def _mine_on(self) -> None:
        pool, failures = self._pools[0], 0
        while True:
            jobs_before = self.jobs
            try:
                await self._mine(pool)
            except (OSError, ValueError) as error:
                failures = 1 if self.jobs > jobs_before else failures + 1
                pool = self._pool_after(pool, failures, error)
                await asyncio.sleep(self._habits.pause_s)
            else:  # it hops
                failures = 0
                pool = self._rng.choice([other for other in self._pools if other is not pool])

    def _pool_after(self, pool: Pool, failures: int, error: Exception) -> Pool:
        """Return where to try next, after so many failures in a row."""
        attempts = self._habits.attempts
        if failures >= attempts * len(self._pools):
            where = f"{self._plan.host(pool.host).address}:{pool.port}"
            raise ConnectionError(
                f"pool {pool.name} ({where}): no job after {failures} attempts: {error}"
            ) from error
        if failures % attempts:
            return pool
        return self._pools[(self._pools.index(pool) + 1) % len(self._pools)]

    async def _mine(self, pool: Pool) -> None:
        """Mine over one connection; return when it is time to hop."""
        dialect = access.find_dialect(pool)
        connection = await access.connect(self._plan, pool, self._way)
        self.connections += 1
        self._session = session = self._make_session(dialect, pool)
        try:
            await _Work(self, connection, session, dialect.carrier).run()
        finally:
            self._session = None
            for name in self._past:
                self._past[name] += getattr(session, name)
            await connection.close()

    def _make_session(self, dialect: Dialect, pool: Pool) -> MinerSession:
        options: dict[str, object] = {"poll_s": self._habits.poll_s}
        if dialect.carrier == "http":
            options["host"] = f"{self._plan.host(pool.host).address}:{pool.port}"
        settings = MinerSettings(
            login=self._miner.login,
            rig=self._miner.name,
            hash_rate=self._miner.hash_rate,
            keepalive_s=self._habits.keepalive_s,
            options=options,
        )
        # What a session draws when it is made is which program it is: that does not change from
        # one connection to the next. What it draws later does.
        rng = Random(self._identity)
        session = dialect.miner(settings, rng)
        rng.seed(self._rng.random())
        return session

    def _hop_s(self, now_s: float) -> float:
        if "hopping" not in self._miner.evasions or len(self._pools) < 2:
            return math.inf
        return now_s + self._rng.expovariate(1 / self._miner.hop_mean_s)


class _Work:
    """One connection of a miner: what is due when."""

    def __init__(
        self,
        client: MinerClient,
        connection: transport.Connection,
        session: MinerSession,
        carrier: str,
    ) -> None:
        evasions = client._miner.evasions
        self._connection = connection
        self._session = session
        self._carrier = carrier
        self._rng = client._rng
        self._is_padded = "padding" in evasions
        self._jitter_s = client._habits.jitter_s if "jitter" in evasions else 0.0
        self._pace = Pace(
            client._miner.hash_rate,
            client._rng,
            is_throttled="throttle" in evasions,
            sigma=client._habits.rate_sigma,
        )
        now_s = time.time()
        self._hop_s = client._hop_s(now_s)
        self._patience_s = now_s + client._habits.response_timeout_s
        self._held: list[float] = []  # when shares that are held back are due
        self._working_on: tuple[int, float | None] = (0, None)

    async def run(self) -> None:
        self._send(self._session.open(time.time()))
        while (now_s := time.time()) < self._hop_s:
            self._do_what_is_due(now_s)
            due_s = min(
                self._session.next_tick_s,
                self._pace.next_share_s,
                self._held[0] if self._held else math.inf,
                self._hop_s,
                self._patience_s,
            )
            wait_s = None if math.isinf(due_s) else max(due_s - time.time(), MIN_WAIT_S)
            for octets in await self._receive(wait_s):
                self._send(self._session.receive(octets, time.time()))
            self._look_at_job()

    async def _receive(self, wait_s: float | None) -> list[bytes]:
        scope = asyncio.timeout(wait_s)
        try:
            async with scope:
                return await self._connection.receive()
        except TimeoutError:
            if scope.expired():
                return []
            raise  # of TCP: the pool is gone

    def _look_at_job(self) -> None:
        job = (self._session.jobs, self._session.difficulty)
        if job != self._working_on:
            self._working_on = job
            self._patience_s = math.inf
            self._pace.take_job(time.time(), self._session.difficulty)

    def _do_what_is_due(self, now_s: float) -> None:
        if now_s >= self._patience_s:
            raise ConnectionError("the pool sends no job")
        if now_s >= self._session.next_tick_s:
            self._send(self._session.tick(now_s))
        if now_s >= self._pace.next_share_s:
            heapq.heappush(self._held, now_s + self._rng.uniform(0.0, self._jitter_s))
            self._pace.find_next(now_s)
        while self._held and self._held[0] <= now_s:
            heapq.heappop(self._held)
            self._send(self._session.share(now_s))

    def _send(self, messages: Iterable[bytes]) -> None:
        if self._is_padded:
            messages = [pad(message, self._rng, self._carrier) for message in messages]
        self._connection.send(messages)
