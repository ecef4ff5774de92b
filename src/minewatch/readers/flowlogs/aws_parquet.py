# SPDX-License-Identifier: Apache-2.0
"""AWS flow logs as Parquet: a row is read as the line of text that AWS would have written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
import polars as pl

from minewatch.contracts import FlowSource
from minewatch.errors import SourceError
from minewatch.metering.text_scan import SCAN_OCTETS
from minewatch.readers.flowlogs.aws_fields import OBSERVERS, USED_FIELDS, Layout, layout_of
from minewatch.readers.flowlogs.aws_records import RecordReader, missing_column, note_skipped
from minewatch.readers.flowlogs.parquet_file import ParquetFile
from minewatch.readers.flowlogs.table_parquet import ParquetTableSource
from minewatch.records import Names, RecordArray, RecordCounters

OWN_COLUMN: Final = "flow_start_nanoseconds"
"""Tables of minewatch have it, and nobody else's."""
_BATCH_ROWS: Final = 1 << 14
_MAX_CHARACTERS: Final = 128
"""Of a value; the rest is cut away: no value of a field that is used is so long."""
_CHUNK_OCTETS: Final = 1 << 20


class AwsParquetSource:
    """One flow log in Parquet.

    Parameters
    ----------
    file : closed together with this.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : a column is missing without which none can be used.
    """

    def __init__(self, file: ParquetFile, *, strict: bool) -> None:
        self._file = file
        self._counters = RecordCounters(octets_read=file.octets)
        self._names = Names()
        self._lines, layout = self._chosen()
        self._reader = RecordReader(
            layout, self._counters, self._place, _CHUNK_OCTETS, strict=strict, has_headers=False
        )

    @property
    def name(self) -> str:
        return self._file.name

    @property
    def counters(self) -> RecordCounters:
        return self._counters

    @property
    def names(self) -> Names:
        return self._names

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks, each valid until the next is asked for.

        Raises
        ------
        SourceError : strict and a row is faulty, or the file is damaged.
        """
        for text in self._batches():
            yield from self._read_text(text)
        block = self._reader.take()
        if len(block):
            yield block
        note_skipped(self._counters)

    def _chosen(self) -> tuple[pl.LazyFrame, Layout]:
        """Return the fields that are used as lines, and their layout."""
        schema = self._file.schema
        columns = {name.replace("_", "-"): name for name in reversed(schema.names())}
        fields = [field for field in (*USED_FIELDS, *OBSERVERS) if field in columns]
        layout = layout_of(fields)
        if layout.missing:
            raise SourceError(self.name, "; ".join(missing_column(layout)))
        texts = [_as_text(columns[field], schema[columns[field]]) for field in fields]
        return self._file.table.select(pl.concat_str(texts, separator=" ").alias("line")), layout

    def _batches(self) -> Iterator[bytes]:
        """Yield the rows as text, some thousand at a time."""
        for part in self._file.batches(self._lines, _BATCH_ROWS):
            lines = part.get_column("line").str.join("\n").item()
            yield b"%s\n" % lines.encode() if len(part) else b""

    def _read_text(self, text: bytes) -> Iterator[RecordArray]:
        """Read lines, a chunk of whole ones at a time."""
        at = 0
        margin = bytes(SCAN_OCTETS)
        while at < len(text):
            end = text.rfind(b"\n", at, at + _CHUNK_OCTETS) + 1
            data = np.frombuffer(b"".join((margin, memoryview(text)[at:end], margin)), np.uint8)
            yield from self._reader.read(data, SCAN_OCTETS, SCAN_OCTETS + end - at)
            at = end

    def _place(self, row: int) -> str:
        return f"{self.name}: row {row}"


def open_parquet(name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
    """Return a source of Parquet, whose kind only the columns tell, and they stand at its end.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies; read from there if it is not packed.
    stream : unpacked, at its start.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : it is damaged, or a column is missing without which none can be used.
    """
    file = ParquetFile(name, path, stream)
    try:
        if OWN_COLUMN in file.schema:
            return ParquetTableSource(file, strict=strict)
        return AwsParquetSource(file, strict=strict)
    except BaseException:
        file.close()
        raise


def _as_text(column: str, kind: pl.DataType) -> pl.Expr:
    """Return a column as AWS would write it as text: without white space, ``-`` for null."""
    value = pl.col(column)
    if kind.is_temporal():
        value = value.dt.epoch("s")
    elif kind.is_float():  # whole numbers, some of which were null
        whole = value.cast(pl.Int64, strict=False)
        value = pl.when(value == whole).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    if kind.is_nested():
        value = pl.lit("nested")  # no value at all; the reader says of each that it is none
    text = value.cast(pl.String, strict=False).str.head(_MAX_CHARACTERS)
    text = text.str.replace_all(r"[\x00-\x20]", "_")
    return pl.when(text == "").then(pl.lit("-")).otherwise(text).fill_null("-")
