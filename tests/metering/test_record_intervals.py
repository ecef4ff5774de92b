# SPDX-License-Identifier: Apache-2.0
"""Where an interval ends, and where a conversation does."""

import numpy as np

from made_up_records import NS, START, record
from minewatch.metering import record_totals as t
from minewatch.metering.record_intervals import cut_intervals
from minewatch.metering.record_keys import directions


def cut(*records, takes=3, timeout_s=3600):
    joined = np.concatenate(records)
    n = len(joined)
    counted = np.array([takes & directions(joined, i) for i in range(n)])
    return cut_intervals(
        joined,
        np.arange(n),
        np.zeros(n, np.int64),
        counted,
        60 * NS,
        timeout_s * NS,
    )


def starts(rows):
    return ((rows[:, t.T_START] - START) // NS).tolist()


def test_an_interval_takes_what_begins_in_its_first_three_quarters():
    _, intervals = cut(record(0, 5), record(44, 5), record(45, 5))
    assert starts(intervals) == [0, 45]
    assert intervals[:, t.T_RECORDS].tolist() == [2, 1]


def test_an_overlapping_record_of_the_other_side_belongs():
    _, intervals = cut(record(0, 300), record(200, 90, back=True), record(290, 5, back=True))
    assert starts(intervals) == [0, 290]
    _, intervals = cut(record(0, 100), record(101, 90, back=True))
    assert starts(intervals) == [0, 101]


def test_conversations_end_with_a_silence():
    parts, intervals = cut(record(0, 10), record(70, 10), record(200, 10), timeout_s=100)
    assert starts(parts) == [0, 200]
    assert intervals[:, t.T_OWNER].tolist() == [0, 0, 1]
    assert parts[:, t.T_PACKETS_AB].tolist() == [20, 10]


def test_a_conversation_ends_where_the_biflow_does():
    records = np.concatenate([record(0), record(1)])
    parts, _ = cut_intervals(
        records, np.array([1, 0]), np.array([4, 7]), np.array([1, 1]), 60 * NS, 3600 * NS
    )
    assert parts[:, t.T_OWNER].tolist() == [7, 4]


def test_only_directions_that_are_taken_count():
    both = record(reverse_packet_delta_count=9, reverse_octet_delta_count=900)
    parts, _ = cut(both, takes=2)
    assert parts[0, [t.T_PACKETS_AB, t.T_PACKETS_BA]].tolist() == [0, 9]
