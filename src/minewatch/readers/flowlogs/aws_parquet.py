# SPDX-License-Identifier: Apache-2.0
"""AWS flow logs as Parquet: a row is read as the line of text that AWS would have written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
import polars as pl

from minewatch.errors import SourceError
from minewatch.metering.text_scan import SCAN_OCTETS
from minewatch.readers.flowlogs.aws_fields import OBSERVERS, USED_FIELDS, Layout, layout_of
from minewatch.readers.flowlogs.aws_records import RecordReader, missing_column, note_skipped
from minewatch.readers.unpack import UnpackError
from minewatch.records import Names, RecordArray, RecordCounters

PARQUET_MAGIC: Final = b"PAR1"
_BATCH_ROWS: Final = 1 << 14
_MAX_CHARACTERS: Final = 128
"""Of a value; the rest is cut away: no value of a field that is used is so long."""
_CHUNK_OCTETS: Final = 1 << 20
_COPIED_OCTETS: Final = 1 << 20


class AwsParquetSource:
    """One flow log in Parquet.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies; read from there if it is Parquet there too, and not packed.
    stream : unpacked; else copied to a temporary file, for Parquet is read from its end.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : it is damaged, or a column is missing without which none can be used.
    """

    def __init__(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> None:
        self._name = name
        self._stream = stream
        self._counters = RecordCounters()
        self._names = Names()
        self._copy: str = ""
        try:
            self._frame, layout = self._open(path)
            self._reader = RecordReader(
                layout, self._counters, self._place, _CHUNK_OCTETS, strict=strict, has_headers=False
            )
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        return self._name

    @property
    def counters(self) -> RecordCounters:
        return self._counters

    @property
    def names(self) -> Names:
        return self._names

    def close(self) -> None:
        """Close the stream, and delete its copy."""
        self._stream.close()
        if self._copy:
            os.unlink(self._copy)
            self._copy = ""

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

    def _open(self, path: str) -> tuple[pl.LazyFrame, Layout]:
        """Return the fields that are used as text, and their layout."""
        if not _is_parquet(path):
            path = self._copied()
        self._counters.octets_read = os.path.getsize(path)
        try:
            frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            schema = frame.collect_schema()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._damaged(error) from error
        columns = {name.replace("_", "-"): name for name in reversed(schema.names())}
        fields = [field for field in (*USED_FIELDS, *OBSERVERS) if field in columns]
        layout = layout_of(fields)
        if layout.missing:
            raise SourceError(self._name, "; ".join(missing_column(layout)))
        texts = [_as_text(columns[field], schema[columns[field]]) for field in fields]
        return frame.select(pl.concat_str(texts, separator=" ").alias("line")), layout

    def _batches(self) -> Iterator[bytes]:
        """Yield the rows as text, some thousand at a time."""
        try:
            for batch in self._frame.collect_batches(chunk_size=_BATCH_ROWS, lazy=True):
                for part in batch.iter_slices(_BATCH_ROWS):
                    lines = part.get_column("line").str.join("\n").item()
                    yield b"%s\n" % lines.encode() if len(part) else b""
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._damaged(error) from error

    def _read_text(self, text: bytes) -> Iterator[RecordArray]:
        """Read lines, a chunk of whole ones at a time."""
        at = 0
        margin = bytes(SCAN_OCTETS)
        while at < len(text):
            end = text.rfind(b"\n", at, at + _CHUNK_OCTETS) + 1
            data = np.frombuffer(b"".join((margin, memoryview(text)[at:end], margin)), np.uint8)
            yield from self._reader.read(data, SCAN_OCTETS, SCAN_OCTETS + end - at)
            at = end

    def _copied(self) -> str:
        with tempfile.NamedTemporaryFile(prefix="minewatch-", delete=False) as copy:
            self._copy = copy.name
            try:
                shutil.copyfileobj(self._stream, copy, _COPIED_OCTETS)
            except (UnpackError, OSError) as error:
                raise self._damaged(error) from error
        return self._copy

    def _damaged(self, error: BaseException) -> SourceError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return SourceError(
            self._name, f"cannot be read as Parquet: {reason}; copy it again, it may be cut"
        )

    def _place(self, row: int) -> str:
        return f"{self._name}: row {row}"


def _is_parquet(path: str) -> bool:
    """Return whether a file lies there that begins as Parquet does."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


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
