# SPDX-License-Identifier: Apache-2.0
"""Whether this process may watch interfaces and change filters: capabilities(7)."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Final

from minewatch.cli.checkup.finding import Finding, Level

NET_ADMIN, NET_RAW = 12, 13
"""Numbers of linux/capability.h."""
_STATUS: Final = Path("/proc/self/status")


def check_rights(*, must_watch: bool, status: Path = _STATUS) -> list[Finding]:
    """Return what this process may do.

    Parameters
    ----------
    must_watch : an interface was named: without the right to watch it nothing works.
    status : the kernel's file about this process.
    """
    held = _held(status)
    findings = [_watching(held, Level.FAIL if must_watch else Level.WARN)]
    if held & 1 << NET_ADMIN:
        findings.append(Finding("cutting off", Level.OK, "CAP_NET_ADMIN is held"))
    else:
        cure = (
            "only `minewatch respond` needs it: run that as root, or as a service with "
            "AmbientCapabilities=CAP_NET_ADMIN (deploy/minewatch-respond.service)"
        )
        # The service that watches must not have it: no reason to warn.
        findings.append(Finding("cutting off", Level.OK, "CAP_NET_ADMIN is missing", cure))
    return findings


def _watching(held: int, level: Level) -> Finding:
    """Whether packets may be received, and how bad it is if not."""
    if not held & 1 << NET_RAW:
        cure = (
            "run as root, or as a service with AmbientCapabilities=CAP_NET_RAW "
            "(deploy/minewatch.service); reading files and flow logs needs no right"
        )
        return Finding("watching", level, "CAP_NET_RAW is missing", cure)
    try:
        # Receives nothing: the protocol is none.
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        cure = "a rootless container sees its own network alone: run this one as root of the host"
        text = "CAP_NET_RAW is held, but not for this network"
        return Finding("watching", level, text, cure)
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:  # of that the check of the kernel tells
            raise
    return Finding("watching", Level.OK, "CAP_NET_RAW is held")


def _held(status: Path) -> int:
    """The effective capabilities, 0 where the kernel does not tell."""
    try:
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "CapEff":
                return int(value, 16)
    except (OSError, ValueError):
        return 0
    return 0
