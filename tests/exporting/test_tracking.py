# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metered import Packet, at, batches_of, meter
from minewatch.address import parse_networks, with_text
from minewatch.exporting.tracking import WORDS, Tracker

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HOME = parse_networks(["10.0.0.0/8"])
OPENED = [
    Packet(at(0), flags=SYN, sequence=1),
    Packet(at(1), flags=SYN | ACK).answer(),
    Packet(at(2), flags=PSH | ACK, payload=b"x"),
]
AGAIN = [
    Packet(at(10), flags=SYN, sequence=9),
    Packet(at(11), flags=ACK, payload=b"y").answer(),
]


def track(packets, *, splits=True, size=1000, tracker=None):
    """Return the packets' conversations and the tracker."""
    tracker = tracker or Tracker(HOME, splits=splits)
    found = [
        tracker.track(batch.columns[: batch.n_packets][:, WORDS])
        for batch in batches_of(packets, [size])
    ]
    return pl.concat(found), tracker


def ends(tracker):
    return with_text(tracker.endpoints).rows(named=True)


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_both_directions_are_one_conversation(size):
    found, tracker = track(OPENED, size=size)
    assert found["conversation"].to_list() == [1, 1, 1]
    assert found["from_initiator"].to_list() == [True, False, True]
    assert found["payload_octets"].to_list() == [0, 0, 1]
    assert ends(tracker) == [
        {
            "conversation": 1,
            "source_address": "10.0.0.1",
            "destination_address": "198.51.100.7",
            "source_transport_port": 40_000,
            "destination_transport_port": 3333,
            "protocol_identifier": 6,
            "is_source_home": True,
            "is_destination_home": False,
        }
    ]


def test_who_opened_is_told_by_flags_and_else_by_the_first_packet():
    answer_first = [OPENED[1], OPENED[2]]
    assert track(answer_first)[0]["from_initiator"].to_list() == [False, True]
    late_syn = [Packet(at(0), flags=ACK).answer(), OPENED[0]]
    assert track(late_syn)[0]["from_initiator"].to_list() == [False, True]
    none = [Packet(at(0), flags=ACK).answer(), Packet(at(1), flags=ACK)]
    assert track(none)[0]["from_initiator"].to_list() == [True, False]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_another_syn_opens_another_conversation(size):
    found, tracker = track([*OPENED, *AGAIN], size=size)
    assert found["conversation"].to_list() == [1, 1, 1, 2, 2]
    assert [end["conversation"] for end in ends(tracker)] == [1, 2]


def test_a_five_tuple_is_one_conversation_where_connections_do_not_count():
    assert track([*OPENED, *AGAIN], splits=False)[0]["conversation"].unique().to_list() == [1]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_syn_sent_again_opens_nothing(size):
    same = [*OPENED, Packet(at(3), flags=SYN, sequence=1)]
    assert track(same, size=size)[0]["conversation"].unique().to_list() == [1]
    unanswered = [Packet(at(t), flags=SYN, sequence=t + 1) for t in range(3)]
    assert track(unanswered, size=size)[0]["conversation"].unique().to_list() == [1]


def test_icmp_has_the_type_and_code_of_its_first_packet():
    ping = Packet(at(0), source=(1, 0), destination=(2, 8 * 256), protocol=1)
    pong = Packet(at(1), source=(2, 0), destination=(1, 0), protocol=1)
    found, tracker = track([ping, pong])
    assert found["conversation"].to_list() == [1, 1]
    assert ends(tracker)[0]["destination_transport_port"] == 8 * 256
    assert ends(tracker)[0]["source_transport_port"] == 0


def test_ipv6_keeps_all_its_bits():
    talk = [Packet(at(0), source=(0xFE80 << 112 | 5, 1), destination=(0xFF02 << 112 | 1, 2))]
    one = ends(track(talk)[1])[0]
    assert (one["source_address"], one["destination_address"]) == ("fe80::5", "ff02::1")


def test_what_is_forgotten_begins_anew():
    _, tracker = track(OPENED)
    tracker.forget_all_but(pl.Series([1], dtype=pl.Int64))
    assert track(OPENED, tracker=tracker)[0]["conversation"].to_list() == [1, 1, 1]
    tracker.forget_all_but(pl.Series([], dtype=pl.Int64))
    assert len(tracker.endpoints) == 0
    assert track(OPENED, tracker=tracker)[0]["conversation"].to_list() == [2, 2, 2]


flags = st.sampled_from([SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST])
some_packets = st.lists(
    st.tuples(st.booleans(), flags, st.integers(0, 3), st.integers(0, 2), st.integers(1, 3)),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)  # the first one compiles the meter
@given(some_packets, st.integers(1, 9))
def test_conversations_are_those_of_the_meter(rows, size):
    """With time-outs that never come, since those belong to windows here.

    SYNs of both ends in one conversation are left out: the meter believes the last one. So is
    FIN where there was no payload: the meter waits for that of the other end.
    """
    talk = []
    for t, (is_back, what, sequence, payload, port) in enumerate(rows):
        is_opening = what & (SYN | ACK) == SYN
        payload = max(payload, what & FIN)
        one = Packet(at(t), source=(0xFFFF_0A00_0001, port), flags=what, sequence=sequence,
                     payload=b"p" * (payload if not is_opening else 0), octets=40 + t)  # fmt: skip
        talk.append(one.answer() if is_back and not is_opening else one)
    year = 365.0 * 86_400
    flows = meter(talk, interval_s=year, idle_timeout_s=year, conversation_timeout_s=year,
                  closed_linger_s=year).flows  # fmt: skip
    found, tracker = track(talk, size=len(talk))
    sums = found.group_by("conversation").agg(
        pl.col("octets").filter("from_initiator").sum().alias("octet_delta_count"),
        pl.col("octets").filter(~pl.col("from_initiator")).sum().alias("reverse_octet_delta_count"),
    )
    columns = ["source_address", "source_transport_port", *sums.columns[1:]]
    mine = with_text(tracker.endpoints).join(sums, on="conversation").select(columns)
    assert sorted(mine.rows()) == sorted(flows.select(columns).rows())
    # Cut anywhere, packets find the same conversations; numbers are as before or in another order.
    cut = track(talk, size=size)[0]["conversation"].to_numpy()
    whole = found["conversation"].to_numpy()
    pairs = np.unique(np.stack([cut, whole]), axis=1)
    assert len(np.unique(cut)) == len(np.unique(whole)) == pairs.shape[1]
