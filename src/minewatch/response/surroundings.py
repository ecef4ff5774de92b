# SPDX-License-Identifier: Apache-2.0
"""What this machine cannot do without: itself, gateways, name servers, who administers it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from minewatch.response.connections import connections
from minewatch.response.ends import Address
from minewatch.response.networks import Reasons

PROC: Final = Path("/proc")
ETC: Final = Path("/etc")
RUN: Final = Path("/run")
MANAGEMENT_PORTS: Final = frozenset({22, 3389, 5985, 5986})
"""SSH, RDP, WinRM: who is connected to one of them administers this machine."""
_GATEWAY: Final = 0x2
_IPV6_ROUTE_WORDS: Final = 10
_IPV6_ADDRESS_WORDS: Final = 6
_RESOLVED: Final = Path("systemd") / "resolve" / "resolv.conf"
"""Where systemd-resolved keeps the servers behind its own 127.0.0.53."""
MAX_LINES: Final = 100_000

FIXED: Final[Mapping[str, str]] = {
    "127.0.0.0/8": "is this machine itself",
    "::1/128": "is this machine itself",
    "0.0.0.0/8": "is no address of a host",
    "::/128": "is no address of a host",
    "169.254.0.0/16": "is link-local, where clouds keep metadata, time and name servers",
    "fe80::/10": "is link-local",
    "fd00:ec2::/32": "is a service of AWS for its instances",
    "168.63.129.16/32": "is Azure's platform: name server, DHCP and health probes",
    "224.0.0.0/4": "is a group, not a host",
    "ff00::/8": "is a group, not a host",
    "255.255.255.255/32": "is everybody on the link",
}
"""Addresses that no machine may lose, wherever it stands (RFC 6890; AWS: instance metadata and the
Amazon time and DNS services; Azure: "What is IP address 168.63.129.16")."""


def surroundings(
    proc: Path = PROC,
    etc: Path = ETC,
    environment: Mapping[str, str] = os.environ,
    run: Path = RUN,
) -> Reasons:
    """Return what must not be cut off on this machine, as it is now.

    Parameters
    ----------
    proc : the folder ``/proc``.
    etc : the folder ``/etc``.
    environment : of this process, for the session that it runs in.
    run : the folder ``/run``.
    """
    reasons = {ipaddress.ip_network(text): reason for text, reason in FIXED.items()}
    found = (
        *((one, "is this machine itself") for one in _own(proc)),
        *((one, "is a gateway of this machine") for one in _gateways(proc)),
        *(
            (one, "is a name server of this machine")
            for path in (etc / "resolv.conf", run / _RESOLVED)
            for one in _name_servers(path)
        ),
        *((one, "administers this machine") for one in _administrators(proc, environment)),
    )
    for address, reason in found:
        reasons.setdefault(ipaddress.ip_network(address), reason)
    return Reasons(reasons)


def _own(proc: Path) -> Iterator[Address]:
    """Addresses of this machine's interfaces."""
    last = ""
    for words in _rows(proc / "net" / "fib_trie"):
        # An address stands on one line, and what it is on the next.
        if words == ["/32", "host", "LOCAL"]:
            yield from _addresses(last)
        last = words[-1] if words else ""
    for words in _rows(proc / "net" / "if_inet6"):
        if len(words) >= _IPV6_ADDRESS_WORDS:
            try:
                yield ipaddress.IPv6Address(bytes.fromhex(words[0]))
            except ValueError:
                continue


def _gateways(proc: Path) -> Iterator[Address]:
    for words in _rows(proc / "net" / "route"):
        # The heading has no number; the address is in this machine's order of octets.
        if len(words) > 3 and _flags(words[3]) & _GATEWAY:
            yield from _ipv4(words[2])
    for words in _rows(proc / "net" / "ipv6_route"):
        if len(words) >= _IPV6_ROUTE_WORDS and _flags(words[8]) & _GATEWAY:
            try:
                yield ipaddress.IPv6Address(bytes.fromhex(words[4]))
            except ValueError:
                continue


def _flags(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _ipv4(digits: str) -> Iterator[Address]:
    try:
        yield ipaddress.IPv4Address(bytes.fromhex(digits)[::-1])
    except ValueError:
        return


def _name_servers(path: Path) -> Iterator[Address]:
    for words in _rows(path):
        if len(words) > 1 and words[0] == "nameserver":
            yield from _addresses(words[1])


def _administrators(proc: Path, environment: Mapping[str, str]) -> Iterator[Address]:
    for name in ("SSH_CONNECTION", "SSH_CLIENT"):
        if words := environment.get(name, "").split():
            yield from _addresses(words[0])
    for one in connections(proc):
        if one.near_port in MANAGEMENT_PORTS:
            yield one.far


def _addresses(text: str) -> Iterator[Address]:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    yield mapped or address


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file):
                if number >= MAX_LINES:
                    return
                yield line.split()
    except OSError:  # no such protocol here, or no name server
        return
