# SPDX-License-Identifier: Apache-2.0
"""Small labs on 127.0.0.1 for the tests of pools, miners and proxies: real sockets, fast clocks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import Random
from typing import Any

from minewatch.lab.access import server_context
from minewatch.lab.miner import Habits, MinerClient
from minewatch.lab.plan import Host, Miner, Plan, Pool, Service
from minewatch.lab.pool import PoolServer
from minewatch.lab.transport import Connection, Listener

ADDRESS = "127.0.0.1"
HASTY = Habits(attempts=3, pause_s=0.02, poll_s=0.1, rate_sigma=0.0, jitter_s=0.05)
WALLET = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as unused:
        unused.bind((ADDRESS, 0))
        return int(unused.getsockname()[1])


def pool_of(dialect: str = "cryptonote", port: int = 0, name: str = "pool-1", **more: Any) -> Pool:
    """Return a fair pool with a block every 0.2 s; shares take 20,000 hashes."""
    settings = {"block_mean_s": 0.2, "reject_ratio": 0.0, "algorithm": "rx/0", **more}
    return Pool(
        name=name,
        host="there",
        port=port or free_port(),
        dialect=dialect,
        coin="XMR",
        **settings,
    )


def miner_of(*pools: str, name: str = "miner-1", **more: Any) -> Miner:
    """Return a miner that finds 50 shares a second."""
    settings = {"login": WALLET, "hash_rate": 1_000_000.0, **more}
    return Miner(name=name, host="here", pools=pools or ("pool-1",), **settings)


def plan_of(
    pools: tuple[Pool, ...], miners: tuple[Miner, ...], services: tuple[Service, ...] = ()
) -> Plan:
    """Return a plan whose two hosts are both this one."""
    hosts = (Host("here", "server", ADDRESS), Host("there", "pool", ADDRESS))
    return Plan(7, 60.0, hosts, pools, miners, services)


@contextlib.asynccontextmanager
async def open_pool(pool: Pool, seed: int = 1) -> AsyncIterator[PoolServer]:
    """Run a pool of a plan."""
    context = server_context(pool.transport, pool.name)
    async with PoolServer(pool, Random(seed), context=context) as server:
        await server.start(ADDRESS)
        yield server


@contextlib.asynccontextmanager
async def listening(
    handle: Callable[[Connection], Awaitable[None]],
    carrier: str = "lines",
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[Listener]:
    """Serve connections on a free port; drop them at the end."""
    listener = Listener(handle, carrier, context)
    try:
        yield await listener.start(ADDRESS, 0)
    finally:
        await listener.close()


async def say_nothing(connection: Connection) -> None:
    """Read until the other end hangs up."""
    while True:
        await connection.receive()


@contextlib.asynccontextmanager
async def running(client: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run a miner or a proxy until the block ends."""
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(
    is_done: Callable[[], bool], *tasks: asyncio.Task[None], seconds: float = 10
) -> None:
    """Wait for a condition; a task that ends first, or too long a wait, is an error."""
    async with asyncio.timeout(seconds):
        while not is_done():
            for task in tasks:
                if task.done():
                    task.result()
                    raise AssertionError("it ended before the condition held")
            await asyncio.sleep(0.01)


def mine_until(
    is_done: Callable[[MinerClient, PoolServer], bool], pool: Pool, miner: Miner
) -> tuple[dict[str, int], dict[str, int]]:
    """Let a miner work for a pool until a condition holds; return what each counted."""

    async def run() -> tuple[dict[str, int], dict[str, int]]:
        client = MinerClient(miner, plan_of((pool,), (miner,)), Random(2), habits=HASTY)
        async with open_pool(pool) as server, running(client) as task:
            await until(lambda: is_done(client, server), task)
            return client.counts(), server.counts()

    return asyncio.run(run())


@contextlib.contextmanager
def listening_program(argv: list[str], port: int) -> Iterator[None]:
    """Run a program that listens on a port of 127.0.0.1 and end it."""
    import subprocess
    import time

    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection((ADDRESS, port)).close()
                    break
                assert process.poll() is None, f"{argv} ended"
                assert time.monotonic() < deadline, f"{argv} does not listen"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
