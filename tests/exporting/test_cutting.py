# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minewatch.exporting.cutting import record_starts


def one_by_one(rows, inactive, active):
    """What an exporter does, packet by packet."""
    starts, flow, start, last = [], None, 0, 0
    for number, first, end in rows:
        is_new = number != flow or first - last > inactive
        is_new = is_new or (active is not None and first - start >= active)
        if is_new:
            flow, start, last = number, first, end
        starts.append(is_new)
        last = max(last, end)
    return starts


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(0, 8)), max_size=80),
    st.integers(1, 30),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_cuts_are_those_of_an_exporter_that_looks_at_each_packet(rows, inactive, active):
    rows = sorted((flow, first, first + length) for flow, first, length in rows)
    columns = np.array(rows, np.int64).reshape(-1, 3)
    found = record_starts(
        columns[:, 0], columns[:, 1], columns[:, 2], np.full(len(rows), inactive), active
    )
    assert found.tolist() == one_by_one(rows, inactive, active)


def test_the_end_of_time_is_no_endless_loop():
    times = np.array([0, (1 << 63) - 10, (1 << 63) - 5], np.int64)
    found = record_starts(np.zeros(3, np.int64), times, times, np.full(3, 1 << 62), 60)
    assert found[:2].tolist() == [True, True]
