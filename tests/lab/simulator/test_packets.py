# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator.packets import MAX_HOPS, MIN_HOPS, Packets, hosts
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk


def ends(*talks):
    said = scripted.script(*talks)
    return hosts(said.conversations, routes(said, SEED).key, SEED)


def test_the_far_host_has_crossed_routers_and_the_home_host_has_not():
    found = ends(Talk(), Talk(home=False))
    assert found.ttl[0, 0] in (64, 128)
    assert found.ttl[1, 1] == found.ttl[0, 0]  # the same host, responding
    assert found.ttl[0, 1] == found.ttl[1, 0]
    crossed = min(x - found.ttl[0, 1] for x in (64, 128) if x >= found.ttl[0, 1])
    assert MIN_HOPS <= crossed < MAX_HOPS


def test_each_conversation_has_a_clock_of_its_own():
    found = ends(Talk(), Talk())
    assert len(set(found.clock_ms.ravel().tolist())) == 4


def test_joined_packets_are_sorted_and_complete():
    one, other = (scripted.made(Talk([(0.1, False, 10)], start_s=1.7e9 + x)) for x in (0.05, 0))
    both = Packets.joined([one, other])
    assert len(both) == len(one) + len(other)
    assert (np.diff(both.time_ns) >= 0).all()
    assert sorted(both.seq.tolist()) == sorted([*one.seq.tolist(), *other.seq.tolist()])
    first = both.take(np.array([0]))
    assert first.time_ns.tolist() == other.time_ns[:1].tolist()
