# SPDX-License-Identifier: Apache-2.0
"""A mining proxy: many CryptoNote miners behind one connection to a pool, as xmrig-proxy does it.

Each miner gets the pool's own jobs with one octet of the nonce set aside for it, so that no two do
the same work; what it finds goes to the pool, and the pool's answer goes back to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from minewatch.errors import ConfigError
from minewatch.lab import access
from minewatch.lab.dialects.stream import Lines, Message, compact, read_object
from minewatch.lab.plan import Plan, Pool
from minewatch.lab.transport import Connection, Listener
from minewatch.lab.upstream import Upstream

if TYPE_CHECKING:
    import ssl

EXTENSIONS = ["algo", "nicehash", "connect", "tls", "keepalive"]
"""What the login result offers; ``nicehash`` says that an octet of the nonce is taken."""

NONCE_OCTET = slice(84, 86)
"""The nonce's last octet, octet 42 of the block header, in the hexadecimal text of a job."""

MAX_WORKERS = 256
"""As many as one octet tells apart; xmrig-proxy would open a second connection."""

ATTEMPTS, PAUSE_S = 5, 5.0
"""Connections tried in a row, and the wait between two of them [s]; XMRig's defaults."""


class _Worker:
    """One miner."""

    def __init__(self, connection: Connection, octet: int, worker_id: str) -> None:
        self.octet = f"{octet:02x}"
        self.lines = Lines()
        self._connection = connection
        self._worker_id = worker_id
        self._login_id: object = None
        self._is_logged_in = False

    def log_in(self, request_id: object, job: Message | None) -> None:
        """Answer the login, as soon as there is a job."""
        self._login_id = request_id
        if job is not None:
            self.take(job)

    def take(self, job: Message) -> None:
        """Send a job: the answer to the login if that is still open, else a push."""
        blob = job["blob"]
        mine = blob[: NONCE_OCTET.start] + self.octet + blob[NONCE_OCTET.stop :]
        job = {**job, "blob": mine}
        if "id" in job:
            job["id"] = self._worker_id
        if self._login_id is not None:
            result = {
                "id": self._worker_id,
                "job": job,
                "extensions": EXTENSIONS,
                "status": "OK",
            }
            self._is_logged_in = True
            self.answer(self._login_id, None, result)
            self._login_id = None
        elif self._is_logged_in:
            self._send({"jsonrpc": "2.0", "method": "job", "params": job})

    def answer(self, request_id: object, error: object, result: Message | None = None) -> None:
        """Answer a request; `error` is None for success."""
        answer = {"id": request_id, "jsonrpc": "2.0", "error": error, "result": result}
        self._send(answer)

    def what_is_wrong(self, method: object, params: Message) -> str:
        """Return what is wrong with a request after the login; empty if nothing is."""
        if not self._is_logged_in or params.get("id") != self._worker_id:
            return "Unauthenticated"
        if method not in ("submit", "keepalived"):
            return "Invalid method"
        nonce = params.get("nonce")
        is_own = isinstance(nonce, str) and len(nonce) == 8 and nonce.endswith(self.octet)
        if method == "submit" and not is_own:
            return "Invalid nonce; is miner not compatible with NiceHash mode?"
        return ""

    def _send(self, message: Message) -> None:
        # One that reads too little is cut off; its own coroutine sees that and forgets it.
        with contextlib.suppress(ConnectionError):
            self._connection.send([compact(message)])


