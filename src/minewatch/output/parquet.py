# SPDX-License-Identifier: Apache-2.0
"""Parquet, written while rows come, in memory that does not grow with their number."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination

_WAITING: Final = 4
"""Tables that may wait for the writing thread."""


class _AbortedError(Exception):
    """The caller gave up."""


class ParquetStream:
    """Appends tables to one Parquet file (zstd), which a second thread writes.

    Parameters
    ----------
    destination : the file; when it is discarded, writing stops.
    schema : columns of every table.
    metadata : what the file says of itself, None for nothing.

    Raises
    ------
    ConfigError : Parquet cannot go to standard output.
    """

    def __init__(
        self,
        destination: Destination,
        schema: Mapping[str, pl.DataType],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        if destination.is_stdout:
            raise ConfigError("Parquet needs a file: give one with -o")
        self._name = destination.name
        self._path = destination.path
        destination.before_discard = self.abort
        self._schema = dict(schema)
        self._metadata = None if metadata is None else dict(metadata)
        self._tables: queue.Queue[pl.DataFrame | None] = queue.Queue(_WAITING)
        self._is_aborted = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._sink, name="minewatch-parquet", daemon=True)
        self._thread.start()

    def write(self, table: pl.DataFrame) -> None:
        """Hand over a table.

        Raises
        ------
        ConfigError : the file cannot be written any further.
        """
        self._put(table)

    def close(self) -> None:
        """Write the rest and the footer."""
        self._put(None)
        self._thread.join()
        self._raise_error()

    def abort(self) -> None:
        """Stop writing; the file is of no use."""
        self._is_aborted = True
        while self._thread.is_alive():
            try:
                self._tables.put(None, timeout=0.1)
            except queue.Full:
                continue
            self._thread.join(0.1)

    def _put(self, table: pl.DataFrame | None) -> None:
        while True:
            self._raise_error()
            try:
                self._tables.put(table, timeout=0.5)
            except queue.Full:
                continue
            return

    def _raise_error(self) -> None:
        if isinstance(self._error, KeyboardInterrupt):  # polars takes Ctrl-C while it writes
            raise self._error
        if self._error is not None:
            reason = str(self._error).splitlines()[0]
            raise ConfigError(f"-o {self._name}: {reason}; nothing was written") from self._error

    def _received(self, *_: object) -> Iterator[pl.DataFrame]:
        while (table := self._tables.get()) is not None:
            yield table
        if self._is_aborted:
            raise _AbortedError

    def _sink(self) -> None:
        from polars.io.plugins import register_io_source

        try:
            source = register_io_source(self._received, schema=self._schema)
            source.sink_parquet(self._path, compression="zstd", metadata=self._metadata)
        except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
            if not self._is_aborted:
                self._error = error
