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

_CLOUD_FIRST: Final = int(ipaddress.IPv4Address("10.128.0.0"))
"""Neighbours in the same cloud; each kind of traffic has 65,536 addresses."""

_PUBLIC_FIRST_OCTETS: Final = (*range(13, 100), *range(130, 169), *range(193, 198))
_POOL_FIRST_OCTETS: Final = (*range(101, 126), *range(205, 222))

LINUX_PORTS: Final = (32_768, 28_232)
"""First and number of the ports that Linux gives to clients."""
ANY_PORTS: Final = (1_024, 64_512)
"""Behind address translation any port may come."""

_CLIENTS: Final = {"internet": 3_000, "cloud": 24}
_SERVED: Final = {"internet": 60, "cloud": 6}
"""Far ends that servers ask."""
_NETWORK: Final = 1 << 16
_STRIDE: Final = 25_171
"""Coprime to both numbers of ports: a walk over all of them."""


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
        octets = rng.choice(len(_PUBLIC_FIRST_OCTETS) * 256, len(kinds), replace=False)
        self._networks = [
            _CLOUD_FIRST + number * _NETWORK
            if kind.realm == "cloud"
            else (_PUBLIC_FIRST_OCTETS[octet // 256] << 24) + (octet % 256 << 16)
            for number, (kind, octet) in enumerate(zip(kinds, octets.tolist(), strict=True))
        ]
        self._offsets = rng.integers(0, 1 << 16, len(kinds)).tolist()
        self._pools: set[int] = set()
        self._pool_octets: list[int] = rng.permutation(len(_POOL_FIRST_OCTETS) * 256).tolist()

    def far_network(self, kind: int) -> ipaddress.IPv4Network:
        """Return where the far ends of a kind are."""
        return ipaddress.IPv4Network((self._networks[kind], 16))

    def pool_address(self, rng: Rng) -> int:
        """Return an address that no other pool and nobody else has."""
        while True:
            octet: int = self._pool_octets[int(rng.integers(len(self._pool_octets)))]
            network = (_POOL_FIRST_OCTETS[octet // 256] << 24) + (octet % 256 << 16)
            address: int = network + int(rng.integers(256, 65_000))
            if address not in self._pools:
                self._pools.add(address)
                return address

    def ends(self, kind: int, first: int, servers: IntArray, rng: Rng) -> Ends:
        """Return the ends of the next conversations of a kind.

        Parameters
        ----------
        kind : which.
        first : how many conversations of it there were before.
        servers : the watched server of each, as a number.
        rng : source of far ends.

        Raises
        ------
        ConfigError : there are more conversations of one kind than addresses and ports.
        """
        what = self._kinds[kind]
        n = len(servers)
        number = first + np.arange(n) + self._offsets[kind]
        low, count = LINUX_PORTS if what.is_outbound or what.realm == "cloud" else ANY_PORTS
        # Each round through the ports has far ends of its own: so no 5-tuple comes twice.
        rounds = number // count
        hosts = (_SERVED if what.is_outbound else _CLIENTS)[what.realm]
        within = (hosts * rng.random(n) ** 2).astype(np.int64)
        if n and (rounds.max() + 1) * hosts >= _NETWORK:
            raise ConfigError(f"too many conversations of kind {what.service} for one network")
        far = self._networks[kind] + 1 + rounds * hosts + within
        ports = np.array(what.ports)
        own_port = low + number % count * _STRIDE % count
        home = self.servers[servers]
        is_out = what.is_outbound
        return Ends(
            initiator_address=(home if is_out else far).astype(np.uint32),
            initiator_port=own_port.astype(np.uint16),
            responder_address=(far if is_out else home).astype(np.uint32),
            responder_port=ports[(within if is_out else servers) % len(ports)].astype(np.uint16),
        )
