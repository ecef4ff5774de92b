# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.lab.simulator import groups

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-50, 50)), max_size=30).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


@given(ROWS)
def test_running_sum_and_max_are_those_of_each_group(rows):
    group = np.array([g for g, _ in rows], np.int64)
    value = np.array([v for _, v in rows], np.int64)
    for i, (g, _) in enumerate(rows):
        so_far = [v for other, v in rows[: i + 1] if other == g]
        assert groups.running_sum(value, group)[i] == sum(so_far)
        assert groups.running_max(value, group)[i] == max(so_far)
    assert len(groups.running_max(value, group)) == len(rows)


def test_more_time_than_fits_is_refused():
    far = np.array([0, 1 << 61, 0, 1 << 61, 0, 1 << 61], np.int64)
    with pytest.raises(ValueError, match="fewer conversations"):
        groups.running_max(far, np.array([0, 0, 1, 1, 2, 2]))
    with pytest.raises(ValueError, match="fewer conversations"):
        groups.Timeline.of(far)


def test_a_column_is_searched_within_a_side():
    timeline = groups.Timeline.of(np.array([100, 100]))
    place = (np.array([0, 0, 1]), np.array([False, False, True]))
    column = groups.Column.of(timeline, np.sort(timeline.key(*place, np.array([10, 20, 5]))))
    ask = (np.array([0, 0, 0, 0, 1, 1]), np.array([False, False, False, True, True, False]))
    time = np.array([10, 11, 100, 50, 50, 50])
    assert column.before(*ask, time).tolist() == [-1, 0, 1, -1, 2, -1]
    assert column.after(*ask, time).tolist() == [1, 1, -1, -1, -1, -1]
    assert column.after(*ask, time * 0).tolist() == [0, 0, 0, -1, 2, -1]
