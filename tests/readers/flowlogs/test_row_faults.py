# SPDX-License-Identifier: Apache-2.0
"""Faults of many rows at a time, each told once."""

import numpy as np
import polars as pl
import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.records import MAX_EXAMPLES, RecordCounters


def place(row):
    return f"a.log:{row}"


def rows(*wanted, n=4):
    return np.isin(np.arange(n), wanted)


@pytest.fixture
def faults():
    return RowFaults(np.array([3, 4, 6, 9]), place)


def test_each_row_is_counted_once_by_its_first_reason(faults):
    faults.mark(rows(1), "no number", "found", pl.Series(["a", "b", None, "d"]))
    faults.mark(rows(1, 2), "out of range", "found", pl.Series(["a", "b", None, "d"]))
    faults.ignore(rows(1, 3), "no data")
    counters = RecordCounters()
    assert faults.settle(counters, strict=False).tolist() == [True, False, False, False]
    assert (counters.rows_seen, counters.rows_parsed) == (4, 1)
    assert counters.faulty == {"no number": 1, "out of range": 1}
    assert counters.ignored == {"no data": 1}
    assert counters.rows_accounted == counters.rows_seen
    assert counters.examples == [
        "a.log:4: no number; found 'b'",
        "a.log:6: out of range; found nothing",
    ]


def test_a_long_value_is_cut(faults):
    faults.mark(rows(0), "no number", "found", pl.Series(["x" * 500, "", "", ""]))
    counters = RecordCounters()
    faults.settle(counters, strict=False)
    assert counters.examples == [f"a.log:3: no number; found '{'x' * 60}...'"]


def test_a_repair_counts_only_where_the_row_is_used(faults):
    faults.repair(rows(0, 1, 2), "milliseconds", "divided")
    faults.mark(rows(0), "no number", "look")
    counters = RecordCounters()
    faults.settle(counters, strict=False)
    assert counters.repaired == {"milliseconds": 2}
    assert counters.rows_parsed == 3
    assert counters.examples[-1] == "a.log:4: milliseconds; divided"


def test_examples_are_limited_and_all_are_counted():
    n = MAX_EXAMPLES + 30
    faults = RowFaults(np.arange(n), place)
    faults.mark(np.ones(n, np.bool_), "bad", "look")
    counters = RecordCounters()
    faults.settle(counters, strict=False)
    assert counters.faulty == {"bad": n}
    assert len(counters.examples) == MAX_EXAMPLES


def test_strict_stops_at_the_first_row_that_is_wrong(faults):
    faults.mark(rows(2), "later", "look")
    faults.mark(rows(1), "earlier", "look")
    with pytest.raises(SourceError, match=r"a\.log:4: earlier; look"):
        faults.settle(RecordCounters(), strict=True)


def test_strict_stops_at_a_repair_and_not_at_what_is_ignored(faults):
    faults.ignore(rows(0), "no data")
    assert not faults.settle(RecordCounters(), strict=True)[0]
    faults.repair(rows(1), "milliseconds", "divided")
    with pytest.raises(SourceError, match=r"a\.log:4: milliseconds"):
        faults.settle(RecordCounters(), strict=True)


def test_strict_stops_at_whatever_comes_first(faults):
    faults.mark(rows(2), "bad", "look")
    faults.repair(rows(3), "late", "done")
    with pytest.raises(SourceError, match=r"a\.log:6: bad"):
        faults.settle(RecordCounters(), strict=True)
    faults.repair(rows(1, 3), "milliseconds", "divided")
    faults.repair(rows(0, 1), "zone", "taken as UTC")
    with pytest.raises(SourceError, match=r"a\.log:3: zone"):
        faults.settle(RecordCounters(), strict=True)


def test_a_million_faults_are_counted_at_once():
    n = 1_000_000
    faults = RowFaults(np.arange(n), place)
    faults.mark(np.arange(n) % 2 == 0, "bad", "look")
    faults.ignore(np.arange(n) % 3 == 0, "no data")
    counters = RecordCounters()
    assert faults.settle(counters, strict=False).sum() == counters.rows_parsed
    assert counters.faulty == {"bad": 500_000}
    assert counters.ignored == {"no data": 166_667}
    assert counters.rows_accounted == counters.rows_seen == n


def test_what_marks_nothing_changes_nothing(faults):
    faults.mark(rows(), "bad", "look")
    faults.repair(rows(), "bad", "look")
    counters = RecordCounters()
    assert faults.settle(counters, strict=True).all()
    assert faults.fine.all()
    assert counters.examples == []
