# SPDX-License-Identifier: Apache-2.0
"""What a sender's records show of its outgoing counters."""

import numpy as np
import pytest

from minewatch.readers.netflow.out_counts import LEAST_TELLING, OutCounts


def show(out, pairs, sender=0):
    entered, left = np.array(pairs, np.uint64).T
    return out.are_reverse(entered, left, np.full(len(pairs), sender, np.int64)).tolist()


@pytest.mark.parametrize(
    ("pair", "is_reverse"),
    [
        ((9, 7), True),
        ((1, 2), True),
        ((2, 1), True),
        ((7, 7), False),
        ((0, 7), False),
        ((7, 0), False),
        ((1, 1), False),
        ((0, 0), False),
    ],
)
def test_which_records_show_it(pair, is_reverse):
    assert show(OutCounts(), [pair] * LEAST_TELLING) == [is_reverse] * LEAST_TELLING


def test_few_records_show_nothing_and_are_remembered():
    out = OutCounts()
    assert show(out, [(9, 7)] * (LEAST_TELLING - 1)) == [False] * (LEAST_TELLING - 1)
    assert show(out, [(9, 7)]) == [True]


def test_most_must_differ():
    assert not any(show(OutCounts(), [(9, 7), (7, 7)] * 20))
    assert all(show(OutCounts(), [(9, 7), (9, 7), (7, 7)] * 20))


def test_single_packets_and_their_answers_say_nothing():
    assert all(show(OutCounts(), [(9, 7)] * LEAST_TELLING + [(1, 1)] * 99))


def test_each_sender_shows_for_itself():
    out = OutCounts(3)
    show(out, [(9, 7)] * 20, sender=2)
    show(out, [(7, 7)] * 20, sender=1)
    assert [show(out, [(9, 7)], sender=one) for one in range(3)] == [[False], [False], [True]]
