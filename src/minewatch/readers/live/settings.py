# SPDX-License-Identifier: Apache-2.0
"""How interfaces are watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from minewatch.errors import ConfigError

MAX_INTERFACES: Final = 12
"""One head block of each fits a batch; see ``LiveSettings.block_octets``."""
RETIRE_MS: Final = 250
"""After so long the kernel hands over a block that is not full, if a packet is in it.

On a quiet interface a ring so holds no more than this times its blocks, however few its packets:
16 s, for the start of the program and for a machine that has other work. At 50 ms it was 3 s, and
a watch among busy services on two processors lost packets at a hundred a second.
"""
MAX_SNAPSHOT: Final = 262_144
"""What tcpdump and dumpcap keep of a packet unless told otherwise: all of it."""
MIN_SNAPSHOT: Final = 128
"""Less would cut headers: Ethernet, two tags, IPv6 and TCP with all its options need 122."""

_BLOCK_OCTETS: Final = ((1, 1 << 20), (3, 1 << 19), (6, 1 << 18), (MAX_INTERFACES, 1 << 17))
_MAX_RING_OCTETS: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How interfaces are watched.

    Parameters
    ----------
    interfaces : their names.
    filter : a filter in the language of tcpdump; empty for every packet.
    promiscuous : take packets for other hosts too, as a mirror port gets them.
    ring_octets : memory in which the kernel keeps packets until they are read, an interface each.
    snapshot_octets : what is kept of each packet.

    Raises
    ------
    ConfigError : a value outside its domain.
    """

    interfaces: tuple[str, ...]
    filter: str = ""
    promiscuous: bool = True
    ring_octets: int = 64 << 20
    snapshot_octets: int = MAX_SNAPSHOT

    def __post_init__(self) -> None:
        """Check the values."""
        if not 1 <= len(self.interfaces) <= MAX_INTERFACES:
            raise ConfigError(
                f"{len(self.interfaces)} interfaces: name 1 to {MAX_INTERFACES}, or watch the "
                "bridge or bond that they belong to"
            )
        if len(set(self.interfaces)) < len(self.interfaces):
            raise ConfigError(f"an interface is named twice: {', '.join(self.interfaces)}")
        if not 2 * self.block_octets <= self.ring_octets <= _MAX_RING_OCTETS:
            raise ConfigError(
                f"a ring of {self.ring_octets} octets: "
                f"{2 * self.block_octets} to {_MAX_RING_OCTETS} can be had"
            )
        if not MIN_SNAPSHOT <= self.snapshot_octets <= MAX_SNAPSHOT:
            raise ConfigError(
                f"{self.snapshot_octets} octets of each packet: "
                f"{MIN_SNAPSHOT} to {MAX_SNAPSHOT} can be kept"
            )

    @property
    def block_octets(self) -> int:
        """Size of a block of a ring: one of each interface fits a batch together.

        Examples
        --------
        >>> LiveSettings(("eth0",)).block_octets, LiveSettings(("eth0", "eth1")).block_octets
        (1048576, 524288)
        """
        n = len(self.interfaces)
        return next(octets for most, octets in _BLOCK_OCTETS if n <= most)

    @property
    def blocks(self) -> int:
        """Blocks of a ring."""
        return self.ring_octets // self.block_octets
