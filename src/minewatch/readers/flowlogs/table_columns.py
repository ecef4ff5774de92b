# SPDX-License-Identifier: Apache-2.0
"""Records as a table for people and programs, and back: the columns that minewatch writes.

A table of records has a column for each field of ``RECORD``, addresses as text, what is unknown as
null, and the server's name as text. A table of ``minewatch meter`` is read as well: its rows tell
of both directions. Parquet files of records carry ``VERSION`` in their metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.address import address_text
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.columns import addresses, required, whole_numbers
from minewatch.readers.flowlogs.json_rows import Whole
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.server_names import server_places
from minewatch.records import RECORD, UNKNOWN, Names, RecordArray, RecordCounters, new_records
from minewatch.schema import SAMPLING

VERSION_KEY: Final = "minewatch.records"
VERSION: Final = "1"
"""Changes when the meaning of a column does."""

_SIDES: Final = ("source", "destination")
_TEXTS: Final = ("source_address", "destination_address", "server_name")
_NUMBERS: Final = tuple(
    name
    for name in RECORD.names or ()
    if not name.endswith(("_high", "_low")) and name != "server_name"
)
RECORD_COLUMNS: Final = ("source_address", "destination_address", *_NUMBERS, "server_name")
"""Of a table of records, in order."""
_NOT_OF_METER: Final = (
    "firewall_event",
    "is_source_initiator",
    "observation_point",
    SAMPLING,
    "is_scaled",
    "server_name",
)
METER_COLUMNS: Final = (
    *(name for name in RECORD_COLUMNS if name not in _NOT_OF_METER),
    "is_initiator_known",
)
"""Columns of ``minewatch meter`` that are read. Of flow logs it writes ``schema.SAMPLING`` too."""
FIELDS: Final[dict[str, Any]] = {
    **{name: str if name in _TEXTS else Whole for name in RECORD_COLUMNS},
    "is_initiator_known": bool,
}
"""All of both, with their types in JSON."""
_NEVER_NULL: Final = (
    "flow_start_nanoseconds",
    "flow_end_nanoseconds",
    "source_transport_port",
    "destination_transport_port",
    "protocol_identifier",
)
_TIMES: Final = ("flow_start_nanoseconds", "flow_end_nanoseconds")
_LATEST: Final = (1 << 63) - 1


def needed_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a table must have, by those that it has.

    Parameters
    ----------
    columns : that it has.

    Examples
    --------
    >>> "firewall_event" in needed_columns(["is_initiator_known"])
    False
    """
    return METER_COLUMNS if "is_initiator_known" in columns else RECORD_COLUMNS


