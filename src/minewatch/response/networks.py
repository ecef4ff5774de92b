# SPDX-License-Identifier: Apache-2.0
"""Networks whose addresses serve many at once: to close one closes strangers with it.

``shared_networks.csv`` beside this module lists the networks of big content delivery networks, with
the source and the year of each. It is short on purpose and grows old: networks of your own choice
are added with ``--never``. Load balancers of clouds (Google's, Azure Front Door) are not in it,
since their operators mix them with customers' machines.
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final

from minewatch.address import Network
from minewatch.response.ends import Address

FILE: Final = "shared_networks.csv"
HEADER: Final = ["network", "operator", "as_of", "source"]


class Reasons:
    """Networks that must not be cut off, each with the reason why.

    Parameters
    ----------
    networks : reason of each network; of several that hold an address the widest counts.

    Examples
    --------
    >>> reasons = Reasons({ipaddress.ip_network("192.0.2.0/24"): "is a network of Example"})
    >>> reasons.of(ipaddress.ip_address("192.0.2.7"))
    'is a network of Example'
    """

    def __init__(self, networks: Mapping[Network, str]) -> None:
        self._reasons = dict(networks)
        # Of each version the lengths of prefixes that occur, so that a look-up asks for each once.
        lengths = {(network.version, network.prefixlen) for network in networks}
        self._lengths = {
            version: sorted(length for one, length in lengths if one == version)
            for version in (4, 6)
        }

    def of(self, address: Address) -> str | None:
        """Return why an address must not be cut off, None if nothing is known against it.

        Parameters
        ----------
        address : IPv4 unmapped.
        """
        for length in self._lengths[address.version]:
            network = ipaddress.ip_network(f"{address}/{length}", strict=False)
            if network in self._reasons:
                return self._reasons[network]
        return None

    def __len__(self) -> int:
        """Return how many networks there are."""
        return len(self._reasons)


def shared_networks() -> Reasons:
    """Return the networks of the list that ships."""
    text = resources.files("minewatch.response").joinpath(FILE).read_text(encoding="ascii")
    rows = csv.DictReader(text.splitlines())
    return Reasons(
        {
            ipaddress.ip_network(row["network"]): f"is an address of {row['operator']}, which "
            "serves many others"
            for row in rows
        }
    )


def user_networks(networks: Iterable[Network]) -> Reasons:
    """Return networks that the user forbids to cut off.

    Parameters
    ----------
    networks : from ``--never``.
    """
    return Reasons(
        {network: f"is in {network}, which is never to be cut off" for network in networks}
    )
