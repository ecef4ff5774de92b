# SPDX-License-Identifier: Apache-2.0
"""Tables of one schema, written as they come: Parquet, CSV, TSV or JSON Lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream

FORMATS: Final = ("jsonl", "csv", "tsv", "parquet")
_SEPARATORS: Final = {"csv": ",", "tsv": "\t"}


class TableStream:
    """Appends tables to one output.

    Parameters
    ----------
    destination : where they go; Parquet needs a file.
    format : one of ``FORMATS``.
    schema : columns of every table; others are left out, types are cast.

    Raises
    ------
    ConfigError : Parquet to standard output.
    """

    def __init__(
        self, destination: Destination, format: str, schema: Mapping[str, pl.DataType]
    ) -> None:
        self._destination = destination
        self._format = format
        self._schema = dict(schema)
        self._is_begun = False
        self._parquet = ParquetStream(destination, schema) if format == "parquet" else None

    def write(self, table: pl.DataFrame) -> None:
        """Write the rows of a table."""
        table = table.select(list(self._schema)).cast(self._schema)  # type: ignore[arg-type]
        if self._parquet is not None:
            self._parquet.write(table)
        elif self._format == "jsonl":
            self._destination.write(table.write_ndjson().encode())
        else:
            separator = _SEPARATORS[self._format]
            text = table.write_csv(separator=separator, include_header=not self._is_begun)
            self._destination.write(text.encode())
        self._is_begun = True

    def finish(self) -> None:
        """Write what is left: a footer, or the header if there was nothing else."""
        if self._parquet is not None:
            self._parquet.close()
        elif self._format != "jsonl" and not self._is_begun:
            self.write(pl.DataFrame(schema=self._schema))
