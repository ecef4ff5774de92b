# SPDX-License-Identifier: Apache-2.0
import json
import tracemalloc
from dataclasses import replace

import pytest

from minewatch.alert import Change
from minewatch.alerts.grouping import AlertBook
from minewatch.alerts.saved_book import catch_up, load_book, save_book, telling_of, tellings_of
from minewatch.types import Evidence
from packets import NS, START
from watched import finding


def at(seconds):
    return START + round(seconds * NS)


def through_json(value):
    return json.loads(json.dumps(value))


def book_of_three():
    book = AlertBook("eth0\udce9")
    book.add(finding(0, 30, has_ended=True, is_final=True, tags=("gpu",), disproof=("a",)))
    book.add(finding(5, 40, flow_id=2, kinds=("list",)))
    book.add(finding(5, 40, flow_id=3, pool="2001:db8::1"))
    book.tell(at(45))
    book.add(finding(5, 60, flow_id=3, pool="2001:db8::1", is_mining=False))
    return book


def test_a_book_that_was_saved_goes_on_as_if_nothing_had_been():
    book = book_of_three()
    other = load_book(through_json(save_book(book)))
    assert (other.source, other.forgotten, other.most_octets) == (book.source, 0, book.most_octets)
    assert load_book(through_json(save_book(book)), 7).most_octets == 7
    assert [flow_id for flow_id, _ in other.flows()] == [2, 3]
    for one in (book, other):
        one.add(finding(5, 90, flow_id=2, kinds=("payload",), has_ended=True, is_final=True))
    assert other.tell(at(95)) == book.tell(at(95)) != []
    assert other.tell(at(99_999)) == book.tell(at(99_999)) != []


@pytest.mark.parametrize("n_open", [0, 1, 8, 100])
def test_what_a_case_takes_in_memory_is_about_what_is_reckoned(n_open):
    """With as many reasons, and as long ones, as real alerts have."""
    evidence = tuple(Evidence(f"f{i}", i / 7, "1", 0.1, "x" * 130, 0.1, 9.9) for i in range(20))
    texts = {"evidence": evidence, "disproof": ("y" * 200,) * 6}
    book = AlertBook("test")
    for i in range(40):
        word = {"has_ended": True, "is_final": True, "community_id": f"1:{i:027}="}
        book.add(finding(i, i + 60, flow_id=i, **word, **texts))
    for i in range(n_open):
        book.add(finding(i, i + 60, flow_id=100 + i, community_id=f"1:{i:027}=", **texts))
    book.tell(at(200))
    (case,) = book.cases
    text = json.dumps(save_book(book))
    tracemalloc.start()
    books = [load_book(json.loads(text)) for _ in range(50)]
    octets = tracemalloc.get_traced_memory()[0] / len(books)
    tracemalloc.stop()
    assert octets / 2 < case.octets < 2.5 * octets


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("cases"),
        lambda value: value.update(flows=[[1, 99]]),
        lambda value: value.update(flows=[["x", 0]]),
        lambda value: value["cases"][0].pop("id"),
        lambda value: value["cases"][0].update(open={"a": 1}),
    ],
)
def test_what_is_no_book_is_refused(change):
    value = through_json(save_book(book_of_three()))
    change(value)
    with pytest.raises(ValueError, match=r"."):
        load_book(value)


def lost(tell_more):
    """A book as it was saved, and what the one that was lost told after that."""
    book = book_of_three()
    saved = through_json(save_book(book))
    tellings = [through_json(one) for one in tellings_of(book, tell_more(book))]
    return load_book(saved), book, [telling_of(one) for one in tellings]


def test_revisions_go_on_after_what_was_told_and_lost():
    def more(book):
        book.add(finding(5, 60, flow_id=2, kinds=("payload",)))
        return book.tell(at(65))

    restored, _, tellings = lost(more)
    assert [one.alert.revision for one in tellings] == [2, 2]
    for telling in tellings:
        catch_up(restored, telling)
    # The same packets once more: nothing new.
    restored.add(finding(5, 60, flow_id=2, kinds=("payload",)))
    assert restored.tell(at(65)) == []
    assert restored.tell(at(70)) == []
    # Something else than before: the next revision, and not the second once more.
    restored.add(finding(5, 90, flow_id=2, kinds=("clock",)))
    assert [one.revision for one in restored.tell(at(95))] == [3]


