# SPDX-License-Identifier: Apache-2.0
"""Blocks that are handed on."""

import numpy as np
import pytest

import minewatch.readers.flowlogs.settled as module
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import sampling_of, settled
from minewatch.records import RecordCounters, new_records


def records(n):
    made = new_records(n)
    made["source_transport_port"] = np.arange(n)
    return made


def test_good_rows_in_bounded_blocks(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    faults = RowFaults(np.arange(6), str)
    faults.mark(np.arange(6) == 3, "bad", "look")
    counters = RecordCounters()
    blocks = list(settled(records(6), faults, counters, strict=False))
    assert [block["source_transport_port"].tolist() for block in blocks] == [[0, 1], [2, 4], [5]]
    assert (counters.rows_seen, counters.rows_parsed) == (6, 5)


def test_sampling_is_counted_of_good_rows():
    made = records(3)
    made["sampling_packet_interval"] = [1, 100, 100]
    faults = RowFaults(np.arange(3), str)
    faults.mark(np.arange(3) == 2, "bad", "look")
    counters = RecordCounters()
    assert len(list(settled(made, faults, counters, strict=False))) == 1
    assert counters.sampling == {1: 1, 100: 1}


def test_nothing_good():
    faults = RowFaults(np.arange(1), str)
    faults.mark(np.array([True]), "bad", "look")
    assert list(settled(records(1), faults, RecordCounters(), strict=False)) == []
    with pytest.raises(SourceError, match="0: bad; look"):
        list(settled(records(1), faults, RecordCounters(), strict=True))


def test_records_by_their_sampling():
    records = new_records(5)
    assert sampling_of(records) == {1: 5}
    records["sampling_packet_interval"] = [10, 1, 10, 2**32 - 1, 10]
    assert sampling_of(records) == {1: 1, 10: 3, 2**32 - 1: 1}
    assert sampling_of(new_records(0)) == {}
