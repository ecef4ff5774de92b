# SPDX-License-Identifier: Apache-2.0
"""Files of flow records in one folder, begun anew from time to time."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import polars as pl

from minewatch.errors import ConfigError
from minewatch.output.destination import Destination
from minewatch.output.parquet import ParquetStream
from minewatch.records import Names, RecordArray

ROWS: Final = 1 << 17
"""Records that are written together; so many wait in memory."""
FrameMaker = Callable[[RecordArray, Names], pl.DataFrame]


class RecordFiles:
    """Writes records to Parquet files, each under another name until it is whole.

    A file is called after the start of the earliest flow in its first records, as
    ``flows-20210309T090000Z.parquet``; if there is one of that name, ``-2`` or a higher number is
    added.

    Parameters
    ----------
    folder : where they go; made if it is not there.
    frame : makes a table of records.
    metadata : what each file says of itself: the version of its columns.

    Raises
    ------
    ConfigError : the folder cannot be made.
    """

    def __init__(
        self, folder: str, frame: FrameMaker, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._folder = Path(folder)
        self._frame = frame
        self._metadata = metadata
        self._waiting: list[RecordArray] = []
        self._n_waiting = 0
        self._open: tuple[Destination, ParquetStream] | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"-o {folder}: {reason}; give a folder") from error
        if not os.access(self._folder, os.W_OK):
            raise ConfigError(f"-o {folder}: it may not be written to; give another folder")

    def __enter__(self) -> RecordFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.rotate()
        elif self._open is not None:
            self._open[0].discard()

    def write(self, records: RecordArray) -> None:
        """Write records.

        Parameters
        ----------
        records : kept until enough have come.

        Raises
        ------
        ConfigError : they cannot be written, as when the disk is full.
        """
        if records.size:
            self._waiting.append(records)
            self._n_waiting += records.size
        if self._n_waiting >= ROWS:
            self._flush()

    def rotate(self) -> str | None:
        """Finish the file, and return its name; None if nothing came since the last.

        Raises
        ------
        ConfigError : it cannot be written, as when the disk is full.
        """
        self._flush()
        if self._open is None:
            return None
        destination, stream = self._open
        self._open = None
        with destination:
            stream.close()
        return destination.name

    def _flush(self) -> None:
        if not self._n_waiting:
            return
        records = np.concatenate(self._waiting)
        self._waiting = []
        self._n_waiting = 0
        table = self._frame(records, Names())
        if self._open is None:
            name = self._name(int(records["flow_start_nanoseconds"].min()))
            destination = Destination(name)
            stream = ParquetStream(destination, dict(table.schema), self._metadata)
            self._open = destination, stream
        self._open[1].write(table)

    def _name(self, start_ns: int) -> str:
        start = datetime.datetime.fromtimestamp(start_ns // 1_000_000_000, datetime.UTC)
        stem = f"flows-{start:%Y%m%dT%H%M%SZ}"
        path = self._folder / f"{stem}.parquet"
        number = 1
        while path.exists():
            number += 1
            path = self._folder / f"{stem}-{number}.parquet"
        return str(path)
