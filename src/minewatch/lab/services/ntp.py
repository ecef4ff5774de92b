# SPDX-License-Identifier: Apache-2.0
"""NTP: chronyd as a server and as clients. ``-x``: no clock is ever set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.contract import Command
from minewatch.lab.services.kind import Kind
from minewatch.lab.services.programs import need_program

# No command socket: several may run side by side, and nothing is left in /run.
_QUIET = """
user root
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd.pid
"""
_SERVER = """
bindaddress {address}
port {port}
local stratum 3
allow
"""
_CLIENT = """
server {address} port {port} iburst minpoll {poll} maxpoll {poll}
port 0
logdir {folder}
log rawmeasurements
"""


class Ntp(Kind):
    """A client asks four times at once when it starts, and then at its poll interval."""

    def servers(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        text = _SERVER.format(address=address, port=service.port)
        # Its port is UDP's: nothing to wait for, for a client asks again.
        return (Command(service.host, _chronyd(folder / "server", text)),)

    def clients(self, service: Service, plan: Plan, folder: Path) -> Sequence[Command]:
        address = plan.host(service.host).address
        poll = round(math.log2(self.number(service, "poll_s")))
        commands = []
        for client in service.clients:
            own = folder / client
            text = _CLIENT.format(address=address, port=service.port, poll=poll, folder=own)
            commands.append(Command(client, _chronyd(own, text)))
        return commands


def _chronyd(folder: Path, text: str) -> tuple[str, ...]:
    folder.mkdir()
    config = folder / "chrony.conf"
    config.write_text(text + _QUIET.format(folder=folder))
    return (need_program("chronyd"), "-x", "-d", "-f", str(config))


KINDS = (Ntp("ntp", (123, 1123), {"chronyd": "chrony"}, options={"poll_s": 16.0}),)
