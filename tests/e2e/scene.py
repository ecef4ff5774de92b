# SPDX-License-Identifier: Apache-2.0
"""Who plays in the test from end to end: two busy servers that mine, their pools, their visitors.

The miners are the lab's own. What a pool and a miner do how often is the middle, on a logarithmic
scale, of what the lab draws from for Monero (``minewatch.lab.dialects.economy``): a block every two
minutes on average, a job at the latest a minute after the last, a share every 22 s on average.
"""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Final

from minewatch.lab.dialects.economy import COINS, Range
from minewatch.lab.logins import draw_login
from minewatch.lab.plan import Host, Link, Miner, Plan, Pool, Service, Transport

SEED: Final = 1
QUIET_S: Final = 60.0
"""Nobody mines for so long: every conversation of a service is judged at 30 s [s]."""
SECONDS: Final = 270.0
"""When the lab ends at the latest [s]."""

WATCHED, LET_ALONE = "server-1", "server-2"
"""The one whose miners are cut off, and the one whose miner is allowed to mine."""
PLAIN, HIDDEN = "plain", "hidden"
"""Names of the pools: Stratum that anybody can read, and Stratum in TLS on port 443."""

_NEAR: Final = Link(0.000_5, 0.000_1, 0.0, 10e9)
_FAR: Final = Link(0.022, 0.001, 0.0, 100e6)
"""The lab's usual links: in a data centre, and somewhere in the world."""
_TRIES: Final = 4
"""A pool's name so many times: the lab's miner gives up after five attempts with each pool of its
list, and XMRig with one pool never does."""
_XMR: Final = COINS[0]


def middle(bounds: Range) -> float:
    """Return the middle of a range on a logarithmic scale.

    >>> round(middle((30.0, 120.0)))
    60
    """
    return math.sqrt(bounds[0] * bounds[1])


def hosts() -> tuple[Host, ...]:
    return (
        Host(WATCHED, "server", "10.86.1.11", _NEAR),
        Host(LET_ALONE, "server", "10.86.1.12", _NEAR),
        Host("client-1", "client", "198.51.100.21", _FAR),
        Host("client-2", "client", "198.51.100.22", _FAR),
        Host("pool-1", "pool", "203.0.113.31", _FAR),
        Host("pool-2", "pool", "203.0.113.32", _FAR),
    )


def services() -> tuple[Service, ...]:
    """What the servers do for a living: each kind with the lab's own clients."""
    both = ("client-1", "client-2")
    return (
        Service("site", "http-browse", WATCHED, 80, both),
        Service("shop", "https-browse", WATCHED, 443, both),
        Service("cache", "redis-cache", WATCHED, 6381, both),
        Service("news", "redis-pubsub", WATCHED, 6379, both),
        Service("books", "postgresql-pgbench", WATCHED, 5432, ("client-1",)),
        Service("shell", "ssh-interactive", WATCHED, 22, ("client-2",)),
        Service("names", "dns", "client-2", 53, (WATCHED,)),
        Service("page", "http-browse", LET_ALONE, 80, ("client-2",)),
    )


def plan(seed: int = SEED) -> Plan:
    """Return the whole lab.

    Parameters
    ----------
    seed : of everything random, such as when shares are found.
    """
    rate = middle(_XMR.hash_rates)
    return Plan(
        seed=seed,
        seconds=SECONDS,
        hosts=hosts(),
        pools=(
            _pool(PLAIN, "pool-1", 3333, "tcp", seed),
            _pool(HIDDEN, "pool-2", 443, "tls1.3", seed),
        ),
        miners=tuple(
            Miner(
                name=f"miner-{number}",
                host=host,
                pools=(pool,) * _TRIES,
                login=draw_login("XMR", "", f"miner-{number}", Random(f"{seed} {number}")),
                hash_rate=rate,
                start_s=QUIET_S,
            )
            for number, (host, pool) in enumerate(
                ((WATCHED, PLAIN), (WATCHED, HIDDEN), (LET_ALONE, PLAIN)), 1
            )
        ),
        services=services(),
    )


def _pool(name: str, host: str, port: int, transport: Transport, seed: int) -> Pool:
    return Pool(
        name=name,
        host=host,
        port=port,
        dialect="cryptonote",
        coin="XMR",
        algorithm="rx/0",
        transport=transport,
        chain_seed=seed,
        block_mean_s=_XMR.block_mean_s,
        refresh_s=middle(_XMR.refresh_s),
        difficulty=middle(_XMR.hash_rates) * middle(_XMR.share_gap_s),
    )


def small_plan() -> Plan:
    """Return a lab that starts at once, in which nobody mines."""
    full = plan()
    names = {WATCHED, LET_ALONE, "client-1"}
    return Plan(
        seed=SEED,
        seconds=SECONDS,
        hosts=tuple(host for host in full.hosts if host.name in names),
        pools=(),
        miners=(),
        services=(Service("cache", "redis-cache", WATCHED, 6381, ("client-1",)),),
    )


def folder_of(out: Path, server: str) -> Path:
    """Return where the commands on a server keep what they know and tell."""
    return out / server
