# SPDX-License-Identifier: Apache-2.0
"""How a miner of a plan reaches its pool: dialect, TLS, and the proxy or tunnel between."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from minewatch.errors import ConfigError
from minewatch.lab import transport
from minewatch.lab.dialects.contract import Dialect
from minewatch.lab.plan import Miner, Plan, Pool, Transport

if TYPE_CHECKING:
    import ssl

    from minewatch.lab import tls

_TLS: dict[Transport, tls.Version] = {"tls1.2": "1.2", "tls1.3": "1.3"}


@dataclass(frozen=True, slots=True)
class Way:
    """What stands between a miner and its pool; both None if nothing does."""

    proxy: tuple[str, int] | None = None
    """Host and port of a SOCKS5 server."""

    tunnel: tuple[str, int] | None = None
    """Host and port that stand for the pool."""


def find_way(plan: Plan, miner: Miner) -> Way:
    """Return what a miner goes through.

    Raises
    ------
    ConfigError : the plan has no such service, or it is no way to anywhere.
    """
    if not miner.via:
        return Way()
    try:
        service = plan.service(miner.via)
        if service.kind == "socks5":
            return Way(proxy=(plan.host(service.host).address, service.port))
        if service.kind == "ssh-tunnel":
            return Way(tunnel=("127.0.0.1", int(service.options["local_port"])))
    except (StopIteration, KeyError, ValueError) as error:
        raise ConfigError(f"miner {miner.name}: no way through {miner.via}: {error!r}") from error
    raise ConfigError(
        f"miner {miner.name}: {miner.via} is {service.kind}, neither socks5 nor ssh-tunnel"
    )


def find_pool(plan: Plan, name: str, who: str) -> Pool:
    """Return a pool whose host and dialect exist.

    Raises
    ------
    ConfigError : the plan lacks it; the message says who wanted it.
    """
    try:
        pool = plan.pool(name)
        plan.host(pool.host)
    except StopIteration:
        raise ConfigError(f"{who}: the plan has no pool {name}, or not its host") from None
    find_dialect(pool)
    return pool


def find_dialect(pool: Pool) -> Dialect:
    """Return what a pool speaks.

    Raises
    ------
    ConfigError : there is no such dialect.
    """
    from minewatch.lab.dialects import DIALECTS

    if pool.dialect not in DIALECTS:
        known = ", ".join(sorted(DIALECTS))
        raise ConfigError(f"pool {pool.name}: no dialect {pool.dialect!r}; there are {known}")
    return DIALECTS[pool.dialect]


def client_context(wanted: Transport) -> ssl.SSLContext | None:
    """Return a miner's TLS context; None for plain TCP."""
    if wanted == "tcp":
        return None
    from minewatch.lab import tls

    return tls.miner_context(_TLS[wanted])


def server_context(wanted: Transport, common_name: str) -> ssl.SSLContext | None:
    """Return a pool's TLS context with a certificate of its own; None for plain TCP."""
    if wanted == "tcp":
        return None
    from minewatch.lab import tls

    # The key need not outlive the context, and shall not lie in a folder that may be published.
    with tempfile.TemporaryDirectory(prefix="minewatch-tls-") as folder:
        made = tls.self_signed_certificate(Path(folder), common_name)
        return tls.server_context(made, _TLS[wanted])


async def connect(plan: Plan, pool: Pool, way: Way) -> transport.Connection:
    """Connect to a pool; errors as those of ``transport.connect``."""
    return await transport.connect(
        plan.host(pool.host).address,
        pool.port,
        carrier=find_dialect(pool).carrier,
        context=client_context(pool.transport),
        proxy=way.proxy,
        through=way.tunnel,
    )
