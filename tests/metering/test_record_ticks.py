# SPDX-License-Identifier: Apache-2.0
"""A clock that goes by records: right ones move it, and a few wrong ones do not."""

import numpy as np
import pytest

from made_up_records import NS, START, record
from minewatch.metering import record_ticks as ticks

YEAR_S = 365 * 86_400


def heard(*ends, clock=None, tick_s=30):
    """Records of (end [s], observer) to a clock; return it, and the times at which it struck."""
    clock = ticks.new_clock(tick_s * NS) if clock is None else clock
    records = np.concatenate([record(end - 50, 50, observation_point=point) for end, point in ends])
    struck, at, n = [], 0, len(records)
    shown = np.zeros(n, np.int64)
    while at < n:
        at = ticks.until_strike(records, at, n, clock, shown)
        if at < n:
            clock[ticks.SET_BACK] = 0
            struck.append((ticks.strike(clock) - START) // NS)
    return clock, struck


def shows(clock):
    return (clock[ticks.NOW_NS] - START) / NS


def test_it_strikes_before_the_first_record_of_each_tick():
    assert START // NS % 30 == 20
    clock, struck = heard(*((float(end), 1) for end in (60, 62, 75, 180, 181)))
    assert struck == [70, 160]
    assert shows(clock) == 181


def test_it_shows_what_it_did_when_each_record_came():
    clock = ticks.new_clock(3600 * NS)
    records = np.concatenate([record(end - 50, 50) for end in (60, 50, 100)])
    shown = np.zeros(3, np.int64)
    assert ticks.until_strike(records, 0, 3, clock, shown) == 3
    assert ((shown - START) // NS).tolist() == [60, 60, 100]


def test_one_record_of_next_year_is_not_believed():
    clock, _ = heard(*((float(i), 1) for i in range(60, 100)), (YEAR_S, 1), (101.0, 1))
    assert shows(clock) == 101
    assert clock[ticks.REFUSED] == 1


def test_one_record_alone_moves_it_by_an_hour_at_most():
    clock, _ = heard((60.0, 1), (60.0 + 3600, 1), (60.0 + 7201, 1))
    assert shows(clock) == 3660


@pytest.mark.parametrize("step_s", [599, 3_000, 10 * 86_400])
def test_one_observer_among_others_cannot_push_it(step_s):
    """Half of all records come from an exporter whose clock runs away."""
    ends, wrong = [], 60.0
    for i in range(600):
        ends.append((60.0 + i / 10, i % 7))
        wrong += step_s
        ends.append((wrong, 99))
    clock, _ = heard(*ends)
    assert shows(clock) <= 120 + ticks.LEAP_NS / NS


def test_nor_by_many_records_at_once():
    ends = []
    for i in range(50):
        ends += [(60.0 + i, 1), (60.5 + i, 2), *((YEAR_S + k, 99) for k in range(200))]
    clock, _ = heard(*ends)
    assert shows(clock) <= 120 + ticks.LEAP_NS / NS


def test_the_end_of_time_is_no_overflow():
    clock = ticks.new_clock(30 * NS)
    records = np.concatenate([record(0), *(record(60.0 + i) for i in range(20))])
    records["flow_end_nanoseconds"][0] = (1 << 63) - 1
    shown = np.zeros(21, np.int64)
    at = 0
    while at < 21:
        at = ticks.until_strike(records, at, 21, clock, shown)
        clock[ticks.SET_BACK] = 0
        ticks.strike(clock)
    assert shows(clock) == 129


def test_a_night_without_records_is_believed_soon():
    clock, _ = heard(
        *((60.0 + i, i % 3) for i in range(30)), *((30_000.0 + i, i % 3) for i in range(40))
    )
    assert 30_000 <= shows(clock) <= 30_040


def test_of_those_that_are_believed_at_last_it_goes_to_the_middle():
    clock, _ = heard((60.0, 1), *((100_000.0 + 4_000 * i, 1) for i in range(ticks.CONFIRMED)))
    assert shows(clock) == 100_000 + 4_000 * ticks.CONFIRMED // 2


def test_where_others_have_gone_the_one_that_is_left_is_believed():
    clock, _ = heard((60.0, 1), *((70.0 + i * 2, 2) for i in range(3_000)))
    assert shows(clock) == 70 + 2_999 * 2


def test_a_clock_that_began_wrong_is_set_back():
    clock = ticks.new_clock(30 * NS)
    heard((YEAR_S, 1), clock=clock)
    before = clock[ticks.NOW_NS]
    heard(*((60.0 + i, 1) for i in range(20)), clock=clock)
    assert clock[ticks.NOW_NS] < before
    assert shows(clock) == 79


def test_one_that_many_agreed_with_is_not_set_back_by_records_that_are_late():
    ends = [(10_000.0 + i, 1) for i in range(2_000)]
    clock, _ = heard(*ends, *((60.0, 1) for _ in range(1_000)), (12_000.0, 1))
    assert shows(clock) == 12_000


def test_records_in_any_order_bring_it_to_the_latest():
    ends = np.random.default_rng(3).permutation(np.arange(60.0, 10_000.0, 5))
    clock, _ = heard(*((float(end), i % 3) for i, end in enumerate(ends)))
    assert shows(clock) >= 9_000
