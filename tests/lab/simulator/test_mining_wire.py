# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.lab.simulator.mining import Spoken
from minewatch.lab.simulator.mining_wire import (
    Wire,
    begin_socks,
    begin_ssh,
    begin_tls,
    carry,
)
from minewatch.lab.simulator.tls_records import PLAIN, TLS12, TLS13

RTT_S = 0.05
SPOKEN = [Spoken(1001.0, False, b"a" * 568), Spoken(1001.1, True, b"b" * 504)]


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_bare_messages_stay_as_they_are():
    wire = Wire()
    carry(wire, SPOKEN, 1000.0, PLAIN, in_ssh=False)
    assert wire.content == [b"a" * 568, b"b" * 504]
    assert wire.octets == [568, 504]
    assert wire.time_s == pytest.approx([1.0, 1.1])


def test_tls13_looks_like_xmrig():
    """On the wire of XMRig 6.26: 297, server's flight, 80 + 22 + 568 in one write, 510, 526."""
    wire = Wire(clock_s=RTT_S)
    begin_tls(wire, TLS13, 787, RTT_S, rng())
    carry(wire, SPOKEN, 1000.0, TLS13, in_ssh=False)
    assert [*wire.octets[:1], *wire.octets[2:]] == [297, 670, 510, 526]
    assert wire.is_reply == [False, True, False, True, True]
    assert wire.time_s == sorted(wire.time_s)
    assert wire.content[-1] == b"\x17\x03\x03" + (521).to_bytes(2, "big")


def test_tls12_has_one_round_trip_more():
    wire = Wire(clock_s=RTT_S)
    begin_tls(wire, TLS12, 900, RTT_S, rng())
    assert wire.clock_s > 3 * RTT_S
    carry(wire, SPOKEN, 1000.0, TLS12, in_ssh=False)
    assert wire.octets[2:] == [93, 242, 597, 533]


def test_socks5_asks_for_the_pool():
    wire = Wire(clock_s=RTT_S)
    begin_socks(wire, "203.0.113.5", 3333, RTT_S, rng())
    assert wire.octets == [3, 2, 10, 10]
    assert wire.content[2] == b"\x05\x01\x00\x01\xcb\x00\x71\x05\x0d\x05"
    assert wire.clock_s > 3 * RTT_S


def test_a_tunnel_hides_everything_but_sizes():
    wire = Wire(clock_s=RTT_S)
    begin_ssh(wire, RTT_S, rng())
    assert wire.content[0].startswith(b"SSH-2.0-")
    before = len(wire.octets)
    carry(wire, SPOKEN, 1000.0, PLAIN, in_ssh=True)
    assert set(wire.content[before:]) == {b""}
    assert all((octets - 20) % 8 == 0 for octets in wire.octets[before:])
    assert wire.time_s == sorted(wire.time_s)
