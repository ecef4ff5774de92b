# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.response import book as module
from minewatch.response.audit import AuditLog
from minewatch.response.book import Book
from minewatch.response.entries import Action, Deed

S = 1_000_000_000


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "audit.jsonl")


@pytest.fixture
def tell(log, block):
    def tell(action, second, reason="", responder="nftables", **changed):
        log.append(Deed(second * S, action, responder, "root", block(**changed), reason))

    return tell


def test_a_block_is_active_from_before_it_is_made_until_it_is_taken_back(log, tell, block):
    book = Book(log)
    tell(Action.APPLYING, 10)
    book.refresh()
    (one,) = book.active()
    assert (one.block, one.responder, one.until_ns) == (block(), "nftables", 610 * S)
    for action in (Action.APPLIED, Action.NOT_UNDONE, Action.PLANNED, Action.REFUSED):
        tell(action, 11)
    book.refresh()
    assert len(book.active()) == 1
    for action in (Action.UNDONE, Action.EXPIRED, Action.FAILED):
        tell(Action.APPLYING, 12)
        tell(action, 13)
        book.refresh()
        assert book.active() == []


def test_blocks_of_other_alerts_and_responders_are_others(log, tell):
    tell(Action.APPLYING, 1)
    tell(Action.APPLYING, 1, responder="route")
    tell(Action.APPLYING, 1, alert_id="other")
    tell(Action.UNDONE, 2)
    book = Book(log)
    book.refresh()
    assert [one.responder for one in book.active()] == ["route", "nftables"]
    assert [one.block.alert_id for one in book.of_alert("other")] == ["other"]


def test_what_others_wrote_is_seen(log, tell):
    book, other = Book(log), Book(log)
    for one in (book, other):
        one.refresh()
    tell(Action.APPLYING, 1)
    other.refresh()
    assert len(other.active()) == 1
    assert book.active() == []


def test_blocks_are_counted_by_time(log, tell):
    for second in (10, 20, 30):
        tell(Action.APPLYING, second)
        tell(Action.APPLIED, second)
    book = Book(log)
    book.refresh()
    assert [book.applied_since(second * S) for second in (0, 10, 11, 31)] == [3, 3, 2, 0]


def test_who_was_let_back_is_known_until_the_next_block(log, tell, block):
    book = Book(log)
    for action, reason, expected in (
        (Action.APPLYING, "", None),
        (Action.EXPIRED, "its time was over", None),
        (Action.APPLYING, "", None),
        (Action.UNDONE, "backup", "backup"),
        (Action.PLANNED, "", "backup"),
        (Action.APPLYING, "", None),
    ):
        tell(action, 1, reason)
        book.refresh()
        assert book.let_back(block()) == book.let_back(block(alert_id="later")) == expected
    tell(Action.UNDONE, 2, "backup")
    book.refresh()
    for other in ({"host": "10.0.0.6"}, {"pool": "203.0.113.10"}, {"pool_port": 1}):
        assert book.let_back(block(**other)) is None


def test_what_was_told_is_known(log, tell, block):
    tell(Action.REFUSED, 1, "too weak")
    tell(Action.PLANNED, 1)
    book = Book(log)
    book.refresh()
    alert = block().alert_id
    assert book.was_told(Action.REFUSED, alert, "too weak")
    assert book.was_told(Action.PLANNED, alert, "nftables")
    assert not book.was_told(Action.REFUSED, alert, "another reason")
    assert not book.was_told(Action.PLANNED, "other", "nftables")


def test_what_was_begun_is_not_sure_until_somebody_says_so(log, tell):
    book = Book(log)
    for action, is_sure in ((Action.APPLYING, False), (Action.APPLIED, True)):
        tell(action, 1)
        book.refresh()
        assert [one.is_sure for one in book.active()] == [is_sure]
    tell(Action.APPLIED, 2, alert_id="other")
    book.refresh()
    assert len(book.active()) == 1


def test_what_was_told_is_remembered_within_bounds(log, tell, monkeypatch):
    monkeypatch.setattr(module, "MAX_TOLD", 3)
    for number in range(5):
        tell(Action.REFUSED, number, "no", alert_id=f"a{number}")
    tell(Action.REFUSED, 9, "no", alert_id="a2")
    tell(Action.PLANNED, 9, alert_id="a5")
    book = Book(log)
    book.refresh()
    known = [n for n in range(5) if book.was_told(Action.REFUSED, f"a{n}", "no")]
    assert known == [2, 4]
    assert book.was_told(Action.PLANNED, "a5", "nftables")
