# SPDX-License-Identifier: Apache-2.0
"""Redis: publish and subscribe, and a cache; the clients speak its protocol in a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import close, keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.programs import need_program

_CHANNEL = "invalidate"
_KEYS = 200


class _Redis(Kind):
    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        argv = [need_program("redis-server"), "--port", str(service.port), "--save", ""]
        argv += ["--bind", plan.host(service.host).address, "--protected-mode", "no"]
        argv += ["--dir", str(folder), "--appendonly", "no", "--daemonize", "no"]
        return (Command(service.host, tuple(argv), ready_port=service.port),)


class PubSub(_Redis):
    """Each client subscribes, with a PING as keep-alive; the first one also publishes."""

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address
        listening, publishing = Random(rng.random()), Random(rng.random())

        async def subscribe() -> None:
            reader, writer = await asyncio.open_connection(address, service.port)
            try:
                writer.write(encode("CLIENT", "SETNAME", f"{host}-invalidation"))
                writer.write(encode("SUBSCRIBE", _CHANNEL))
                await _ping(reader, writer, self.number(service, "ping_s"))
            finally:
                await close(writer)

        async def publish() -> None:
            reader, writer = await asyncio.open_connection(address, service.port)
            try:
                while True:
                    key = f"product:{publishing.randrange(10_000)}"
                    await ask(reader, writer, "INCR", f"views:{key}")
                    await ask(reader, writer, "PUBLISH", _CHANNEL, key)
                    await wait_about(self.number(service, "publish_mean_s"), publishing)
            finally:
                await close(writer)

        acts = [keep_trying(subscribe, listening)]
        if host == service.clients[0]:
            acts.append(keep_trying(publish, publishing))
        return acts


class Cache(_Redis):
    """An application that looks for pages in the cache and puts what it missed there."""

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address

        async def use() -> None:
            reader, writer = await asyncio.open_connection(address, service.port)
            try:
                while True:
                    for _ in range(rng.randint(1, 8)):
                        await _look_up(reader, writer, rng)
                    await wait_about(self.number(service, "pause_mean_s"), rng)
            finally:
                await close(writer)

        return (keep_trying(use, rng),)


async def _look_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: Random) -> None:
    key = f"page:{min(int(rng.expovariate(6 / _KEYS)), _KEYS)}"
    if await ask(reader, writer, "GET", key) == b"$-1":
        page = rng.randbytes(min(int(rng.lognormvariate(6, 1)), 20_000)).hex()
        await ask(reader, writer, "SETEX", key, str(rng.randint(20, 300)), page)


def encode(*words: str) -> bytes:
    r"""Return a command as Redis reads it.

    >>> encode("PING")
    b'*1\r\n$4\r\nPING\r\n'
    """
    parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> bytes:
    """Send a command and return its answer: the string in it, or its line if it is short.

    Raises
    ------
    OSError : the connection broke, or the answer is an error.
    EOFError : the server closed the connection.
    """
    writer.write(encode(*words))
    line = (await reader.readuntil(b"\r\n")).removesuffix(b"\r\n")
    if line.startswith(b"-"):
        raise ConnectionError(f"redis: {words[0]}: {line.decode()}")
    if line.startswith(b"$") and line != b"$-1":
        return (await reader.readexactly(int(line[1:]) + 2)).removesuffix(b"\r\n")
    return line


async def _ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, every_s: float) -> None:
    """Read until the server hangs up, and send a PING in each interval."""

    async def discard() -> None:
        while await reader.read(4096):
            pass

    listening = asyncio.create_task(discard())
    try:
        while not (await asyncio.wait([listening], timeout=every_s))[0]:
            writer.write(encode("PING"))
        await listening
    finally:
        listening.cancel()


_PACKAGES = {"redis-server": "redis-server"}

KINDS = (
    PubSub(
        "redis-pubsub",
        (6379, 6380),
        _PACKAGES,
        is_long_lived=True,
        options={"ping_s": 30.0, "publish_mean_s": 20.0},
    ),
    Cache(
        "redis-cache",
        (6381, 6382),
        _PACKAGES,
        is_long_lived=True,
        options={"pause_mean_s": 3.0},
    ),
)
