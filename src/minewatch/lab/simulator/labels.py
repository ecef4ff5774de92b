# SPDX-License-Identifier: Apache-2.0
"""The labels of a simulated capture: a few rules, whatever its size.

Mining comes first, by pool, port and server. Normal traffic follows, by server and
by the network of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from minewatch.lab.simulator.normal import TrafficKind
from minewatch.lab.simulator.ventures import Venture
from minewatch.lab.simulator.world import World, server_name

CAPTURE = "simulated.pcap"

COLUMNS = (
    *("capture", "source", "label", "address", "port", "protocol", "peer", "service"),
    *("coin", "algorithm", "dialect", "transport", "pool", "miner", "evasion", "host"),
)


def write_labels(
    path: Path,
    ventures: Sequence[Venture],
    kinds: Sequence[TrafficKind],
    world: World,
    *,
    capture: str = CAPTURE,
    source: str,
) -> None:
    """Write the rules.

    Parameters
    ----------
    path : file to write.
    ventures : who mines.
    kinds : of normal traffic.
    world : their addresses.
    capture : the labelled file, from the labels file's folder.
    source : who made it.
    """
    common = {"capture": capture, "source": source}
    rows = [*mining_rows(ventures, world), *normal_rows(kinds, world)]
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(({**common, **row}).get(name, "") for name in COLUMNS) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def mining_rows(ventures: Sequence[Venture], world: World) -> Iterator[dict[str, str]]:
    """Yield one rule for each miner and place that it goes to."""
    for venture in ventures:
        for place in venture.places:
            yield {
                "label": "mining",
                "address": str(IPv4Address(place.address)),
                "port": str(place.port),
                "protocol": "6",
                "peer": str(IPv4Address(int(world.servers[venture.server]))),
                "service": "mining",
                "coin": place.pool.coin,
                "algorithm": place.pool.algorithm,
                "dialect": place.pool.dialect,
                "transport": place.pool.transport,
                "pool": place.pool.name,
                "miner": venture.miner.name,
                "evasion": "+".join(venture.miner.evasions),
                "host": venture.miner.host,
            }


def normal_rows(kinds: Sequence[TrafficKind], world: World) -> Iterator[dict[str, str]]:
    """Yield one rule for each kind and server; the responder is the server, or what it asks."""
    for number, kind in enumerate(kinds):
        far = str(world.far_network(number))
        for server, address in enumerate(world.servers.tolist()):
            home = str(IPv4Address(address))
            yield {
                "label": "normal",
                "address": far if kind.is_outbound else home,
                "protocol": str(kind.protocol),
                "peer": home if kind.is_outbound else far,
                "service": kind.service,
                "host": server_name(server),
            }