def test_what_is_told_once_more_on_the_way_is_held_back():
    """What was told at 65 s and at 95 s is known; the states before that are no news."""

    def more(book):
        book.add(finding(5, 60, flow_id=2, kinds=("payload",)))
        first = book.tell(at(65))
        book.add(finding(5, 90, flow_id=2, kinds=("clock",)))
        return [*first, *book.tell(at(95))]

    def tellings_at_once(book):
        return more(book)[-1:]

    restored, lost_book, tellings = lost(tellings_at_once)
    for telling in tellings:
        catch_up(restored, telling)
    told = more(restored)
    assert [one for one in told if one.id == tellings[0].alert.id] == []
    settled = [one.id for one in restored.settle(at(500))]
    assert tellings[0].alert.id not in settled
    assert [one.id for one in lost_book.settle(at(500))] == []


def test_an_alert_that_was_raised_and_lost_keeps_its_id():
    def more(book):
        book.add(finding(200, 230, flow_id=9, host="10.0.0.77"))
        return [one for one in book.tell(at(235)) if one.host == "10.0.0.77"]

    restored, _, tellings = lost(more)
    for telling in tellings:
        catch_up(restored, telling)
    known = [one for one in restored.alerts(at(240)) if one.host == "10.0.0.77"]
    assert [one.id for one in known] == [tellings[0].alert.id]
    assert [one.host for one in restored.tell(at(240)) if one.host == "10.0.0.77"] == []
    # Live, the conversation goes on under another number, and seems to begin later.
    restored.add(finding(300, 330, flow_id=1, host="10.0.0.77"))
    (one,) = [one for one in restored.tell(at(5_000)) if one.host == "10.0.0.77"]
    assert (one.id, one.revision, one.conversations) == (tellings[0].alert.id, 2, 1)


def test_one_of_which_nothing_more_is_seen_ends():
    def more(book):
        book.add(finding(200, 230, flow_id=9, host="10.0.0.77"))
        return [one for one in book.tell(at(235)) if one.host == "10.0.0.77"]

    restored, _, tellings = lost(more)
    catch_up(restored, tellings[0])
    ended = [one for one in restored.tell(at(99_999)) if one.host == "10.0.0.77"]
    wanted = replace(tellings[0].alert, change=Change.ENDED, revision=2, updated_ns=at(99_999))
    assert [replace(one, evidence=tuple(one.evidence)) for one in ended] == [
        replace(wanted, evidence=tuple(wanted.evidence))
    ]


def test_an_older_telling_changes_nothing():
    restored, _, tellings = lost(lambda book: book.settle(at(65)))
    for telling in [*tellings, *tellings]:
        catch_up(restored, telling)
    told = {one.alert.id: one.alert.revision for one in tellings}
    assert set(told.values()) == {2}
    assert {case.id: case.revision for case in restored.cases if case.id in told} == told


def test_tellings_in_the_wrong_order_do_not_turn_it_back():
    def more(book):
        book.add(finding(5, 60, flow_id=2, kinds=("payload",)))
        first = book.tell(at(65))
        book.add(finding(5, 90, flow_id=2, kinds=("clock",)))
        return [*first, *book.tell(at(95))]

    book = book_of_three()
    restored = load_book(through_json(save_book(book)))
    told = [through_json(one) for alert in more(book) for one in tellings_of(book, [alert])]
    for telling in reversed([telling_of(one) for one in told]):
        catch_up(restored, telling)
    revisions = {one.id: one.revision for one in restored.cases}
    assert revisions == {one.id: one.revision for one in book.cases}
    assert max(revisions.values()) == 3


def test_one_that_is_known_may_be_withdrawn_after_what_was_told_and_lost():
    def more(book):
        book.add(finding(5, 90, flow_id=3, pool="2001:db8::1"))
        return book.tell(at(95))

    restored, _, tellings = lost(more)
    for telling in tellings:
        catch_up(restored, telling)
    (one,) = [one for one in restored.tell(at(100)) if one.pool == "2001:db8::1"]
    assert one.conversations == 0
    assert list(one.evidence) == list(finding().evidence)


def test_what_was_not_told_has_no_telling():
    book = AlertBook("test")
    book.add(finding())
    with pytest.raises(ValueError, match="was not told"):
        tellings_of(book, book.alerts(at(60)))
    with pytest.raises(ValueError, match=r"."):
        telling_of({"alert": 1})
