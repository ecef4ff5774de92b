# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.metering import ticks
from minewatch.types import P_TIME, PACKET_WORDS

S = 1_000_000_000
T0 = 1_000 * S


def clock(tick_s=5):
    words = np.zeros(ticks.N_WORDS, np.int64)
    words[ticks.TICK_NS] = tick_s * S
    words[ticks.NOW_NS] = ticks.UNSET
    return words


def strikes(times_s, sizes=(1_000_000,), words=None):
    """Return (packet, time) of every strike, the packets given in batches of ``sizes``."""
    words = clock() if words is None else words
    columns = np.zeros((len(times_s), PACKET_WORDS), np.int64)
    columns[:, P_TIME] = T0 + (np.asarray(times_s, np.float64) * S).astype(np.int64)
    found, at, sizes = [], 0, list(sizes)
    while at < len(columns):
        end = min(len(columns), at + (sizes.pop(0) if len(sizes) > 1 else sizes[0]))
        while at < end:
            at = ticks.until_strike(columns, at, end, words)
            if at < end:
                found.append((at, (ticks.strike(words) - T0) / S))
    return found


def test_it_strikes_before_the_first_packet_of_each_span():
    assert strikes([0, 1, 4.9, 5, 5, 9.99, 11, 15]) == [(3, 5), (6, 10), (7, 15)]


def test_a_pause_is_one_strike():
    assert strikes([0, 3600.5, 3601]) == [(1, 3600)]


def test_a_packet_that_is_late_does_not_strike():
    assert strikes([0, 7, 4, 6, 8, 10, 9]) == [(1, 5), (5, 10)]


@pytest.mark.parametrize("sizes", [(1,), (2,), (3, 1, 7), (11,)])
def test_batches_do_not_matter(sizes):
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.exponential(2.0, 500)) + rng.normal(0, 20, 500)
    times[200:260] -= 5_000
    times[400:] -= 1_000
    assert strikes(times, sizes) == strikes(times)
    assert len(strikes(times)) > 20


def test_packets_that_are_less_than_a_minute_behind_are_late_however_many_they_are():
    words = clock()
    assert strikes([100, *np.arange(50, 99, 0.01)], words=words) == []
    assert words[ticks.SET_BACK] == 0
    assert words[ticks.NOW_NS] == T0 + 100 * S


def test_a_clock_that_was_set_back_is_followed():
    """Ten seconds of packets an hour earlier, and none on time, are another clock."""
    words = clock()
    found = strikes([0, 3600, *np.arange(100, 131, 2.5)], words=words)
    assert found[:2] == [(1, 3600), (6, 110)]
    assert [time for _, time in found[2:]] == [115, 120, 125, 130]
    assert words[ticks.SET_BACK] == 1


def test_so_it_is_by_many_packets_at_once():
    n = ticks.BEHIND_PACKETS
    assert strikes([3600, *[10.0] * (n - 1)]) == []
    assert strikes([3600, *[10.0] * n]) == [(n, 10)]


def test_packets_of_two_clocks_do_not_turn_it():
    """As long as some come on time, the others are late."""
    times = [3600 + i if i % 2 else 10 + i for i in range(200)]
    words = clock()
    found = strikes(times, words=words)
    assert words[ticks.SET_BACK] == 0
    assert all(time >= 3600 for _, time in found)


def test_times_before_1970_and_at_the_ends_of_the_scale_do_no_harm():
    words = clock()
    columns = np.zeros((4, PACKET_WORDS), np.int64)
    columns[:, P_TIME] = [-7 * S, -2 * S, 0, 4 * S]
    assert ticks.until_strike(columns, 0, 4, words) == 1
    assert ticks.strike(words) == -5 * S
    assert ticks.until_strike(columns, 1, 4, words) == 2
    assert ticks.strike(words) == 0
