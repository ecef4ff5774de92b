# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.placing import place
from minewatch.lab.simulator.routes import NEVER_NS, routes
from scripted import SEED, Talk

MS = 1_000_000


def of(*talks):
    said = scripted.script(*talks)
    way = routes(said, SEED)
    return place(said, way), way


def test_arrival_is_seen_from_home():
    placed, _ = of(Talk([(0.1, False, 10), (0.3, True, 10)], close=s.CLOSE_NONE))
    ours, theirs = np.flatnonzero(placed.message >= 0)
    assert placed.arrival_ns[ours] - placed.start_ns[ours] == 50 * MS
    assert placed.arrival_ns[theirs] == placed.start_ns[theirs] == 300 * MS


def test_numbers_run_through_each_direction():
    placed, _ = of(Talk([(0.1, False, 10), (0.3, True, 20), (0.4, False, 3000)]))
    streams, number = placed.streams()
    ours = number[~placed.is_reply].tolist()
    assert ours == [0, 1, 11, 11 + 1448, 11 + 2896, 3011]
    assert number[placed.is_reply].tolist() == [0, 1, 21]
    assert streams.end.max() == 3012


def test_what_nobody_answers_never_arrives():
    placed, way = of(Talk(close=s.UNANSWERED), Talk(close=s.REFUSED), Talk())
    stream = placed.arriving(way.close)
    assert stream.conversation.tolist() == [2, 2, 2]  # FIN, SYN-ACK and FIN
    assert stream.is_prompt.all()
    established = placed.established_ns(3)
    assert established.tolist()[:2] == [NEVER_NS, NEVER_NS]
    assert 50 * MS < established[2] < 51 * MS
    reset = placed.reset_time(3)
    assert (reset == NEVER_NS).tolist() == [True, False, True]
    assert len(placed.sends().keys) == 1 + 3