def read_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table that are read: those that it must have, and what it may have.

    Parameters
    ----------
    columns : that it has.

    Examples
    --------
    >>> read_columns(["is_initiator_known", "sampling_packet_interval"])[-2:]
    ('is_initiator_known', 'sampling_packet_interval')
    """
    needed = needed_columns(columns)
    return needed if SAMPLING in needed or SAMPLING not in columns else (*needed, SAMPLING)


def is_table(columns: Sequence[str]) -> bool:
    """Return whether a table has the looks of one of minewatch's.

    Parameters
    ----------
    columns : that it has.

    Examples
    --------
    >>> is_table(["source_address", "flow_start_nanoseconds", "is_source_initiator"])
    True
    """
    marks = {"is_initiator_known", "is_source_initiator"}
    return {"source_address", "flow_start_nanoseconds"} <= set(columns) and bool(
        marks & set(columns)
    )


def check_columns(name: str, columns: list[str] | tuple[str, ...]) -> None:
    """Refuse a table that lacks a column.

    Parameters
    ----------
    name : what the user called it.
    columns : that it has.

    Raises
    ------
    SourceError : one is missing.
    """
    missing = [column for column in needed_columns(columns) if column not in columns]
    if missing:
        several = len(missing) > 1
        raise SourceError(
            name,
            f"column{'s' * several} {', '.join(missing)} {'are' if several else 'is'} missing; "
            "write it again with minewatch meter or minewatch collect",
        )


def record_frame(records: RecordArray, names: Names) -> pl.DataFrame:
    """Return records as a table.

    Parameters
    ----------
    records : n of them.
    names : to which ``server_name`` of the records points.

    Examples
    --------
    >>> records = new_records(1)
    >>> records["server_name"] = 0
    >>> frame = record_frame(records, Names(servers=["pool.example"]))
    >>> frame["server_name"][0], frame["source_address"][0], frame["packet_delta_count"][0]
    ('pool.example', '::', None)
    """
    columns: dict[str, pl.Series] = {}
    for side in _SIDES:
        halves = (
            pl.Series(np.ascontiguousarray(records[f"{side}_address_{half}"]))
            for half in ("high", "low")
        )
        columns[f"{side}_address"] = address_text(*halves)
    for name in _NUMBERS:
        column = pl.Series(np.ascontiguousarray(records[name]))
        if np.issubdtype(RECORD[name], np.signedinteger) and name not in _TIMES:
            column = pl.select(pl.when(column != UNKNOWN).then(column)).to_series()
        columns[name] = column
    servers = dict(enumerate(names.servers))
    places = pl.Series(np.ascontiguousarray(records["server_name"]))
    columns["server_name"] = places.replace_strict(servers, default=None, return_dtype=pl.String)
    return pl.DataFrame(columns)


def records_from(frame: pl.DataFrame, name: str = "table") -> tuple[RecordArray, Names]:
    """Return the records that a table holds, of records or of ``minewatch meter``.

    Parameters
    ----------
    frame : the table.
    name : what to call it where it is wrong.

    Raises
    ------
    SourceError : a column is missing, or a value cannot be.

    Examples
    --------
    >>> records = new_records(1)
    >>> records_from(record_frame(records, Names()))[0] == records
    array([ True])
    """
    check_columns(name, frame.columns)
    names = Names()
    faults = RowFaults(np.arange(1, frame.height + 1), lambda row: f"{name}: row {row}")
    records = table_records(frame, faults, KnownNames(names))
    faults.settle(RecordCounters(), strict=True)
    return records, names


def table_records(frame: pl.DataFrame, faults: RowFaults, known: KnownNames) -> RecordArray:
    """Return a record for each row; those of faulty rows mean nothing.

    Parameters
    ----------
    frame : texts or numbers; columns that it lacks are unknown.
    faults : of these rows.
    known : where names of servers are kept.
    """
    records = new_records(frame.height)
    for side in _SIDES:
        column = f"{side}_address"
        high, low = addresses(frame[column], faults, column)
        records[f"{column}_high"], records[f"{column}_low"] = high, low
    for name in _NUMBERS:
        if name in frame.columns and frame[name].dtype != pl.Null:
            _fill(records, name, frame[name], faults)
    faults.mark(
        records["flow_end_nanoseconds"] < records["flow_start_nanoseconds"],
        "end before start",
        "flow_end_nanoseconds is",
        frame["flow_end_nanoseconds"],
    )
    if "is_initiator_known" in frame.columns:
        texts = frame["is_initiator_known"].cast(pl.String)
        is_known = (texts == "true").fill_null(value=False).to_numpy()
        records["is_source_initiator"][is_known] = 1
        # The meter writes counts as what they stand for; in CSV others lack the column's values.
        is_metered = texts.is_not_null().to_numpy()
        records["is_scaled"][is_metered] = records[SAMPLING][is_metered] > 1
    if "server_name" in frame.columns:
        records["server_name"] = server_places(frame["server_name"].cast(pl.String), known)
    return records


def _fill(records: RecordArray, name: str, column: pl.Series, faults: RowFaults) -> None:
    if name in _NEVER_NULL:
        required(column, faults, name)
    kind = RECORD[name]
    if name in _TIMES:
        high = _LATEST
    elif name.endswith("tcp_control_bits"):
        high = 255
    elif name in ("is_source_initiator", "is_scaled"):
        high = 1
    else:
        high = min(int(np.iinfo(kind).max), (1 << 62) - 1)
    is_signed = np.issubdtype(kind, np.signedinteger) and name not in _TIMES
    missing = 1 if name == SAMPLING else UNKNOWN if is_signed else 0
    values = whole_numbers(column, faults, name, high, missing=missing)
    if name == SAMPLING:
        faults.mark(values == 0, f"{name} is out of range", "1 stands for all; found", column)
    records[name] = values
