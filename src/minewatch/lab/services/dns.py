# SPDX-License-Identifier: Apache-2.0
"""DNS: dnsmasq knows the plan's names, and clients ask for the two kinds of addresses."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.names import name_table
from minewatch.lab.services.programs import need_program

_CONFIG = """
port={port}
listen-address={address}
bind-interfaces
no-resolv
local=/example/
no-hosts
addn-hosts={folder}/hosts
user=root
pid-file=
log-facility=-
log-queries
local-ttl=300
"""

A, AAAA = 1, 28
_TIMEOUT_S = 5.0


class Dns(Kind):
    """Clients ask as a resolver library does: A and AAAA at once, from one socket each time."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        table = name_table(plan)
        lines = (f"{address} {name}\n" for name, address in table.items())
        (folder / "hosts").write_text("".join(lines))
        config = folder / "dnsmasq.conf"
        address = plan.host(service.host).address
        config.write_text(_CONFIG.format(port=service.port, address=address, folder=folder))
        argv = (need_program("dnsmasq"), "--keep-in-foreground", f"--conf-file={config}")
        return (Command(service.host, argv, ready_port=service.port),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        names = [*name_table(plan), "printer.lab.example"]  # the last one does not exist
        server = (plan.host(service.host).address, service.port)

        async def resolve() -> None:
            await _resolve(server, rng.choice(names), rng)
            await wait_about(self.number(service, "pause_mean_s"), rng)

        return (keep_trying(resolve, rng),)


def question(name: str, kind: int, identity: int) -> bytes:
    r"""Return a query for one name, with recursion desired.

    >>> question("a.example", A, 7)[12:]
    b'\x01a\x07example\x00\x00\x01\x00\x01'
    """
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = struct.pack(">6H", identity, 0x0100, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack(">2H", kind, 1)


class _Answers(asyncio.DatagramProtocol):
    """Waits for a number of answers."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: object) -> None:
        self._wanted -= 1
        if self._wanted == 0 and not self.complete.done():
            self.complete.set_result(None)

    def error_received(self, error: Exception) -> None:
        if not self.complete.done():
            self.complete.set_exception(error)


async def _resolve(server: tuple[str, int], name: str, rng: Random) -> None:
    kinds = (A, AAAA)
    transport, answers = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answers(len(kinds)), remote_addr=server
    )
    try:
        for kind in kinds:
            transport.sendto(question(name, kind, rng.randrange(1 << 16)))
        await asyncio.wait_for(answers.complete, _TIMEOUT_S)
    finally:
        transport.close()


KINDS = (Dns("dns", (53, 5353), {"dnsmasq": "dnsmasq-base"}, options={"pause_mean_s": 5.0}),)
