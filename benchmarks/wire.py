# SPDX-License-Identifier: Apache-2.0
"""A wire of two interfaces in a network namespace of its own, and the check that it is one."""

import socket
import subprocess
import sys
from pathlib import Path

NEAR, FAR = "watched", "sending"


def make_wire() -> None:
    """Make two interfaces with a wire between them, on which nothing speaks by itself."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise SystemExit(f"this is no namespace of our own: run {sys.argv[0]} without --inside")
    for which in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
    for line in (
        f"link add {NEAR} type veth peer name {FAR}",
        f"link set {NEAR} up",
        f"link set {FAR} up",
    ):
        subprocess.run(["ip", *line.split()], check=True)


def refuse_other(interface: str) -> None:
    """End the program unless an interface is one end of a veth pair."""
    shown = subprocess.run(
        ["ip", "-d", "-o", "link", "show", interface], capture_output=True, text=True, check=True
    )
    if " veth " not in shown.stdout:
        raise SystemExit(f"{interface} is no end of a veth pair: nothing is sent there")
