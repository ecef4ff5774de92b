# SPDX-License-Identifier: Apache-2.0
"""Parquet where it lies, or a copy of it: it is read from its end, and a stream has none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, BinaryIO, Final

import polars as pl

from minewatch.errors import SourceError
from minewatch.readers.source import PARQUET_MAGIC, STDIN
from minewatch.readers.unpack import UnpackError

MAX_COPY_OCTETS: Final = 1 << 34
_UNREADABLE: Final = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    UnpackError,
    OSError,
    ValueError,
)
"""What reading a damaged file may raise."""
_COPIED_OCTETS: Final = 1 << 20


class ParquetFile:
    """One file and its columns.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies; read from there if it is Parquet there too, and not packed.
    stream : unpacked, at its start; else copied to a temporary file.
    max_octets : more are not copied.

    Raises
    ------
    SourceError : it is damaged, or too large to copy.
    """

    def __init__(
        self, name: str, path: str, stream: BinaryIO, *, max_octets: int = MAX_COPY_OCTETS
    ) -> None:
        self.name = name
        self._stream = stream
        self._copy: IO[bytes] | None = None
        try:
            self.path = path if is_parquet(path) else self._copied(max_octets)
            self.octets = os.path.getsize(self.path)
            self.metadata: Mapping[str, str] = pl.read_parquet_metadata(self.path)
            self.table = pl.scan_parquet(self.path, glob=False, hive_partitioning=False)
            self.schema = self.table.collect_schema()
        except _UNREADABLE as error:
            self.close()
            raise self._damaged(error) from error
        except SourceError:
            self.close()
            raise

    def close(self) -> None:
        """Close the stream, and delete its copy."""
        self._stream.close()
        if self._copy is not None:
            self._copy.close()

    def batches(self, table: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of what was made of ``table``, some at a time.

        Parameters
        ----------
        table : ``self.table``, or what was selected of it.
        rows : at most so many at a time.

        Raises
        ------
        SourceError : the file is damaged.
        """
        try:
            for batch in table.collect_batches(chunk_size=rows, lazy=True):
                yield from batch.iter_slices(rows)
        except _UNREADABLE as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> SourceError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return SourceError(
            self.name, f"cannot be read as Parquet: {reason}; copy it again, it may be cut"
        )

    def _copied(self, max_octets: int) -> str:
        # Deleted when it is closed.
        self._copy = tempfile.NamedTemporaryFile(prefix="minewatch-", suffix=".parquet")
        left = max_octets
        while octets := self._stream.read(_COPIED_OCTETS):
            left -= len(octets)
            if left < 0:
                raise SourceError(
                    self.name, f"more than {max_octets} octets; unpack it and name the file"
                )
            self._copy.write(octets)
        self._copy.flush()
        return str(self._copy.name)


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
