# SPDX-License-Identifier: Apache-2.0
"""Named networks, ready to be asked which of them an address is in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from minewatch.address import Network, halves_of


class NamedRanges:
    """Which names an address has, in the time of one search.

    The address space is cut where any network begins or ends; each piece knows its names.

    Parameters
    ----------
    networks : networks by name; the order of names is that of the answers.

    Examples
    --------
    >>> import ipaddress
    >>> tags = {"lab": [ipaddress.ip_network("10.0.0.0/8")], "gpu": [
    ...     ipaddress.ip_network("10.0.0.7/32")]}
    >>> NamedRanges(tags).names(0, 0xFFFF_0A00_0007), NamedRanges(tags).names(0, 0xFFFF_0A00_0008)
    (('lab', 'gpu'), ('lab',))
    """

    def __init__(self, networks: Mapping[str, Iterable[Network]]) -> None:
        changes: dict[int, list[tuple[int, int]]] = {0: []}
        for i, name in enumerate(networks):
            for network in networks[name]:
                high, low = halves_of(str(network.network_address))
                first = (high << 64) | low
                changes.setdefault(first, []).append((i, 1))
                changes.setdefault(first + network.num_addresses, []).append((i, -1))
        self._starts = sorted(changes)
        self._names: list[tuple[str, ...]] = []
        depth = [0] * len(networks)
        for start in self._starts:
            for i, step in changes[start]:
                depth[i] += step
            self._names.append(tuple(n for n, d in zip(networks, depth, strict=True) if d))

    def __bool__(self) -> bool:
        """Return whether any address has a name."""
        return len(self._starts) > 1

    def names(self, high: int, low: int) -> tuple[str, ...]:
        """Return the names of one address, in the order in which they were given.

        Parameters
        ----------
        high : upper half.
        low : lower half; IPv4 is mapped.
        """
        return self._names[bisect_right(self._starts, (high << 64) | low) - 1]
