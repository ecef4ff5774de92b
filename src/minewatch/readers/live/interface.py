# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of a network interface: netdevice(7).

Nothing heavy is imported here: see ``opening.py``.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import dataclass
from typing import Final

from minewatch.errors import SourceError

ETHERNET: Final = 1
LOOPBACK: Final = 772
"""Hardware types of linux/if_arp.h whose frames have an Ethernet header."""
_RADIO: Final = frozenset((801, 802, 803))
"""IEEE 802.11 frames: an interface in monitor mode."""

_MAX_NAME: Final = 15
_SIOCGIFFLAGS, _SIOCGIFMTU, _SIOCGIFHWADDR = 0x8913, 0x8921, 0x8927
_IFF_UP: Final = 1
_REQUEST: Final = struct.Struct("16s16x8x")
_SHORT, _INT = struct.Struct("@16xH"), struct.Struct("@16xi")


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface, as it was when it was looked at."""

    name: str
    index: int
    hardware: int
    """Its type in linux/if_arp.h: 1 Ethernet, 772 loopback, 65534 a tunnel without link layer."""
    mtu: int

    @property
    def has_ethernet(self) -> bool:
        """Whether its frames begin with an Ethernet header."""
        return self.hardware in (ETHERNET, LOOPBACK)

    @property
    def is_loopback(self) -> bool:
        """Whether each packet passes it twice: once sent, once received."""
        return self.hardware == LOOPBACK


def look_up(name: str) -> Interface:
    """Return an interface by its name.

    Parameters
    ----------
    name : such as ``eth0``.

    Raises
    ------
    SourceError : there is none, it is down, or its frames cannot be decoded.
    """
    index = index_of(name)
    if not index:
        there = ", ".join(sorted(known for _, known in socket.if_nameindex())) or "none"
        raise SourceError(name, f"no such interface; there are: {there}")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            hardware = _SHORT.unpack_from(_asked(probe, _SIOCGIFHWADDR, name))[0]
            mtu = _INT.unpack_from(_asked(probe, _SIOCGIFMTU, name))[0]
            is_up = _is_up(probe, name)
    except OSError as error:
        raise SourceError(name, f"cannot be asked: {error.strerror or error}") from error
    if not is_up:
        raise SourceError(name, f"the interface is down: ip link set {name} up")
    if hardware in _RADIO:
        raise SourceError(
            name, "is in monitor mode; watch a managed interface, or the access point's bridge"
        )
    return Interface(name, index, hardware, mtu)


def index_of(name: str) -> int:
    """Return the number of an interface; 0 if there is none of that name.

    Parameters
    ----------
    name : what it is called.

    Examples
    --------
    >>> index_of("no such interface")
    0
    """
    if not 0 < len(name.encode()) <= _MAX_NAME or "\0" in name:
        return 0
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def is_up(interface: Interface) -> bool:
    """Return whether an interface is up now; false if it is gone.

    Parameters
    ----------
    interface : as it was.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            return _is_up(probe, interface.name)
    except OSError:
        return False


def _is_up(probe: socket.socket, name: str) -> bool:
    return bool(_SHORT.unpack_from(_asked(probe, _SIOCGIFFLAGS, name))[0] & _IFF_UP)


def _asked(probe: socket.socket, request: int, name: str) -> bytes:
    return fcntl.ioctl(probe.fileno(), request, _REQUEST.pack(name.encode()))
