# SPDX-License-Identifier: Apache-2.0
"""The two ends of a block as addresses, checked before any program or plan sees them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final, TypeAlias

from minewatch.alert import Block
from minewatch.errors import ResponseError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
TCP: Final = 6
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four octets are the IPv4 address that is meant."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both addresses, of one version."""

    host: Address
    pool: Address
    port: int

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.pool.version

    @property
    def pool_network(self) -> str:
        """The pool's address as a network of its own."""
        return f"{self.pool}/{self.pool.max_prefixlen}"

    @property
    def host_network(self) -> str:
        """The host's address as a network of its own."""
        return f"{self.host}/{self.host.max_prefixlen}"


def ends_of(block: Block) -> Ends:
    """Return the ends of a block.

    Parameters
    ----------
    block : any.

    Raises
    ------
    ResponseError : not TCP, no addresses, or of two versions.
    """
    if block.protocol_identifier != TCP:
        raise ResponseError(
            f"protocol {block.protocol_identifier}: only TCP (6) is cut off; mining uses no other"
        )
    host, pool = address_of(block.host), address_of(block.pool)
    if host.version != pool.version:
        raise ResponseError(f"{host} and {pool} are of two versions of IP")
    return Ends(host, pool, block.pool_port)


def carried_by(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to by NAT64 or 6to4, None if to none.

    Parameters
    ----------
    address : any.

    Examples
    --------
    >>> carried_by(ipaddress.ip_address("64:ff9b::198.51.100.7"))
    IPv4Address('198.51.100.7')
    """
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


def address_of(text: str) -> Address:
    """Return an address, IPv4 unmapped.

    Parameters
    ----------
    text : without a scope.

    Raises
    ------
    ResponseError : it is none.

    Examples
    --------
    >>> address_of("::ffff:192.0.2.1")
    IPv4Address('192.0.2.1')
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ResponseError(f"{text[:60]!r} is no address") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ResponseError(f"{text[:60]!r} has a scope; a pool is not on the own link")
        return address.ipv4_mapped or address
    return address