class MiningProxy:
    """A proxy on one listening socket; use it as an asynchronous context manager.

    Parameters
    ----------
    pool : the proxy, as the plan sees it; its ``upstream`` names the pool that it mines for.
    plan : where that pool is.
    login : its account there.
    rng : source of ids.
    context : TLS context of a server; None for plain TCP.

    Raises
    ------
    ConfigError : the plan lacks the pool, or one of the two does not speak CryptoNote lines.

    Attributes
    ----------
    connections : miners accepted so far.
    upstreams : connections made to the pool so far.
    """

    def __init__(
        self,
        pool: Pool,
        plan: Plan,
        login: str,
        rng: Random,
        *,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.connections = 0
        self.upstreams = 0
        self._plan = plan
        self._pool = pool
        self._target = access.find_pool(plan, pool.upstream, f"proxy {pool.name}")
        for end in (pool, self._target):
            if access.find_dialect(end).decoded_as != "cryptonote":
                raise ConfigError(f"proxy {pool.name}: {end.dialect} is no dialect of CryptoNote")
        self._login = login
        self._rng = rng
        self._job: Message | None = None
        self._workers: dict[int, _Worker] = {}
        self._upstream = self._make_upstream()
        self._link: Connection | None = None
        self._past = {"accepted": 0, "rejected": 0, "jobs": 0}
        self._listener = Listener(self._serve, "lines", context)

    @property
    def port(self) -> int:
        """The bound port, once started."""
        return self._listener.port

    def counts(self) -> dict[str, int]:
        """Return accepted, rejected, jobs (of the pool), connections and upstreams so far."""
        counts = {name: past + getattr(self._upstream, name) for name, past in self._past.items()}
        return {**counts, "connections": self.connections, "upstreams": self.upstreams}

    async def start(self, address: str) -> None:
        """Listen on an address, at the proxy's port (0 takes a free one)."""
        await self._listener.start(address, self._pool.port)

    async def run(self) -> None:
        """Hold the connection to the pool until cancelled.

        Raises
        ------
        ConnectionError : the last attempts in a row brought no job.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listener.wait())
            group.create_task(self._stay_connected())

    async def close(self) -> None:
        """Stop listening and drop every miner."""
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

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                await self._hold_link()
            except (OSError, ValueError) as error:
                failures = 1 if self._upstream.jobs else failures + 1
                if failures >= ATTEMPTS:
                    raise ConnectionError(
                        f"proxy {self._pool.name}: no job of pool {self._target.name} after "
                        f"{failures} attempts: {error}"
                    ) from error
            await asyncio.sleep(PAUSE_S)

    async def _hold_link(self) -> None:
        """Do what one connection to the pool is for, until it ends."""
        for name in self._past:
            self._past[name] += getattr(self._upstream, name)
        self._upstream = upstream = self._make_upstream()
        link = await access.connect(self._plan, self._target, access.Way())
        self.upstreams += 1
        self._link = link
        try:
            link.send([upstream.open(time.time())])
            while True:
                upstream.receive(await self._hear(link))
        finally:
            self._link = self._job = None
            upstream.close()
            await link.close()

    async def _hear(self, link: Connection) -> bytes:
        """Return what the pool says next; give signs of life until then."""
        while True:
            scope = asyncio.timeout(max(self._upstream.next_tick_s - time.time(), 0.001))
            try:
                async with scope:
                    return b"".join(await link.receive())
            except TimeoutError:
                if not scope.expired():
                    raise
                link.send([self._upstream.tick(time.time())])

    def _make_upstream(self) -> Upstream:
        return Upstream(self._login, self._pool.name, self._take_job)

    def _take_job(self, job: Message) -> None:
        if len(job["blob"]) < NONCE_OCTET.stop:
            raise ValueError("a job's header ends before its nonce does")
        self._job = job
        for worker in list(self._workers.values()):
            worker.take(job)

    async def _serve(self, connection: Connection) -> None:
        octet = next((n for n in range(MAX_WORKERS) if n not in self._workers), None)
        if octet is None:
            raise ConnectionError("too many miners")
        self.connections += 1
        worker = _Worker(connection, octet, self._rng.randbytes(16).hex())
        self._workers[octet] = worker
        try:
            while True:
                for octets in await connection.receive():
                    for line in worker.lines.feed(octets):
                        self._answer(worker, read_object(line))
        finally:
            del self._workers[octet]

    def _answer(self, worker: _Worker, message: Message) -> None:
        request_id, method, params = (message.get(name) for name in ("id", "method", "params"))
        if request_id is None or not isinstance(params, dict):
            raise ValueError("not a request of CryptoNote")
        if method == "login":
            worker.log_in(request_id, self._job)
        elif problem := worker.what_is_wrong(method, params):
            worker.answer(request_id, {"code": -1, "message": problem})
        elif method == "submit":
            self._forward(worker, request_id, params)
        else:
            worker.answer(request_id, None, {"status": "KEEPALIVED"})

    def _forward(self, worker: _Worker, request_id: object, params: Message) -> None:
        def settle(error: object) -> None:
            worker.answer(request_id, error, {"status": "OK"} if error is None else None)

        share = self._upstream.submit(params, settle, time.time())
        if share and self._link is not None:
            self._link.send([share])
