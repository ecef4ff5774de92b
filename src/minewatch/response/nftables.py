# SPDX-License-Identifier: Apache-2.0
"""Cuts off with Linux's own filter: a table of ours, sets whose elements time out by themselves.

A packet to the pool is answered with a reset to the host, and a packet from the pool with a reset
to the pool, which so learns that the connection is dead. Resets themselves may pass. Nothing else
is touched: other hosts, other ports and other addresses never meet a rule of this table.

The table filters what this machine sends, receives and routes. Frames that a bridge passes on
without routing them, and a mirror of other machines' traffic, do not come by here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from minewatch.alert import Block
from minewatch.errors import ResponseError
from minewatch.response.ends import Ends, ends_of
from minewatch.response.running import run

FAMILY: Final = "inet"
TABLE: Final = "minewatch"
SET_SIZE: Final = 4_096
"""Elements of each set at most; the policy allows far fewer."""
PRIORITY: Final = -10
"""Just before the usual filters, so that an accept of theirs changes nothing."""
COMMAND: Final = ("nft", "-j", "-f", "-")
_VERSIONS: Final = ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr"))
_AWAY: Final = ("output", "forward")
"""Hooks by which packets to a pool come."""
_BACK: Final = ("input", "forward")
"""Hooks by which packets from a pool come."""


class NftablesResponder:
    """Adds one element for each block; the kernel takes it out when its time is over."""

    name = "nftables"

    def covers(self, block: Block) -> str:
        """Return what a block closes: blocks with the same text are one in the kernel."""
        ends = ends_of(block)
        return f"{ends.host} {ends.pool} {ends.port}"

    def plan(self, block: Block) -> Sequence[str]:
        """Return the lines that would be given to ``nft -f -``."""
        ends = ends_of(block)
        element = f"{ends.host} . {ends.pool} . {ends.port} timeout {block.seconds}s"
        lines = [f"add table {FAMILY} {TABLE}"]
        for version, _, kind in _VERSIONS:
            lines.append(
                f"add set {FAMILY} {TABLE} pools{version} {{ type {kind} . {kind} . inet_service; "
                f"size {SET_SIZE}; flags timeout; }}"
            )
        for hook in dict.fromkeys((*_AWAY, *_BACK)):
            lines.append(
                f"add chain {FAMILY} {TABLE} {hook} {{ type filter hook {hook} "
                f"priority {PRIORITY}; policy accept; }}"
            )
            lines += [f"add rule {FAMILY} {TABLE} {hook} {rule}" for rule in _rule_texts(hook)]
        return [*lines, f"add element {FAMILY} {TABLE} pools{ends.version} {{ {element} }}"]

    def apply(self, block: Block) -> None:
        """Add the element, and the table if it is not there; all of it or nothing.

        A block that is there already gets its full time again.

        Parameters
        ----------
        block : what to cut off.

        Raises
        ------
        ResponseError : nft is missing or refuses.
        """
        ends = ends_of(block)
        commands = _table_commands()
        # An element that is there would keep its old time on Linux before 6.12.
        commands += [
            {"add": _element(ends, None)},
            {"delete": _element(ends, None)},
            {"add": _element(ends, block.seconds)},
        ]
        run(COMMAND, json.dumps({"nftables": commands}))

    def undo(self, block: Block) -> None:
        """Take the element out.

        Parameters
        ----------
        block : what to let back.

        Raises
        ------
        ResponseError : nft is missing or refuses.
        """
        ends = ends_of(block)
        if not _has_table():
            return
        commands = [{"add": _element(ends, None)}, {"delete": _element(ends, None)}]
        run(COMMAND, json.dumps({"nftables": commands}))

    def is_in_force(self, block: Block) -> bool:
        """Return whether the kernel has a block.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : nft is missing or refuses.
        """
        return self.remaining(block) is not None

    def remaining(self, block: Block) -> int | None:
        """Return the seconds that the kernel still keeps a block, None if it has none.

        Parameters
        ----------
        block : any.

        Raises
        ------
        ResponseError : nft is missing or refuses.
        """
        ends = ends_of(block)
        if not _has_table():
            return None
        found = _listing(("list", "set", FAMILY, TABLE, f"pools{ends.version}"))
        wanted = [str(ends.host), str(ends.pool), ends.port]
        for item in found:
            for element in item.get("set", {}).get("elem", []):
                inner = element.get("elem", {})
                if inner.get("val", {}).get("concat") == wanted:
                    return int(inner["expires"])
        return None


def _has_table() -> bool:
    tables = [item.get("table", {}) for item in _listing(("list", "tables", FAMILY))]
    return any(table.get("name") == TABLE for table in tables)


def _listing(arguments: Sequence[str]) -> list[dict[str, Any]]:
    text = run(("nft", "-j", *arguments))
    try:
        items = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResponseError(
            "nft: its answer is no list of rules; nftables 1.0 is needed"
        ) from error
    return [item for item in items if isinstance(item, dict)]


def _element(ends: Ends, seconds: int | None) -> dict[str, Any]:
    value: Any = {"concat": [str(ends.host), str(ends.pool), ends.port]}
    if seconds is not None:
        value = {"elem": {"val": value, "timeout": seconds}}
    name = f"pools{ends.version}"
    return {"element": {"family": FAMILY, "table": TABLE, "name": name, "elem": [value]}}


def _table_commands() -> list[dict[str, Any]]:
    """What makes the table as it shall be, whatever was there of it before."""
    own = {"family": FAMILY, "table": TABLE}
    commands: list[dict[str, Any]] = [{"add": {"table": {"family": FAMILY, "name": TABLE}}}]
    for version, _, kind in _VERSIONS:
        kinds = [kind, kind, "inet_service"]
        details = {"name": f"pools{version}", "type": kinds, "flags": ["timeout"], "size": SET_SIZE}
        commands.append({"add": {"set": own | details}})
    for hook in dict.fromkeys((*_AWAY, *_BACK)):
        chain = own | {"name": hook}
        hooked = {"type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept"}
        commands += [{"add": {"chain": chain | hooked}}, {"flush": {"chain": chain}}]
        for expression in _rules(hook):
            rule = own | {"chain": hook, "expr": expression}
            commands.append({"add": {"rule": rule}})
    return commands


def _rules(hook: str) -> list[list[dict[str, Any]]]:
    """The rules of a chain, as nft's JSON has them."""
    rules = []
    reset: dict[str, Any] = {"reject": {"type": "tcp reset"}}
    flags = {"payload": {"protocol": "tcp", "field": "flags"}}
    is_no_reset = {"match": {"op": "!=", "left": {"&": [flags, "rst"]}, "right": "rst"}}
    for version, protocol, _ in _VERSIONS:
        if hook in _AWAY:
            match = _match(protocol, ("saddr", "daddr", "dport"), version)
            rules.append([match, is_no_reset, {"counter": None}, reset])
        if hook in _BACK:
            match = _match(protocol, ("daddr", "saddr", "sport"), version)
            rules.append([match, is_no_reset, {"counter": None}, reset])
    return rules


def _match(protocol: str, fields: tuple[str, str, str], version: int) -> dict[str, Any]:
    layers = (protocol, protocol, "tcp")
    parts = [
        {"payload": {"protocol": layer, "field": field}}
        for layer, field in zip(layers, fields, strict=True)
    ]
    return {"match": {"op": "==", "left": {"concat": parts}, "right": f"@pools{version}"}}


def _rule_texts(hook: str) -> list[str]:
    """The same rules, as a person writes them."""
    end = "tcp flags & rst != rst counter reject with tcp reset"
    rules = []
    for version, protocol, _ in _VERSIONS:
        if hook in _AWAY:
            left = f"{protocol} saddr . {protocol} daddr . tcp dport"
            rules.append(f"{left} @pools{version} {end}")
        if hook in _BACK:
            left = f"{protocol} daddr . {protocol} saddr . tcp sport"
            rules.append(f"{left} @pools{version} {end}")
    return rules
