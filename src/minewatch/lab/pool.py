# SPDX-License-Identifier: Apache-2.0
"""A pool that validates no work: real sockets, a real job clock, any dialect, plain or TLS.

Jobs follow a chain of blocks and a template refresh (``minewatch.lab.chain``). Two pools with the
same chain seed and start see the same blocks, as two pools of one coin do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from minewatch.lab import access
from minewatch.lab.chain import PROPAGATION_S, Chain, job_times
from minewatch.lab.dialects.contract import PoolSession, PoolSettings, Work
from minewatch.lab.plan import Pool
from minewatch.lab.transport import Connection, Listener

if TYPE_CHECKING:
    import ssl

IDLE_S = 900.0
"""A worker that says nothing for so long is dropped; nodejs-pool's ``minerTimeout``."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One connection."""

    connection: Connection
    session: PoolSession


class PoolServer:
    """A pool on one listening socket; use it as an asynchronous context manager.

    Parameters
    ----------
    pool : what it is.
    rng : source of ids, refusals, delays and hang-ups.
    started_s : when its chain's first block arrived, seconds since 1970; now if 0.
    context : TLS context of a server; None for plain TCP.

    Raises
    ------
    ConfigError : there is no such dialect.

    Attributes
    ----------
    connections : how many were accepted so far.
    jobs : pushes so far, of all workers.
    """

    def __init__(
        self,
        pool: Pool,
        rng: Random,
        *,
        started_s: float = 0.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.connections = 0
        self.jobs = 0
        self._pool = pool
        self._rng = rng
        self._start_s = started_s or time.time()
        self._dialect = access.find_dialect(pool)
        self._settings = PoolSettings(
            difficulty=pool.difficulty,
            share_target_s=pool.share_target_s,
            reject_ratio=pool.reject_ratio,
            algorithm=pool.algorithm,
        )
        chain = Chain(pool.chain_seed, pool.block_mean_s)
        self._times: Iterator[tuple[float, Work]] = job_times(
            chain, pool.refresh_s, PROPAGATION_S, rng, start_s=self._start_s
        )
        self._work = next(self._times)[1]
        self._workers: set[_Worker] = set()
        self._past_accepted = self._past_rejected = 0
        self._listener = Listener(self._serve, self._dialect.carrier, context)
        self._clock: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The bound port, once started."""
        return self._listener.port

    @property
    def accepted(self) -> int:
        """Shares accepted so far, of all workers."""
        return self._past_accepted + sum(worker.session.accepted for worker in self._workers)

    @property
    def rejected(self) -> int:
        """Shares refused so far, of all workers."""
        return self._past_rejected + sum(worker.session.rejected for worker in self._workers)

    def counts(self) -> dict[str, int]:
        """Return accepted, rejected, jobs and connections so far."""
        return {
            "accepted": self.accepted,
            "rejected": self.rejected,
            "jobs": self.jobs,
            "connections": self.connections,
        }

    async def start(self, address: str) -> None:
        """Listen on an address, at the pool's port (0: a free one), and start the job clock."""
        await self._listener.start(address, self._pool.port)
        self._clock = asyncio.create_task(self._run_clock())

    async def wait(self) -> None:
        """Wait for ever, or until a defect of ours ends the pool: it is raised."""
        assert self._clock is not None, "start it first"
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listener.wait())
            group.create_task(_wait_for(self._clock))

    async def close(self) -> None:
        """Stop listening and drop every worker."""
        if self._clock is not None:
            self._clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clock
        await self._listener.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run_clock(self) -> None:
        for offset_s, work in self._times:
            due_s = self._start_s + offset_s
            late_s = time.time() - due_s
            if late_s < self._pool.refresh_s:  # else the pool started later than its chain
                await asyncio.sleep(max(-late_s, 0.0))
            self._work = work
            self._push()

    def _push(self) -> None:
        now_s = time.time()
        for worker in list(self._workers):
            if not worker.session.is_logged_in:
                continue
            messages = worker.session.push(self._work, now_s)
            self.jobs += bool(messages)
            # One that reads too little is cut off; its own coroutine sees that and forgets it.
            with contextlib.suppress(ConnectionError):
                worker.connection.send(messages)

    async def _serve(self, connection: Connection) -> None:
        self.connections += 1
        worker = _Worker(connection, self._dialect.pool(self._settings, self._rng))
        self._workers.add(worker)
        fuse = self._light_fuse(connection)
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    pieces = await connection.receive()
                for octets in pieces:
                    connection.send(worker.session.receive(octets, self._work, time.time()))
        finally:
            self._workers.discard(worker)
            self._past_accepted += worker.session.accepted
            self._past_rejected += worker.session.rejected
            if fuse is not None:
                fuse.cancel()

    def _light_fuse(self, connection: Connection) -> asyncio.TimerHandle | None:
        """Let the pool hang up on this worker at a random time, if it is of that kind."""
        if not self._pool.drop_mean_s:
            return None
        delay_s = self._rng.expovariate(1 / self._pool.drop_mean_s)
        return asyncio.get_running_loop().call_later(delay_s, connection.hang_up)


async def _wait_for(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)
