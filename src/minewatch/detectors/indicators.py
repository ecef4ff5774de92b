# SPDX-License-Identifier: Apache-2.0
"""Lists of pool names and addresses: the user's, and a small one of names that ships."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TextIO

from minewatch.address import halves_of
from minewatch.errors import ConfigError, SourceError

HALF_LIFE_DAYS = 365.0
"""An entry counts half after a year; pools move, addresses are reused."""
UNDATED = 0.5
"""Weight of an entry without a date."""
CONFIDENCES: Mapping[str, float] = {
    "confirmed": 1.0,
    "pool": 0.7,
    "pool/mining": 0.7,
    "browser-mining": 0.6,
    "candidate": 0.5,
    "default list": 0.25,  # ours: general knowledge, checked when its date says
    "miner-malware C2/dropper": 0.3,  # where malware comes from, not where it mines
    "pool-2016..": 0.2,
}
UNKNOWN_CONFIDENCE = 0.4
_REQUIRED, _TYPES = ("indicator", "type"), ("ip", "domain")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
"""As names stand in DNS and TLS: others (wildcards, URLs) would never meet a conversation."""
_MAX_ENTRIES, _MAX_PROBLEMS = 2_000_000, 100
_MAX_LINE = 1 << 17
NS_PER_DAY = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Indicator:
    """One entry of a list.

    Parameters
    ----------
    value : address or name, in lower case.
    port : 0 for any.
    source : who says so.
    confidence : weight in [0, 1].
    label : the confidence as the list words it.
    date_ns : when it was last seen [ns], None if the list does not say.
    place : file and line.
    """

    value: str
    port: int
    source: str
    confidence: float
    label: str
    date_ns: int | None
    place: str

    def weight(self, now_ns: int | None) -> float:
        """Return confidence times freshness at a moment of the data."""
        if self.date_ns is None or now_ns is None:
            return self.confidence * UNDATED
        days = max(now_ns - self.date_ns, 0) / NS_PER_DAY
        return float(self.confidence * 0.5 ** (days / HALF_LIFE_DAYS))


@dataclass(slots=True)
class Indicators:
    """A list, ready to be asked.

    Parameters
    ----------
    addresses : entries by the two halves of an address.
    names : entries by name.
    problems : lines that were left out, ``file:line: why``, the first 100.
    n_left_out : how many lines were left out.
    """

    addresses: dict[tuple[int, int], list[Indicator]] = field(default_factory=dict)
    names: dict[str, list[Indicator]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    n_left_out: int = 0

    def __len__(self) -> int:
        """Return the number of entries."""
        entries = (*self.addresses.values(), *self.names.values())
        return sum(map(len, entries))


def default_list() -> Path:
    """Return the path of the list that ships with minewatch: names of public pools, CC0.

    Examples
    --------
    >>> default_list().name
    'pools.csv'
    """
    return Path(str(resources.files("minewatch"))) / "intel" / "pools.csv"


def load_lists(path: str | Path | None = None, *, with_default: bool = True) -> Indicators | None:
    """Return what the user's list and ours hold together, None if there is neither.

    Parameters
    ----------
    path : the user's list; None for none.
    with_default : add the list that ships.

    Raises
    ------
    SourceError : a file cannot be read.
    ConfigError : its first line is not the header of such a list.
    """
    paths = [default_list()] if with_default else []
    paths += [Path(path)] if path is not None else []
    if not paths:
        return None
    found = Indicators()
    for one in paths:
        _load_into(found, one)
    return found


def load_indicators(path: str | Path) -> Indicators:
    """Read a list: CSV with ``indicator``, ``type`` (ip, domain) and what else there is.

    Used if present: ``port``, ``source``, ``confidence`` (a word of ``CONFIDENCES`` or a number
    from 0 to 1) and ``date`` (ISO 8601). Lines that begin with ``#`` are comments. A line that
    cannot be used is left out, counted and named in ``problems``.

    Raises
    ------
    SourceError : the file cannot be read.
    ConfigError : its first line is not the header of such a list.
    """
    found = Indicators()
    _load_into(found, path)
    return found


def _load_into(found: Indicators, path: str | Path) -> None:
    try:
        with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(_lines(file))
            missing = [name for name in _REQUIRED if name not in _header(reader)]
            if missing:
                raise ConfigError(
                    f"{path}:1: the header lacks {', '.join(missing)}; begin the list with a line "
                    "indicator,type and what else it has: port,source,confidence,date"
                )
            for line, row in _rows(reader, found, path):
                _add(found, row, f"{path}:{line}")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SourceError(str(path), f"{reason}; name a CSV of indicators") from error


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file; one without an end is refused before it fills the memory."""
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error(f"a line of more than {_MAX_LINE - 1:,} characters")
        yield line


def _header(reader: csv.DictReader[str]) -> Sequence[str]:
    """The names of the columns, none if the first line is no CSV."""
    try:
        return reader.fieldnames or ()
    except csv.Error:
        return ()


def _rows(
    reader: csv.DictReader[str], found: Indicators, path: str | Path
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers and rows; what the CSV reader refuses ends the list."""
    try:
        for count, row in enumerate(reader):
            if count >= _MAX_ENTRIES:
                place = f"{path}:{reader.line_num}"
                _leave_out(
                    found, place, f"more than {_MAX_ENTRIES:,} entries; not read from here on"
                )
                return
            if str(row.get("indicator") or "").startswith("#"):
                continue
            yield reader.line_num, {k: v for k, v in row.items() if k and isinstance(v, str)}
    except csv.Error as error:
        place = f"{path}:{reader.line_num}"
        _leave_out(found, place, f"{error}; this and all below it was not read")


def _add(found: Indicators, row: Mapping[str, str], place: str) -> None:
    value, kind = row.get("indicator", "").strip().lower(), row.get("type", "").strip().lower()
    try:
        port = int(row.get("port", "").strip() or 0)
        if kind not in _TYPES or not 0 <= port < 65536 or not value:
            raise ValueError(f"not an entry: {value[:64]!r}, type {kind[:16]!r}, port {port}")
        date_ns = _date_ns(row.get("date", "").strip())
        label = row.get("confidence", "").strip()
        entry = Indicator(
            value, port, row.get("source", "").strip(), _confidence(label), label, date_ns, place
        )
        if kind == "ip":
            found.addresses.setdefault(halves_of(value), []).append(entry)
        elif _NAME.fullmatch(value.strip(".")):
            found.names.setdefault(value.strip("."), []).append(entry)
        else:
            raise ValueError(f"{value[:64]!r} is no name of a host")
    except (ValueError, OverflowError) as error:
        _leave_out(found, place, str(error))


def _leave_out(found: Indicators, place: str, why: str) -> None:
    found.n_left_out += 1
    if len(found.problems) < _MAX_PROBLEMS:
        found.problems.append(f"{place}: {why}")


def _date_ns(text: str) -> int | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9


def _confidence(label: str) -> float:
    if label in CONFIDENCES:
        return CONFIDENCES[label]
    try:
        number = float(label)
    except ValueError:
        return UNKNOWN_CONFIDENCE
    return number if 0 <= number <= 1 else UNKNOWN_CONFIDENCE
