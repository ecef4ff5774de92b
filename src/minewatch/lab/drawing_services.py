# SPDX-License-Identifier: Apache-2.0
"""Draws normal life: which service runs where, and who uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

from minewatch.lab.drawing_clocks import Clocks
from minewatch.lab.plan import Service
from minewatch.lab.services import SERVICES

PER_SERVER: Final = (3, 5)
"""Least and most services that a server offers or uses, unless it takes more to show every kind."""

OUTSIDE: Final = frozenset(
    {"dns", "ntp", "smtp", "package-updates", "electrum", "job-queue", "socks5"}
)
"""Kinds that servers use rather than offer: as with mining, the server opens the connection."""

EITHER: Final = frozenset(
    {"nats", "mqtt", "grpc-stream", "websocket-chat", "beanstalkd", "ssh-tunnel", "http-download"}
)
"""Kinds that servers offer or use."""

MAX_CLIENTS: Final = 3

SPREAD: Final = 2.0
"""Clocks and sizes of a service are its usual ones, divided or multiplied by up to this."""

MAX_PAUSE: Final = 6.0
"""Pauses are the usual ones, multiplied by up to this."""

OWN_PORT_FROM: Final = 20_000
"""Ports of services that find the usual ones of their kind taken."""


def draw_services(
    servers: Sequence[str], clients: Sequence[str], seconds: float, rng: Random
) -> list[Service]:
    """Draw services so that every kind occurs and every server has some.

    Parameters
    ----------
    servers : names of watched hosts.
    clients : names of hosts of the world outside.
    seconds : how long the lab runs [s].
    rng : source of choices.
    """
    drawing = _Drawing(servers, clients, seconds, rng)
    kinds: list[str] = []
    wanted = {server: rng.randint(*PER_SERVER) for server in servers}
    for kind in rng.sample(sorted(SERVICES), len(SERVICES)):
        drawing.add(kind, drawing.least_busy())
    while hungry := [s for s in servers if drawing.busy[s] < wanted[s]]:
        kinds = kinds or rng.sample(sorted(SERVICES), len(SERVICES))
        drawing.add(kinds.pop(), rng.choice(hungry))
    return drawing.made


class _Drawing:
    def __init__(
        self, servers: Sequence[str], clients: Sequence[str], seconds: float, rng: Random
    ) -> None:
        self.made: list[Service] = []
        self.busy: Counter[str] = Counter(dict.fromkeys(servers, 0))
        self._clients = clients
        self._is_short = Clocks(seconds).is_short
        self._rng = rng
        self._ports: set[tuple[str, int]] = set()
        self._local_port = 13_000

    def least_busy(self) -> str:
        """Return a server among those with the fewest services."""
        least = min(self.busy.values())
        return self._rng.choice([name for name, count in self.busy.items() if count == least])

    def add(self, kind: str, server: str) -> None:
        """Let a server offer or use one more service."""
        is_outside = kind in OUTSIDE or (kind in EITHER and self._rng.random() < 0.5)
        if is_outside:
            host = self._rng.choice(self._clients)
            users = {server, *self._some(list(self.busy), 1)}
        else:
            host = server
            users = {*self._some(self._clients, self._rng.randint(1, MAX_CLIENTS))}
        users.discard(host)
        for name in {host, *users} & self.busy.keys():
            self.busy[name] += 1
        number = sum(service.kind == kind for service in self.made) + 1
        options = {} if self._is_short else self._habits(kind)
        if kind == "ssh-tunnel":
            options["local_port"] = float(self._free_local_port())
            options |= self._target(host)
        port = self._free_port(host, kind)
        clients = tuple(sorted(users))
        self.made.append(Service(f"{kind}-{number}", kind, host, port, clients, options))

    def _habits(self, kind: str) -> dict[str, float | str]:
        """Draw how often and how much: no two sites work to the same beat.

        The defaults are made for a lab of a minute; in a longer one pauses are longer.
        """
        drawn: dict[str, float | str] = {}
        for name, usual in SERVICES[kind].options.items():
            if isinstance(usual, float) and name.endswith(("_s", "octets")):
                least, most = (1.0, MAX_PAUSE) if "pause" in name else (1 / SPREAD, SPREAD)
                drawn[name] = round(usual * least * (most / least) ** self._rng.random(), 1)
        return drawn

    def _target(self, host: str) -> dict[str, float | str]:
        """Return where a tunnel leads: to a web site or database behind its far end."""
        there = [s for s in self.made if s.host == host and s.kind not in ("dns", "ntp")]
        return {"target_port": float(there[0].port)} if there else {}

    def _some(self, names: Sequence[str], count: int) -> list[str]:
        return self._rng.sample(names, min(count, len(names)))

    def _free_port(self, host: str, kind: str) -> int:
        ports = SERVICES[kind].ports
        # Mostly where everybody expects it.
        choices = [*(ports if self._rng.random() < 0.8 else ports[::-1])]
        choices += range(OWN_PORT_FROM, OWN_PORT_FROM + 1_000)
        port = next(port for port in choices if (host, port) not in self._ports)
        self._ports.add((host, port))
        return port

    def _free_local_port(self) -> int:
        self._local_port += 1
        return self._local_port
