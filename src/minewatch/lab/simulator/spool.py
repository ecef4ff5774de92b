# SPDX-License-Identifier: Apache-2.0
"""Records of many conversations put in order of time, with little memory and twice the disk.

Records come in batches that overlap in time. They are laid into one file for each slice of time;
at the end, each slice is read, sorted and handed on, and its file removed. A slice that turned out
too big is laid into finer slices first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from minewatch.lab.simulator.frames import Records
from minewatch.lab.simulator.payload import copy_rows
from minewatch.lab.simulator.script import ByteArray, IntArray

SLICE_OCTETS: Final = 96 << 20
"""What is sorted in memory at once, twice."""
FINER: Final = 64
_INDEX: Final = np.dtype([("time_ns", "<i8"), ("octets", "<i8")])
_CHUNK_RECORDS: Final = 1 << 17


class Spool:
    """Takes records in any order, gives them back in order of time.

    Records of one time stay in the order in which they came.

    Parameters
    ----------
    folder : where its files go; it must exist.
    slice_ns : length of a slice of time.
    slice_octets : bigger slices are cut further.
    """

    def __init__(self, folder: Path, slice_ns: int, slice_octets: int = SLICE_OCTETS) -> None:
        self._folder = folder
        self._slice_ns = max(slice_ns, 1)
        self._slice_octets = slice_octets
        self._octets: dict[int, int] = {}

    def add(self, records: Records) -> None:
        """Lay records into the slices.

        Parameters
        ----------
        records : sorted by time.
        """
        if not len(records.time_ns):
            return
        index = np.empty(len(records.time_ns), _INDEX)
        index["time_ns"], index["octets"] = records.time_ns, records.octets
        number = records.time_ns // self._slice_ns
        first = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
        bounds = np.append(first, len(number))
        octets = np.append(0, np.cumsum(records.octets))[bounds]
        for i, slice_number in enumerate(number[first].tolist()):
            with self._path(slice_number, "index").open("ab") as file:
                file.write(index[bounds[i] : bounds[i + 1]].tobytes())
            with self._path(slice_number, "records").open("ab") as file:
                file.write(records.data[octets[i] : octets[i + 1]].data)
            size = int(octets[i + 1] - octets[i])
            self._octets[slice_number] = self._octets.get(slice_number, 0) + size

    def drain(self) -> Iterator[Records]:
        """Yield all records, sorted by time; their files are removed as it goes on."""
        for number in sorted(self._octets):
            if self._octets[number] > self._slice_octets and self._slice_ns > 1:
                yield from self._drain_finer(number)
            else:
                yield self._sorted(number)
                self._remove(number)
        self._octets.clear()

    def _sorted(self, number: int) -> Records:
        index = np.fromfile(self._path(number, "index"), _INDEX)
        data = np.fromfile(self._path(number, "records"), np.uint8)
        octets = index["octets"]
        start = np.cumsum(octets) - octets
        order = np.argsort(index["time_ns"], kind="stable")
        return _reordered(index["time_ns"], octets, data, start, order)

    def _drain_finer(self, number: int) -> Iterator[Records]:
        folder = self._path(number, "finer")
        folder.mkdir()
        finer = Spool(folder, -(-self._slice_ns // FINER), self._slice_octets)
        with (
            self._path(number, "index").open("rb") as index_file,
            self._path(number, "records").open("rb") as record_file,
        ):
            while len(index := np.fromfile(index_file, _INDEX, _CHUNK_RECORDS)):
                octets = index["octets"]
                data = np.fromfile(record_file, np.uint8, int(octets.sum()))
                order = np.argsort(index["time_ns"], kind="stable")
                start = np.cumsum(octets) - octets
                finer.add(_reordered(index["time_ns"], octets, data, start, order))
        self._remove(number)
        yield from finer.drain()
        folder.rmdir()

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number}.{kind}"

    def _remove(self, number: int) -> None:
        for kind in ("index", "records"):
            self._path(number, kind).unlink()


def _reordered(
    time_ns: IntArray, octets: IntArray, data: ByteArray, start: IntArray, order: IntArray
) -> Records:
    sorted_octets = octets[order]
    result = np.empty(len(data), np.uint8)
    copy_rows(result, np.cumsum(sorted_octets) - sorted_octets, data, start[order], sorted_octets)
    return Records(time_ns[order], sorted_octets, result)
