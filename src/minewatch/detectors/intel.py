# SPDX-License-Identifier: Apache-2.0
"""The ``intel`` detector: names and addresses from a list that the user supplies.

A list is evidence and never a verdict: entries outlive pools, and addresses of a content delivery
network serve thousands of innocents.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from minewatch.address import halves_of
from minewatch.detectors.fusion import BASE_RATE
from minewatch.errors import ConfigError, SourceError
from minewatch.odds import logit
from minewatch.types import Conversations, Evidence, Scores

MAX_PROBABILITY = 0.3
"""What the best entry can give: lists are stale and shared (falcosecurity/rules#62)."""

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
    "miner-malware C2/dropper": 0.3,  # where malware comes from, not where it mines
    "pool-2016..": 0.2,
}
UNKNOWN_CONFIDENCE = 0.4
EXACT, OTHER_PORT, ANY_PORT, SUBDOMAIN = 1.0, 0.4, 0.6, 0.8
"""How well a conversation meets an entry: in full, at another port, without one, below a name."""

_REQUIRED, _TYPES = ("indicator", "type"), ("ip", "domain")
_MAX_ENTRIES, _MAX_PROBLEMS, _MAX_LABELS = 2_000_000, 100, 16
_NS_PER_DAY = 86_400 * 10**9
_ENDS = ("destination", "source")
_NAMES = ("tls_sni", "destination_name")


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
        days = max(now_ns - self.date_ns, 0) / _NS_PER_DAY
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


@dataclass(frozen=True, slots=True)
class _Match:
    indicator: Indicator
    column: str
    fit: float


def load_indicators(path: str | Path) -> Indicators:
    """Read a list: CSV with ``indicator``, ``type`` (ip, domain) and what else there is.

    Used if present: ``port``, ``source``, ``confidence`` (a word of ``CONFIDENCES`` or a number
    from 0 to 1) and ``date`` (ISO 8601). A line that cannot be used is left out, counted and named
    in ``problems``.

    Raises
    ------
    SourceError : the file cannot be read.
    ConfigError : its first line is not the header of such a list.
    """
    found = Indicators()
    try:
        with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path}:1: the header lacks {', '.join(missing)}")
            for line, row in _rows(reader, found, path):
                _add(found, row, f"{path}:{line}")
    except OSError as error:
        raise SourceError(str(path), error.strerror or "cannot be read") from error
    return found


