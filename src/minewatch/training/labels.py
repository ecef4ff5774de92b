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
peer       optional: an address or network of the other endpoint
service    optional: kind of service: ``postgresql-idle``, or ``mining``
coin       optional: ticker of what is paid out
algorithm  optional: hash function
dialect    optional: how miner and pool talk: a name in ``minewatch.lab.dialects.DIALECTS``
transport  optional: ``tcp``, ``tls1.2`` or ``tls1.3``
pool       optional: name of the pool
miner      optional: name of the miner
evasion    optional: how the miner hides, names joined by ``+``
host       optional: name of the watched server
=========  ======================================================================================

The rows of a capture are rules, tried from top to bottom: the first that matches a conversation
labels it. A row without address, port, protocol and peer matches everything: the capture's
default, which comes last. A conversation that no row matches is skipped. The licence may be on any
row.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.errors import ConfigError
from minewatch.training.rules import NOT_LABELLED, Rule, first_matches, mapped_network

COLUMNS: Final = ("capture", "source", "label", "address", "port", "protocol", "licence")
ATTRIBUTES: Final = (
    "service",
    "coin",
    "algorithm",
    "dialect",
    "transport",
    "pool",
    "miner",
    "evasion",
    "host",
)
"""What a row may tell of a conversation besides its label."""
ALL_COLUMNS: Final = (*COLUMNS, "peer", *ATTRIBUTES)
REQUIRED: Final = COLUMNS[:3]
LABELS: Final = {"mining": 1, "normal": 0, "skip": -1}
MAX_FILE_OCTETS: Final = 256 << 20
MAX_CELL: Final = 4096
MAX_ATTRIBUTE: Final = 200
_NAMES: Final = {number: name for name, number in LABELS.items()}


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
        found, _ = first_matches(self.rules, frame)
        # The last entry, number -1, is that of a conversation which no rule matches.
        labels = np.array([*(rule.label for rule in self.rules), -1], np.int8)
        sources = [*(rule.source for rule in self.rules), ""]
        return labels[found], [sources[number] for number in found.tolist()]

    def attributes(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return all that the rules tell of each conversation, one row each, in the same order.

        Parameters
        ----------
        frame : conversations, in the columns of ``schema.CONVERSATION``.

        Returns
        -------
        ``label`` and ``source`` (null where no rule matches), a column for each of
        ``ATTRIBUTES`` (null where the rule does not tell), and ``is_initiator_labelled``: whether
        the rule's address and port are the initiator's (null where it has neither).
        """
        found, is_initiator = first_matches(self.rules, frame)
        told: dict[str, list[str | None]] = {
            "label": [_NAMES[rule.label] for rule in self.rules],
            "source": [rule.source for rule in self.rules],
        }
        for name in ATTRIBUTES:
            told[name] = [rule.attributes.get(name) for rule in self.rules]
        rows = pl.Series(found).replace(NOT_LABELLED, len(self.rules))
        table = pl.DataFrame(
            [pl.Series(name, [*values, None], pl.String) for name, values in told.items()]
        )
        has_end = [rule.network is not None or rule.port is not None for rule in self.rules]
        is_told = np.array([*has_end, False])[found]  # the last one is number -1 again
        side = pl.when(pl.Series(is_told)).then(pl.Series(is_initiator))
        return table[rows].with_columns(is_initiator_labelled=side)


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
    kept = _lines(path)
    header = kept[0][1].split("\t")
    wrong = [name for name in header if name not in ALL_COLUMNS] + [
        name for name in REQUIRED if name not in header
    ]
    if wrong or len(set(header)) < len(header):
        known = ", ".join(ALL_COLUMNS)
        raise ConfigError(f"{path}:{kept[0][0]}: the columns are {known}; see {wrong}")
    found: dict[str, tuple[list[Rule], list[str]]] = {}
    cells = csv.reader((line for _, line in kept[1:]), delimiter="\t", quoting=csv.QUOTE_NONE)
    for (number, _), row in zip(kept[1:], cells, strict=True):
        if len(row) > len(header):
            raise ConfigError(f"{path}:{number}: {len(row)} cells under {len(header)} columns")
        values = dict.fromkeys(ALL_COLUMNS, "") | dict(zip(header, row, strict=False))
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


def _lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Return the lines that are neither empty nor comments, with their numbers."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read(MAX_FILE_OCTETS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error
    if len(text) > MAX_FILE_OCTETS:
        raise ConfigError(f"{path}: longer than {MAX_FILE_OCTETS} characters: not a labels file")
    # Not splitlines: it also breaks at characters that a name may contain.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    kept = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not kept:
        raise ConfigError(f"{path}: empty: the first line names the columns {', '.join(COLUMNS)}")
    for number, line in kept:
        if max(map(len, line.split("\t"))) > MAX_CELL or "\0" in line or "\r" in line:
            raise ConfigError(
                f"{path}:{number}: a cell of more than {MAX_CELL} characters, or a control "
                "character: not a labels file"
            )
    return kept


def _rule(values: Mapping[str, str]) -> Rule:
    for name in REQUIRED:
        if not values[name]:
            raise ValueError(f"{name} is empty")
    if values["label"] not in LABELS:
        raise ValueError(f"label {values['label']!r}: one of {', '.join(LABELS)}")
    attributes = {name: values[name] for name in ATTRIBUTES if values[name]}
    for name, text in {**attributes, "source": values["source"]}.items():
        if len(text) > MAX_ATTRIBUTE or not text.isprintable():
            raise ValueError(f"{name}: at most {MAX_ATTRIBUTE} printable characters")
    return Rule(
        source=values["source"],
        label=LABELS[values["label"]],
        network=_network("address", values["address"]),
        port=_bounded("port", values["port"], 65535),
        protocol=_bounded("protocol", values["protocol"], 255),
        peer=_network("peer", values["peer"]),
        attributes=attributes,
    )


def _network(name: str, text: str) -> IPv6Network | None:
    try:
        return mapped_network(text) if text else None
    except ValueError as error:
        raise ValueError(
            f"{name} {text[:80]!r}: {error}; an address (10.1.2.3) or a network (10.0.0.0/8)"
        ) from error


def _bounded(name: str, text: str, high: int) -> int | None:
    if not text:
        return None
    # isdecimal alone takes digits of every script, and any number of them.
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= high):
        raise ValueError(f"{name} {text!r}: a number from 0 to {high}")
    return int(text)
