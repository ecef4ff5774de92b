# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import scripted
from minewatch.lab.simulator.acknowledgements import Stream, pure_acknowledgements
from minewatch.lab.simulator.groups import Column, Timeline
from minewatch.lab.simulator.routes import routes
from scripted import SEED, Talk

MS = 1_000_000


def acknowledgements(arrivals, sends=(), *, prompt=(), delay_s=0.05):
    """Times at which the initiator acknowledges what arrives: (time, octets), by number."""
    said = scripted.script(Talk(ack_delay_s=delay_s))
    way = routes(said, SEED)
    timeline = Timeline.of(np.array([10**12]))
    n = len(arrivals)
    stream = Stream(
        np.zeros(n, np.int64),
        np.ones(n, np.bool_),
        np.array([octets for _, octets in arrivals], np.int64),
        np.array([time for time, _ in arrivals], np.int64),
        np.isin(np.arange(n), prompt),
    )
    own = np.sort(np.array(sends, np.int64))
    column = Column.of(timeline, own)
    found = pure_acknowledgements(stream, column, column, way, timeline)
    assert not found.is_reply.any()
    return found.time_ns, found.is_duplicate, int(way.reaction_ns[0])


def test_a_single_segment_waits_for_the_delay():
    assert acknowledgements([(0, 100)])[0].tolist() == [50 * MS]


def test_what_the_receiver_sends_itself_carries_it():
    assert acknowledgements([(0, 100)], [10 * MS])[0].tolist() == []
    assert acknowledgements([(0, 100)], [60 * MS])[0].tolist() == [50 * MS]


def test_every_second_full_segment_is_acknowledged_at_once():
    arrivals = [(i * 20_000, 1448) for i in range(7)]
    times, _, reaction = acknowledgements(arrivals)
    assert times.tolist() == [*(i * 20_000 + reaction for i in (1, 3, 5)), 120_000 + 50 * MS]


def test_small_segments_share_a_delay():
    times = acknowledgements([(i * 15 * MS, 100) for i in range(6)])[0]
    assert times.tolist() == [50 * MS, 110 * MS]  # 0 to 45 ms, then 60 and 75


def test_handshake_and_fin_are_acknowledged_at_once():
    times, _, reaction = acknowledgements([(0, 0), (MS, 100)], prompt=[0])
    assert times.tolist() == [reaction, 51 * MS]


def test_early_segments_are_answered_each_and_the_gap_filler_too():
    arrivals = [(0, 1448), (100 * MS, 1448), (MS, 1448), (2 * MS, 1448), (200 * MS, 10)]
    times, duplicate, reaction = acknowledgements(arrivals)
    assert times.tolist() == [
        MS + reaction,  # the second to arrive, and early
        2 * MS + reaction,
        100 * MS + reaction,
        250 * MS,
    ]
    assert duplicate.tolist() == [True, True, False, False]


@given(
    st.lists(st.tuples(st.integers(20_000, 60 * MS), st.sampled_from([1, 700, 1448])), max_size=40),
    st.lists(st.integers(1, 1000 * MS), max_size=5),
    st.sampled_from([0.0, 0.05, 0.2]),
)
@settings(max_examples=80, deadline=None)
def test_nothing_waits_longer_than_the_delay_and_nothing_is_said_twice(gaps, sends, delay_s):
    times = np.cumsum([gap for gap, _ in gaps]).tolist()
    arrivals = list(zip(times, [octets for _, octets in gaps], strict=True))
    found, duplicate, reaction = acknowledgements(arrivals, sends, delay_s=delay_s)
    assert not duplicate.any()
    delay = max(int(delay_s * 1e9), reaction)
    events = sorted([*found.tolist(), *sends])
    for time, _ in arrivals:
        assert any(time < event <= time + delay for event in events)
    before = 0
    for event in found.tolist():  # each acknowledges something that nothing did before
        earlier = max([e for e in events if e < event], default=-1)
        new = [(t, o) for t, o in arrivals if earlier <= t < event]
        assert new
        is_due = event == new[0][0] + delay
        is_full = sum(o for _, o in new) > 1448 and event == new[-1][0] + reaction
        assert is_due or is_full
        assert event > before
        before = event


def test_nothing_arrives_and_nothing_is_sent():
    assert len(acknowledgements([])[0]) == 0
    assert len(acknowledgements([], [5])[0]) == 0
