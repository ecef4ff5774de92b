# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.udp import MAX_DATAGRAM_OCTETS
from scripted import Talk, made, seconds


def test_each_message_is_a_datagram():
    p = made(Talk([(0.0, False, 40), (0.02, True, 400)], protocol=s.UDP), Talk())
    udp = p.take(np.flatnonzero(p.is_udp))
    assert udp.payload_octets.tolist() == [40, 400]
    assert udp.is_reply.tolist() == [False, True]
    assert seconds(udp) == pytest.approx([0.0, 0.02], abs=1e-6)
    assert udp.message.tolist() == [0, 1]


def test_an_empty_datagram_is_one_too():
    assert len(made(Talk([(0.0, False, 0)], protocol=s.UDP))) == 1


def test_only_what_is_lost_on_the_way_here_is_missing():
    said = [(i / 10, bool(i % 2), 40) for i in range(400)]
    p = made(Talk(said, protocol=s.UDP, loss=0.25))
    assert (~p.is_reply).sum() == 200
    assert 130 <= p.is_reply.sum() <= 170


def test_fragments_are_refused():
    made(Talk([(0.0, False, MAX_DATAGRAM_OCTETS)], protocol=s.UDP))
    with pytest.raises(ValueError, match="conversation 1: a datagram of 1473 octets"):
        made(Talk(), Talk([(0.0, False, MAX_DATAGRAM_OCTETS + 1)], protocol=s.UDP))


def test_a_conversation_without_datagrams_is_nothing():
    assert len(scripted.made(Talk(protocol=s.UDP))) == 0
