# SPDX-License-Identifier: Apache-2.0
"""The alerts of a file, each as told last: JSON lines, or a database of SQLite.

Either is what the sink of that name writes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.told import alert_of
from minewatch.errors import ConfigError, SourceError

MAX_LINE_OCTETS: Final = 1 << 20
MAX_ALERTS: Final = 1_000_000
MAX_OLDER: Final = 100
"""Files that were turned over: ``path.1`` is the one before, ``path.2`` the one before that."""
LEAST_CHARACTERS: Final = 6
"""Of an id that somebody shortens."""
_SQLITE: Final = b"SQLite format 3\0"


@dataclass(slots=True)
class Journal:
    """What a file tells."""

    path: str
    alerts: dict[str, Alert] = field(default_factory=dict)
    """By id, in the order in which they were first told."""
    n_damaged: int = 0
    """Lines, or rows, that are no alerts."""

    def take(self, line: str | bytes) -> None:
        """Take what a line tells, unless it is older than what is known.

        Parameters
        ----------
        line : of either form of ``alert_of``.

        Raises
        ------
        SourceError : more alerts than fit.
        """
        try:
            alert = alert_of(line)
        except ValueError:
            self.n_damaged += 1
            return
        before = self.alerts.get(alert.id)
        if before is None and len(self.alerts) >= MAX_ALERTS:
            raise SourceError(self.path, f"more than {MAX_ALERTS:,} alerts; split it")
        if before is None or before.revision <= alert.revision:
            self.alerts[alert.id] = alert

    def named(self, text: str) -> Alert:
        """Return the alert of an id, or of the beginning of one.

        Parameters
        ----------
        text : six characters or more.

        Raises
        ------
        ConfigError : none has it, or several.
        """
        if text in self.alerts:
            return self.alerts[text]
        if len(text) < LEAST_CHARACTERS:
            raise ConfigError(f"alert {text[:40]!r}: give {LEAST_CHARACTERS} characters or more")
        found = [alert for key, alert in self.alerts.items() if key.startswith(text)]
        if len(found) != 1:
            count = "no alert" if not found else f"{len(found)} alerts"
            raise ConfigError(f"{self.path}: {count} with an id that begins with {text[:40]!r}")
        return found[0]


def read_journal(path: str) -> Journal:
    """Return the alerts of a database, or of a file and of those that it was turned over to.

    Parameters
    ----------
    path : the database, or the file that is written now.

    Raises
    ------
    SourceError : it cannot be read, or holds more alerts than fit.
    """
    journal = Journal(path)
    for one in (*_older(path), path):
        try:
            with open(one, "rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    _read_database(journal, one)
                    continue
                file.seek(0)
                _read(journal, file)
        except OSError as error:
            raise SourceError(
                one, f"{error.strerror}; name the file of a jsonl sink, or of sql:sqlite"
            ) from error
    return journal


def _read_database(journal: Journal, path: str) -> None:
    place = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(place, uri=True)) as database:
            rows = database.execute("SELECT stored FROM alerts ORDER BY first_seen, id")
            for (text,) in rows:
                journal.take(text if isinstance(text, str) else b"")
    except sqlite3.Error as error:
        raise SourceError(path, f"{error}; is it the database of a sql: sink?") from error


def _older(path: str) -> Iterator[str]:
    """Files that were turned over, the oldest first."""
    for number in range(MAX_OLDER, 0, -1):
        if Path(f"{path}.{number}").is_file():
            yield f"{path}.{number}"


def _read(journal: Journal, file: BinaryIO) -> None:
    is_rest = False
    for line in iter(lambda: file.readline(MAX_LINE_OCTETS), b""):
        is_whole = line.endswith(b"\n")
        if is_rest or not is_whole:
            # Too long, or the last one, which may be just being written.
            journal.n_damaged += not is_rest
            is_rest = not is_whole
            continue
        journal.take(line)
