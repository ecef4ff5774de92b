# SPDX-License-Identifier: Apache-2.0
"""The hosts of a lab: one network namespace each, with a TAP device as its network card.

What a host sends comes out of the TAP device's file; what is written there, the host receives. The
switch (``minewatch.lab.switch``) carries frames from file to file. No device leads anywhere else.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from minewatch.errors import ConfigError
from minewatch.lab.plan import Host

DEVICE: Final = "eth0"
NAMESPACES: Final = Path("/run/netns")

_TUNSETIFF: Final = 0x400454CA
_IFF_TAP: Final = 0x0002
_IFF_NO_PI: Final = 0x1000
_CLONE_NEWNET: Final = 0x40000000

_SETTINGS: Final = {
    # No IPv6, so no neighbour discovery.
    "ipv6/conf/all/disable_ipv6": "1",
    # Servers that drop privileges may still listen on 53, 80 or 443.
    "ipv4/ip_unprivileged_port_start": "0",
    # Connections to one service from one host again and again, without waiting for TIME-WAIT.
    "ipv4/ip_local_port_range": "32768 60999",
}


def mac_of(address: str) -> bytes:
    """Return the hardware address of a host, 6 octets; locally administered, from its address.

    Examples
    --------
    >>> mac_of("10.86.1.3").hex(":")
    '02:00:0a:56:01:03'
    """
    return b"\x02\x00" + IPv4Address(address).packed


def build(hosts: Sequence[Host]) -> dict[str, int]:
    """Make the namespaces and their network cards; return the file of each card by host name.

    Parameters
    ----------
    hosts : names, which become names of namespaces, and addresses; both unique.

    Raises
    ------
    ConfigError : a name or an address is there twice, or in use.
    """
    for what in ("name", "address"):
        values = [getattr(host, what) for host in hosts]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ConfigError(f"two hosts have the {what} {', '.join(twice)}")
    _ip(None, [f"netns add {host.name}" for host in hosts])
    files: dict[str, int] = {}
    for host in hosts:
        with inside(host.name):
            files[host.name] = _open_tap()
            _set(_SETTINGS)
        _ip(host.name, _addressing(host))
    return files


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Let this thread make its sockets and devices in a namespace, and then where it was.

    Parameters
    ----------
    namespace : its name.
    """
    with open("/proc/thread-self/ns/net", "rb") as before:
        with open(NAMESPACES / namespace, "rb") as file:
            _enter(file.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def command_in(namespace: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a program in a namespace, in a process of its own.

    Parameters
    ----------
    namespace : its name.
    argv : the program and its arguments.
    """
    return ["ip", "netns", "exec", namespace, *argv]


def _addressing(host: Host) -> list[str]:
    # All hosts are on one wire, however their addresses look: no gateway has to be played.
    return [
        "link set lo up",
        f"link set {DEVICE} address {mac_of(host.address).hex(':')} up",
        f"address add {host.address}/32 dev {DEVICE}",
        f"route add default dev {DEVICE} src {host.address}",
    ]


def _open_tap() -> int:
    """Make a network card in the thread's namespace and return its file."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TAP | _IFF_NO_PI)
    fcntl.ioctl(file, _TUNSETIFF, request)
    return file


def _set(settings: Mapping[str, str]) -> None:
    """Write settings of the thread's namespace; one that this kernel does not know is no loss."""
    for name, value in settings.items():
        with contextlib.suppress(FileNotFoundError):
            Path("/proc/sys/net", name).write_text(value, encoding="ascii")


def _enter(file: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file, _CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"cannot enter a network namespace: {os.strerror(error)}")


def _ip(namespace: str | None, lines: Sequence[str]) -> None:
    """Run lines of ``ip``, in a namespace or here, in one process."""
    place = ["-netns", namespace] if namespace else []
    done = subprocess.run(
        ["ip", *place, "-batch", "-"],
        input="\n".join(lines) + "\n",
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise ConfigError(
            f"ip refuses the network{f' of {namespace}' if namespace else ''}: {said}"
        )
