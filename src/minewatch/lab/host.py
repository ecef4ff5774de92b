# SPDX-License-Identifier: Apache-2.0
"""Plays all that one host of a plan does in Python: pools, proxies, miners, actors of services.

``python -m minewatch.lab.host PLAN.json HOST --folder F`` runs in the host's namespace until it is
told to stop (SIGTERM or SIGINT) and then writes ``F/HOST.json``: what each actor counted. An actor
that fails ends the process with status 1: half a scenario is no capture.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, TypeVar

from minewatch.errors import ConfigError, MinewatchError
from minewatch.lab.plan import Miner, Plan, Pool, Service, read_plan

Counts: TypeAlias = dict[str, dict[str, int]]
"""What each actor counted, by its name."""

Play: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What serves until it is cancelled."""

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_FAILED = 1


class ActorFailedError(Exception):
    """An actor ended with an error; the text names it."""


class HostPlay:
    """All actors of one host.

    Parameters
    ----------
    plan : the whole lab.
    host : a name in it.

    Raises
    ------
    ConfigError : the plan has no such host.
    """

    def __init__(self, plan: Plan, host: str) -> None:
        try:
            self._address = plan.host(host).address
        except StopIteration:
            known = ", ".join(each.name for each in plan.hosts)
            raise ConfigError(f"no host {host!r} in the plan; there are {known}") from None
        self._plan = plan
        self._host = host
        self._counters: dict[str, Callable[[], dict[str, int]]] = {}

    def counts(self) -> Counts:
        """Return what each actor counted so far."""
        return {name: count() for name, count in self._counters.items()}

    async def run(self) -> None:
        """Play until cancelled; miners that stop and actors that end leave the others alone.

        Raises
        ------
        ActorFailedError : an actor failed; the others were ended.
        """
        async with contextlib.AsyncExitStack() as stack:
            # These listen before any miner of this host looks for them.
            served = []
            for pool in self._plan.pools:
                if pool.host == self._host:
                    start = self._start_proxy if pool.upstream else self._start_pool
                    served.append((pool.name, await self._name(pool.name, start(pool, stack))))
            plays = [self._name(name, serve()) for name, serve in served]
            plays += [self._name(name, play) for name, play in self._guests()]
            await _play_all(plays)

    async def _start_pool(self, pool: Pool, stack: contextlib.AsyncExitStack) -> Play:
        from minewatch.lab.access import server_context
        from minewatch.lab.pool import PoolServer

        context = server_context(pool.transport, pool.name)
        started_s = self._plan.started_s
        server = PoolServer(pool, self._rng(pool.name), started_s=started_s, context=context)
        await stack.enter_async_context(server)
        await server.start(self._address)
        self._counters[pool.name] = server.counts
        return server.wait

    async def _start_proxy(self, pool: Pool, stack: contextlib.AsyncExitStack) -> Play:
        from minewatch.lab.access import server_context
        from minewatch.lab.mining_proxy import MiningProxy

        logins = [miner.login for miner in self._plan.miners if pool.name in miner.pools]
        login = logins[0] if logins else pool.name
        context = server_context(pool.transport, pool.name)
        proxy = MiningProxy(pool, self._plan, login, self._rng(pool.name), context=context)
        await stack.enter_async_context(proxy)
        await proxy.start(self._address)
        self._counters[pool.name] = proxy.counts
        return proxy.run

    def _guests(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Yield the miners and what services do here, with their names."""
        for miner in self._plan.miners:
            if miner.host == self._host and miner.program == "minewatch":
                yield miner.name, self._mine(miner)
        for service in self._plan.services:
            if self._host == service.host or self._host in service.clients:
                yield service.name, self._act(service)

    async def _mine(self, miner: Miner) -> None:
        from minewatch.lab.miner import MinerClient

        client = MinerClient(miner, self._plan, self._rng(miner.name))
        self._counters[miner.name] = client.counts
        await client.run()

    async def _act(self, service: Service) -> None:
        from minewatch.lab.services import SERVICES

        if service.kind not in SERVICES:
            known = ", ".join(sorted(SERVICES))
            raise ConfigError(f"no kind of service {service.kind!r}; there are {known}")
        rng = self._rng(service.name)
        acts = SERVICES[service.kind].actors(service, self._plan, self._host, rng)
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(act)

    def _rng(self, actor: str) -> Random:
        return Random(f"{self._plan.seed} {self._host} {actor}")

    async def _name(self, actor: str, doing: Coroutine[Any, Any, T]) -> T:
        """Await what an actor does and put the actor's name to its error."""
        try:
            return await doing
        except Exception as error:
            reason = _first_reason(error)
            raise ActorFailedError(f"{actor}: {type(reason).__name__}: {reason}") from error


async def _play_all(plays: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines until cancelled, however many end; the first error ends all of them."""
    try:
        async with asyncio.TaskGroup() as group:
            for play in plays:
                group.create_task(play)
            await asyncio.Event().wait()
    except ExceptionGroup as failed:
        raise _first_reason(failed) from failed


def _first_reason(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def write_counts(counts: Counts, path: Path) -> None:
    """Write counts as JSON, all or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


async def _run_until_told(play: HostPlay) -> None:
    running = asyncio.create_task(play.run())
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main(arguments: list[str] | None = None) -> int:
    """Play a host; return the exit status."""
    parser = argparse.ArgumentParser(description="Play one host of a lab.")
    parser.add_argument("plan", type=Path, metavar="PLAN.json", help="what the lab consists of")
    parser.add_argument("host", metavar="HOST", help="a host's name in the plan")
    parser.add_argument("--folder", type=Path, required=True, help="where HOST.json is written")
    options = parser.parse_args(arguments)
    try:
        play = HostPlay(read_plan(options.plan), options.host)
        try:
            asyncio.run(_run_until_told(play))
        finally:
            write_counts(play.counts(), options.folder / f"{options.host}.json")
    except (MinewatchError, ActorFailedError, OSError) as error:
        sys.stderr.write(f"{options.host}: {error}\n")
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
