# SPDX-License-Identifier: Apache-2.0
"""The file of what is known: TOML, checked to the last key, errors with file and line."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from minewatch.address import Network, halves_of
from minewatch.allow.entries import Entry, Known, end_of_day, ranges_of
from minewatch.allow.lines import Lines
from minewatch.allow.ranges import NamedRanges
from minewatch.errors import ConfigError, SourceError

MAX_OCTETS: Final = 1 << 20
MAX_ENTRIES: Final = 1_000
"""More allowances than this are no list of exceptions any more."""
MAX_NETWORKS: Final = 10_000
MAX_NAMES: Final = 200
MAX_TEXT: Final = 200
ALLOW, TAGS, TRANSIT = "allow", "tags", "transit"
SUBJECTS: Final = ("host", "pool", "network", "tag")
"""Of these an entry needs one; several narrow it."""
REQUIRED: Final = ("owner", "reason", "expires")
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*")


def read_known(path: str | Path) -> Known:
    """Return what a file says of the network.

    Parameters
    ----------
    path : TOML with ``[[allow]]`` entries and the tables ``[tags]`` and ``[transit]``.

    Raises
    ------
    SourceError : it cannot be read.
    ConfigError : it says something that is not known, or not all that is needed.
    """
    try:
        with open(path, "rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise SourceError(
            str(path), f"{error.strerror}; name a TOML file of allowances that can be read"
        ) from error
    if len(octets) > MAX_OCTETS:
        raise ConfigError(f"{path}:1: larger than {MAX_OCTETS:,} octets; split or shorten it")
    return _Reader(str(path), octets).known()


class _Reader:
    """Turns one file's octets into ``Known``, and knows on which line everything stands."""

    def __init__(self, path: str, octets: bytes) -> None:
        self._path = path
        self._lines = Lines(path, octets)
        self._data = self._lines.data

    def known(self) -> Known:
        """Return the whole file."""
        for key in self._data:
            if key not in (ALLOW, TAGS, TRANSIT):
                known = f"[[{ALLOW}]], [{TAGS}] and [{TRANSIT}]"
                raise self._lines.error(
                    self._lines.find(key), f"unknown key {key[:40]!r}; known are {known}"
                )
        tags, transit = self._named_networks(TAGS), self._named_networks(TRANSIT)
        if TRANSIT in tags:
            raise self._lines.error(
                self._lines.find(TRANSIT, TAGS),
                f"the tag {TRANSIT!r} is made from [{TRANSIT}]; rename it",
            )
        entries = self._data.get(ALLOW, [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise self._lines.error(
                self._lines.find(ALLOW), f"write each allowance under [[{ALLOW}]]"
            )
        if len(entries) > MAX_ENTRIES:
            raise self._lines.error(
                1, f"{len(entries):,} allowances, {MAX_ENTRIES:,} at most; join some"
            )
        heads = self._lines.heads(ALLOW)
        if len(heads) != len(entries):
            raise self._lines.error(
                self._lines.find(ALLOW), f"write each allowance under [[{ALLOW}]]"
            )
        read = [self._entry(one, line, tags) for one, line in zip(entries, heads, strict=True)]
        return Known(tuple(read), NamedRanges(tags), NamedRanges(transit))

    def _entry(self, values: Mapping[str, Any], head: int, tags: Mapping[str, Any]) -> Entry:
        for key in values:
            if key not in (*SUBJECTS, *REQUIRED):
                known = ", ".join((*SUBJECTS, *REQUIRED))
                raise self._lines.error(
                    self._lines.below(head, key), f"unknown key {key[:40]!r}; known: {known}"
                )
        for key in REQUIRED:
            if key not in values:
                raise self._lines.error(head, f"the allowance has no {key}; add {_EXAMPLES[key]}")
        if not any(key in values for key in SUBJECTS):
            raise self._lines.error(
                head, f"the allowance names nothing; add one of {', '.join(SUBJECTS)}"
            )
        found: dict[str, Any] = {}
        for key in (*SUBJECTS, "owner", "reason"):
            if key in values:
                line = self._lines.below(head, key)
                found |= self._value(key, self._text(values[key], key, line), line, tags)
        line = self._lines.below(head, "expires")
        expires_ns, expires = self._expiry(values["expires"], line)
        return Entry(expires_ns=expires_ns, expires=expires, place=f"{self._path}:{head}", **found)

    def _value(
        self, key: str, text: str, line: int, tags: Mapping[str, Any]
    ) -> Mapping[str, object]:
        """Return the fields of ``Entry`` that one key of an allowance sets."""
        match key:
            case "host":
                return {"host": self._address(text, line)}
            case "network":
                return {"network": ranges_of([self._network(text, line)])}
            case "tag" if text not in tags:
                raise self._lines.error(line, f"no tag {text[:40]!r}; add it to [{TAGS}]")
            case "pool":
                return self._pool(text, line)
        return {key: text}

    def _pool(self, text: str, line: int) -> Mapping[str, object]:
        """A name, an address, or either with a port."""
        cure = 'write "pool.example", "203.0.113.7", "203.0.113.7:3333" or "[2001:db8::7]:3333"'
        host, port = text, None
        if match := re.fullmatch(r"\[([^\]]+)\]:(\d{1,5})|([^:]+):(\d{1,5})", text):
            host, port = match[1] or match[3], int(match[2] or match[4])
            if not 0 < port < 65_536:
                raise self._lines.error(line, f"port {port}: 1 to 65535; {cure}")
        try:
            return {"pool_address": halves_of(host), "pool_port": port}
        except ValueError:
            name = host.lower().rstrip(".")
        if not _NAME.fullmatch(name) or re.fullmatch(r"[\d.]+", name):
            raise self._lines.error(line, f"{text[:80]!r} is no address and no name; {cure}")
        return {"pool_name": name, "pool_port": port}

    def _named_networks(self, table: str) -> dict[str, list[Network]]:
        given = self._data.get(table, {})
        cure = f'write [{table}] and below it lines such as lab = ["10.1.0.0/16"]'
        if not isinstance(given, dict):
            raise self._lines.error(self._lines.find(table), f"{table} is no table; {cure}")
        if len(given) > MAX_NAMES:
            raise self._lines.error(
                self._lines.find(table), f"{len(given):,} names in [{table}], {MAX_NAMES} at most"
            )
        found: dict[str, list[Network]] = {}
        for name, texts in given.items():
            line = self._lines.find(name, table)
            self._text(name, "name", line)
            if not isinstance(texts, list) or not texts:
                raise self._lines.error(line, f"{name[:40]!r} is no list of networks; {cure}")
            if len(texts) > MAX_NETWORKS:
                raise self._lines.error(line, f"{len(texts):,} networks, {MAX_NETWORKS:,} at most")
            found[name] = [self._network(text, line) for text in texts]
        return found

    def _network(self, text: object, line: int) -> Network:
        try:
            network = ipaddress.ip_network(self._text(text, "network", line))
        except ValueError as error:
            raise self._lines.error(
                line, f"{error}; write networks as 10.0.0.0/8 or 2001:db8::/32"
            ) from error
        if not network.prefixlen:
            raise self._lines.error(
                line, f"{network} is every address; name the network that is meant"
            )
        return network

    def _address(self, text: str, line: int) -> tuple[int, int]:
        try:
            return halves_of(text)
        except ValueError as error:
            raise self._lines.error(
                line, f"{error}; write a host as 10.0.0.5, and a range under network"
            ) from error

    def _expiry(self, value: object, line: int) -> tuple[int, str]:
        """The first moment at which an entry does not hold, and its text."""
        cure = f"write {_EXAMPLES['expires']}, the last day on which it holds (UTC)"
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError as error:
                text = f"expires {str(value)[:40]!r} is no ISO date; {cure}"
                raise self._lines.error(line, text) from error
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise self._lines.error(line, f"expires {value} has no offset from UTC; {cure}")
            try:
                moment = value.astimezone(UTC)
            except OverflowError as error:  # before the year 1 or after 9999 in UTC
                raise self._lines.error(
                    line, f"expires {value} is no time in UTC; {cure}"
                ) from error
            return int(moment.timestamp() * 1000) * 1_000_000, moment.isoformat()
        if not isinstance(value, date):
            raise self._lines.error(line, f"expires {str(value)[:40]!r} is no ISO date; {cure}")
        day = datetime(value.year, value.month, value.day, tzinfo=UTC)
        return end_of_day(day), value.isoformat()

    def _text(self, value: object, key: str, line: int) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._lines.error(line, f"{key} is no text; write it in quotes")
        if len(value) > MAX_TEXT or not value.isprintable():
            raise self._lines.error(
                line, f"{key} has more than {MAX_TEXT} characters, or some that are not printable"
            )
        return value.strip()


_EXAMPLES: Final[Mapping[str, str]] = {
    "owner": 'owner = "who answers for it"',
    "reason": 'reason = "why it may mine"',
    "expires": "expires = 2027-03-31",
}
