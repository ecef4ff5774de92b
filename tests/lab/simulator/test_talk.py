# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.lab.simulator.paths import Paths
from minewatch.lab.simulator.script import CLOSE_INITIATOR, CLOSE_NONE, FILL_RANDOM, FILL_TEXT, UDP
from minewatch.lab.simulator.talk import MAX_MESSAGE_OCTETS, Talk, text_fill
from minewatch.lab.simulator.tls_records import TLS13
from part_check import START_S, said

RTT_S = 0.1


def paths(*homes: bool, rate: float = 1e12) -> Paths:
    n = len(homes)
    flat = np.ones(n)
    return Paths(
        start_s=flat * START_S,
        is_initiator_home=np.array(homes),
        rtt_s=flat * RTT_S,
        jitter_s=flat * 0,
        loss=flat * 0,
        mss=np.full(n, 1460),
        has_timestamps=flat > 0,
        ack_delay_s=flat * 0.04,
        keepalive_s=flat * np.inf,
        rate=flat * rate,
    )


def test_the_round_trip_is_paid_where_the_far_end_answers():
    """At the initiator the reply is late; at the responder the next request is."""
    talk = Talk(paths(True, False))
    talk.exchange([0, 0, 1, 1], 100, 200, think_s=1.0, serve_s=0.01)
    part = talk.finish()
    at_initiator = [m.time_s for m in said(part, 0)]
    at_responder = [m.time_s for m in said(part, 1)]
    assert at_initiator == pytest.approx([1.1, 1.21, 2.21, 2.32])
    assert at_responder == pytest.approx([1.1, 1.11, 2.21, 2.22])


@pytest.mark.parametrize(("home", "first"), [(True, 0.2), (False, 0.1)])
def test_a_greeting_of_the_responder_comes_after_the_handshake(home: bool, first: float):
    talk = Talk(paths(home))
    talk.say([0], True, 30)
    assert said(talk.finish(), 0)[0].time_s == pytest.approx(first)


def test_udp_has_no_handshake():
    talk = Talk(paths(True), UDP)
    talk.exchange([0], 40, 80)
    assert [m.time_s for m in said(talk.finish(), 0)] == pytest.approx([0.0, 0.1])


def test_a_long_message_takes_its_time():
    talk = Talk(paths(True, rate=1000.0))
    talk.say([0, 0], [False, False], 500)
    assert [m.time_s for m in said(talk.finish(), 0)] == pytest.approx([0.1, 0.6])


def test_blocks_follow_each_other_and_events_fall_between():
    talk = Talk(paths(True))
    number = talk.texts.add(b"hello")
    talk.say([0], False, text=number)
    talk.say([0], False, 7, gap_s=10.0)
    talk.exchange_at([0], [5.0], 3, 4, is_from_responder=True, serve_s=0.2)
    part = talk.finish(CLOSE_INITIATOR, linger_s=1.0)
    messages = said(part, 0)
    assert [(m.is_reply, m.octets) for m in messages] == [(0, 5), (1, 3), (0, 4), (0, 7)]
    assert [m.time_s for m in messages] == pytest.approx([0.1, 5.0, 5.2, 10.1])
    assert messages[0].content == b"hello"
    assert part.end_s[0] - START_S == pytest.approx(11.1)
    assert part.close[0] == CLOSE_INITIATOR


def test_an_event_waits_for_the_handshake():
    talk = Talk(paths(True))
    talk.say_at([0], [0.0], True, 5)
    assert said(talk.finish(), 0)[0].time_s == pytest.approx(0.2)


def test_the_capture_cuts_what_goes_on():
    talk = Talk(paths(True, True))
    talk.say([0, 0, 1], False, 10, gap_s=[1.0, 50.0, 1.0])
    part = talk.finish(CLOSE_INITIATOR, horizon_s=START_S + 20)
    assert part.conversation.tolist() == [0, 1]
    assert part.close.tolist() == [CLOSE_NONE, CLOSE_INITIATOR]
    assert part.end_s[0] <= START_S + 20


def test_sealed_messages_grow_and_show_a_record():
    talk = Talk(paths(True, True))
    talk.versions[0] = TLS13
    talk.say([0, 1], False, 100, text=talk.texts.add(b"secret"))
    talk.say([0], False, 10, is_sealed=False)
    part = talk.finish()
    sealed, open_one = said(part, 0)
    assert (sealed.octets, sealed.content) == (122, b"\x17\x03\x03\x00\x75")
    assert open_one.octets == 10
    assert said(part, 1)[0].content == b"secret"
    assert text_fill(talk.versions).tolist() == [FILL_RANDOM, FILL_TEXT]


def test_lengths_are_bounded():
    talk = Talk(paths(True))
    talk.say([0, 0], False, [0, 10**9])
    assert talk.finish().octets.tolist() == [1, MAX_MESSAGE_OCTETS]


def test_nothing_said_is_a_conversation_too():
    part = Talk(paths(True)).finish(CLOSE_INITIATOR)
    assert len(part.octets) == 0
    assert part.end_s[0] - START_S == pytest.approx(RTT_S)
