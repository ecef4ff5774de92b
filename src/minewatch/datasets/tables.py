# SPDX-License-Identifier: Apache-2.0
"""The tables of a dataset: their columns, and reading them from a file that nobody vouches for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from minewatch.errors import SourceError
from minewatch.schema import CONVERSATION, Column, polars_schema

CONVERSATIONS: Final = "conversations.parquet"
PACKETS: Final = "packets.parquet"
MAX_ROWS: Final = 100_000_000
"""Conversations of a dataset at most; a file that claims more is not read."""
MAX_PACKET_ROWS: Final = 100 * MAX_ROWS

IDENTITY: Final = (
    Column("conversation", pl.UInt64(), "-", "Number of the conversation in the dataset, from 1."),
    Column("capture", pl.String(), "-", "Capture that it was read from, as the card names it."),
)
ORIGIN: Final = (
    Column("label", pl.String(), "-", "mining or normal, by construction: who built it knows."),
    Column("source", pl.String(), "-", "Who recorded it, where."),
    Column(
        "host",
        pl.String(),
        "-",
        "Watched server: its name in the labels, else the address of the watched side.",
    ),
    Column(
        "other_host",
        pl.String(),
        "-",
        "The other end, where that is a watched server of this dataset too; else null.",
    ),
    Column(
        "remote",
        pl.String(),
        "-",
        "What else its conversations have in common: name of the pool if it mines and the labels "
        "tell, else the service's address and port.",
    ),
)
ATTRIBUTES: Final = (
    Column("service", pl.String(), "-", "Kind of service; null if the labels do not tell."),
    Column("coin", pl.String(), "-", "Ticker of what is paid out."),
    Column("algorithm", pl.String(), "-", "Hash function."),
    Column("dialect", pl.String(), "-", "How miner and pool talk."),
    Column("transport", pl.String(), "-", "tcp, tls1.2 or tls1.3."),
    Column("pool", pl.String(), "-", "Name of the pool."),
    Column("miner", pl.String(), "-", "Name of the miner."),
    Column("evasion", pl.String(), "-", "How the miner hides, names joined by +."),
)
READ: Final = (
    Column("inspection", pl.String(), "-", "What deep packet inspection said; see minewatch label"),
    Column("decoded_dialect", pl.String(), "-", "Dialect that the stratum decoder read, or null."),
)
ADDRESSES: Final = tuple(c.name for c in CONVERSATION if "_address_" in c.name)
_COLUMNS: Final = (*IDENTITY, *CONVERSATION, *ORIGIN, *ATTRIBUTES, *READ)

PACKET_COLUMNS: Final = (
    Column("conversation", pl.UInt64(), "-", "Number of the conversation."),
    Column("offset_ns", pl.Int64(), "ns", "Time since the conversation's first packet."),
    Column("payload_octets", pl.Int64(), "octets", "Payload on the wire."),
    Column("from_initiator", pl.Boolean(), "-", "Who sent it."),
    Column(
        "is_first",
        pl.Boolean(),
        "-",
        "True for the first payload packets of a conversation (64 at most), false for its latest "
        "(192 at most), between which there is a gap.",
    ),
)
NEVER_NULL: Final = ("conversation", "capture", "label", "source", "host", "remote", "flow_id")


def conversation_columns(with_addresses: bool = True) -> tuple[Column, ...]:
    """Return the columns of ``conversations.parquet``.

    Parameters
    ----------
    with_addresses : false for a dataset whose addresses were taken out.

    Examples
    --------
    >>> [column.name for column in conversation_columns()][:3]
    ['conversation', 'capture', 'flow_id']
    """
    return tuple(c for c in _COLUMNS if with_addresses or c.name not in ADDRESSES)


def conversation_schema(with_addresses: bool = True) -> dict[str, pl.DataType]:
    """Return the schema of ``conversations.parquet``.

    Parameters
    ----------
    with_addresses : false for a dataset whose addresses were taken out.
    """
    return polars_schema(conversation_columns(with_addresses))


def packet_schema() -> dict[str, pl.DataType]:
    """Return the schema of ``packets.parquet``."""
    return polars_schema(PACKET_COLUMNS)


def scan_table(
    path: str | os.PathLike[str], schema: Mapping[str, pl.DataType], most: int = MAX_ROWS
) -> pl.LazyFrame:
    """Return a Parquet file as a lazy table, once its columns and number of rows are as told.

    Parameters
    ----------
    path : the file.
    schema : the columns it must have, in any order.
    most : rows it may have.

    Raises
    ------
    SourceError : it is no Parquet file, has other columns, or too many rows.
    """
    found, rows = _schema_and_rows(Path(path))
    wrong = [
        f"{name} is {_plain(found[name])} instead of {dtype}"
        if name in found
        else f"{name} is missing"
        for name, dtype in schema.items()
        if found.get(name) != dtype
    ]
    wrong += [f"{name[:80]!r} is unknown" for name in found if name not in schema]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise SourceError(
            str(path),
            f"not the columns of this dataset version: {'; '.join(wrong[:3])}{more}; build it "
            "again with this version of minewatch",
        )
    if rows > most:
        raise SourceError(str(path), f"claims {rows:,} rows; at most {most:,} are read")
    return pl.scan_parquet(Path(path), glob=False).select(list(schema))


def _schema_and_rows(path: Path) -> tuple[Mapping[str, pl.DataType], int]:
    if not path.is_file():  # polars would take it for a pattern or a folder of files
        raise SourceError(str(path), "no such file; build the dataset again")
    try:
        table = pl.scan_parquet(path, glob=False)
        return table.collect_schema(), int(table.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SourceError(str(path), f"not a Parquet file: {first_line(error)}") from error


def read_table(table: pl.LazyFrame, path: str | os.PathLike[str]) -> pl.DataFrame:
    """Return a lazy table's rows.

    Parameters
    ----------
    table : of ``scan_table``, and what was made of it.
    path : its file, for the error.

    Raises
    ------
    SourceError : the file is damaged.
    """
    try:
        return table.collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SourceError(str(path), f"damaged: {first_line(error)}; build it again") from error


def first_line(error: BaseException) -> str:
    """Return the beginning of an error's text, which may hold what a hostile file said.

    Parameters
    ----------
    error : any.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    return _plain(lines[0])


def _plain(value: object) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(value)[:200])
