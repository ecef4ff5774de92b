# SPDX-License-Identifier: Apache-2.0
"""The switch, over pairs of sockets that keep the borders of frames, as TAP devices do."""

import socket
import statistics
import threading
import time
from contextlib import contextmanager
from random import Random

import pytest

from minewatch.lab.plan import Link
from minewatch.lab.switch import (
    FULL,
    LOST,
    MAX_UNDER_WAY,
    MAX_WAITING_OCTETS,
    Port,
    Switch,
    Wire,
    Wiring,
)

PATIENCE_S = 10


def mac(number: int) -> bytes:
    return bytes([2, 0, 0, 0, 0, number])


def ip(number: int) -> bytes:
    return bytes([10, 0, 0, number])


def frame(to: bytes, number: int = 0, octets: int = 60) -> bytes:
    return (to + mac(1) + b"\x08\x00" + number.to_bytes(4, "big")).ljust(octets, b"\0")


@contextmanager
def switched(*links: Link, seed=1):
    """Run a switch with a host on each link; give the hosts' ends and the switch."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in links]
    word, stop = socket.socketpair()
    ports = []
    for number, (link, (_, end)) in enumerate(zip(links, pairs, strict=True), 1):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ports.append(Port(end.fileno(), mac(number), ip(number), link))
    switch = Switch(ports, Random(seed))
    thread = threading.Thread(target=switch.run, args=(word.fileno(),))
    thread.start()
    hosts = [host for host, _ in pairs]
    for host in hosts:
        host.settimeout(PATIENCE_S)
    try:
        yield hosts, switch
    finally:
        stop.send(b"x")
        thread.join(PATIENCE_S)
        for sock in (word, stop, *(sock for pair in pairs for sock in pair)):
            sock.close()
    assert not thread.is_alive()


def numbers(host: socket.socket, count: int) -> list[int]:
    return [int.from_bytes(host.recv(2000)[14:18], "big") for _ in range(count)]


def test_a_frame_goes_to_its_host_alone():
    with switched(Link(), Link(), Link()) as ((one, two, three), switch):
        one.send(frame(mac(2), 7))
        assert numbers(two, 1) == [7]
        one.send(frame(mac(3), 8))
        assert numbers(three, 1) == [8]
        two.setblocking(False)
        with pytest.raises(BlockingIOError):
            two.recv(2000)
    assert (switch.counters.carried, switch.counters.unknown) == (2, 0)


def test_a_broadcast_goes_to_everybody_else():
    with switched(Link(), Link(), Link()) as ((one, two, three), _):
        one.send(frame(b"\xff" * 6, 9))
        assert numbers(two, 1) == numbers(three, 1) == [9]
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(2000)


def test_a_question_for_an_address_goes_to_its_owner_alone():
    arp = bytes.fromhex("0806 0001 0800 06 04 0001") + mac(1) + ip(1) + bytes(6)
    with switched(Link(), Link(), Link()) as ((one, two, three), switch):
        one.send(b"\xff" * 6 + mac(1) + arp + ip(3))
        assert three.recv(2000)[38:42] == ip(3)
        one.send(b"\xff" * 6 + mac(1) + arp + ip(9))  # nobody's
        one.send(frame(mac(2), 5))
        assert numbers(two, 1) == [5]
    assert (switch.counters.carried, switch.counters.unknown) == (2, 1)


def test_what_is_for_nobody_is_counted():
    with switched(Link(), Link()) as ((one, two), switch):
        one.send(frame(mac(9)))
        one.send(frame(mac(2), 1))
        assert numbers(two, 1) == [1]
    assert switch.counters.unknown == 1


def test_a_frame_pays_both_links():
    with switched(Link(delay_s=0.05), Link(delay_s=0.1)) as ((one, two), _):
        took = []
        for _ in range(3):
            began = time.monotonic()
            one.send(frame(mac(2)))
            two.recv(2000)
            took.append(time.monotonic() - began)
    assert 0.150 <= min(took) < 0.165


def test_a_short_link_does_not_wait_for_a_long_one():
    with switched(Link(delay_s=0.2), Link(), Link()) as ((far, near, three), _):
        far.send(frame(mac(3), 1))
        near.send(frame(mac(3), 2))
        assert numbers(three, 2) == [2, 1]


def test_order_is_kept_in_spite_of_jitter():
    with switched(Link(delay_s=0.005, jitter_s=0.01), Link(jitter_s=0.01)) as ((one, two), _):
        for number in range(200):
            one.send(frame(mac(2), number))
        assert numbers(two, 200) == list(range(200))


def test_loss_is_as_planned_and_is_counted():
    with switched(Link(loss=0.3), Link(loss=0.1)) as ((one, two), switch):
        for number in range(2000):
            one.send(frame(mac(2), number))
            if number % 100 == 99:  # do not run ahead of the switch
                time.sleep(0.005)
        deadline = time.monotonic() + PATIENCE_S
        counters = switch.counters
        while counters.carried + counters.lost < 2000 and time.monotonic() < deadline:
            time.sleep(0.01)
        two.setblocking(False)
    assert counters.carried + counters.lost == 2000
    assert counters.carried / 2000 == pytest.approx(0.7 * 0.9, abs=0.04)


def test_ten_thousand_frames_a_second_are_no_burden():
    """The lab needs half of that on two shared cores."""
    with switched(Link(0.001, 0.0005, 0.0, 1e9), Link(0.001, 0.0005)) as ((one, two), switch):
        began, cpu = time.monotonic(), time.process_time()
        for number in range(10_000):
            one.send(frame(mac(2), number, 400))
            two.recv(2000) if number > 200 else None
        used, took = time.process_time() - cpu, time.monotonic() - began
    assert switch.counters.dropped == 0
    assert used < 3.0, (used, took)


class TestWire:
    def test_a_rate_spaces_frames(self):
        wire = Wire(Link(rate_bps=8000.0), Random(1))
        # 76 octets and 24 of overhead take 0.1 s at 1,000 octets a second.
        assert [round(wire.leave_s(0.0, 76), 6) for _ in range(3)] == [0.1, 0.2, 0.3]
        assert wire.leave_s(10.0, 76) == pytest.approx(10.1)

    def test_a_full_queue_drops(self):
        wire = Wire(Link(rate_bps=8e6), Random(1))
        accepted = 0
        while wire.leave_s(0.0, 1490) != FULL:
            accepted += 1
        assert accepted == pytest.approx(MAX_WAITING_OCTETS / 1514, abs=2)
        assert wire.leave_s(1.0, 1490) > 1.0  # a second later there is room

    def test_jitter_has_the_standard_deviation_that_is_asked_for(self):
        wire = Wire(Link(delay_s=0.01, jitter_s=0.002), Random(1))
        extra = [wire.leave_s(float(second), 100) - second - 0.01 for second in range(20_000)]
        assert min(extra) >= -1e-9
        assert statistics.pstdev(extra) == pytest.approx(0.002, rel=0.05)

    def test_nothing_overtakes(self):
        wire = Wire(Link(delay_s=0.01, jitter_s=0.05), Random(1))
        leaves = [wire.leave_s(number / 1000, 100) for number in range(1000)]
        assert leaves == sorted(leaves)

    def test_all_is_lost_on_a_dead_wire(self):
        assert Wire(Link(loss=1.0), Random(1)).leave_s(0.0, 100) == LOST


def test_memory_is_bounded():
    """Frames under way on a link without a rate are limited too."""
    ends = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    ports = [Port(e.fileno(), mac(n), ip(n), Link(delay_s=9.0)) for n, (_, e) in enumerate(ends, 1)]
    switch = Switch(ports, Random(1))
    plug = switch._plugs[0]
    for _ in range(MAX_UNDER_WAY + 5):
        switch._enter(plug.up, frame(mac(2)), 0.0, plug, [switch._plugs[1]])
    assert (plug.up.under_way, switch.counters.dropped) == (MAX_UNDER_WAY, 5)
    for sock in (sock for pair in ends for sock in pair):
        sock.close()


def test_wiring_survives_its_way_to_the_process():
    wiring = Wiring(7, {"a": 3}, {"a": "10.0.0.1"}, {"a": Link(0.1, 0.01, 0.001, 1e6)})
    assert Wiring.from_json(wiring.to_json()) == wiring
