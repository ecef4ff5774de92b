# SPDX-License-Identifier: Apache-2.0
"""Tables of minewatch in Parquet, some rows at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

import numpy as np
import polars as pl

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import settled
from minewatch.readers.flowlogs.table_columns import (
    VERSION,
    VERSION_KEY,
    check_columns,
    needed_columns,
    table_records,
)
from minewatch.readers.source import PARQUET_MAGIC, STDIN, UnpackError
from minewatch.records import Names, RecordArray, RecordCounters

ROWS: Final = 1 << 17
MAX_SPOOL_OCTETS: Final = 1 << 34
"""Parquet is read from its end: what comes from a pipe or was packed is put in a file first."""
_CHUNK_OCTETS: Final = 1 << 20
_UNREADABLE: Final = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    OSError,
    ValueError,
)


class ParquetTableSource:
    """The records of one table.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies; read from there if it is not packed.
    stream : unpacked, at its start.
    strict : the first fault raises SourceError.
    max_spool_octets : larger ones that lie nowhere are refused.

    Raises
    ------
    SourceError : it is damaged, lacks a column or is of another version.
    """

    def __init__(
        self,
        name: str,
        path: str,
        stream: BinaryIO,
        *,
        strict: bool,
        max_spool_octets: int = MAX_SPOOL_OCTETS,
    ) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._stream = stream
        self._strict = strict
        self._spool: IO[bytes] | None = None
        try:
            at = path if is_parquet(path) else self._spooled(max_spool_octets)
            self.counters.octets_read = os.path.getsize(at)
            self._table = self._checked(at)
        except BaseException:
            self.close()
            raise

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : it is damaged; or strict, and something is wrong.
        """
        known = KnownNames(self.names)
        first = 1
        for part in self._parts():
            numbers = np.arange(first, first + part.height)
            first += part.height
            faults = RowFaults(numbers, lambda row: f"{self.name}: row {row}")
            records = table_records(part, faults, known)
            yield from settled(records, faults, self.counters, strict=self._strict)
        note = known.note()
        if note is not None:
            self.counters.notes.append(note)

    def close(self) -> None:
        """Close what it reads from."""
        self._stream.close()
        if self._spool is not None:
            self._spool.close()

    def _parts(self) -> Iterator[pl.DataFrame]:
        try:
            for batch in self._table.collect_batches(chunk_size=ROWS, lazy=True):
                yield from batch.iter_slices(ROWS)
        except _UNREADABLE as error:
            raise self._damaged(error) from error

    def _checked(self, path: str) -> pl.LazyFrame:
        try:
            version = pl.read_parquet_metadata(path).get(VERSION_KEY, VERSION)
            table = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            schema = table.collect_schema()
        except _UNREADABLE as error:
            raise self._damaged(error) from error
        if version != VERSION:
            raise SourceError(
                self.name,
                f"records of version {version[:20]!r}, and {VERSION!r} is read; use the minewatch "
                "that wrote them",
            )
        check_columns(self.name, schema.names())
        wanted = needed_columns(schema.names())
        for column in wanted:
            kind = schema[column]
            if kind.is_nested() or kind.is_temporal() or kind == pl.Binary:
                raise SourceError(
                    self.name, f"column {column} is of type {kind}, no number or text"
                )
        return table.select(wanted)

    def _spooled(self, max_octets: int) -> str:
        self._spool = tempfile.NamedTemporaryFile(prefix="minewatch-", suffix=".parquet")
        left = max_octets
        try:
            while chunk := self._stream.read(_CHUNK_OCTETS):
                left -= len(chunk)
                if left < 0:
                    raise SourceError(
                        self.name, f"more than {max_octets} octets; unpack it and name the file"
                    )
                self._spool.write(chunk)
            self._spool.flush()
        except (UnpackError, OSError) as error:
            raise self._damaged(error) from error
        return str(self._spool.name)

    def _damaged(self, error: BaseException) -> SourceError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return SourceError(
            self.name, f"cannot be read as Parquet: {reason}; it may be cut, write it again"
        )


def is_parquet(path: str) -> bool:
    """Return whether Parquet lies there, as it is.

    Parameters
    ----------
    path : of a file, or anything else.

    Examples
    --------
    >>> is_parquet("-")
    False
    """
    try:
        if path == STDIN or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except (OSError, ValueError):
        return False
