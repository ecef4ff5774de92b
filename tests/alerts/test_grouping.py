# SPDX-License-Identifier: Apache-2.0
import random

import pytest

from minewatch.alert import Change, Severity
from minewatch.alerts import grouping
from minewatch.alerts.case import Case
from minewatch.alerts.grouping import AlertBook, as_found, grouped
from minewatch.types import Evidence, Verdict
from packets import NS, START
from watched import finding

HOUR_S = 3600
STOPPED = Verdict(
    1, 0.002, "normal", {"rhythm": None}, [Evidence("gate", "bulk", "text", 0, "Not scored: bulk.")]
)


def at(seconds):
    return START + round(seconds * NS)


def over(start_s, end_s, flow_id=1, **changes):
    return finding(start_s, end_s, flow_id=flow_id, has_ended=True, is_final=True, **changes)


def told(book, now_s):
    return [(one.change, one.revision) for one in book.tell(at(now_s))]


def test_an_alert_is_new_once_and_quiet_while_nothing_changes():
    book = AlertBook("eth0")
    book.add(finding(0, 30))
    (one,) = book.tell(at(35))
    assert (one.change, one.revision, one.source) == (Change.NEW, 1, "eth0")
    assert (one.updated_ns, one.first_seen_ns) == (at(35), at(0))
    for now in range(40, 600, 5):
        book.add(finding(0, now))
        assert told(book, now) == []


def test_it_is_told_again_when_severity_kinds_or_allowance_change():
    book = AlertBook("test")
    book.add(finding(0, 30))
    assert told(book, 35) == [(Change.NEW, 1)]
    book.add(finding(0, 60, kinds=("shape", "list")))
    assert told(book, 65) == [(Change.UPDATED, 2)]
    book.add(finding(0, 90, kinds=("shape", "list"), allowed_by="ops"))
    assert told(book, 95) == [(Change.UPDATED, 3)]
    book.add(finding(0, 2000, kinds=("shape", "list")))
    (one,) = book.tell(at(2005))
    assert (one.revision, one.severity) == (4, Severity.HIGH)
    assert told(book, 2010) == []


def test_conversations_are_told_when_they_are_twice_as_many():
    book = AlertBook("test")
    revisions = []
    for i in range(40):
        book.add(over(i * 10, i * 10 + 9, i))
        revisions += [one.conversations for one in book.tell(at(i * 10 + 10))]
    assert revisions == [1, 2, 4, 8, 16, 32]


def test_what_goes_on_is_told_every_hour():
    book = AlertBook("test")
    times = []
    for now in range(60, 6 * HOUR_S, 60):
        book.add(finding(0, now))
        times += [now for _ in book.tell(at(now))]
    assert times == [60, 1800, *(1800 + hour * HOUR_S for hour in range(1, 6))]


def test_what_is_silent_is_not_told_every_hour():
    book = AlertBook("test")
    book.add(finding(0, 60))
    assert told(book, 65) == [(Change.NEW, 1)]
    assert [told(book, 65 + hour * HOUR_S) for hour in (1, 2, 3)] == [[], [], []]


def test_what_is_told_when_it_is_long_over_ends_next():
    book = AlertBook("test")
    book.add(over(0, 60))
    assert told(book, 100 + HOUR_S) == [(Change.NEW, 1)]
    assert told(book, 105 + HOUR_S) == [(Change.ENDED, 2)]


def test_it_ends_an_hour_after_its_last_packet_and_once():
    book = AlertBook("test")
    book.add(over(0, 600))
    assert told(book, 700) == [(Change.NEW, 1)]
    assert told(book, 600 + HOUR_S - 1) == []
    assert told(book, 600 + HOUR_S) == [(Change.ENDED, 2)]
    assert told(book, 600 + 3 * HOUR_S) == []


def test_what_begins_within_the_hour_is_the_same_and_later_another():
    book = AlertBook("test")
    book.add(over(0, 600))
    (first,) = book.tell(at(700))
    book.add(over(600 + HOUR_S - 1, 5000, 2))
    (again,) = book.tell(at(6000))
    assert (again.id, again.conversations) == (first.id, 2)
    book.add(over(5000 + HOUR_S, 9000, 3))
    alerts = book.tell(at(9000))
    assert [(one.change, one.id == first.id) for one in alerts] == [
        (Change.ENDED, True),
        (Change.NEW, False),
    ]


def test_what_begins_while_another_goes_on_in_silence_is_the_same():
    book = AlertBook("test")
    book.add(finding(0, 60))
    (first,) = book.tell(at(65))
    book.add(finding(60 + 2 * HOUR_S, 70 + 2 * HOUR_S, flow_id=2))
    (again,) = book.tell(at(75 + 2 * HOUR_S))
    assert (again.id, again.conversations) == (first.id, 2)


