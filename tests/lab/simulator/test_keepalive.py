# SPDX-License-Identifier: Apache-2.0
import numpy as np

import scripted
from minewatch.lab.simulator.keepalive import probes
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk

S = 10**9


def of(times, *, until=-1, every=30.0, home=True):
    way = routes(scripted.script(Talk(keepalive_s=every, rtt_s=0.1, home=home)), SEED)
    time_ns = np.array(times, np.int64) * S
    found = probes(np.zeros(len(times), np.int64), time_ns, way, np.array([until * S]))
    return found.probe_ns / S, found.answer_ns / S


def test_probes_fill_silences_and_each_begins_a_new_one():
    asked, answered = of([0, 10, 110, 120])
    assert asked.tolist() == [40.0, 70.1, 100.2]
    assert np.allclose(answered - asked, 0.1, atol=1e-4)


def test_at_the_responder_the_answer_is_seen_at_once():
    asked, answered = of([0, 40], home=False)
    assert asked.tolist() == [30.0]
    assert 0 < answered[0] - asked[0] < 1e-4


def test_after_the_last_packet_only_an_open_connection_is_probed():
    assert len(of([0])[0]) == 0
    assert of([0], until=65)[0].tolist() == [30.0, 60.1]


def test_a_probe_that_the_next_packet_would_cross_is_not_sent():
    assert len(of([0, 30])[0]) == 0
    assert len(of([0, 31])[0]) == 1
    assert len(of([0, 1000], every=float("inf"))[0]) == 0
    assert len(of([])[0]) == 0
