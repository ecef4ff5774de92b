# SPDX-License-Identifier: Apache-2.0
"""The labels of a lab, by construction: who talks to which address and port follows from the plan.

Writes what ``minewatch.training.labels`` reads: rules for each server's capture, tried from top to
bottom. Mining comes first, for a proxy may serve a miner and somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from minewatch.lab.plan import Host, Miner, Plan, Pool

COLUMNS: Final = (
    *("capture", "source", "label", "address", "port", "protocol", "peer", "service"),
    *("coin", "algorithm", "dialect", "transport", "pool", "miner", "evasion", "host"),
)
CAPTURES: Final = "captures"
"""Folder of the captures, beside the labels."""

MINING: Final = "mining"
UNKNOWN: Final = "unknown"
"""Kind of service of what the plan does not explain; there should be none."""

_ICMP, _TCP = "1", "6"


def write_labels(plan: Plan, path: Path, servers: Sequence[str] | None = None) -> None:
    """Write the labels of a lab's captures.

    Parameters
    ----------
    plan : of the lab.
    path : file to write.
    servers : whose captures there are; None for all.
    """
    names = [h.name for h in plan.hosts if h.role == "server"] if servers is None else servers
    lines = ["\t".join(COLUMNS)]
    for name in names:
        lines += ["\t".join(row[column] for column in COLUMNS) for row in rows(plan, name)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(plan: Plan, server: str) -> Iterator[dict[str, str]]:
    """Yield the rules of one server's capture.

    Parameters
    ----------
    plan : of the lab.
    server : name of the watched host.
    """
    yield from _mining_rows(plan, plan.host(server))
    for service in plan.services:
        if server == service.host or server in service.clients:
            address = plan.host(service.host).address
            yield _row(plan, server, "normal", address, service.port, service=service.kind)
    yield _row(plan, server, "skip", protocol=_ICMP, service="icmp")
    yield _row(plan, server, "skip", service=UNKNOWN)


def _mining_rows(plan: Plan, server: Host) -> Iterator[dict[str, str]]:
    for miner in plan.miners:
        if miner.host != server.name:
            continue
        for name in miner.pools:
            pool = plan.pool(name)
            host, port = _seen_at(plan, miner, pool)
            yield _row(
                plan,
                server.name,
                "mining",
                plan.host(host).address,
                port,
                protocol=_TCP,
                peer=server.address,
                service=MINING,
                coin=pool.coin,
                algorithm=pool.algorithm,
                dialect=pool.dialect,
                transport=pool.transport,
                pool=pool.name,
                miner=miner.name,
                evasion="+".join(miner.evasions),
            )


def _seen_at(plan: Plan, miner: Miner, pool: Pool) -> tuple[str, int]:
    """Return the host and port that a miner's server sees: the pool, or what hides it."""
    if not miner.via:
        return pool.host, pool.port
    service = plan.service(miner.via)
    return service.host, service.port


def _row(
    plan: Plan, server: str, label: str, address: str = "", port: int | str = "", **more: str
) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | {
        "capture": f"{CAPTURES}/{server}.pcap",
        "source": f"lab-{plan.seed}",
        "label": label,
        "address": address,
        "port": str(port),
        "host": server,
        **more,
    }
