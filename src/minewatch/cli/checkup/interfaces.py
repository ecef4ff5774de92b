# SPDX-License-Identifier: Apache-2.0
"""Whether interfaces are up, and whether their offloads join packets before we see them.

GRO and LRO make one long packet of several that came; TSO and GSO let the card cut one long packet
that is sent. Sizes and counts of packets then differ from those on the wire, on which detectors
were trained. Asked by the ioctls of linux/ethtool.h, so that no program is needed.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level

_SIOCGIFFLAGS: Final = 0x8913
_SIOCETHTOOL: Final = 0x8946
_UP, _LOOPBACK, _RUNNING = 1, 8, 64
MAX_NAME: Final = 15
OFFLOADS: Final = {"gro": 0x2B, "tso": 0x1E, "gso": 0x23}
"""Commands of linux/ethtool.h that read an offload."""
_GET_FLAGS: Final = 0x25
_LRO_FLAG: Final = 1 << 15


def check_interfaces(name: str | None) -> list[Finding]:
    """Return how interfaces are.

    Parameters
    ----------
    name : one of them; None for all that are up, but for the loopback.
    """
    if name is not None:
        return _one(name, is_named=True)
    names = [one for _, one in socket.if_nameindex()]
    findings = [finding for one in names for finding in _one(one, is_named=False)]
    if not findings:
        cure = "bring one up, or name it with --interface to hear why it is left out"
        return [Finding("interfaces", Level.WARN, "none is up but the loopback", cure)]
    return findings


def _one(name: str, *, is_named: bool) -> list[Finding]:
    if len(name.encode()) > MAX_NAME or "\0" in name:
        cure = "`ip link` lists the names"
        return [Finding("interface", Level.FAIL, f"{name[:40]!r} is no name of one", cure)]
    try:
        flags = _flags(name)
    except OSError as error:
        said = os.strerror(error.errno or 0)
        return [Finding(name, Level.FAIL, f"no such interface ({said})", "`ip link` lists them")]
    if not is_named and (flags & _LOOPBACK or not flags & _UP):
        return []
    if not flags & _UP:
        return [Finding(name, Level.FAIL, "it is down", f"ip link set {name} up")]
    if not flags & _RUNNING:
        cure = "check the cable, or the other end of the pair"
        return [Finding(name, Level.WARN, "it is up and has no carrier", cure), *_offloads(name)]
    return [Finding(name, Level.OK, "it is up"), *_offloads(name)]


def _offloads(name: str) -> list[Finding]:
    on = offloads_on(name)
    if on is None:
        text = "whether offloads join packets cannot be asked of it"
        return [Finding(name, Level.OK, text)]
    if not on:
        return [Finding(name, Level.OK, "no offload joins packets")]
    text = f"{', '.join(one.upper() for one in on)} may join packets before they are seen"
    settings = " ".join(f"{one} off" for one in on)
    cure = (
        f"ethtool -K {name} {settings} makes sizes and counts those of the wire, at some cost; "
        "a mirror port needs it, a host that watches itself may leave it"
    )
    return [Finding(name, Level.WARN, text, cure)]


def offloads_on(name: str) -> Sequence[str] | None:
    """Return which offloads of an interface join packets; None where it does not tell.

    Parameters
    ----------
    name : of the interface.

    Examples
    --------
    >>> offloads_on("no-such-card") is None
    True
    """
    found, heard = [], False
    for offload, command in {**OFFLOADS, "lro": _GET_FLAGS}.items():
        try:
            value = _ask(name, command)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENODEV, errno.EPERM, errno.EINVAL):
                raise
            continue
        heard = True
        if value & _LRO_FLAG if offload == "lro" else value:
            found.append(offload)
    return found if heard else None


def _flags(name: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x8x", name.encode(), 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
    return int(struct.unpack_from("H", answer, 16)[0])


def _ask(name: str, command: int) -> int:
    """The answer to a command that gives one number (struct ethtool_value)."""
    value = (ctypes.c_uint32 * 2)(command, 0)
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    return int(value[1])
