# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features.series import ONE_WRITE_S, messages_of, packets_of
from talks import heard

NAN = float("nan")

# A question in two segments, its answer, and a second word of the server after 0.5 s.
TALK = [(0, True, 1448), (0.001, True, 52), (0.04, False, 60), (0.54, False, 300)]


def test_packets_lie_flat_in_the_order_of_rows():
    packets = packets_of(heard(TALK, [], [(3, False, 7)]))
    assert packets.stops.tolist() == [4, 4, 5]
    assert packets.count().tolist() == [4, 0, 1]
    assert packets.octets.tolist() == [1448, 52, 60, 300, 7]
    assert packets.is_sent.tolist() == [True, True, False, False, False]
    # time runs from each conversation's own first packet
    assert packets.time_s.tolist() == pytest.approx([0, 0.001, 0.04, 0.54, 0])
    assert packets.gap_s().tolist() == pytest.approx([NAN, 0.001, 0.039, 0.5, NAN], nan_ok=True)
    assert packets.is_first.all()


def test_packets_of_one_write_are_a_message():
    messages = messages_of(heard(TALK))
    assert messages.octets.tolist() == [1500, 60, 300]
    assert messages.is_sent.tolist() == [True, False, False]
    assert messages.time_s.tolist() == pytest.approx([0, 0.04, 0.54])
    assert messages.stops.tolist() == [3]


@pytest.mark.parametrize(
    ("gap", "sizes"), [(0.9 * ONE_WRITE_S, [30]), (1.1 * ONE_WRITE_S, [10, 20])]
)
def test_a_write_ends_after_its_time(gap, sizes):
    assert messages_of(heard([(0, True, 10), (gap, True, 20)])).octets.tolist() == sizes


def test_segments_may_follow_each_other_without_end():
    """Each within 20 ms of the one before: all one message, however long it takes."""
    talk = [(0.015 * n, True, 100) for n in range(10)]
    assert messages_of(heard(talk)).octets.tolist() == [1000]


def test_the_other_side_and_the_next_conversation_begin_a_message():
    messages = messages_of(heard([(0, True, 1), (0.001, False, 2)], [(0, False, 4)]))
    assert messages.octets.tolist() == [1, 2, 4]
    assert messages.stops.tolist() == [2, 3]


def test_between_first_and_latest_packets_there_is_no_gap():
    """Four packets known of the beginning, two of the end: what lay between was not seen."""
    talk = [*TALK, (900, False, 11), (901, True, 12)]
    packets = packets_of(heard(talk, first=4))
    assert packets.is_first.tolist() == [True] * 4 + [False] * 2
    wanted = [NAN, 0.001, 0.039, 0.5, NAN, 1]
    assert packets.gap_s().tolist() == pytest.approx(wanted, nan_ok=True)
    messages = messages_of(heard(talk, first=4))
    assert messages.gap_s().tolist() == pytest.approx([NAN, 0.04, 0.5, NAN, 1], nan_ok=True)


def test_packets_on_both_sides_of_the_unseen_are_never_one_message():
    """5 ms apart by the clock, but the first ones end and the latest begin there."""
    talk = [(0, True, 10), (0.005, True, 20)]
    assert messages_of(heard(talk, first=1)).octets.tolist() == [10, 20]
    assert messages_of(heard(talk, first=2)).octets.tolist() == [30]


def test_sent_is_what_the_client_sent():
    """The responder has the ephemeral port, and nobody saw who opened: it is the client."""
    given = heard(
        TALK,
        is_initiator_known=False,
        source_transport_port=3333,
        destination_transport_port=40_000,
    )
    assert packets_of(given).is_sent.tolist() == [False, False, True, True]


def test_messages_may_be_left_out():
    messages = messages_of(heard(TALK, [(0, True, 9)]))
    sent = messages.where(messages.is_sent)
    assert sent.octets.tolist() == [1500, 9]
    assert sent.stops.tolist() == [1, 2]
    assert sent.is_first.tolist() == [True, True]


def test_nothing_heard_is_nothing():
    none = messages_of(heard([], []))
    assert none.stops.tolist() == [0, 0]
    assert none.octets.tolist() == none.gap_s().tolist() == []
    assert none.count().tolist() == [0, 0]


def test_series_are_made_once():
    given = heard(TALK)
    assert packets_of(given) is packets_of(given)
    assert messages_of(given) is messages_of(given)
    assert packets_of(given.filter(np.array([True]))) is not packets_of(given)
