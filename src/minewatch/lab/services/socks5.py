# SPDX-License-Identifier: Apache-2.0
"""A SOCKS5 proxy, microsocks: people browse through it, and so may a miner."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import close, keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.http_client import BROWSER, Connection
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.names import site_name
from minewatch.lab.services.programs import need_program
from minewatch.lab.services.web import FIRST_PAGES

_KEPT_ALIVE_S = 50.0


class Socks5(Kind):
    """Clients fetch the first page of a web site of the plan through the proxy."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        argv = (need_program("microsocks"), "-i", address, "-p", str(service.port))
        return (Command(service.host, argv, ready_port=service.port),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        targets = [other for other in plan.services if other.kind in FIRST_PAGES]
        if host not in service.clients or not targets:
            return ()
        proxy = (plan.host(service.host).address, service.port)

        async def browse() -> None:
            site = rng.choice(targets)
            read_mean_s = self.number(service, "read_mean_s")
            connection = await _connect(proxy, (plan.host(site.host).address, site.port))
            try:
                for _ in range(rng.randint(1, 5)):
                    await connection.get(site_name(site), FIRST_PAGES[site.kind])
                    await asyncio.sleep(min(rng.expovariate(1 / read_mean_s), _KEPT_ALIVE_S))
            finally:
                await connection.close()
            await wait_about(self.number(service, "pause_mean_s"), rng)

        return (keep_trying(browse, rng),)


async def _connect(proxy: tuple[str, int], target: tuple[str, int]) -> Connection:
    """Ask a proxy for a connection (RFC 1928), without a password."""
    reader, writer = await asyncio.open_connection(*proxy)
    try:
        writer.write(b"\x05\x01\x00")
        if await reader.readexactly(2) != b"\x05\x00":
            raise ConnectionError("the proxy wants a password")
        address, port = ipaddress.IPv4Address(target[0]).packed, target[1].to_bytes(2, "big")
        writer.write(b"\x05\x01\x00\x01" + address + port)
        answer = await reader.readexactly(10)
        if answer[1]:
            raise ConnectionError(f"the proxy refuses: {answer[1]}")
    except BaseException:
        await close(writer)
        raise
    return Connection(reader, writer, BROWSER)


KINDS = (
    Socks5(
        "socks5",
        (1080, 1081),
        {"microsocks": "microsocks"},
        options={"read_mean_s": 5.0, "pause_mean_s": 10.0},
    ),
)
