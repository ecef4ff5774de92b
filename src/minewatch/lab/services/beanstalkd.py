# SPDX-License-Identifier: Apache-2.0
"""beanstalkd: a real work queue; its text protocol takes a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import close, keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.programs import need_program

_END = b"\r\n"


class Beanstalkd(Kind):
    """Every client works; the first one also puts jobs into the queue."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        argv = (need_program("beanstalkd"), "-l", address, "-p", str(service.port))
        return (Command(service.host, argv, ready_port=service.port),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        place = (plan.host(service.host).address, service.port)
        mean_s = self.number(service, "job_mean_s")
        working, putting = Random(rng.random()), Random(rng.random())
        acts = [keep_trying(lambda: _work(place, working), working)]
        if host == service.clients[0]:
            acts.append(keep_trying(lambda: _put(place, mean_s, putting), putting))
        return acts


async def _put(place: tuple[str, int], mean_s: float, rng: Random) -> None:
    reader, writer = await asyncio.open_connection(*place)
    try:
        await ask(reader, writer, b"use mails", b"USING")
        while True:
            job = {"to": rng.randrange(1 << 20), "text": rng.randbytes(rng.randint(20, 400)).hex()}
            body = json.dumps(job).encode()
            await ask(reader, writer, b"put 100 0 60 %d\r\n%s" % (len(body), body), b"INSERTED")
            await wait_about(mean_s, rng)
    finally:
        await close(writer)


async def _work(place: tuple[str, int], rng: Random) -> None:
    reader, writer = await asyncio.open_connection(*place)
    try:
        await ask(reader, writer, b"watch mails", b"WATCHING")
        while True:
            words = await ask(reader, writer, b"reserve", b"RESERVED")
            await reader.readexactly(int(words[2]) + len(_END))
            await asyncio.sleep(rng.uniform(0.05, 1))
            await ask(reader, writer, b"delete " + words[1], b"DELETED")
    finally:
        await close(writer)


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes, wanted: bytes
) -> list[bytes]:
    """Send a command and return the words of its answer.

    Raises
    ------
    OSError : the connection broke, or the answer does not begin with ``wanted``.
    EOFError : the server closed the connection.
    """
    writer.write(command + _END)
    words = (await reader.readuntil(_END)).split()
    if words[:1] != [wanted]:
        raise ConnectionError(f"beanstalkd: {command[:20]!r}: {words}")
    return words


KINDS = (
    Beanstalkd(
        "beanstalkd",
        (11300, 11301),
        {"beanstalkd": "beanstalkd"},
        is_long_lived=True,
        options={"job_mean_s": 8.0},
    ),
)
