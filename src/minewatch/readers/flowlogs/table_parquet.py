# SPDX-License-Identifier: Apache-2.0
"""Tables of minewatch in Parquet, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.parquet_file import ParquetFile
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import settled
from minewatch.readers.flowlogs.table_columns import (
    VERSION,
    VERSION_KEY,
    check_columns,
    read_columns,
    table_records,
)
from minewatch.records import Names, RecordArray, RecordCounters

ROWS: Final = 1 << 17


class ParquetTableSource:
    """The records of one table.

    Parameters
    ----------
    file : closed together with this, and if it cannot be used.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : it lacks a column or is of another version.
    """

    def __init__(self, file: ParquetFile, *, strict: bool) -> None:
        self.name = file.name
        self.counters = RecordCounters(octets_read=file.octets)
        self.names = Names()
        self._file = file
        self._strict = strict
        try:
            self._table = self._checked()
        except SourceError:
            file.close()
            raise

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : it is damaged; or strict, and something is wrong.
        """
        known = KnownNames(self.names)
        first = 1
        for part in self._file.batches(self._table, ROWS):
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
        self._file.close()

    def _checked(self) -> pl.LazyFrame:
        version = self._file.metadata.get(VERSION_KEY, VERSION)
        if version != VERSION:
            raise SourceError(
                self.name,
                f"records of version {version[:20]!r}, and {VERSION!r} is read; use the minewatch "
                "that wrote them",
            )
        schema = self._file.schema
        check_columns(self.name, schema.names())
        wanted = read_columns(schema.names())
        for column in wanted:
            kind = schema[column]
            if kind.is_nested() or kind.is_temporal() or kind == pl.Binary:
                raise SourceError(
                    self.name, f"column {column} is of type {kind}, no number or text"
                )
        return self._file.table.select(wanted)
