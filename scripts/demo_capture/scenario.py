# SPDX-License-Identifier: Apache-2.0
"""Who is who: addresses, ports, delays and the truth about every service of the demo capture."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minewatch.lab.plan import Host, Miner, Plan, Pool, Transport

SERVERS = {"web-1": "10.77.0.11", "web-2": "10.77.0.12", "web-3": "10.77.0.13"}
"""The servers; their traffic is what the capture shows."""

GATEWAY = "10.77.0.1"
"""How the servers reach the "internet" namespace; it forwards nothing."""

POOL_PLAIN = "203.0.113.10"
POOL_TLS = "203.0.113.20"
NAME_SERVER = "203.0.113.53"
JOB_QUEUE = "203.0.113.40"
BROWSERS = {"web-1": "198.51.100.21", "web-2": "198.51.100.22", "web-3": "198.51.100.23"}
TLS_BROWSER = "198.51.100.24"
MONITOR = "198.51.100.30"
SENSORS = {"web-2": "198.51.100.61", "web-3": "198.51.100.62"}
DASHBOARD = "198.51.100.70"

INTERNET = [
    POOL_PLAIN,
    POOL_TLS,
    NAME_SERVER,
    JOB_QUEUE,
    *BROWSERS.values(),
    TLS_BROWSER,
    MONITOR,
    *SENSORS.values(),
    DASHBOARD,
]
"""Addresses of the "internet" namespace, all from the ranges reserved for documentation."""

INTERNET_NETWORKS = ["198.51.100.0/24", "203.0.113.0/24"]

ONE_WAY_S = {POOL_PLAIN: 0.018, POOL_TLS: 0.040, NAME_SERVER: 0.002, JOB_QUEUE: 0.012}
"""Delay from the servers to an address, one way [s]."""

ONE_WAY_DEFAULT_S = 0.025

POOL_NAME = "pool.minexmr.example"
QUEUE_NAME = "queue.jobs.example"
TLS_SITE = "shop.web-3.example"
NAMES = {POOL_NAME: POOL_PLAIN, QUEUE_NAME: JOB_QUEUE}
"""What the name server knows."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is true of every conversation with one address and port."""

    kind: str
    is_mining: bool
    is_tls: bool
    note: str


def _normal(kind: str, note: str, is_tls: bool = False) -> Service:
    return Service(kind, is_mining=False, is_tls=is_tls, note=note)


def _services() -> dict[tuple[str, int], Service]:
    known = {
        (POOL_PLAIN, 3333): Service("mining", True, False, "CryptoNote Stratum in the clear"),
        (POOL_TLS, 443): Service("mining", True, True, "CryptoNote Stratum in TLS, no SNI"),
        (JOB_QUEUE, 3333): _normal("job-queue", "JSON-RPC job queue: looks like Stratum, is not"),
        (NAME_SERVER, 53): _normal("dns", "name resolution by glibc"),
        (SERVERS["web-3"], 443): _normal("https", f"nginx, SNI {TLS_SITE}", is_tls=True),
    }
    for address in SERVERS.values():
        known[address, 80] = _normal("http", "nginx: pages, or a health check")
        known[address, 6379] = _normal("redis", "subscriber with pings, or publisher")
        known[address, 1883] = _normal("mqtt", "mosquitto: telemetry, or a dashboard")
    return known


SERVICES = _services()
"""Truth by responder address and port; a conversation that is not in here is a mistake."""

WALLET = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]
"""95 characters in the shape of a Monero address. It is nobody's: no key was ever made for it."""

PLAIN_REFRESH_S, TLS_REFRESH_S = 120.0, 90.0
HASH_RATE = 1_093.0
"""A share of 20,000 hashes every 18.3 s, as the miners of a real pool."""


def mining_plan(seed: int, started_s: float) -> Plan:
    """Return the pools and miners as the pools see them: by address."""
    pools = [
        _pool("pool-1", 3333, "tcp", seed, PLAIN_REFRESH_S),
        _pool("pool-2", 443, "tls1.3", seed, TLS_REFRESH_S),
    ]
    hosts = [Host("pool-1", "pool", POOL_PLAIN), Host("pool-2", "pool", POOL_TLS)]
    hosts += [Host(name, "server", address) for name, address in SERVERS.items()]
    miners = [
        Miner("web1", "web-1", ("pool-1",), WALLET, HASH_RATE),
        Miner("web2", "web-2", ("pool-2",), WALLET, HASH_RATE),
    ]
    return Plan(seed, 0.0, tuple(hosts), tuple(pools), tuple(miners), (), started_s)


def seen_by_miners(plan: Plan) -> Plan:
    """Return the plan with the plain pool under its name, which the miner asks the DNS for."""
    named = [replace(h, address=POOL_NAME) if h.name == "pool-1" else h for h in plan.hosts]
    return replace(plan, hosts=tuple(named))


def _pool(name: str, port: int, transport: Transport, seed: int, refresh_s: float) -> Pool:
    return Pool(
        name=name,
        host=name,
        port=port,
        dialect="cryptonote",
        coin="XMR",
        algorithm="rx/0",
        transport=transport,
        chain_seed=seed,
        refresh_s=refresh_s,
    )
