# SPDX-License-Identifier: Apache-2.0
"""Records held until all are read, so that those of one biflow come together, in bounded memory."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final

import numpy as np

from minewatch.errors import SourceError
from minewatch.metering.record_keys import group_records
from minewatch.records import RECORD, UNKNOWN, RecordArray
from minewatch.types import Int64Array

GROUPS: Final = 64
"""Parts by hash of the biflow; a power of two. One part at a time is worked on."""
_WORDS: Final = RECORD.itemsize // 8
_TOGETHER: Final = 1 << 19
"""Records that are worked on together at least, if there are so many."""


class RecordSpool:
    """Takes records in any order and gives all records of a biflow together.

    Up to ``memory_octets`` they lie in memory, more in one temporary file that has no name.
    Records of denied packets are counted and not kept.

    Parameters
    ----------
    memory_octets : room in memory.
    folder : where the temporary file goes; None for the system's place.
    """

    def __init__(self, memory_octets: int, folder: str | None = None) -> None:
        self._room = memory_octets
        self._folder = folder
        self._held = 0
        self._blocks: list[list[Int64Array]] = [[] for _ in range(GROUPS)]
        self._file: io.BufferedRandom | None = None
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(GROUPS)]
        self._counts = np.zeros(GROUPS, np.int64)
        self._kept_of = np.zeros(GROUPS, np.int64)
        self.denied = 0
        """Records of packets that were not let through."""
        self.kept = 0
        """Records that are held."""

    def __enter__(self) -> RecordSpool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._blocks = [[] for _ in range(GROUPS)]
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, records: RecordArray, first_name: int = 0) -> None:
        """Take in copies of records.

        Parameters
        ----------
        records : shape (n,).
        first_name : how many server names there were before those of these records' source.

        Raises
        ------
        SourceError : the temporary file cannot be written.
        """
        records = np.ascontiguousarray(records)
        words = records.view(np.int64).reshape(-1, _WORDS)
        grouped = np.empty_like(words)
        group_records(records, words, grouped, self._counts)
        stops = np.cumsum(self._counts)
        n = int(stops[-1])
        self.denied += len(records) - n
        self.kept += n
        self._kept_of += self._counts
        if first_name:
            names = grouped[:n].reshape(-1).view(RECORD)["server_name"]
            names[names != UNKNOWN] += first_name
        for group, stop in enumerate(stops.tolist()):
            start = stop - int(self._counts[group])
            if stop > start:
                self._blocks[group].append(grouped[start:stop])
        self._held += grouped.nbytes
        if self._held > self._room:
            self._spill()

    def _spill(self) -> None:
        """Move what lies in memory to the temporary file."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            for group, blocks in enumerate(self._blocks):
                for block in blocks:
                    self._pieces[group].append((self._file.tell(), len(block)))
                    self._file.write(block.data)
                blocks.clear()
            self._file.flush()
        except OSError as error:
            raise self._no_room("do not fit into", error) from error
        self._held = 0

    def _no_room(self, what: str, error: OSError) -> SourceError:
        return SourceError(
            self._folder or tempfile.gettempdir(),
            f"{self.kept:,} records {what} a temporary file: {os.strerror(error.errno or 0)}; "
            "set TMPDIR to a folder with more room",
        )

    def parts(self) -> Iterator[RecordArray]:
        """Yield the records, those of one biflow in one array; in the same order in every run.

        Each array is valid until the next is asked for.

        Raises
        ------
        SourceError : the temporary file cannot be written or read.
        """
        if self._file is not None:
            # What is done with parts takes memory too. The blocks of all groups share theirs: it
            # comes free when none is left, and not group by group.
            self._spill()
        room = np.empty((0, _WORDS), np.int64)
        groups: list[int] = []
        n = 0
        for group in range(GROUPS):
            groups.append(group)
            n += int(self._kept_of[group])
            if n >= _TOGETHER or (n and group == GROUPS - 1):
                # New memory costs more than the copy, so that of the part before is used again.
                if len(room) < n:
                    room = np.empty((n + n // 16, _WORDS), np.int64)
                self._gather(groups, room[:n])
                yield room[:n].reshape(-1).view(RECORD)
                groups, n = [], 0

    def _gather(self, groups: Sequence[int], room: Int64Array) -> None:
        """Fill ``room`` with the records of groups, in the order in which they came."""
        at = 0
        for group in groups:
            for offset, n in self._pieces[group]:
                self._read(offset, room[at : at + n])
                at += n
            for block in self._blocks[group]:
                room[at : at + len(block)] = block
                at += len(block)
            self._blocks[group].clear()

    def _read(self, offset: int, rows: Int64Array) -> None:
        """Fill rows from the temporary file."""
        if self._file is None:
            raise ValueError("the spool was closed")
        try:
            self._file.seek(offset)
            n = self._file.readinto(rows.data)
        except OSError as error:
            raise self._no_room("cannot be read from", error) from error
        if n != rows.nbytes:
            raise self._no_room("cannot be read from", OSError(errno.EIO, ""))