@pytest.mark.parametrize(("end_s", "is_same"), [(20_000 - HOUR_S, False), (20_001 - HOUR_S, True)])
def test_what_was_over_an_hour_before_is_another(end_s, is_same):
    """It is labelled late, when the alert of a later one was raised."""
    book = AlertBook("test")
    book.add(over(20_000, 20_600))
    (first,) = book.tell(at(20_700))
    book.add(over(end_s - 600, end_s, 2))
    ids = {one.id for one in book.alerts(at(20_800))}
    assert first.id in ids
    assert len(ids) == 2 - is_same


def test_a_conversation_that_is_flagged_late_reopens_its_alert():
    """It began within the hour, and was labelled mining after the alert had ended."""
    book = AlertBook("test")
    book.add(over(0, 600))
    book.tell(at(700))
    assert told(book, 600 + HOUR_S) == [(Change.ENDED, 2)]
    book.add(finding(3000, 9000, flow_id=2))
    assert told(book, 9005) == [(Change.UPDATED, 3)]
    book.add(over(3000, 9100, 2))
    assert told(book, 9100 + HOUR_S) == [(Change.ENDED, 4)]


def test_other_pools_ports_and_hosts_have_their_own():
    book = AlertBook("test")
    changes = [{}, {"pool": "1.1.1.1"}, {"server_port": 9}, {"host": "10.0.0.9"}]
    for i, change in enumerate(changes):
        book.add(finding(flow_id=i, **change))
    assert len({one.id for one in book.tell(at(60))}) == 4


def test_what_was_never_mining_is_not_followed():
    book = AlertBook("test")
    book.add(finding(is_mining=False))
    assert not book.follows(1)
    assert told(book, 60) == []
    book.add(finding())
    assert book.follows(1)
    book.add(over(0, 70))
    assert not book.follows(1)


def test_an_alert_is_withdrawn_and_may_come_back():
    book = AlertBook("test")
    book.add(finding(0, 30))
    book.tell(at(35))
    book.add(finding(0, 60, is_mining=False, probability=0.2))
    (one,) = book.tell(at(65))
    assert (one.change, one.conversations, one.severity) == (Change.UPDATED, 0, Severity.LOW)
    book.add(finding(0, 120))
    (one,) = book.tell(at(125))
    assert (one.revision, one.conversations) == (3, 1)
    book.dismiss(STOPPED, has_ended=True, is_final=True)
    (one,) = book.tell(at(185))
    assert (one.revision, one.conversations, one.mining_probability) == (4, 0, 0.002)
    assert [item.text for item in one.evidence] == ["Not scored: bulk."]
    assert (one.disproof, one.detectors) == ((), {"rhythm": None})
    assert not book.follows(1)
    assert book.alerts(at(200)) == []


def test_of_two_that_turned_out_to_be_none_the_later_word_is_shown():
    book = AlertBook("test")
    book.add(finding(0, 30))
    book.add(finding(0, 30, flow_id=2))
    book.tell(at(35))
    book.add(finding(0, 60, is_mining=False, probability=0.3))
    book.add(finding(0, 70, flow_id=2, is_mining=False, probability=0.2))
    assert [one.mining_probability for one in book.tell(at(75))] == [0.2]
    book.dismiss(STOPPED, has_ended=True, is_final=True)
    assert [one.mining_probability for one in book.settle(at(80))] == []
    assert [book.follows(number) for number in (1, 2)] == [False, True]


def test_what_was_withdrawn_before_it_was_told_is_never_told():
    book = AlertBook("test")
    book.add(finding(0, 30))
    book.dismiss(STOPPED, has_ended=True, is_final=True)
    assert told(book, 35) == []
    assert told(book, 99_999) == []
    assert list(book.cases) == []
    assert book.settle(at(99_999)) == []


def test_at_the_end_what_differs_from_what_was_told_is_told():
    book = AlertBook("test")
    book.add(finding(0, 30))
    book.add(finding(0, 30, flow_id=2, pool="1.1.1.1"))
    assert len(book.tell(at(35))) == 2
    book.add(over(0, 32))
    book.add(over(0, 30, 2, pool="1.1.1.1"))
    (one,) = book.settle(at(40))
    assert (one.pool, one.revision, one.last_seen_ns) == ("203.0.113.9", 2, at(32))
    assert book.settle(at(50)) == []


def test_nothing_is_told_twice_at_one_time():
    book = AlertBook("test")
    book.add(finding(0, 30))
    assert len(book.tell(at(35))) == 1
    book.add(finding(0, 31, kinds=("list",)))
    assert told(book, 35) == []
    assert told(book, 40) == [(Change.UPDATED, 2)]


def test_after_the_clock_was_set_back_it_goes_on_telling():
    book = AlertBook("test")
    book.add(finding(90_000, 90_030))
    book.tell(at(90_035))
    book.add(finding(90_000, 90_031, kinds=("list",)))
    assert told(book, 100) == []
    book.set_back(at(100))
    assert told(book, 100) == [(Change.UPDATED, 2)]


