# SPDX-License-Identifier: Apache-2.0
"""The end of every block of rows: faults are counted, and the rest is handed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.records import RecordArray, RecordCounters

MAX_ROWS: Final = 1 << 18
"""Records that are handed on at a time."""


def settled(
    records: RecordArray, faults: RowFaults, counters: RecordCounters, *, strict: bool
) -> Iterator[RecordArray]:
    """Yield the records of rows that can be used, and count all.

    Parameters
    ----------
    records : one for each row.
    faults : of these rows.
    counters : of the input.
    strict : stop at the first fault or repair.

    Raises
    ------
    SourceError : ``strict``, and there is one.

    Examples
    --------
    >>> from minewatch.records import new_records
    >>> counters = RecordCounters()
    >>> faults = RowFaults(np.arange(2), str)
    >>> faults.ignore(np.array([True, False]), "no data")
    >>> [len(block) for block in settled(new_records(2), faults, counters, strict=False)]
    [1]
    >>> counters.sampling
    Counter({1: 1})
    """
    fine = faults.settle(counters, strict=strict)
    kept = records if fine.all() else records[fine]
    counters.sampling.update(sampling_of(kept))
    for at in range(0, len(kept), MAX_ROWS):
        yield kept[at : at + MAX_ROWS]


def sampling_of(records: RecordArray) -> dict[int, int]:
    """Return how many records there are of each sampling interval.

    Parameters
    ----------
    records : any.

    Examples
    --------
    >>> from minewatch.records import new_records
    >>> sampling_of(new_records(3)), sampling_of(new_records(0))
    ({1: 3}, {})
    """
    intervals = records["sampling_packet_interval"]
    if len(records) and intervals.min() == intervals.max():  # the usual case, without sorting
        return {int(intervals[0]): len(records)}
    values, counts = np.unique(intervals, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
