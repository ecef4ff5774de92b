# SPDX-License-Identifier: Apache-2.0
"""Alerts that nobody wants to be told of for a time: who said so, why and until when.

Unlike an allowance this does not say that a host may mine: the alert goes on as before, with its
severity and its revisions, and is told again when the time is over or its severity becomes higher
than it was allowed for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from minewatch.address import halves_of, text_of
from minewatch.alert import ID_CHARACTERS, Alert, Severity
from minewatch.errors import ConfigError, SourceError

MAX_OCTETS: Final = 1 << 20
MAX_ENTRIES: Final = 1_000
MAX_TEXT: Final = 200
LEAST_OF_ID: Final = 8
"""Digits of an id that name an alert."""
TABLE: Final = "suppress"
SUBJECTS: Final = ("alert", "host", "pool")
"""Of these an entry needs one; several narrow it."""
REQUIRED: Final = ("owner", "reason", "until")
_ID: Final = re.compile(rf"[0-9a-f]{{{LEAST_OF_ID},{ID_CHARACTERS}}}")
_RANK: Final = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry. What it names must all hold.

    Parameters
    ----------
    owner : who answers for it.
    reason : why nobody is to be told.
    until_ns : first moment of the data at which it does not hold any more.
    most : severity above which it does not hold.
    alert : id of the alert, or its beginning; None for any.
    host : address of the watched side; None for any.
    pool : address of the other side; None for any.
    """

    owner: str
    reason: str
    until_ns: int
    most: Severity = Severity.HIGH
    alert: str | None = None
    host: str | None = None
    pool: str | None = None

    def holds_for(self, alert: Alert) -> bool:
        """Return whether nobody is to be told of an alert.

        Parameters
        ----------
        alert : as it is about to be told.
        """
        return (
            alert.updated_ns < self.until_ns
            and _RANK[alert.severity] <= _RANK[self.most]
            and (self.alert is None or alert.id.startswith(self.alert))
            and (self.host is None or alert.host == self.host)
            and (self.pool is None or alert.pool == self.pool)
        )


def to_tell(alerts: Sequence[Alert], suppressions: Sequence[Suppression]) -> list[Alert]:
    """Return the alerts that are told all the same.

    Parameters
    ----------
    alerts : about to be told.
    suppressions : any.
    """
    return [one for one in alerts if not any(entry.holds_for(one) for entry in suppressions)]


def read_suppressions(path: str | Path) -> list[Suppression]:
    """Return the entries of a file.

    Parameters
    ----------
    path : TOML with ``[[suppress]]`` entries.

    Raises
    ------
    SourceError : it cannot be read.
    ConfigError : it says something that is not known, or not all that is needed.
    """
    try:
        with open(path, "rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise SourceError(str(path), f"{error.strerror}; name a TOML file") from error
    if len(octets) > MAX_OCTETS:
        raise ConfigError(f"{path}: larger than {MAX_OCTETS:,} octets; shorten it")
    try:
        data = tomllib.loads(octets.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    entries = data.pop(TABLE, [])
    if data or not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ConfigError(f"{path}: write each entry under [[{TABLE}]], and nothing else")
    if len(entries) > MAX_ENTRIES:
        raise ConfigError(f"{path}: {len(entries):,} entries, {MAX_ENTRIES:,} at most")
    return [_entry(one, f"{path}: entry {i}") for i, one in enumerate(entries, 1)]


def _entry(values: Mapping[str, Any], place: str) -> Suppression:
    known = (*SUBJECTS, *REQUIRED, "most")
    for key in values:
        if key not in known:
            raise ConfigError(f"{place}: unknown key {key[:40]!r}; known: {', '.join(known)}")
    if missing := [key for key in REQUIRED if key not in values]:
        raise ConfigError(f"{place}: add {', '.join(missing)}")
    if not any(key in values for key in SUBJECTS):
        raise ConfigError(f"{place}: names nothing; add one of {', '.join(SUBJECTS)}")
    texts = {key: _text(values[key], key, place) for key in values if key != "until"}
    for key in ("host", "pool"):
        if key in texts:
            texts[key] = _address(texts[key], place)
    if "alert" in texts:
        texts["alert"] = _beginning(texts["alert"], place)
    most = texts.pop("most", Severity.HIGH.value)
    if most not in list(Severity):
        raise ConfigError(f"{place}: most {most[:40]!r}: write one of {', '.join(Severity)}")
    until_ns = _moment(values["until"], place)
    return Suppression(until_ns=until_ns, most=Severity(most), **texts)


def _text(value: object, key: str, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{place}: {key} is no text; write it in quotes")
    if len(value) > MAX_TEXT or not value.isprintable():
        raise ConfigError(f"{place}: {key}: {MAX_TEXT} printable characters at most")
    return value.strip()


def _beginning(text: str, place: str) -> str:
    """The beginning of an id; of a short one nobody could say which alerts it means."""
    if not _ID.fullmatch(text.lower()):
        raise ConfigError(
            f"{place}: alert {text[:40]!r}: write {LEAST_OF_ID} to {ID_CHARACTERS} digits of an id"
        )
    return text.lower()


def _address(text: str, place: str) -> str:
    try:
        return text_of(*halves_of(text))
    except ValueError as error:
        raise ConfigError(f"{place}: {error}; write an address") from error


def _moment(value: object, place: str) -> int:
    """The first moment at which an entry does not hold: after the day, or at the time."""
    cure = "write until = 2027-03-31, the last day on which it holds (UTC)"
    try:
        if isinstance(value, datetime):
            moment = value.astimezone(UTC) if value.tzinfo is not None else None
        elif isinstance(value, date):
            moment = datetime.combine(value, time(), UTC) + timedelta(days=1)
        else:
            moment = None
    except OverflowError:
        moment = None
    if moment is None:
        raise ConfigError(f"{place}: until {str(value)[:40]!r} is no time in UTC; {cure}")
    return int(moment.timestamp() * 1000) * 1_000_000
