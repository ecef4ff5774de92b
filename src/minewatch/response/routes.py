# SPDX-License-Identifier: Apache-2.0
"""Cuts off with a black hole: a route that swallows whatever goes to the pool's address.

Coarser than a filter: it takes the whole address, all ports, from this machine and from all hosts
that it routes for. So it is refused where anybody is seen to use that address for something else.
The kernel keeps no time for such a route: it stays until ``undo``, for which ``Response`` asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from minewatch.alert import Block
from minewatch.errors import ResponseError
from minewatch.response.connections import connections, tracked
from minewatch.response.ends import Ends, ends_of
from minewatch.response.running import run

PROTOCOL: Final = 177
"""Marks our routes (rtnetlink's ``rtm_protocol``, a number that no daemon of iproute2 has)."""
PROC: Final = Path("/proc")
MAX_QUOTED: Final = 3


class RouteResponder:
    """Adds a route of the type ``blackhole`` for the pool's address alone.

    Parameters
    ----------
    proc : where the kernel tells of connections.
    """

    name = "route"

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc

    def covers(self, block: Block) -> str:
        """Return what a block closes: the address of the pool, whoever asks for it."""
        return ends_of(block).pool_network

    def plan(self, block: Block) -> Sequence[str]:
        """Return the command, and what else it closes."""
        ends = ends_of(block)
        lines = [
            " ".join(_command("add", ends)),
            f"# all ports of {ends.pool}, for this machine and all hosts that it routes for",
            f"# stays until minewatch takes it back; the kernel forgets no route after "
            f"{block.seconds} s",
        ]
        return [*lines, *(f"# refused: {other}" for other in self._others(ends))]

    def apply(self, block: Block) -> None:
        """Add the route.

        Parameters
        ----------
        block : what to cut off.

        Raises
        ------
        ResponseError : others use the address, it has a route of its own, or ``ip`` refuses.
        """
        ends = ends_of(block)
        if others := list(self._others(ends)):
            raise ResponseError(
                f"route: others use {ends.pool}: {'; '.join(others[:MAX_QUOTED])}; "
                "use nftables, which takes one host and one port"
            )
        found = _routes(ends)
        if any(route.get("protocol") != str(PROTOCOL) for route in found):
            raise ResponseError(f"route: {ends.pool} has a route of its own, not made by minewatch")
        if not found:
            run(_command("add", ends))

    def undo(self, block: Block) -> None:
        """Take the route back, if it is one of ours.

        Parameters
        ----------
        block : what to let back.

        Raises
        ------
        ResponseError : ``ip`` refuses.
        """
        if self.is_in_force(block):
            run(_command("del", ends_of(block)))

    def is_in_force(self, block: Block) -> bool:
        """Return whether there is a route of ours.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : ``ip`` refuses.
        """
        return any(route.get("protocol") == str(PROTOCOL) for route in _routes(ends_of(block)))

    def _others(self, ends: Ends) -> Iterator[str]:
        """Yield who uses the address for something else than this host's connection to the pool."""
        for one in (*connections(self._proc), *tracked(self._proc)):
            if one.far == ends.pool and (one.far_port != ends.port or one.near != ends.host):
                yield f"{one.near}:{one.near_port} to port {one.far_port}"
            elif one.near == ends.pool and one.is_tracked:  # it is a client of somebody here
                yield f"{one.near}:{one.near_port} is connected to {one.far}:{one.far_port}"


def _command(verb: str, ends: Ends) -> tuple[str, ...]:
    family = f"-{ends.version}"
    return ("ip", family, "route", verb, "blackhole", ends.pool_network, "proto", str(PROTOCOL))


def _routes(ends: Ends) -> list[dict[str, Any]]:
    """The routes of exactly this address."""
    asked = ("ip", "-j", f"-{ends.version}", "route", "show", "exact", ends.pool_network)
    text = run(asked)
    try:
        found = json.loads(text or "[]")
    except ValueError as error:
        raise ResponseError("ip: its answer is no list of routes; iproute2 5 is needed") from error
    return [route for route in found if isinstance(route, dict) and route]
