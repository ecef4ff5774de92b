# SPDX-License-Identifier: Apache-2.0
"""What a lab consists of: hosts, links, pools, miners and services, as data.

A plan is drawn from a seed (``minewatch.lab.drawing``), written beside the captures as
``plan.json``, and read again by the processes that play its hosts. Labels follow from it: who
talks to which address and port is known before the first packet.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from minewatch.errors import ConfigError

FORMAT = 1

Role: TypeAlias = Literal["server", "pool", "client", "proxy"]
"""``server``: watched, captured; ``pool`` and ``client``: the world outside; ``proxy``: a relay."""

Transport: TypeAlias = Literal["tcp", "tls1.2", "tls1.3"]

EVASIONS = (
    "tls",
    "port",
    "padding",
    "throttle",
    "proxy",
    "socks5",
    "ssh",
    "websocket",
    "hopping",
    "jitter",
)
"""TLS on 443; a port no pool uses; padded messages; share throttling; a mining proxy; a SOCKS5
proxy; an SSH tunnel; a web socket; changing pools; submits delayed at random."""


@dataclass(frozen=True, slots=True)
class Link:
    """One host's wire to the switch; a packet pays both its sender's and its receiver's."""

    delay_s: float = 0.0
    """One way [s]."""
    jitter_s: float = 0.0
    """Standard deviation of a packet's extra delay; packets of a link never overtake [s]."""
    loss: float = 0.0
    """Share of packets lost, each way."""
    rate_bps: float = 0.0
    """Bits a second; 0: no limit."""


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace."""

    name: str
    role: Role
    address: str
    link: Link = field(default_factory=Link)


@dataclass(frozen=True, slots=True)
class Pool:
    """A mining pool, or a proxy that miners take for one."""

    name: str
    host: str
    port: int
    dialect: str
    """A name in ``minewatch.lab.dialects.DIALECTS``."""
    coin: str
    """Ticker of what is paid out."""
    algorithm: str
    transport: Transport = "tcp"
    chain_seed: int = 0
    block_mean_s: float = 120.0
    refresh_s: float = 120.0
    difficulty: float = 20_000.0
    share_target_s: float | None = None
    reject_ratio: float = 0.02
    drop_mean_s: float = 0.0
    """Mean time after which the pool hangs up on a worker [s]; 0: never."""
    upstream: str = ""
    """Name of the pool that a proxy mines for; empty for a real pool."""


@dataclass(frozen=True, slots=True)
class Miner:
    """A mining program on a server."""

    name: str
    host: str
    pools: tuple[str, ...]
    """Names; more than one if it hops."""
    login: str
    hash_rate: float
    """Hashes a second."""
    evasions: tuple[str, ...] = ()
    via: str = ""
    """Name of the service (kind ``socks5`` or ``ssh-tunnel``) it goes through; empty: direct."""
    start_s: float = 0.0
    """After the start of the lab [s]."""
    stop_s: float | None = None
    hop_mean_s: float = 300.0
    program: Literal["minewatch", "xmrig"] = "minewatch"


@dataclass(frozen=True, slots=True)
class Service:
    """A normal service and its clients."""

    name: str
    kind: str
    """A name in ``minewatch.lab.services.SERVICES``."""
    host: str
    port: int
    clients: tuple[str, ...] = ()
    """Hosts that use it."""
    options: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole lab."""

    seed: int
    seconds: float
    hosts: tuple[Host, ...]
    pools: tuple[Pool, ...]
    miners: tuple[Miner, ...]
    services: tuple[Service, ...]
    started_s: float = 0.0
    """Seconds since 1970, set when the lab starts: chains and schedules count from it."""

    def host(self, name: str) -> Host:
        """Return a host by name."""
        return next(host for host in self.hosts if host.name == name)

    def pool(self, name: str) -> Pool:
        """Return a pool by name."""
        return next(pool for pool in self.pools if pool.name == name)

    def service(self, name: str) -> Service:
        """Return a service by name."""
        return next(service for service in self.services if service.name == name)


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON."""
    path.write_text(json.dumps({"format": FORMAT, **asdict(plan)}, indent=1) + "\n")


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises
    ------
    ConfigError : it cannot be read, or is of another format.
    """
    try:
        members: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if members.pop("format") != FORMAT:
            raise ValueError(f"not format {FORMAT}")
        return Plan(
            seed=members["seed"],
            seconds=members["seconds"],
            hosts=tuple(Host(**{**h, "link": Link(**h["link"])}) for h in members["hosts"]),
            pools=tuple(Pool(**pool) for pool in members["pools"]),
            miners=tuple(
                Miner(**{**m, "pools": tuple(m["pools"]), "evasions": tuple(m["evasions"])})
                for m in members["miners"]
            ),
            services=tuple(
                Service(**{**s, "clients": tuple(s["clients"])}) for s in members["services"]
            ),
            started_s=members["started_s"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a plan of a lab: {error}") from error
