# SPDX-License-Identifier: Apache-2.0
"""The rules of a labels file, and which of them each conversation is labelled by.

All conditions of a rule are equalities once addresses are masked, so that rules of one form are
one hash join, whatever their number.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

IndexArray: TypeAlias = npt.NDArray[np.int64]
Form: TypeAlias = tuple[int | None, int | None, bool, bool]
"""Prefix length of the address, that of the peer, whether a port and whether a protocol is told."""

SIDES: Final = ("source", "destination")
NOT_LABELLED: Final = -1
_NO_RULE: Final = np.iinfo(np.int64).max
_WORD: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a labels file."""

    source: str
    label: int
    """1 mining, 0 normal, -1 skip."""
    network: ipaddress.IPv6Network | None = None
    """IPv4 is mapped, as in the tables."""
    port: int | None = None
    protocol: int | None = None
    peer: ipaddress.IPv6Network | None = None
    """Network of the other endpoint: not the one that ``network`` and ``port`` speak of."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What else the row tells; only what is not empty."""

    @property
    def form(self) -> Form:
        """Return which conditions there are."""
        address, peer = (
            None if network is None else network.prefixlen for network in (self.network, self.peer)
        )
        return address, peer, self.port is not None, self.protocol is not None


def first_matches(
    rules: Sequence[Rule], frame: pl.DataFrame
) -> tuple[IndexArray, npt.NDArray[np.bool_]]:
    """Return the first rule that matches each conversation, and which endpoint it speaks of.

    Parameters
    ----------
    rules : tried from first to last.
    frame : conversations, in the columns of ``schema.CONVERSATION``.

    Returns
    -------
    The rule's place in ``rules``, -1 where none matches, and whether its address and port are
    the initiator's, both of shape (n,). Where both endpoints fit it is the responder's.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> frame = conversations(2, destination_transport_port=[3333, 443]).frame
    >>> first_matches([Rule("lab", 1, port=3333)], frame)[0].tolist()
    [0, -1]
    """
    best = np.full(frame.height, _NO_RULE, np.int64)
    is_initiator = np.zeros(frame.height, np.bool_)
    forms: dict[Form, list[int]] = {}
    for number, rule in enumerate(rules):
        forms.setdefault(rule.form, []).append(number)
    for form, numbers in forms.items():
        if numbers[0] > best.max(initial=0):
            continue  # whatever it matches, an earlier rule has
        for side in reversed(SIDES):
            found = _matches(rules, numbers, form, frame, side)
            is_better = found < best
            best = np.where(is_better, found, best)
            is_initiator = np.where(is_better, side == "source", is_initiator)
    return np.where(best == _NO_RULE, NOT_LABELLED, best), is_initiator


def _matches(
    rules: Sequence[Rule], numbers: Sequence[int], form: Form, frame: pl.DataFrame, side: str
) -> IndexArray:
    """Return the first of the rules of one form whose endpoint is ``side``."""
    address, peer, has_port, has_protocol = form
    other = SIDES[side == "source"]
    keys: dict[str, pl.Expr] = {}
    for name, prefix, end in (("address", address, side), ("peer", peer, other)):
        if prefix is not None:
            mask = ((1 << prefix) - 1) << (128 - prefix)
            for half, shift in (("high", 64), ("low", 0)):
                word = pl.lit((mask >> shift) & _WORD, pl.UInt64)
                keys[f"{name}_{half}"] = pl.col(f"{end}_address_{half}") & word
    if has_port:
        keys["port"] = pl.col(f"{side}_transport_port").cast(pl.Int64)
    if has_protocol:
        keys["protocol"] = pl.col("protocol_identifier").cast(pl.Int64)
    if not keys:
        return np.full(frame.height, numbers[0], np.int64)
    table = _table(rules, numbers).select(*keys, "number").unique(list(keys), keep="first")
    found = frame.select(**keys).join(table, on=list(keys), how="left", maintain_order="left")
    return found["number"].fill_null(_NO_RULE).to_numpy()


def _table(rules: Sequence[Rule], numbers: Sequence[int]) -> pl.DataFrame:
    """Return the rules as a table, lowest number first."""
    rows = []
    for number in numbers:
        rule = rules[number]
        row: dict[str, int | None] = {"number": number, "port": rule.port}
        row["protocol"] = rule.protocol
        for name, network in (("address", rule.network), ("peer", rule.peer)):
            first = None if network is None else int(network.network_address)
            row[f"{name}_high"] = None if first is None else first >> 64
            row[f"{name}_low"] = None if first is None else first & _WORD
        rows.append(row)
    halves = {f"{name}_{half}" for name in ("address", "peer") for half in ("high", "low")}
    types = {name: pl.UInt64() if name in halves else pl.Int64() for name in rows[0]}
    # Which of several equal rules `unique` keeps must not depend on its threads.
    return pl.DataFrame(rows, types, orient="row").sort("number")


def mapped_network(text: str) -> ipaddress.IPv6Network:
    """Return an address or network, IPv4 mapped into IPv6.

    Parameters
    ----------
    text : ``10.99.1.1``, ``10.99.0.0/16``, ``2001:db8::/32``.

    Examples
    --------
    >>> mapped_network("10.99.0.0/16")
    IPv6Network('::ffff:a63:0/112')
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network):
        return network
    mapped = (0xFFFF << 32) | int(network.network_address)
    return ipaddress.IPv6Network((mapped, 96 + network.prefixlen))
