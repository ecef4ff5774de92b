# SPDX-License-Identifier: Apache-2.0
"""Records by biflow and time, whatever the order in which they came."""

import numpy as np
import pytest

from made_up_records import record
from minewatch.metering.record_order import order_records


def plain(records, biflow_of, takes, is_wanted):
    times = ("flow_start_nanoseconds", "flow_end_nanoseconds")

    def counts(i):
        return (records[i]["packet_delta_count"], records[i]["octet_delta_count"])

    rows = [i for i in range(len(records)) if takes[i] and is_wanted[biflow_of[i]]]
    return sorted(
        rows,
        key=lambda i: (biflow_of[i], *(records[i][name] for name in times), takes[i], counts(i), i),
    )


@pytest.mark.parametrize("n_biflows", [1, 3, 400])
def test_order_is_by_biflow_time_directions_and_content(n_biflows):
    rng = np.random.default_rng(n_biflows)
    records = np.repeat(record(), 1000)
    for name in ("flow_start_nanoseconds", "flow_end_nanoseconds"):
        records[name] = rng.integers(0, 12, 1000)
    records["packet_delta_count"] = rng.integers(0, 3, 1000)
    records["octet_delta_count"] = rng.permutation(1000)
    biflow_of = rng.integers(0, n_biflows, 1000)
    takes = rng.integers(0, 4, 1000)
    is_wanted = rng.random(n_biflows) < 0.9
    is_wanted[0] = True
    found = order_records(records, biflow_of, takes, is_wanted).tolist()
    assert found == plain(records, biflow_of, takes, is_wanted)


def test_rising_and_falling_times_of_one_biflow():
    records = np.repeat(record(), 5000)
    records["flow_start_nanoseconds"] = np.arange(5000)[::-1]
    ones = np.ones(5000, np.int64)
    order = order_records(records, ones * 0, ones, np.array([True]))
    assert order.tolist() == list(range(4999, -1, -1))


def test_nothing_wanted_is_nothing():
    ones = np.ones(3, np.int64)
    records = np.repeat(record(), 3)
    assert order_records(records, ones * 0, ones, np.array([False])).tolist() == []
