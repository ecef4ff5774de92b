# SPDX-License-Identifier: Apache-2.0
"""A database of alerts by SQLAlchemy: SQLite, or PostgreSQL.

``alert_revisions`` has every telling once, ``alerts`` the latest of each alert. A batch is one
transaction. The exact alert stands in ``stored``; other columns are there to be asked for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.clean import moment, printable
from minewatch.alerts.forms.stored import write
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

DATABASE_VERSION: Final = 1
TIMEOUT_S: Final = 10
_MODE: Final = 0o640
"""Of a file of SQLite; its log has the same."""
_TEXT: Final = 255
_SHOWN_REASON: Final = 200


class SqlSink:
    """Keeps alerts in a database.

    Parameters
    ----------
    place : where the database is, of ``place_of``.

    Raises
    ------
    ConfigError : its driver is not here.
    """

    def __init__(self, place: URL) -> None:
        self.name = f"sql:{place.drivername}://{_shown(place)}"
        try:
            self._engine = _sqlite(place) if _is_sqlite(place) else _postgresql(place)
        except ImportError as error:
            raise ConfigError(
                f"{self.name}: its driver is not here: pip install 'minewatch[sinks]'"
            ) from error
        self._is_ready = False

    def send(self, alerts: Sequence[Alert]) -> None:
        """Store alerts; those that are there already stay as they are."""
        from sqlalchemy.exc import DataError, SQLAlchemyError

        try:
            with self._engine.begin() as connection:
                self._prepare(connection)
                _store(connection, alerts)
            self._is_ready = True
        except DataError as error:
            # About what was to be stored: the answer would be the same next time.
            raise RefusedError(f"{self.name}: {_reason(error)}") from error
        except (SQLAlchemyError, OSError) as error:
            self._engine.dispose()
            raise SinkError(f"{self.name}: {_reason(error)}") from error

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _prepare(self, connection: Connection) -> None:
        """Make the tables if they are not there, and refuse those of a later version."""
        if self._is_ready:
            return
        from minewatch.alerts.sinks.sql_tables import make, version_of

        if (found := version_of(connection)) is None:
            make(connection, DATABASE_VERSION)
        elif found != DATABASE_VERSION:
            raise SinkError(
                f"{self.name}: the database is of version {found}, this minewatch knows"
                f" {DATABASE_VERSION}: use the minewatch that made it, or another database"
            )


def place_of(url: str) -> URL:
    """Return where a database is.

    Parameters
    ----------
    url : of SQLAlchemy.

    Raises
    ------
    ConfigError : it is no such URL, of another database, or of a file that cannot be.
    """
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        place = sqlalchemy.make_url(url)
        kind = place.get_backend_name()
        place.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # Not the library's words: they may hold the whole address.
        raise ConfigError("sql: sqlite:///PATH or postgresql+psycopg://HOST/DATABASE") from error
    if _is_sqlite(place):
        _check_file(place)
    elif kind != "postgresql":
        raise ConfigError(f"sql:{place.drivername}: sqlite and postgresql are known")
    return place


def _is_sqlite(place: URL) -> bool:
    return place.drivername in ("sqlite", "sqlite+pysqlite")


def _check_file(place: URL) -> None:
    """Refuse what would keep alerts in memory alone, or nowhere."""
    path = place.database or ":memory:"
    if path.startswith((":memory:", "file:")):
        raise ConfigError("sql:sqlite: name a file, in which alerts stay: sql:sqlite:///PATH")
    if not Path(path).parent.is_dir():
        raise ConfigError(f"sql:sqlite: {Path(path).parent}: no such folder")
    if Path(path).is_dir():
        raise ConfigError(f"sql:sqlite: {path}: a folder; name a file in it")


def _shown(place: URL) -> str:
    """Return the place without user, password and options, which may be secrets."""
    host = f"[{place.host}]" if ":" in (place.host or "") else place.host or ""
    port = f":{place.port}" if place.port else ""
    return f"{host}{port}/{place.database or ''}"


def _sqlite(url: URL) -> Engine:
    """Return an engine whose files survive a crash and may be read while they are written."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, connect_args={"timeout": TIMEOUT_S})

    def make_file(*_: Any) -> None:
        # SQLite would let everybody read it.
        os.close(os.open(str(url.database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))

    def prepare(connection: Any, _: Any) -> None:
        # The driver would begin transactions late, and leave the making of tables out of them.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sqlalchemy.event.listen(engine, "do_connect", make_file)
    sqlalchemy.event.listen(engine, "connect", prepare)
    sqlalchemy.event.listen(engine, "begin", begin)
    return engine


def _postgresql(url: URL) -> Engine:
    """Return an engine that notices soon when the server is gone."""
    import sqlalchemy

    limits = {
        "connect_timeout": TIMEOUT_S,
        "tcp_user_timeout": 1_000 * TIMEOUT_S,
        "application_name": "minewatch",
        "options": f"-c statement_timeout={TIMEOUT_S}s -c lock_timeout={TIMEOUT_S}s",
    }
    return sqlalchemy.create_engine(
        url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=limits
    )


def _store(connection: Connection, alerts: Sequence[Alert]) -> None:
    from minewatch.alerts.sinks import sql_tables

    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        insert: Any = sqlite_insert
    else:
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        insert = postgresql_insert
    # In a fixed order, so that two watchers of one database do not wait for each other.
    rows = sorted(map(_row, alerts), key=lambda row: (row["id"], row["revision"]))
    for row in rows:
        connection.execute(insert(sql_tables.revisions).values(row).on_conflict_do_nothing())
        told = insert(sql_tables.alerts).values(row)
        newer = told.excluded.revision > sql_tables.alerts.c.revision
        changed = {name: told.excluded[name] for name in row if name != "id"}
        connection.execute(
            told.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer)
        )


def _row(alert: Alert) -> dict[str, Any]:
    def short(text: str | None) -> str | None:
        return None if text is None else printable(text, _TEXT)

    return {
        "id": alert.id,
        "revision": alert.revision,
        "change": str(alert.change),
        "severity": str(alert.severity),
        "host": short(alert.host),
        "pool": short(alert.pool),
        "pool_name": short(alert.pool_name),
        "pool_port": alert.pool_port,
        "protocol_identifier": alert.protocol_identifier,
        "mining_probability": alert.mining_probability,
        "first_seen": moment(alert.first_seen_ns),
        "last_seen": moment(alert.last_seen_ns),
        "updated": moment(alert.updated_ns),
        "conversations": alert.conversations,
        "source": short(alert.source),
        "allowed_by": short(alert.allowed_by),
        "stored": write(alert),
    }


def _reason(error: Exception) -> str:
    """Why it failed, in one line: the driver's words, which name no password."""
    told = getattr(error, "orig", None) or error
    return " ".join(str(told).split())[:_SHOWN_REASON] or type(told).__name__
