# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.batches import parts
from minewatch.lab.simulator.pcap import packetize
from scripted import SEED, START_S, Check, Talk, flag_names, made, seconds


def test_a_question_and_an_answer_at_the_initiator():
    p = made(Talk([(0.05, False, 100), (0.11, True, 300)], rtt_s=0.05, seconds=1.0))
    begin = ["S>", "SA<", "A>", "PA>", "A<", "PA<", "A>", "FA>"]
    assert flag_names(p) in ([*begin, "FA<", "A>"], [*begin, "A<", "FA<", "A>"])
    expected = [0.0, 0.05, 0.05, 0.05, 0.1, 0.11, 0.16, 1.0]
    assert seconds(p)[:8] == pytest.approx(expected, abs=0.0001)
    # The responder, Linux, acknowledges at once; the initiator waits for its delay to be over.
    assert int(p.ack[4]) == int(p.ack[5]) == int(p.seq[3]) + 100
    assert int(p.ack[6]) == int(p.seq[5]) + 300


def test_the_same_at_the_responder():
    p = made(Talk([(0.05, False, 100), (0.11, True, 300)], home=False, seconds=1.0))
    assert flag_names(p)[:6] == ["S>", "SA<", "A>", "PA>", "A<", "PA<"]
    # The home side answers a SYN at once, and hears of the initiator a round trip later.
    assert seconds(p)[:7] == pytest.approx([0.0, 0.0, 0.05, 0.05, 0.05, 0.11, 0.21], abs=0.0001)


def test_a_far_receiver_acknowledges_one_round_trip_and_its_delay_later():
    said = [(0.05, True, 10), (1.0, True, 100)]
    p = made(Talk(said, close=s.CLOSE_NONE, rtt_s=0.05, home=False))
    assert flag_names(p) == ["S>", "SA<", "A>", "PA<", "A>", "PA<", "A>"]
    assert seconds(p)[-1] - seconds(p)[-2] == pytest.approx(0.05 + 0.05)


def test_a_long_message_is_cut_paced_and_acknowledged_every_second_segment():
    p = made(Talk([(0.05, True, 40 * 1448)], close=s.CLOSE_NONE))
    data = p.take(np.flatnonzero(p.payload_octets))
    assert data.payload_octets.tolist() == [1448] * 40
    assert [bool(f & 8) for f in data.flags.tolist()] == [False] * 39 + [True]
    assert (np.diff(data.offset) == 1448).all()
    bare = [name for name in flag_names(p)[3:] if name == "A>"]
    assert len(bare) == 20
    gaps = np.diff(np.array(seconds(data)))
    assert np.flatnonzero(gaps > 0.04).tolist() == [9, 29]  # flights of 10, 20 and the rest


@pytest.mark.parametrize(
    ("close", "names"),
    [
        (s.CLOSE_NONE, []),
        (s.CLOSE_INITIATOR, ["FA>", "FA<", "A>"]),
        (s.CLOSE_RESPONDER, ["FA<", "FA>", "A<"]),
        (s.RESET_INITIATOR, ["RA>"]),
        (s.RESET_RESPONDER, ["RA<"]),
    ],
)
@pytest.mark.parametrize("home", [True, False])
def test_how_it_ends(close, names, home):
    p = made(Talk([], seconds=2.0, close=close, home=home))
    assert flag_names(p)[:3] == ["S>", "SA<", "A>"]
    found = flag_names(p)[3:]
    # Half of the programs acknowledge a FIN before they send theirs.
    if len(found) == 4:
        assert found.pop(1) == f"A{found[1][-1]}"
    assert found == names
    if names:
        assert seconds(p)[3] == pytest.approx(2.0, abs=0.0001)


@pytest.mark.parametrize("home", [True, False])
def test_refused_and_unanswered(home):
    p = made(Talk([], close=s.REFUSED, home=home))
    assert flag_names(p) == ["S>", "RA<"]
    assert (int(p.seq[1]), int(p.ack[1])) == (0, int(p.seq[0]) + 1)
    assert seconds(p)[1] == pytest.approx(0.05 * home, abs=0.0001)
    p = made(Talk([], close=s.UNANSWERED, home=home))
    assert flag_names(p) == ["S>"] * 4
    assert seconds(p) == pytest.approx([0, 1, 3, 7])
    assert len(set(p.seq.tolist())) == 1