def test_alerts_that_are_over_are_forgotten_after_a_day():
    book = AlertBook("test")
    book.add(over(0, 60))
    book.tell(at(65))
    book.tell(at(60 + HOUR_S))
    book.tell(at(60 + 24 * HOUR_S - 1))
    assert len(list(book.cases)) == 1
    book.tell(at(60 + 24 * HOUR_S))
    assert list(book.cases) == []


def test_too_many_alerts_are_forgotten_the_oldest_first_and_counted():
    room = Case("id", finding().pair, open={1: finding()}).octets
    book = AlertBook("test", 10 * room)
    for i in range(25):
        book.add(finding(i, i + 60, flow_id=i, host=f"10.0.1.{i}"))
        book.tell(at(100 + i))
    assert book.forgotten == 15
    book.tell(at(200))
    assert sorted(int(case.pair[0].split(".")[3]) for case in book.cases) == list(range(15, 25))
    assert not book.follows(3)
    assert book.follows(20)


def test_alerts_with_many_conversations_take_more_room():
    """Two of many, the one that was seen last longest ago goes; what is left is followed."""
    many = {i: finding() for i in range(30)}
    book = AlertBook("test", int(1.5 * Case("id", finding().pair, open=many).octets))
    for i in range(30):
        book.add(finding(i, i + 60, flow_id=i, host="10.0.1.1"))
        book.add(finding(i, i + 90, flow_id=100 + i, host="10.0.1.2"))
    assert [one.host for one in book.tell(at(100))] == ["10.0.1.2"]
    assert book.forgotten == 1
    assert (book.follows(3), book.follows(103)) == (False, True)
    assert told(book, 105) == []
    assert book.forgotten == 1


def test_one_alert_follows_so_many_and_counts_all_in_the_end(monkeypatch):
    monkeypatch.setattr(grouping, "MOST_OPEN", 3)
    book = AlertBook("test")
    for i in range(5):
        book.add(finding(i, i + 60, flow_id=i))
    (one,) = book.tell(at(100))
    assert one.conversations == 3
    assert [book.follows(i) for i in range(5)] == [True] * 3 + [False] * 2
    for i in (3, 4, 0, 1, 2):
        book.add(over(i, i + 90, i))
    (one,) = book.tell(at(200))
    assert one.conversations == 5


def test_a_pool_that_is_called_each_second_for_hours_is_one_alert():
    book = AlertBook("test")
    revisions = []
    for i in range(0, 21_600, 6):
        for k in range(6):
            start_s = i + k
            book.add(over(start_s, start_s + 31, start_s, community_id=f"1:{start_s}"))
        revisions += book.tell(at(i + 40))
    (case,) = book.cases
    assert len({one.id for one in revisions}) == 1
    assert case.conversations == 21_600
    assert len(revisions) < 6 + 15 + 3
    assert len(case.ended.latest) == 16
    assert not case.open
    assert list(book.flows()) == []


def test_findings_of_a_scan_make_the_same_alerts_in_any_order():
    draw = random.Random(4)
    found = [
        over(
            start := draw.randrange(400_000),
            start + draw.randrange(30, 3000),
            i,
            host=f"10.0.0.{draw.randrange(4)}",
            probability=draw.random() / 2 + 0.5,
            community_id=f"1:{i}",
        )
        for i in range(200)
    ]
    alerts = grouped(found, "a.pcap")
    assert sum(one.conversations for one in alerts) == 200
    assert len({one.id for one in alerts}) == len(alerts) > 4
    draw.shuffle(found)
    assert grouped(found, "a.pcap") == alerts
    assert grouped([], "a.pcap") == []


@pytest.mark.parametrize("seed", range(4))
def test_a_book_that_is_told_step_by_step_ends_with_the_alerts_of_a_scan(seed):
    """In whatever order the conversations of the first hour are flagged."""
    draw = random.Random(seed)
    found = [
        over(i * 30, i * 30 + draw.randrange(30, 900), i, community_id=f"1:{i}") for i in range(60)
    ]
    draw.shuffle(found)
    book = AlertBook("a.pcap")
    last = {}
    for i, one in enumerate(found):
        early = finding(start_ns=one.start_ns, end_ns=one.start_ns + NS, flow_id=one.flow_id)
        for when, word in ((2_000 + 10 * i, early), (2_005 + 10 * i, one)):
            book.add(word)
            last |= {alert.id: alert for alert in book.tell(at(when))}
    last |= {alert.id: alert for alert in book.settle(at(99_000))}
    assert [as_found(one) for one in last.values()] == [as_found(one) for one in grouped(found, "")]


def test_evidence_that_comes_and_goes_is_told_once():
    book = AlertBook("test")
    revisions = []
    for i, kinds in enumerate([("shape",), ("clock",), ("shape",), ("clock", "shape"), ("clock",)]):
        book.add(finding(0, 30 + i, kinds=kinds, probability=0.6 + i / 20))
        revisions += [(i, one.severity) for one in book.tell(at(60 + 5 * i))]
    assert revisions == [
        (0, Severity.LOW),
        (1, Severity.LOW),
        (3, Severity.MEDIUM),
        (4, Severity.LOW),
    ]
