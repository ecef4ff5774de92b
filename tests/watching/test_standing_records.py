# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from made_up_records import NS, START, record, talk
from minewatch.metering import held_records as h
from minewatch.watching.record_options import RecordWatchOptions
from minewatch.watching.standing_records import StandingRecords

HOUR = 3600 * NS
OPTIONS = RecordWatchOptions(most_records=400, most_biflows=40, most_of_one=100, least_records=3)


def standing(options=OPTIONS):
    return StandingRecords(options, HOUR)


def take(held, *parts, now=START):
    records = np.concatenate(parts)
    shown = np.full(len(records), now)
    return held.take(records, 0, len(records), shown)


def of_port(port, n=3, **fields):
    """Some minutes of a conversation of its own."""
    records = talk(n, **fields)
    for side in ("source", "destination"):
        ports = records[f"{side}_transport_port"]
        ports[ports == 40_000] = port
    return records


def test_what_is_new_is_due_when_it_has_settled_and_may_pass_the_gate():
    held = standing()
    one_way, short = record(source_transport_port=1), of_port(2, 1)
    short["flow_end_nanoseconds"] = START + 20 * NS
    take(held, of_port(50_000), one_way, short)
    assert held.due(START + 9 * NS).tolist() == []
    assert held.due(START + 10 * NS).tolist() == [0]


def test_what_was_looked_at_waits_for_something_new_and_until_it_is_older():
    held = standing()
    take(held, of_port(50_000))
    now = START + 1_000 * NS
    held.looked(np.array([0]), now)
    assert held.due(now + HOUR).tolist() == []
    take(held, of_port(50_000), now=now + NS)
    assert held.due(now + 299 * NS).tolist() == []
    assert held.due(now + 300 * NS).tolist() == [0]  # 1.3 times 1,000 s
    held.looked(np.array([0]), START + 100 * HOUR)
    assert held.rows[0, h.LOOK_NS] == START + 101 * HOUR
    assert held.rows[0, h.LOOKS] == 2


def test_an_alert_hears_once_that_its_conversation_is_silent():
    held = standing()
    take(held, of_port(50_000))
    held.looked(np.array([0]), START)
    held.flag(np.array([0]), h.FOLLOWED, np.array([True]))
    end = int(held.rows[0, h.END_NS])
    assert held.due(end + HOUR).tolist() == []
    assert held.due(end + HOUR + 1).tolist() == [0]
    held.flag(np.array([0]), h.SAID_ENDED, np.array([True]))
    assert held.due(end + HOUR + 1).tolist() == []


@pytest.mark.parametrize("has_own_clock", [False, True])
def test_silence_is_of_the_data_or_of_what_comes(has_own_clock):
    held = standing(replace(OPTIONS, has_own_clock=has_own_clock))
    take(held, of_port(50_000), now=START + 10 * HOUR)
    at = START + 10 * HOUR + 1
    assert held.is_silent(at).tolist() == [not has_own_clock]


def test_it_is_over_after_the_time_out_the_grace_and_enough_others():
    held = standing()
    take(held, of_port(50_000))
    late = START + HOUR + 600 * NS
    take(held, of_port(50_001, 1), now=late)
    assert held.over(late + 1).tolist() == []  # two records came since
    take(held, of_port(50_001, 1), now=late)
    assert held.over(late).tolist() == []
    assert held.over(late + 1).tolist() == [0]


def test_parts_hold_all_records_of_their_rows_and_not_too_many(monkeypatch):
    monkeypatch.setattr("minewatch.watching.standing_records._TOGETHER", 13)
    held = standing()
    take(held, *(of_port(50_000 + i, i % 4 + 1) for i in range(12)))
    parts = list(held.parts(held.everything()))
    assert [n for numbers, _, _ in parts for n in numbers.tolist()] == list(range(12))
    assert len(parts) >= 5
    for numbers, records, row_of in parts:
        assert len(records) == len(row_of) == held.rows[numbers, h.COUNT].sum() <= 13
        ports = np.maximum(records["source_transport_port"], records["destination_transport_port"])
        assert (ports == 50_000 + row_of).all()


def test_those_that_tell_least_make_room():
    held = standing(replace(OPTIONS, most_biflows=32))
    later = START + 3 * 60 * NS
    for port, n, now in ((1, 9, START), (2, 9, START), (3, 2, later), (4, 9, later), (5, 2, START)):
        take(held, of_port(port, n), now=now)
    take(held, record(source_transport_port=6), now=later)
    held.flag(np.array([0]), h.FOLLOWED, np.array([True]))
    held.flag(np.array([1]), h.SUSPECT, np.array([True]))
    # One-way, then silent with few records, then what goes on, then the suspect.
    assert held.least().tolist() == [5, 4, 2, 3, 1]


def test_an_observer_that_holds_more_than_its_share_loses_its_own():
    held = standing(replace(OPTIONS, most_records=60, most_of_one=20, most_biflows=30))
    take(held, of_port(1, 1, observation_point=5))
    take(held, *(of_port(10 + i, 3, observation_point=6) for i in range(8)))
    assert 0 not in held.least().tolist()
    assert len(held.least()) >= 2


def test_a_full_conversation_is_summed_up_and_goes_on():
    held = standing()
    records = of_port(50_000, 60)
    at = 0
    shown = np.full(len(records), START)
    while at < len(records):
        at, why = held.take(records, at, len(records), shown)
        if why == h.ROW_IS_FULL:
            held.merge_full()
    assert held.rows[0, h.COUNT] < 100
    (part,) = held.parts(held.everything())
    assert part[1]["packet_delta_count"].sum() == records["packet_delta_count"].sum()
    assert held.rows[0, h.START_NS] == START


def test_a_clock_that_was_set_back_leaves_nothing_in_the_future():
    held = standing()
    take(held, of_port(50_000), now=START + 10 * HOUR)
    held.set_back(START)
    words = [h.SEEN_NS, h.BEGAN_NS, h.NEW_NS]
    assert (held.rows[0, words] == START).all()


def test_what_came_before_a_restart_is_there_after_it():
    held = standing()
    take(held, of_port(50_000), of_port(50_001, 1))
    (part,) = held.parts(held.everything())
    other = standing()
    other.restore(held.rows.copy(), part[1].view(np.int64).reshape(-1, h.WORDS))
    take(other, of_port(50_001, 1))
    assert other.rows[:, h.COUNT].tolist() == [6, 4]
    assert other.count(h.HELD) == 10
