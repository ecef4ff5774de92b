# SPDX-License-Identifier: Apache-2.0
import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from made_up_records import record, talk
from minewatch.metering import held_records as h
from minewatch.metering import record_ticks as ticks
from minewatch.records import DENIED, UNKNOWN, Names
from minewatch.watching.saved_record_watch import load_record_watch, save_record_watch
from watched_records import (
    FEW,
    blocks,
    exported,
    new_record_watch,
    of_log_scan,
    of_pair,
    records_in,
    simulated,
    told_of,
)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two miners and what lies between."""
    folder = tmp_path_factory.mktemp("saved")
    log = exported(simulated(folder), folder, "ipfix")
    everything = records_in(log)
    miners = [of_pair(everything, one) for one in of_log_scan(log)[:2]]
    found = np.concatenate([*miners, everything[:200]])
    return found[np.argsort(found["flow_end_nanoseconds"], kind="stable")]


def fed(watch, some):
    return [one for block in some for part in watch.feed(block) for one in part]


def copied(watch, origin=(), options=FEW):
    """A new watch that goes on where another one is, by way of JSON and octets."""
    head, arrays = save_record_watch(watch, list(origin))
    other = new_record_watch(options)
    text = json.loads(json.dumps(head))
    assert load_record_watch(other, text, {k: v.copy() for k, v in arrays.items()}) == list(origin)
    return other


def test_a_watch_that_was_saved_goes_on_as_if_nothing_had_been(records):
    options = replace(FEW, least_records=0)
    whole = told_of(records, watch=new_record_watch(options))
    watch = new_record_watch(options)
    alerts = []
    for block in blocks(records, [60]):
        watch = copied(watch, ["a.log", 7], options)
        alerts += fed(watch, [block])
    watch = copied(watch, (), options)
    assert [*alerts, *watch.finish()] == whole
    assert watch.taken == len(records)
    assert len(whole) >= 3


def test_what_was_counted_and_what_failed_come_along():
    watch = new_record_watch()
    denied = record(firewall_event=DENIED)
    fed(watch, [np.concatenate([talk(2), denied, record(protocol_identifier=17)])])
    watch.report.failures["broken"] = "oops"
    other = copied(watch)
    assert [other.held.count(word) for word in (h.TAKEN, h.TCP, h.DENIED_RECORDS)] == [6, 4, 1]
    assert other.counters == watch.counters
    assert other.report.failures == {"broken": "oops"}


def test_what_was_saved_does_not_change_when_the_watch_goes_on(records):
    watch = new_record_watch()
    half = len(records) // 2
    fed(watch, [records[:half]])
    head, arrays = save_record_watch(watch, [])
    text, octets = json.dumps(head), {name: array.tobytes() for name, array in arrays.items()}
    fed(watch, [records[half:]])
    assert json.dumps(head) == text
    assert {name: array.tobytes() for name, array in arrays.items()} == octets


def test_names_of_servers_come_along(records):
    watch = new_record_watch()
    watch.names.hear(Names(["a", "pool.example"]))
    fed(watch, [talk(2, server_name=1)])
    other = copied(watch)
    assert other.names.servers == ["pool.example"]
    (chunk,) = other.held.parts(other.held.everything())
    assert chunk[1]["server_name"].tolist() == [0] * 4
    head, arrays = save_record_watch(watch, [])
    head["servers"] = []
    third = new_record_watch()
    load_record_watch(third, head, arrays)
    (chunk,) = third.held.parts(third.held.everything())
    assert chunk[1]["server_name"].tolist() == [UNKNOWN] * 4


@pytest.fixture(scope="module")
def saved(records):
    watch = new_record_watch()
    fed(watch, [records[:300]])
    return save_record_watch(watch, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda head, arrays: head.update(layout="x"),
            "another version of minewatch .* remove checkpoint-",
        ),
        (lambda head, arrays: head.pop("book"), "book"),
        (lambda head, arrays: head["settings"].update(tick_s=9), r"other settings \(tick_s\)"),
        (lambda head, arrays: head.update(followed=[[999_999, 1, 1]]), "followed rows"),
        (lambda head, arrays: head["book"].update(flows=[[1, 9]]), "case 9"),
        (lambda head, arrays: arrays.update(clock=np.zeros(2, np.int64)), "clock of other words"),
        (lambda head, arrays: arrays["clock"].__setitem__(ticks.AHEAD, -1), "more ends ahead"),
        (
            lambda head, arrays: arrays["clock"].__setitem__(ticks.AHEAD, ticks.CONFIRMED),
            "more ends ahead",
        ),
        (lambda head, arrays: arrays.update(rows=arrays["rows"][:, 1:]), "rows of shape"),
        (lambda head, arrays: arrays.update(rows=arrays["rows"][1:]), "count other records"),
        (lambda head, arrays: arrays.update(records=arrays["records"][:-1]), "count other records"),
        (lambda head, arrays: arrays.update(records=arrays["records"][0]), "records of shape"),
        (lambda head, arrays: arrays["rows"].__setitem__((0, h.COUNT), -1), "count other"),
        (lambda head, arrays: arrays["rows"].__setitem__((0, h.OBSERVER), 1 << 40), "observers"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(saved, change, words):
    head, arrays = copy.deepcopy(saved)
    change(head, arrays)
    other = new_record_watch()
    before = other.book
    with pytest.raises(ValueError, match=words):
        load_record_watch(other, head, arrays)
    assert other.book is before
    assert other.taken == 0


def test_less_memory_than_before_is_told(saved):
    head, arrays = saved
    small = new_record_watch(replace(FEW, most_records=20, most_of_one=10))
    with pytest.raises(ValueError, match="give more --memory"):
        load_record_watch(small, head, arrays)


def test_a_checkpoint_of_another_clock_is_refused(saved):
    head, arrays = saved
    with pytest.raises(ValueError, match=r"other settings \(has_own_clock\)"):
        load_record_watch(new_record_watch(replace(FEW, has_own_clock=True)), head, arrays)
