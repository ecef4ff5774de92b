# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.series import packets_of
from minewatch.features.stretch import binned, stretch_of
from minewatch.types import Conversations
from talks import heard

TALK = [(float(at), at % 2 == 0, 10 + at) for at in range(10)]


@pytest.mark.parametrize(
    ("first", "counted", "expected"),
    [
        (10, 400, range(10)),  # first packets alone: nothing is between them
        (4, 10, range(10)),  # as many were counted as are kept: no gap
        (4, 11, range(4, 10)),  # a gap: the latest are more
        (6, 11, range(6)),  # a gap: the first are more
        (5, 11, range(5, 10)),  # as many of either: the latest
        (0, 11, range(10)),  # the latest alone
    ],
)
def test_no_gap_is_in_a_stretch(first, counted, expected):
    given = heard(
        TALK, first=first, payload_packet_count=counted - 3, reverse_payload_packet_count=3
    )
    assert stretch_of(given).octets.tolist() == [10 + at for at in expected]


def test_without_counters_first_and_latest_packets_are_not_joined():
    given = heard(TALK, first=4, payload_packet_count=10, reverse_payload_packet_count=0)
    given.frame = given.frame.drop("reverse_payload_packet_count")
    assert stretch_of(given).octets.tolist() == [10 + at for at in range(4, 10)]


def test_each_conversation_has_its_own_stretch():
    given = heard(TALK, TALK[:3], [], TALK[5:], first=3)
    assert stretch_of(given).count().tolist() == [7, 3, 0, 3]


def _bins(given: Conversations, rows: slice, n_bins: int = 4, bin_s: float = 2.0):
    return binned(packets_of(given), rows, n_bins, bin_s)


def test_the_last_packet_is_in_the_middle_of_the_last_bin():
    talk = [(0.5, True, 1), (3.0, False, 20), (3.9, True, 300), (4.1, True, 4000), (5.0, True, 9)]
    found = _bins(heard(talk), slice(0, 1))
    sent, received = found.counts
    assert sent.tolist() == [[0, 1, 1, 2]]
    assert received.tolist() == [[0, 0, 1, 0]]
    assert found.octets[0].tolist() == [[0, 1, 300, 4009]]
    assert found.octets[1].tolist() == [[0, 0, 20, 0]]
    assert found.is_seen.tolist() == [[False, True, True, True]]


def test_what_is_before_the_bins_is_left_out():
    found = _bins(heard([(0.0, True, 1), (1.0, True, 1), (20.0, True, 1)]), slice(0, 1))
    assert found.counts[0].tolist() == [[0, 0, 0, 1]]
    assert found.is_seen.all()


def test_rows_are_taken_out_of_all():
    given = heard(TALK, TALK[:4], TALK[2:])
    whole, part = _bins(given, slice(0, 3)), _bins(given, slice(1, 3))
    np.testing.assert_array_equal(whole.counts[0][1:], part.counts[0])
    np.testing.assert_array_equal(whole.octets[1][1:], part.octets[1])
    np.testing.assert_array_equal(whole.is_seen[1:], part.is_seen)
