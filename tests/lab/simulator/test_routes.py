# SPDX-License-Identifier: Apache-2.0
import pytest

import scripted
from minewatch.lab.simulator.routes import GAP_NS, NEVER_NS, routes
from scripted import SEED, Talk


def test_a_route_is_in_nanoseconds():
    talk = Talk(rtt_s=0.05, seconds=3.0, ack_delay_s=0.2, keepalive_s=60)
    way = routes(scripted.script(talk), SEED)
    assert (way.rtt_ns[0], way.end_ns[0]) == (50_000_000, 3_000_000_000)
    assert (way.ack_delay_ns[0], way.keepalive_ns[0]) == (200_000_000, 60_000_000_000)
    assert way.start_ns[0] == int(scripted.START_S) * 10**9
    assert 0 < way.reaction_ns[0] < GAP_NS


def test_timestamps_come_off_the_segment():
    both = scripted.script(Talk(timestamps=True), Talk(timestamps=False))
    way = routes(both, SEED)
    assert way.segment_octets.tolist() == [1448, 1460]
    assert way.keepalive_ns.tolist() == [NEVER_NS, NEVER_NS]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_s", float("nan")),
        ("start_s", -1.0),
        ("end_s", 0.0),
        ("rtt_s", -0.1),
        ("rtt_s", float("nan")),
        ("jitter_s", float("inf")),
        ("loss", 0.6),
        ("mss", 60),
        ("ack_delay_s", 0.6),
        ("keepalive_s", 0.5),
        ("close", 7),
    ],
)
def test_a_value_outside_its_domain_is_named(name, value):
    said = scripted.script(Talk(), Talk())
    getattr(said.conversations, name)[1] = value
    with pytest.raises(ValueError, match=f"conversation 1: {name} is outside its domain"):
        routes(said, SEED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conversation", 1),
        ("conversation", -1),
        ("time_s", float("nan")),
        ("time_s", -1.0),
        ("octets", -1),
        ("octets", 1 << 32),
        ("content_octets", 6),
        ("content_octets", -1),
        ("content_start", 2),
        ("fill", 2),
    ],
)
def test_so_is_a_value_of_a_message(name, value):
    said = scripted.script(Talk([(0.1, False, b"12345")]))
    getattr(said.messages, name)[0] = value
    with pytest.raises(ValueError, match=f"message 0: (content_octets|{name}) is outside its"):
        routes(said, SEED)


def test_messages_that_are_not_sorted_are_refused():
    with pytest.raises(ValueError, match="sorted by conversation and time"):
        routes(scripted.script(Talk([(0.2, False, 5), (0.1, False, 5)])), SEED)
    said = scripted.script(Talk([(0.2, False, 5)]), Talk([(0.1, False, 5)]))
    routes(said, SEED)
    said.messages.conversation[:] = [1, 0]
    with pytest.raises(ValueError, match="sorted by conversation and time"):
        routes(said, SEED)
