# SPDX-License-Identifier: Apache-2.0
"""The card of a dataset: ``card.json``, which says what the dataset is, and proves its files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from minewatch.errors import ConfigError

FORMAT: Final = 1
CARD: Final = "card.json"
README: Final = "README.md"
MAX_CARD_OCTETS: Final = 16 << 20
MAX_FILES: Final = 64
MAX_DEPTH: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a dataset."""

    name: str
    """In the dataset's own folder: no path."""
    octets: int
    sha256: str
    rows: int | None = None
    """Of a table."""


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a dataset is. Maps and lists hold texts and numbers only."""

    name: str
    schema_version: int
    """Of the tables (``schema.SCHEMA_VERSION``)."""
    files: tuple[StoredFile, ...]
    composition: Mapping[str, Mapping[str, int]]
    has_addresses: bool
    inputs: tuple[Mapping[str, Any], ...] = ()
    """Labels files, plans and captures it was made of, with their hashes."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Conversations of the captures that are not in the dataset, by reason."""
    agreement: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of deep packet inspection and labels, by label and outcome."""
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of metering, and the networks of the watched side."""
    versions: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    intended_use: str = ""
    known_biases: tuple[str, ...] = ()
    split: Mapping[str, Any] = field(default_factory=dict)
    """For a part of another dataset: by which key, which part, of what."""
    created: str = ""
    """Date; empty, and the dataset can be made again to the octet."""

    def file(self, name: str) -> StoredFile | None:
        """Return one file by name, None if the dataset has none of it."""
        return next((file for file in self.files if file.name == name), None)


def write_card(card: DataCard, folder: Path) -> None:
    """Write a card into its folder."""
    members = {"format": FORMAT, **asdict(card)}
    text = json.dumps(members, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def read_card(folder: Path) -> DataCard:
    """Read the card of a dataset, which may come from anybody.

    Parameters
    ----------
    folder : of the dataset.

    Raises
    ------
    ConfigError : there is none, it is of another format, or a member is not of its type.
    """
    path = folder / CARD
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_CARD_OCTETS + 1)
        if len(octets) > MAX_CARD_OCTETS:
            raise ValueError(f"longer than {MAX_CARD_OCTETS} octets")
        members = json.loads(octets, parse_constant=_refused)
        if not isinstance(members, dict):
            raise ValueError("no JSON object")
        if members.pop("format", None) != FORMAT:
            raise ValueError(f"not of format {FORMAT}; take another version of minewatch")
        _check_plain(members)
        return _card(members)
    except FileNotFoundError as error:
        raise ConfigError(f"{folder}: no {CARD}: this is no dataset") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a data card: {_short(error)}") from error


def _refused(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _check_plain(value: Any, depth: int = 0) -> None:
    """Refuse what JSON can hold and a card that is written again cannot."""
    if depth > MAX_DEPTH:
        raise ValueError(f"deeper than {MAX_DEPTH} levels")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number beyond all bounds")
    if isinstance(value, str):
        value.encode()  # half of a surrogate pair is no character
    elif isinstance(value, dict):
        for key, one in value.items():
            _check_plain(key, depth)
            _check_plain(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check_plain(one, depth + 1)


def _card(members: dict[str, Any]) -> DataCard:
    files = _list(members.pop("files", None), "files")
    if not 0 < len(files) <= MAX_FILES:
        raise ValueError(f"files: between 1 and {MAX_FILES}")
    stored = tuple(_file(file) for file in files)
    if len({file.name for file in stored}) < len(stored):
        raise ValueError("files: a name twice")
    for name, check in _CHECKS.items():
        if name not in members:
            raise ValueError(f"{name} is missing")
        members[name] = check(members[name], name)
    unknown = sorted(set(members) - set(_CHECKS))
    if unknown:
        raise ValueError(f"unknown members {', '.join(unknown)[:200]}")
    return DataCard(files=stored, **members)


def _file(value: Any) -> StoredFile:
    members = _map(value, "files")
    if set(members) != {"name", "octets", "sha256", "rows"}:
        raise ValueError("files: each has name, octets, sha256 and rows")
    name = _text(members["name"], "file name")
    if not _NAME.fullmatch(name) or name == CARD:
        # A path would lead verification out of the folder.
        raise ValueError(f"file name {name[:80]!r}: letters, digits and ._- only, no path")
    digest = _text(members["sha256"], "sha256")
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{name}: sha256 is not 64 hexadecimal digits")
    rows = members["rows"]
    rows = None if rows is None else _count(rows, f"{name}: rows")
    return StoredFile(name, _count(members["octets"], f"{name}: octets"), digest, rows)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: not a text")
    return value


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: not true or false")
    return value


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError(f"{name}: not a count")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: not a list")
    return value


def _map(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name}: not an object")
    return value


def _counts(value: Any, name: str) -> dict[str, int]:
    return {key: _count(count, f"{name}: {key[:80]}") for key, count in _map(value, name).items()}


def _tables(value: Any, name: str) -> dict[str, dict[str, int]]:
    return {key: _counts(one, f"{name}: {key[:80]}") for key, one in _map(value, name).items()}


def _texts(value: Any, name: str) -> tuple[str, ...]:
    return tuple(_text(one, name) for one in _list(value, name))


def _short(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text[:300])


_CHECKS: Final = {
    "name": _text,
    "schema_version": _count,
    "composition": _tables,
    "has_addresses": _flag,
    "inputs": lambda value, name: tuple(_map(one, name) for one in _list(value, name)),
    "left_out": _counts,
    "agreement": _tables,
    "seeds": lambda value, name: tuple(_count(one, name) for one in _list(value, name)),
    "settings": _map,
    "versions": lambda value, name: {k: _text(v, name) for k, v in _map(value, name).items()},
    "licences": _texts,
    "intended_use": _text,
    "known_biases": _texts,
    "split": _map,
    "created": _text,
}
