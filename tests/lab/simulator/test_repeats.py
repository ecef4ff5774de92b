# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import numpy as np
import pytest

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.placing import place
from minewatch.lab.simulator.repeats import repeats
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk, flag_names, made, seconds

PUSHES = [(float(i), True, 378) for i in range(1, 400)]


def found(*talks):
    said = scripted.script(*talks)
    way = routes(said, SEED)
    return repeats(place(said, way), way)


def test_where_nothing_is_lost_nothing_comes_twice():
    assert len(found(Talk(PUSHES)).segment) == 0


@pytest.mark.parametrize("home", [True, False])
def test_as_many_come_twice_as_acknowledgements_are_lost(home):
    twice = found(Talk(PUSHES, loss=0.1, home=home, seconds=500.0))
    assert len(twice.segment) == pytest.approx(40, abs=20)
    assert (twice.answer_ns > twice.time_ns).all()


def test_a_repeat_is_seen_after_the_time_out_and_acknowledged_at_once():
    p = made(Talk(PUSHES, loss=0.05, rtt_s=0.05, close=s.CLOSE_NONE, seconds=500.0))
    data = np.flatnonzero(p.payload_octets)
    seq = p.seq[data].tolist()
    again = [i for i, j in pairwise(data.tolist()) if p.seq[i] == p.seq[j]]
    assert len(seq) - len(set(seq)) == len(again) > 5
    for first in again:
        names, times = flag_names(p)[first : first + 4], seconds(p)[first : first + 4]
        assert names == ["PA<", "A>", "PA<", "A>"]
        assert times[2] - times[0] == pytest.approx(0.25, abs=0.01)
        assert times[3] - times[2] < 0.001
        assert p.ack[first + 1] == p.ack[first + 3]
        assert p.is_retransmission[first + 2]


def test_what_the_receiver_says_meanwhile_makes_up_for_it():
    """It answers after 100 ms: by then the time-out is not over."""
    moments = [(i, reply) for i in range(1, 200) for reply in (True, False)]
    said = [(i if reply else i + 0.1, reply, 100) for i, reply in moments]
    script = scripted.script(Talk(said, loss=0.2, rtt_s=0.05, seconds=300.0))
    way = routes(script, SEED)
    placed = place(script, way)
    twice = repeats(placed, way).segment
    in_time = twice[placed.fate.losses[twice] == 0]
    assert (~placed.is_reply[in_time]).sum() > 10
    # Some wait behind one that was lost, and come when the answer is on its way already.
    assert placed.is_reply[in_time].sum() < 4
