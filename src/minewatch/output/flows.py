# SPDX-License-Identifier: Apache-2.0
"""Interval records of ``minewatch meter`` as Parquet, CSV or JSON Lines."""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.address import with_text
from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream
from minewatch.output.records import capture_name
from minewatch.schema import FLOW, SAMPLING, polars_schema
from minewatch.types import FlowTable

FORMATS: Final = ("parquet", "csv", "jsonl")


def written_schema(with_capture: bool, with_sampling: bool = False) -> dict[str, pl.DataType]:
    """Return the columns of written flow tables: those of ``schema.FLOW``, addresses as text.

    Parameters
    ----------
    with_capture : name the input of each row in a first column.
    with_sampling : tell in a last column how many packets one counted packet stands for.
    """
    empty = with_text(pl.DataFrame(schema=polars_schema(FLOW)))
    first: dict[str, pl.DataType] = {"capture": pl.String()} if with_capture else {}
    last: dict[str, pl.DataType] = {SAMPLING: pl.Int64()} if with_sampling else {}
    return first | dict(empty.schema) | last


class FlowWriter:
    """Writes flow tables as they come.

    Parameters
    ----------
    destination : where they go.
    format : one of ``FORMATS``.
    with_capture : name the input of each row in a first column.
    with_sampling : tell in a last column how many packets one counted packet stands for.
    """

    def __init__(
        self,
        destination: Destination,
        format: str,
        with_capture: bool,
        with_sampling: bool = False,
    ) -> None:
        if format not in FORMATS:
            raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")
        self._destination = destination
        self._format = format
        self._with_capture = with_capture
        self._with_sampling = with_sampling
        self._is_begun = False
        self._parquet: ParquetStream | None = None
        if format == "parquet":
            self._parquet = ParquetStream(destination, self._schema())

    def write(self, flows: FlowTable, capture: str) -> None:
        """Write the records of one input; columns that are not of ``written_schema`` are left out.

        Captures have no sampling: they count every packet.
        """
        table = with_text(flows.select(list(polars_schema(FLOW))))
        if self._with_sampling:
            is_told = SAMPLING in flows.columns
            table = table.with_columns(
                flows.get_column(SAMPLING) if is_told else pl.lit(1, pl.Int64).alias(SAMPLING)
            )
        if self._with_capture:
            name = pl.Series("capture", [capture_name(capture)], pl.String)
            table = table.insert_column(0, name.new_from_index(0, table.height))
        self._write(table)

    def finish(self) -> None:
        """Write what is left: the header or footer."""
        if self._parquet is not None:
            self._parquet.close()
        elif self._format == "csv" and not self._is_begun:
            self._write(pl.DataFrame(schema=self._schema()))

    def _schema(self) -> dict[str, pl.DataType]:
        return written_schema(self._with_capture, self._with_sampling)

    def _write(self, table: pl.DataFrame) -> None:
        if self._parquet is not None:
            self._parquet.write(table)
        elif self._format == "csv":
            text = table.write_csv(include_header=not self._is_begun)
            self._destination.write(text.encode())
        else:
            self._destination.write(table.write_ndjson().encode())
        self._is_begun = True
