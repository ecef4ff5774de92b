# SPDX-License-Identifier: Apache-2.0
"""Cuts off in a switch: flow rules of Open vSwitch that drop what host and pool say to each other.

Works where the hosts are behind a bridge of this machine (virtual machines, containers), without a
rule on them. A switch drops and cannot answer: both ends see silence, and give up after a while.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from minewatch.alert import Block
from minewatch.errors import ConfigError, ResponseError
from minewatch.response.ends import Ends, ends_of
from minewatch.response.running import run

PRIORITY: Final = 60_000
"""Above what networks usually have; OpenFlow ends at 65,535."""
MAX_SECONDS: Final = 65_535
"""A hard time-out of OpenFlow has 16 bits."""
COOKIE: Final = 0x6D69_6E65
"""Upper half of our cookies: the letters ``mine``."""
_BRIDGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VERSION: Final = ("-O", "OpenFlow14")
"""Knows bundles: both rules come, or none."""


class OpenVSwitchResponder:
    """Adds two flow rules for each block; the switch takes them out when their time is over.

    Parameters
    ----------
    bridge : name of the bridge.

    Raises
    ------
    ConfigError : no name of a bridge.
    """

    def __init__(self, bridge: str) -> None:
        if not _BRIDGE.fullmatch(bridge):
            raise ConfigError(f"bridge {bridge[:80]!r}: letters, digits, and _.- between them")
        self._bridge = bridge
        self.name = f"openvswitch:{bridge}"

    def covers(self, block: Block) -> str:
        """Return what a block closes: blocks with the same text are one in the switch."""
        ends = ends_of(block)
        return f"{ends.host} {ends.pool} {ends.port}"

    def plan(self, block: Block) -> Sequence[str]:
        """Return the commands."""
        command = " ".join(("ovs-ofctl", *_VERSION, "add-flow", self._bridge))
        return [f'{command} "{flow}"' for flow in _flows(block)]

    def apply(self, block: Block) -> None:
        """Add both rules, or none; rules that are there get their full time again.

        Parameters
        ----------
        block : what to cut off.

        Raises
        ------
        ResponseError : longer than a switch can keep, no such bridge, or it refuses.
        """
        told = "".join(f"{flow}\n" for flow in _flows(block))
        run(("ovs-ofctl", *_VERSION, "--bundle", "add-flows", self._bridge, "-"), told)

    def undo(self, block: Block) -> None:
        """Take both rules out.

        Parameters
        ----------
        block : what to let back.

        Raises
        ------
        ResponseError : no such bridge, or it refuses.
        """
        run(("ovs-ofctl", *_VERSION, "del-flows", self._bridge, _found_by(block)))

    def is_in_force(self, block: Block) -> bool:
        """Return whether the switch has both rules.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : no such bridge, or it refuses.
        """
        told = run(("ovs-ofctl", *_VERSION, "dump-flows", self._bridge, _found_by(block)))
        return told.count("actions=drop") == len(_flows(block))


def _found_by(block: Block) -> str:
    return f"cookie={_cookie(ends_of(block)):#x}/-1"


def _flows(block: Block) -> tuple[str, str]:
    """The rules of both directions, as ``ovs-ofctl`` reads them."""
    if block.seconds > MAX_SECONDS:
        raise ResponseError(
            f"openvswitch: {block.seconds:,} s: a switch keeps a rule for {MAX_SECONDS:,} s at "
            "most; ask for less, and again"
        )
    ends = ends_of(block)
    kind, source, target = ("tcp", "nw_src", "nw_dst")
    if ends.version == 6:
        kind, source, target = ("tcp6", "ipv6_src", "ipv6_dst")
    head = f"cookie={_cookie(ends):#x},priority={PRIORITY},hard_timeout={block.seconds},{kind}"
    return (
        f"{head},{source}={ends.host},{target}={ends.pool},tp_dst={ends.port},actions=drop",
        f"{head},{source}={ends.pool},{target}={ends.host},tp_src={ends.port},actions=drop",
    )


def _cookie(ends: Ends) -> int:
    """What finds the rules of a block again."""
    text = f"{ends.host} {ends.pool} {ends.port}"
    return COOKIE << 32 | int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
