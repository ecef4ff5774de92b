# SPDX-License-Identifier: Apache-2.0
"""Draws the plan of a lab from a seed: hosts and links here, the rest in ``drawing_*``.

The same numbers and names give the same plan. Whatever the number of servers, every kind of
service, every dialect and every evasion that is wanted occurs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Final

from minewatch.errors import ConfigError
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.drawing_mining import draw_mining
from minewatch.lab.drawing_services import draw_services
from minewatch.lab.plan import EVASIONS, Host, Link, Plan, Role

MAX_SERVERS: Final = 50
MIN_MINUTES: Final = 0.2
MAX_MINUTES: Final = 1_440.0

NETWORKS: Final[dict[str, str]] = {
    "server": "10.86.1",
    "colleague": "10.86.3",
    "pool": "203.0.113",
    "client": "198.51.100",
    "proxy": "192.0.2",
}
"""First three numbers of addresses: private ones for what belongs together, and those that are
reserved for documentation (RFC 5737) for the world outside."""

_GIGABIT: Final = 1e9


def draw_plan(
    servers: int,
    seconds: float,
    seed: int,
    *,
    evasions: Sequence[str] = (),
    dialects: Sequence[str] | None = None,
    has_xmrig: bool = False,
) -> Plan:
    """Draw a plan.

    Parameters
    ----------
    servers : watched servers.
    seconds : how long the lab runs [s].
    seed : of everything random.
    evasions : of ``EVASIONS``: each is used by at least one miner.
    dialects : of ``DIALECTS``: each is spoken by at least one miner; None for all.
    has_xmrig : the user's XMRig plays a CryptoNote miner.

    Raises
    ------
    ConfigError : a number is out of range or a name is unknown; the text says what is possible.
    """
    check_numbers(servers, seconds / 60)
    wanted = known("dialect", dialects, DIALECTS) if dialects is not None else list(DIALECTS)
    if not wanted:
        raise ConfigError(f"no dialect was named; there are {', '.join(DIALECTS)}")
    hiding = known("evasion", evasions, EVASIONS)
    rng = Random(f"plan {seed}")
    watched = draw_hosts("server", "server", servers, rng)
    clients = [
        *draw_hosts("colleague", "client", max(2, servers // 4), rng),
        *draw_hosts("client", "client", max(2, servers // 3), rng),
    ]
    n_idle = 0 if servers < 3 else 1 if servers < 10 else 2
    # Which servers have no miner is drawn too, lest their number tell.
    idle = set(rng.sample([host.name for host in watched], n_idle))
    mining = draw_mining(
        [host.name for host in watched if host.name not in idle],
        seconds,
        wanted,
        hiding,
        rng,
        has_xmrig=has_xmrig,
    )
    outside = [
        *draw_hosts("pool", "pool", mining.pool_hosts, rng),
        *draw_hosts("proxy", "proxy", mining.proxy_hosts, rng),
    ]
    services = draw_services(
        [host.name for host in watched], [c.name for c in clients], seconds, rng
    )
    return Plan(
        seed=seed,
        seconds=seconds,
        hosts=(*watched, *clients, *outside),
        pools=tuple(mining.pools),
        miners=tuple(mining.miners),
        services=(*services, *mining.services),
    )


def check_numbers(servers: int, minutes: float) -> None:
    """Check what a user may choose.

    Raises
    ------
    ConfigError : a number is out of range.
    """
    if not 1 <= servers <= MAX_SERVERS:
        raise ConfigError(f"--servers {servers}: give 1 to {MAX_SERVERS}")
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:  # NaN too
        raise ConfigError(f"--minutes {minutes:g}: give {MIN_MINUTES:g} to {MAX_MINUTES:g}")


def known(what: str, names: Sequence[str], all_names: Collection[str]) -> list[str]:
    """Return names in their usual order, each once.

    Parameters
    ----------
    what : they are, for the error.
    names : wanted.
    all_names : there are.

    Raises
    ------
    ConfigError : one is unknown; the text lists those that are known.
    """
    if wrong := [name for name in names if name not in all_names]:
        raise ConfigError(f"no {what} {', '.join(wrong)}; there are {', '.join(all_names)}")
    return [name for name in all_names if name in names]


def draw_hosts(kind: str, role: Role, count: int, rng: Random) -> list[Host]:
    """Draw hosts of one network, and their links.

    Parameters
    ----------
    kind : of ``NETWORKS``; names are ``<kind>-1`` and so on.
    role : of the hosts.
    count : how many, at most 250.
    rng : source of addresses and links.

    Examples
    --------
    >>> [host.name for host in draw_hosts("pool", "pool", 2, Random(1))]
    ['pool-1', 'pool-2']
    """
    lasts = sorted(rng.sample(range(2, 252), count))
    return [
        Host(f"{kind}-{number}", role, f"{NETWORKS[kind]}.{last}", _LINKS[kind](rng))
        for number, last in enumerate(lasts, 1)
    ]


def _near(rng: Random) -> Link:
    """In the same data centre."""
    delay_s = _lognormal(rng, 0.000_5, 0.5, 0.000_2, 0.003)
    return Link(delay_s, delay_s * rng.uniform(0.05, 0.3), 0.0, 10 * _GIGABIT)


def _far(rng: Random) -> Link:
    """Somewhere in the world: across a city to across an ocean."""
    delay_s = _lognormal(rng, 0.022, 0.9, 0.001, 0.150)
    jitter_s = delay_s * rng.uniform(0.005, 0.08)
    # Most paths lose next to nothing; some lose a packet in a hundred.
    loss = 0.0 if rng.random() < 0.5 else 10 ** rng.uniform(-4.0, -2.0)
    rate_bps = rng.choice((20e6, 50e6, 100e6, 250e6, _GIGABIT))
    return Link(delay_s, jitter_s, loss, rate_bps)


def _lognormal(rng: Random, median: float, sigma: float, least: float, most: float) -> float:
    return min(max(rng.lognormvariate(math.log(median), sigma), least), most)


_LINKS: Final[dict[str, Callable[[Random], Link]]] = {
    "server": _near,
    "colleague": _near,
    "pool": _far,
    "client": _far,
    "proxy": _far,
}