def test_idle_connections_are_probed():
    p = made(Talk([(0.05, False, 10)], seconds=100.0, keepalive_s=30.0, close=s.CLOSE_NONE))
    probes = [i for i, t in enumerate(seconds(p)) if t > 1]
    assert [flag_names(p)[i] for i in probes] == ["A>", "A<"] * 3
    assert p.seq[probes[0]] == p.seq[0] + 10  # one less than the next
    assert p.ack[probes[1]] == p.seq[0] + 11
    assert seconds(p)[probes[1]] - seconds(p)[probes[0]] == pytest.approx(0.05, abs=1e-4)
    assert seconds(p)[probes[2]] - seconds(p)[probes[0]] == pytest.approx(30.05, abs=1e-3)


def test_what_the_home_side_loses_is_seen_twice_and_what_the_far_side_loses_late():
    said = [(0.05, False, 20 * 1448)]
    sent = made(Talk(said, loss=0.2, close=s.CLOSE_NONE))
    heard = made(Talk(said, loss=0.2, close=s.CLOSE_NONE, home=False))
    again = sent.is_retransmission & (sent.payload_octets > 0)
    assert again.sum() > 0
    assert (sent.payload_octets > 0).sum() == 20 + again.sum()
    # Each retransmission is of a segment that was seen before.
    offsets = sent.offset[sent.payload_octets > 0].tolist()
    assert len(set(offsets)) == 20
    assert not heard.is_retransmission[heard.payload_octets > 0].any()
    late = heard.offset[heard.payload_octets > 0]
    assert len(late) == 20
    assert (np.diff(late) < 0).any()
    # Segments after a hole are answered with the same number again and again.
    acks = heard.ack[(heard.payload_octets == 0) & heard.is_reply]
    assert (np.diff(acks.astype(np.int64)) == 0).any()


def test_a_lost_answer_is_awaited_twice_as_long_each_time():
    for seed in range(200):
        p = made(Talk([(0.05, False, 10)], loss=0.5, close=s.CLOSE_NONE), seed=seed)
        data = p.take(np.flatnonzero(p.payload_octets))
        if len(data) == 4:
            gaps = np.diff(np.array(seconds(data)))
            assert gaps == pytest.approx([0.25, 0.5, 1.0], rel=1e-6)
            return
    raise AssertionError("no seed loses three in a row")


def test_timestamps_count_milliseconds_and_echo_the_other_side():
    p = made(Talk([(0.05, False, 100), (1.11, True, 300)], seconds=3.0))
    ours = p.take(np.flatnonzero(~p.is_reply))
    assert ours.tsval[3] - ours.tsval[0] == pytest.approx(
        (seconds(ours)[3] - seconds(ours)[0]) * 1000, abs=1.5
    )
    assert p.tsecr[0] == 0
    assert p.tsecr[1] == p.tsval[0]
    assert p.tsecr[4] == p.tsval[3]
    # What the far side sends before it has heard of a packet cannot echo it.
    p = made(Talk([(1.0, False, 10), (1.01, True, 20)], rtt_s=0.05))
    assert flag_names(p)[2:5] == ["A>", "PA>", "PA<"]
    assert p.tsecr[4] == p.tsval[2] != p.tsval[3]


@given(scripted.talks())
@settings(max_examples=60, deadline=None)
def test_packets_make_sense_without_loss(talks):
    said = scripted.script(*talks)
    packets = packetize(said, SEED)
    Check(said, packets)
    assert not packets.is_retransmission[packets.flags != 0x02].any()


@given(scripted.talks(loss=True))
@settings(max_examples=60, deadline=None)
def test_packets_make_sense_with_loss(talks):
    said = scripted.script(*talks)
    Check(said, packetize(said, SEED))


@given(scripted.talks(loss=True))
@settings(max_examples=30, deadline=None)
def test_a_conversation_is_the_same_alone_and_among_others(talks):
    talks.sort(key=lambda talk: talk.start_s)
    said = scripted.script(*talks)
    whole = packetize(said, SEED)
    alone = [packetize(part, SEED) for part in parts(said, 1)]
    assert len(alone) == len(talks)
    for row, one in enumerate(alone):
        rows = np.flatnonzero(whole.conversation == row)
        for name in ("time_ns", "seq", "ack", "flags", "tsval", "tsecr", "identification", "ttl"):
            assert getattr(one, name).tolist() == getattr(whole, name)[rows].tolist(), name


def test_another_seed_gives_other_numbers():
    one, other = made(Talk()), made(Talk(), seed=8)
    assert one.seq[0] != other.seq[0]
    assert one.time_ns[0] == other.time_ns[0] == int(START_S) * 10**9