def _rows(
    reader: csv.DictReader[str], found: Indicators, path: str | Path
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers and rows; what the CSV reader refuses ends the list."""
    try:
        for count, row in enumerate(reader):
            if count >= _MAX_ENTRIES:
                _leave_out(found, f"{path}:{reader.line_num}", "too many entries")
                return
            yield reader.line_num, {k: v for k, v in row.items() if k and isinstance(v, str)}
    except csv.Error as error:
        _leave_out(found, f"{path}:{reader.line_num}", str(error))


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
        else:
            found.names.setdefault(value.strip("."), []).append(entry)
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


class IntelDetector:
    """Whether an address or name of the conversation stands in a list.

    A weak probability, at most ``MAX_PROBABILITY``, lower for an old or doubtful entry, another
    port, or a name that only lies below a listed one. NaN without a list, and NaN for a
    conversation that is not in it: that a list does not know a pool says nothing (most ports and
    half of the pools of real malware are in none).

    Blind spots: pools that no list has, private proxies, pools behind an address that is shared
    with innocents, and names hidden from the capture (TLS without SNI, DNS over HTTPS).

    Parameters
    ----------
    indicators : the list, from `load_indicators`; None for no list.
    """

    name = "intel"
    requires = (
        "source_address_high",
        "source_address_low",
        "destination_address_high",
        "destination_address_low",
        "source_transport_port",
        "destination_transport_port",
    )

    def __init__(self, indicators: Indicators | None = None) -> None:
        self.indicators = indicators or Indicators()
        self.uses: tuple[str, ...] = _NAMES if len(self.indicators) else ()

    def score(self, conversations: Conversations) -> Scores:
        """Return the probability for each row, NaN where no entry matches."""
        frame = conversations.frame
        probability = np.full(frame.height, np.nan)
        if len(self.indicators) and all(name in frame.columns for name in self.requires):
            for row in self._candidates(frame):
                match, weight = self._best(frame, row)
                if match is not None:
                    probability[row] = _probability(weight)
        return Scores(self.name, probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return the best entry for one row, or nothing."""
        frame = conversations.frame
        if not all(name in frame.columns for name in self.requires):
            return []
        match, weight = self._best(frame, row)
        if match is None:
            return []
        contribution = logit(_probability(weight)) - logit(BASE_RATE)
        value = match.indicator.value[:128]
        return [Evidence(match.column, value, "text", contribution, _sentence(match))]

    def _candidates(self, frame: pl.DataFrame) -> list[int]:
        """Return the rows where an address or a name may be in the list: few, found in bulk."""
        listed = pl.DataFrame(
            list(self.indicators.addresses), schema=["high", "low"], orient="row"
        ).cast(pl.UInt64)
        numbered = frame.with_row_index("_row")
        rows: set[int] = set()
        for end in _ENDS:
            keys = [f"{end}_address_high", f"{end}_address_low"]
            hits = numbered.join(listed, left_on=keys, right_on=["high", "low"], how="semi")
            rows.update(hits["_row"].to_list())
        for column in self._name_columns(frame):
            unique = frame[column].drop_nulls().unique().to_list()
            known = [name for name in unique if any(self._entries(name))]
            hits = numbered.filter(pl.col(column).is_in(known))
            rows.update(hits["_row"].to_list())
        return sorted(rows)

    def _best(self, frame: pl.DataFrame, row: int) -> tuple[_Match | None, float]:
        values = frame.row(row, named=True)
        now_ns = values.get("flow_start_nanoseconds")
        best, most = None, -1.0
        for match in self._matches(values, self._name_columns(frame)):
            weight = match.fit * match.indicator.weight(now_ns)
            if weight > most:
                best, most = match, weight
        return best, most

    def _matches(self, values: Mapping[str, object], names: Iterable[str]) -> Iterator[_Match]:
        for end in _ENDS:
            high, low = values[f"{end}_address_high"], values[f"{end}_address_low"]
            if isinstance(high, int) and isinstance(low, int):
                port = values[f"{end}_transport_port"]
                for entry in self.indicators.addresses.get((high, low), ()):
                    yield _Match(entry, f"{end}_address", _port_fit(entry.port, port))
        for column in names:
            for entry, fit in self._entries(values[column]):
                yield _Match(entry, column, fit)

    def _entries(self, name: object) -> Iterator[tuple[Indicator, float]]:
        """Yield the entries for a name and for the names above it."""
        if not isinstance(name, str):
            return
        labels = name.lower().strip(".").split(".")[-_MAX_LABELS:]
        for i in range(max(len(labels) - 1, 1)):
            for entry in self.indicators.names.get(".".join(labels[i:]), ()):
                yield entry, SUBDOMAIN if i else EXACT

    @staticmethod
    def _name_columns(frame: pl.DataFrame) -> list[str]:
        return [name for name in _NAMES if name in frame.columns]


def _port_fit(listed: int, port: object) -> float:
    if not listed:
        return ANY_PORT
    return EXACT if listed == port else OTHER_PORT


def _probability(weight: float) -> float:
    """Return the probability that the best entry gives, by its weight in [0, 1]."""
    return BASE_RATE + (MAX_PROBABILITY - BASE_RATE) * weight


def _sentence(match: _Match) -> str:
    entry = match.indicator
    where = f"{entry.value}:{entry.port}" if entry.port else entry.value
    age = "the entry has no date" if entry.date_ns is None else "the entry counts less with age"
    text = (
        f"{match.column} meets {where}, listed by {entry.source or 'the list'} as "
        f"{entry.label or 'unspecified'} ({entry.place}); {age}. Addresses and names are reused "
        "and shared by content delivery networks: a hint, never a reason to block."
    )
    return "".join(c if c.isprintable() else "?" for c in text[:512])
