# SPDX-License-Identifier: Apache-2.0
"""Conversations that alerts follow keep their numbers, whatever comes late."""

import numpy as np
import polars as pl
import pytest

from made_up_records import NS, START, talk
from minewatch import gate
from minewatch.arranging.arrange import arrange
from minewatch.arranging.settings import ArrangeSettings
from minewatch.metering import held_records as h
from minewatch.scanning import Scorer
from watched_records import FEW, new_record_watch

HOUR_S = 3600


@pytest.fixture
def watch(monkeypatch):
    """A watch that takes whatever passes the gate for mining, or what it is told to."""
    score = Scorer.score
    wanted = {"probability": 0.9}

    def surely(self, chunk, report):
        scanned = score(self, chunk, report)
        scanned.probability[:] = wanted["probability"]
        return scanned

    monkeypatch.setattr(Scorer, "score", surely)
    found = new_record_watch(FEW)
    found.wanted = wanted
    return found


def at(records, seconds):
    records = records.copy()
    for end in ("start", "end"):
        records[f"flow_{end}_nanoseconds"] += round(seconds * NS)
    return records


def judge(watch, *parts, now_s=700, are_final=False):
    """Give records to a watch without a clock, and judge all rows."""
    for records in parts:
        watch.held.take(records, 0, len(records), np.full(len(records), START))
    numbers = watch.held.everything()
    (part,) = watch.held.parts(numbers)
    found = arrange(part[1], ArrangeSettings())
    now_ns = START + now_s * NS
    return watch.judge.judge(numbers, found, part[2], now_ns, are_final=are_final)


def numbers(watch):
    return [known[1] for known in watch.judge.followed.get(0, [])]


def conversations(watch):
    return sum(case.conversations for case in watch.book.cases)


def test_a_conversation_keeps_its_number_as_it_grows(watch):
    judge(watch, talk(5))
    (first,) = numbers(watch)
    judge(watch, at(talk(5), 300))
    assert numbers(watch) == [first]
    assert conversations(watch) == 1


def test_also_when_late_records_let_it_begin_earlier(watch):
    judge(watch, at(talk(5), 600))
    (first,) = numbers(watch)
    judge(watch, talk(10))
    assert numbers(watch) == [first]
    assert conversations(watch) == 1


def test_two_of_the_same_ports_have_a_number_each(watch):
    judge(watch, talk(5))
    judge(watch, at(talk(5), 3 * HOUR_S), now_s=3 * HOUR_S + 400)
    first, second = numbers(watch)
    assert first != second
    cases = {case.id: [one.has_ended for one in case.open.values()] for case in watch.book.cases}
    assert sorted(cases.values()) == [[False], [True]]


def test_two_that_late_records_join_become_one(watch):
    judge(watch, talk(5), at(talk(5), 2 * HOUR_S), now_s=2 * HOUR_S + 400)
    first, _ = numbers(watch)
    judge(watch, at(talk(5), HOUR_S - 600), at(talk(5), HOUR_S + 600), now_s=2 * HOUR_S + 400)
    assert numbers(watch) == [first]
    assert conversations(watch) == 1


def test_one_that_passes_the_gate_no_more_is_withdrawn_with_the_reason(watch, monkeypatch):
    judge(watch, talk(5))
    stopped = pl.lit(gate.BULK_TRANSFER).alias("gate_reason")
    monkeypatch.setattr("minewatch.gate.gate_reason", lambda: stopped)
    assert judge(watch, at(talk(1), 300)) == 0
    assert conversations(watch) == 0
    (case,) = watch.book.cases
    assert case.doubted.evidence[0].value == gate.BULK_TRANSFER
    monkeypatch.undo()
    assert len(numbers(watch)) == 1  # it may pass again


def test_the_last_word_is_the_last(watch):
    judge(watch, talk(5))
    judge(watch, are_final=True)
    assert numbers(watch) == []
    assert not list(watch.book.flows())
    (case,) = watch.book.cases
    assert (case.ended.count, case.open) == (1, {})


def test_what_is_likely_is_a_suspect_though_no_alert_follows_it(watch):
    watch.wanted["probability"] = 0.08
    judge(watch, talk(5))
    assert watch.held.rows[0, h.FLAGS] == h.SUSPECT
    watch.wanted["probability"] = 0.9
    judge(watch)
    assert watch.held.rows[0, h.FLAGS] == h.SUSPECT | h.FOLLOWED
    watch.wanted["probability"] = 0.01
    judge(watch)
    assert watch.held.rows[0, h.FLAGS] == h.FOLLOWED
    assert conversations(watch) == 0


def test_that_a_conversation_is_silent_is_noted_so_that_it_is_said_once(watch):
    judge(watch, talk(5))
    assert watch.held.rows[0, h.FLAGS] & h.SAID_ENDED == 0
    judge(watch, now_s=2 * HOUR_S)
    assert watch.held.rows[0, h.FLAGS] & h.SAID_ENDED
    judge(watch, at(talk(5), 2 * HOUR_S - 300), now_s=2 * HOUR_S)
    assert watch.held.rows[0, h.FLAGS] & h.SAID_ENDED == 0
