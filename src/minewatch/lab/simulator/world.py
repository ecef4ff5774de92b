# SPDX-License-Identifier: Apache-2.0
"""Addresses and ports: who is at the ends of conversations, each 5-tuple once.

Every kind of traffic has networks of its own at the far end, so that a few rules label everything.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.errors import ConfigError
from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.normal import TrafficKind
from minewatch.lab.simulator.script import IntArray

HOME: Final = ipaddress.IPv4Network("10.77.0.0/16")
"""Where the watched servers are."""

OUTSIDE: Final = ipaddress.IPv4Network("198.18.0.0/15")
"""Where everybody else is: a range for benchmarks (RFC 2544) that nobody owns."""
DOCUMENTATION: Final = tuple(
    ipaddress.IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
"""Of pools, as long as there is room (RFC 5737)."""

_BITS: Final = 21
"""Of a kind's network."""
_BLOCKS: Final = 1 << (_BITS - OUTSIDE.prefixlen)
_NETWORK: Final = 1 << (32 - _BITS)

LINUX_PORTS: Final = (32_768, 28_232)
"""First and number of the ports that Linux gives to clients."""
ANY_PORTS: Final = (1_024, 64_512)
"""Behind address translation any port may come."""

_CLIENTS: Final = {"internet": 2_000, "cloud": 24}
_SERVED: Final = {"internet": 60, "cloud": 6}
"""Far ends that servers ask."""
_STRIDE: Final = 25_171
"""Coprime to both numbers of ports: a walk over all of them."""
_HASH: Final = 2_654_435_761
"""Knuth's multiplier: spreads numbers over 32 bits."""


def server_name(number: int) -> str:
    """Return what labels call a watched server.

    Examples
    --------
    >>> server_name(0)
    'server-1'
    """
    return f"server-{number + 1}"


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of conversations of one kind, shape (n,) each."""

    initiator_address: npt.NDArray[np.uint32]
    initiator_port: npt.NDArray[np.uint16]
    responder_address: npt.NDArray[np.uint32]
    responder_port: npt.NDArray[np.uint16]


class World:
    """Who there is.

    Parameters
    ----------
    servers : how many servers are watched.
    kinds : of normal traffic.
    rng : source of networks.
    """

    def __init__(self, servers: int, kinds: tuple[TrafficKind, ...], rng: Rng) -> None:
        first = int(HOME.network_address)
        self.servers: IntArray = (
            first + np.arange(servers) // 250 * 256 + np.arange(servers) % 250 + 4
        )
        self._kinds = kinds
        if len(kinds) >= _BLOCKS:
            raise ValueError(f"{len(kinds)} kinds of traffic, but room for {_BLOCKS - 1}")
        blocks = int(OUTSIDE.network_address) + _NETWORK * rng.permutation(_BLOCKS)
        self._networks: list[int] = blocks[: len(kinds)].tolist()
        self._offsets = rng.integers(0, 1 << 16, len(kinds)).tolist()
        free = [(int(n.network_address), n.num_addresses) for n in DOCUMENTATION]
        free += [(block, _NETWORK) for block in blocks[len(kinds) :].tolist()]
        # First the documentation's, in any order; then the rest.
        self._pools: list[int] = [
            address
            for low, size in reversed(free)
            for address in (low + 1 + rng.permutation(size - 2)).tolist()
        ]

    def far_network(self, kind: int) -> ipaddress.IPv4Network:
        """Return where the far ends of a kind are."""
        return ipaddress.IPv4Network((self._networks[kind], _BITS))

    def pool_address(self) -> int:
        """Return an address that no other pool and nobody else has.

        Raises
        ------
        ConfigError : there are more pools than addresses.
        """
        if not self._pools:
            raise ConfigError("too many pools for the addresses there are: ask for less mining")
        return self._pools.pop()

    def ends(self, kind: int, first: int, servers: IntArray) -> Ends:
        """Return the ends of the next conversations of a kind.

        Parameters
        ----------
        kind : which.
        first : how many conversations of it there were before.
        servers : the watched server of each, as a number.

        Raises
        ------
        ConfigError : there are more conversations of one kind than addresses and ports.
        """
        what = self._kinds[kind]
        n = len(servers)
        number = first + np.arange(n) + self._offsets[kind]
        low, count = LINUX_PORTS if what.is_outbound or what.realm == "cloud" else ANY_PORTS
        # A port comes again in the next round, then with the next far end: no 5-tuple comes twice.
        rounds, place = np.divmod(number, count)
        hosts = (_SERVED if what.is_outbound else _CLIENTS)[what.realm]
        if n and rounds.max() >= (_NETWORK - 2) // hosts * hosts:
            raise ConfigError(f"too many conversations of kind {what.service} for one network")
        # Some far ends come often, most seldom.
        chance = (place + 1) * _HASH % (1 << 32) / (1 << 32)
        within = (hosts * chance**2).astype(np.int64)
        within = rounds // hosts * hosts + (within + rounds) % hosts
        far = self._networks[kind] + 1 + within
        ports = np.array(what.ports)
        own_port = low + place * _STRIDE % count
        home = self.servers[servers]
        is_out = what.is_outbound
        return Ends(
            initiator_address=(home if is_out else far).astype(np.uint32),
            initiator_port=own_port.astype(np.uint16),
            responder_address=(far if is_out else home).astype(np.uint32),
            responder_port=ports[(within if is_out else servers) % len(ports)].astype(np.uint16),
        )
