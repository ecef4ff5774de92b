# SPDX-License-Identifier: Apache-2.0
"""The TCP connections that the kernel knows: this machine's own, and those that it routes."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from minewatch.response.ends import Address

ESTABLISHED: Final = "01"
MAX_LINES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Connection:
    """An established connection."""

    near: Address
    near_port: int
    far: Address
    far_port: int
    is_tracked: bool = False
    """Known from connection tracking: ``near`` began it, and may be any host."""


def connections(proc: Path) -> Iterator[Connection]:
    """Yield the established connections of this machine.

    Parameters
    ----------
    proc : the folder ``/proc``.
    """
    for name in ("tcp", "tcp6"):
        for words in _rows(proc / "net" / name):
            if len(words) > 3 and words[3] == ESTABLISHED:
                try:
                    near, far = _endpoint(words[1]), _endpoint(words[2])
                except ValueError:  # the heading, or a kernel that writes otherwise
                    continue
                yield Connection(*near, *far)


def tracked(proc: Path) -> Iterator[Connection]:
    """Yield the connections of others that pass, where the kernel tracks them and tells.

    Parameters
    ----------
    proc : the folder ``/proc``.
    """
    for words in _rows(proc / "net" / "nf_conntrack"):
        if "ESTABLISHED" not in words:
            continue
        # The first of each is that of the direction in which the connection began.
        fields: dict[str, str] = {}
        for word in words:
            key, is_field, value = word.partition("=")
            if is_field:
                fields.setdefault(key, value)
        try:
            yield Connection(
                ipaddress.ip_address(fields["src"]),
                int(fields["sport"]),
                ipaddress.ip_address(fields["dst"]),
                int(fields["dport"]),
                is_tracked=True,
            )
        except (KeyError, ValueError):
            continue


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for number, line in enumerate(file):
                if number >= MAX_LINES:
                    return
                yield line.split()
    except OSError:  # no such protocol, or no connection tracking, or not for this user
        return


def _endpoint(text: str) -> tuple[Address, int]:
    """An address and a port as ``/proc/net/tcp`` writes them: words in this machine's order."""
    digits, _, port = text.partition(":")
    octets = bytes.fromhex(digits)
    if len(octets) not in (4, 16):
        raise ValueError(text)
    step = -1 if sys.byteorder == "little" else 1
    words = (octets[i : i + 4][::step] for i in range(0, len(octets), 4))
    address = ipaddress.ip_address(b"".join(words))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address, int(port, 16)
