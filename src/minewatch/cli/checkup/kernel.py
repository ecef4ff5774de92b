# SPDX-License-Identifier: Apache-2.0
"""Whether the kernel hands over packets in blocks: TPACKET_V3 of packet(7)."""

from __future__ import annotations

import errno
import os
import platform
import socket
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level

_SOL_PACKET: Final = 263
_PACKET_VERSION: Final = 10
TPACKET_V3: Final = 2
NEEDED: Final = (3, 2)
"""Linux that brought it, in January 2012."""


def check_kernel(release: str = "", system: str = "") -> list[Finding]:
    """Return whether blocks of packets can be had.

    Parameters
    ----------
    release : of the kernel; empty for this one's.
    system : the same, its name.
    """
    release = release or platform.release()
    system = system or platform.system()
    named = f"{system} {release}"
    if system != "Linux":
        cure = "watch on Linux; reading files and flow logs works here"
        return [Finding("kernel", Level.FAIL, f"{named} has no packet rings", cure)]
    try:
        _try_ring()
    except PermissionError:
        return [_by_release(named, release)]
    except OSError as error:
        cure = "use a kernel with CONFIG_PACKET and its memory-mapped rings, 3.2 or later"
        if error.errno == errno.EAFNOSUPPORT:
            cure = "load the module: modprobe af_packet"
        said = os.strerror(error.errno or 0)
        return [Finding("kernel", Level.FAIL, f"{named} refuses TPACKET_V3 ({said})", cure)]
    return [Finding("kernel", Level.OK, f"{named} has TPACKET_V3")]


def _try_ring() -> None:
    """Ask for the version of ring, on a socket that receives nothing."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
        packets.setsockopt(_SOL_PACKET, _PACKET_VERSION, TPACKET_V3)


def _by_release(named: str, release: str) -> Finding:
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    if numbers >= NEEDED:
        return Finding("kernel", Level.OK, f"{named} should have TPACKET_V3 (not tried: no right)")
    return Finding("kernel", Level.FAIL, f"{named} has no TPACKET_V3", "use Linux 3.2 or later")
