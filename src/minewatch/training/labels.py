# SPDX-License-Identifier: Apache-2.0
"""The labels file: which conversations of which captures are mining, and where they come from.

A text file of tab-separated columns with a header line; lines that begin with ``#`` are comments.

=========  ======================================================================================
column     meaning
=========  ======================================================================================
capture    path of the capture; if relative, from the labels file's own folder
source     who recorded it, where: what evaluation leaves out as one; never empty
label      ``mining``, ``normal`` or ``skip`` (neither trained on nor counted)
address    optional: an address or network (``10.99.1.1``, ``10.0.0.0/8``) of either endpoint
port       optional: a port; with an address, of that same endpoint
protocol   optional: IP protocol number, 6 for TCP
licence    optional: the capture's licence, for the model's card
=========  ======================================================================================

The rows of a capture are rules, tried from top to bottom: the first that matches a conversation
labels it. A row without address, port and protocol matches everything: the capture's default,
which comes last. A conversation that no row matches is skipped. The licence may be on any row.
"""

from __future__ import annotations

import csv
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.errors import ConfigError
from minewatch.types import BoolArray

COLUMNS: Final = ("capture", "source", "label", "address", "port", "protocol", "licence")
REQUIRED: Final = COLUMNS[:3]
LABELS: Final = {"mining": 1, "normal": 0, "skip": -1}
WORD: Final = (1 << 64) - 1


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

    def matches(self, frame: pl.DataFrame) -> BoolArray:
        """Return which rows of a conversation table the rule is about, shape (n,).

        Parameters
        ----------
        frame : conversations, in the columns of ``schema.CONVERSATION``.
        """
        result = self._endpoint(frame, "source") | self._endpoint(frame, "destination")
        if self.protocol is not None:
            result &= frame["protocol_identifier"].to_numpy() == self.protocol
        return result

    def _endpoint(self, frame: pl.DataFrame, side: str) -> BoolArray:
        result = np.ones(frame.height, np.bool_)
        if self.network is not None:
            for half, shift in (("high", 64), ("low", 0)):
                mask = np.uint64((int(self.network.netmask) >> shift) & WORD)
                wanted = np.uint64((int(self.network.network_address) >> shift) & WORD)
                result &= (frame[f"{side}_address_{half}"].to_numpy() & mask) == wanted
        if self.port is not None:
            result &= frame[f"{side}_transport_port"].to_numpy() == self.port
        return result


@dataclass(frozen=True, slots=True)
class LabelledCapture:
    """One capture and its rules."""

    path: Path
    name: str
    """The path as the labels file has it."""
    rules: tuple[Rule, ...]
    licence: str = ""

    def label(self, frame: pl.DataFrame) -> tuple[npt.NDArray[np.int8], list[str]]:
        """Return label (1, 0, or -1 for skip) and source of each conversation.

        Parameters
        ----------
        frame : conversations, in the columns of ``schema.CONVERSATION``.
        """
        labels = np.full(frame.height, -1, np.int8)
        sources = np.full(frame.height, "", dtype=object)
        is_open = np.ones(frame.height, np.bool_)
        for rule in self.rules:
            hit = is_open & rule.matches(frame)
            labels[hit], sources[hit] = rule.label, rule.source
            is_open &= ~hit
        return labels, [str(source) for source in sources]


def read_labels(path: str | os.PathLike[str]) -> list[LabelledCapture]:
    """Return the captures of a labels file, in the order of their first row.

    Parameters
    ----------
    path : the labels file.

    Raises
    ------
    ConfigError : it cannot be read, a column is missing or unknown, or a value is out of its
        domain; the text names file and line.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error
    kept = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not kept:
        raise ConfigError(f"{path}: empty: the first line names the columns {', '.join(COLUMNS)}")
    header = kept[0][1].split("\t")
    wrong = [name for name in header if name not in COLUMNS] + [
        name for name in REQUIRED if name not in header
    ]
    if wrong or len(set(header)) < len(header):
        raise ConfigError(f"{path}:{kept[0][0]}: the columns are {', '.join(COLUMNS)}; see {wrong}")
    found: dict[str, tuple[list[Rule], list[str]]] = {}
    cells = csv.reader((line for _, line in kept[1:]), delimiter="\t", quoting=csv.QUOTE_NONE)
    for (number, _), row in zip(kept[1:], cells, strict=True):
        if len(row) > len(header):
            raise ConfigError(f"{path}:{number}: {len(row)} cells under {len(header)} columns")
        values = dict.fromkeys(COLUMNS, "") | dict(zip(header, row, strict=False))
        try:
            rule = _rule(values)
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: {error}") from error
        rules, licences = found.setdefault(values["capture"], ([], []))
        rules.append(rule)
        licences.append(values["licence"])
    folder = Path(path).parent
    return [
        LabelledCapture(folder / name, name, tuple(rules), next(filter(None, licences), ""))
        for name, (rules, licences) in found.items()
    ]


def _rule(values: dict[str, str]) -> Rule:
    for name in REQUIRED:
        if not values[name]:
            raise ValueError(f"{name} is empty")
    if values["label"] not in LABELS:
        raise ValueError(f"label {values['label']!r}: one of {', '.join(LABELS)}")
    return Rule(
        source=values["source"],
        label=LABELS[values["label"]],
        network=mapped_network(values["address"]) if values["address"] else None,
        port=_bounded("port", values["port"], 65535),
        protocol=_bounded("protocol", values["protocol"], 255),
    )


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


def _bounded(name: str, text: str, high: int) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 <= int(text) <= high:
        raise ValueError(f"{name} {text!r}: a number from 0 to {high}")
    return int(text)
