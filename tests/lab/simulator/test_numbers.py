# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator import numbers
from minewatch.lab.simulator.groups import Timeline
from minewatch.lab.simulator.packets import SCALES
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk


def streams(length, sent, arrival):
    n = len(length)
    return numbers.Streams.of(
        Timeline.of(np.array([1000])),
        (np.zeros(n, np.int64), np.zeros(n, np.bool_)),
        np.array(length),
        np.array(sent),
        np.array(arrival),
    )


def ask(method, side, *times):
    n = len(times)
    return method(np.zeros(n, np.int64), np.full(n, side), np.array(times)).tolist()


def test_numbers_follow_what_was_sent_and_what_has_arrived():
    found = streams([1, 100, 50], [0, 10, 20], [5, 15, 25])
    assert ask(found.next_number, False, 0, 1, 10, 11, 999) == [0, 1, 1, 101, 151]
    assert ask(found.acknowledged, True, 5, 6, 15, 16, 26) == [0, 1, 1, 101, 151]
    assert ask(found.next_number, True, 50) == [0]
    assert ask(found.acknowledged, False, 50) == [0]


def test_what_lies_behind_a_hole_is_not_acknowledged():
    found = streams([1, 100, 50, 50], [0, 10, 11, 12], [5, 90, 15, 16])
    assert ask(found.acknowledged, True, 20, 90, 91) == [1, 1, 201]


def test_streams_of_nothing():
    assert ask(streams([], [], []).acknowledged, True, 5) == [0]


def test_first_numbers_are_spread_over_32_bits():
    way = routes(scripted.script(*[Talk() for _ in range(500)]), SEED)
    first = numbers.initial_numbers(way)
    assert len(np.unique(first)) == 1000
    assert first.min() < 2**25
    assert first.max() > 2**32 - 2**25


def test_windows_grow_with_what_arrives_and_stay_in_16_bits():
    acknowledged = np.array([0, 1, 10_000, 100_000_000])
    scale = np.full(4, SCALES[0])
    found = numbers.windows(acknowledged, acknowledged == 0, np.full(4, 64_240), scale)
    assert found.tolist() == [64_240, 501, 813, 65_535]
    assert found.dtype == np.uint16
