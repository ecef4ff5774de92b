# SPDX-License-Identifier: Apache-2.0
"""The tables of the database of alerts, and its version."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

metadata: Final = MetaData()
_LOCK: Final = 0x6D696E65
"""Of PostgreSQL's advisory locks: two watchers that start at once make the tables once."""


def _columns() -> tuple[Column[object], ...]:
    """Return the columns of an alert but its key; times are RFC 3339 text, which sorts by time."""
    return (
        Column("change", String(16), nullable=False),
        Column("severity", String(16), nullable=False),
        Column("host", Text, nullable=False),
        Column("pool", Text, nullable=False),
        Column("pool_name", Text),
        Column("pool_port", Integer, nullable=False),
        Column("protocol_identifier", Integer, nullable=False),
        Column("mining_probability", Float, nullable=False),
        Column("first_seen", String(32), nullable=False),
        Column("last_seen", String(32), nullable=False),
        Column("updated", String(32), nullable=False),
        Column("conversations", BigInteger, nullable=False),
        Column("source", Text, nullable=False),
        Column("allowed_by", Text),
        Column("stored", Text, nullable=False),
    )


versions: Final = Table("minewatch_database", metadata, Column("version", Integer, nullable=False))
revisions: Final = Table(
    "alert_revisions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    *_columns(),
)
alerts: Final = Table(
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    *_columns(),
    Index("alerts_by_time", "updated"),
    Index("alerts_by_host", "host"),
)


def version_of(connection: Connection) -> int | None:
    """Return the version of the tables, None where there are none.

    Parameters
    ----------
    connection : in a transaction.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if not inspect(connection).has_table(versions.name):
        return None
    return connection.execute(select(versions.c.version)).scalar()


def make(connection: Connection, version: int) -> None:
    """Make the tables.

    Parameters
    ----------
    connection : in a transaction.
    version : of the tables.
    """
    metadata.create_all(connection)
    connection.execute(insert(versions).values(version=version))
