# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator.groups import running_max
from minewatch.lab.simulator.loss import fates
from minewatch.lab.simulator.routes import GAP_NS, routes
from minewatch.lab.simulator.segments import segments
from minewatch.lab.simulator.timing import timing
from minewatch.lab.simulator.units import DATA, units
from scripted import SEED, Talk

MS = 1_000_000


def of(*talks):
    said = scripted.script(*talks)
    way = routes(said, SEED)
    all_units = units(said, way)
    cut = segments(all_units, way)
    return timing(all_units, cut, fates(cut, all_units, way), way), all_units


def starts(*talks):
    times, all_units = of(*talks)
    return times.start_ns[all_units.kind == DATA]


def test_messages_come_when_the_script_wants():
    said = [(0.1, False, 10), (0.2, True, 10), (7.0, True, 10)]
    assert starts(Talk(said)).tolist() == [100 * MS, 200 * MS, 7000 * MS]


def test_nobody_speaks_before_the_handshake_is_over():
    first = starts(Talk([(0.05, False, 10)]), Talk([(0.05, True, 10)]))
    assert 50 * MS < first[0] < 51 * MS  # at home, with the SYN-ACK
    assert 100 * MS < first[1] < 101 * MS  # the far server has to hear of it first
    first = starts(Talk([(0.05, True, 10)], home=False))
    assert 50 * MS < first[0] < 51 * MS


def test_an_answer_waits_for_all_of_its_question():
    question, answer = starts(Talk([(0.1, False, 100 * 1448), (0.15, True, 10)], rtt_s=0.05))
    assert question == 100 * MS
    assert answer > question + 3 * 50 * MS + 50 * MS  # four flights, and back


def test_messages_that_cross_do_not_wait():
    assert starts(Talk([(0.1, False, 10), (0.11, True, 10)])).tolist() == [100 * MS, 110 * MS]


def test_messages_of_one_moment_go_one_after_another():
    some = starts(Talk([(0.1, False, 10)] * 4))
    assert np.diff(some).tolist() == [GAP_NS] * 3


def test_jitter_overtakes_nothing_and_lets_answers_be_answers():
    said = [(0.1 + i / 100, False, 10) for i in range(50)] + [(0.6401, True, 10)]
    times, all_units = of(Talk(said, rtt_s=0.05, jitter_s=0.03))
    rows = np.flatnonzero((all_units.kind == DATA) & ~all_units.is_reply)
    arrival = times.start_ns[rows] + times.jitter_ns[rows]
    assert times.jitter_ns[rows].max() > 20 * MS
    assert np.array_equal(arrival, running_max(arrival, np.zeros(50)))
    assert (times.jitter_ns >= 0).all()
    answer = times.start_ns[(all_units.kind == DATA) & all_units.is_reply][0]
    assert arrival[-1] + 50 * MS < answer
    assert (times.jitter_ns[all_units.is_reply] == 0).all()
