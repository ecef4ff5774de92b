# SPDX-License-Identifier: Apache-2.0
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions
from minewatch.testing import conversations
from minewatch.watching import saved_watch
from minewatch.watching.saved_watch import load_watch, save_watch
from watched import (
    OTHER_HOST,
    OTHER_POOL,
    batches,
    capture,
    closed,
    mining,
    new_watch,
    scanning,
    ticking,
    told,
    web,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return capture(
        tmp_path_factory.mktemp("saved") / "a.pcap",
        closed(mining(0, 4)),
        mining(30, 12, host=OTHER_HOST, pool=OTHER_POOL, port=42_000),
        *(web(15 * i, 33_000 + i) for i in range(25)),
        ticking(400, every_s=2.0),
    )


def fed(watch, some):
    return [one for batch in some for part in watch.feed(batch) for one in part]


def copied(watch, origin=()):
    """A new watch that goes on where another one is, by way of JSON and octets."""
    head, arrays = save_watch(watch, list(origin))
    arrays = {name: array.copy() for name, array in arrays.items()}
    other = new_watch()
    assert load_watch(other, json.loads(json.dumps(head)), arrays) == list(origin)
    return other


def test_a_watch_that_was_saved_goes_on_as_if_nothing_had_been(path):
    whole = told(path)
    watch = new_watch()
    alerts = []
    for batch in batches(path, [23]):
        watch = copied(watch, ["a.pcap", 7])
        alerts += fed(watch, [batch])
    assert [*alerts, *copied(watch).finish()] == whole
    assert watch.counters.packets == sum(batch.n_packets for batch in batches(path))
    assert len(whole) >= 3


def test_all_that_a_watch_knows_comes_back(path):
    watch = new_watch()
    fed(watch, [next(iter(batches(path, [150])))])
    watch.report.failures["broken"] = "ZeroDivisionError: oops"
    watch.book.forgotten = 3
    other = copied(watch)
    assert other.clock.tolist() == watch.clock.tolist()
    assert other.looked_ns == watch.looked_ns > 0
    assert (other.counters, other.meter.counters) == (watch.counters, watch.meter.counters)
    assert other.report.failures == watch.report.failures
    assert (other.book.source, other.book.forgotten) == ("test", 3)
    assert other.counters is not watch.counters


def test_what_was_saved_does_not_change_when_the_watch_goes_on(path):
    parts = iter(batches(path, [100]))
    watch = new_watch()
    fed(watch, [next(parts)])
    head, arrays = save_watch(watch, [])
    text, octets = json.dumps(head), {name: array.tobytes() for name, array in arrays.items()}
    fed(watch, parts)
    assert watch.counters.packets > 2 * head["counters"]["packets"]
    assert json.dumps(head) == text
    assert {name: array.tobytes() for name, array in arrays.items()} == octets


def saved(path):
    watch = new_watch()
    fed(watch, [next(iter(batches(path, [150])))])
    return save_watch(watch, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda head, arrays: head.update(layout="x"),
            "another version of minewatch .* remove checkpoint-",
        ),
        (lambda head, arrays: head.pop("book"), "book"),
        (lambda head, arrays: head["settings"].update(tick_s=9), r"other settings \(tick_s\)"),
        (lambda head, arrays: head["book"].update(flows=[[1, 9]]), "case 9"),
        (lambda head, arrays: arrays.update(clock=np.zeros(2, np.int64)), "clock"),
        (lambda head, arrays: arrays.update(clock=np.zeros(6, np.int64)), "of another tick"),
        (
            lambda head, arrays: arrays.update(interval_records=np.zeros(9, np.int64)),
            "interval records of shape",
        ),
        (
            lambda head, arrays: arrays.update(interval_records=np.full((2, 33), 1 << 40)),
            "interval records: ",
        ),
        (lambda head, arrays: arrays.update(rows=arrays["rows"][:, 1:]), "rows"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(path, change, words):
    head, arrays = saved(path)
    change(head, arrays)
    watch = new_watch()
    before = watch.book
    with pytest.raises(ValueError, match=words):
        load_watch(watch, head, arrays)
    assert watch.book is before
    assert watch.counters.packets == 0


@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_in_it_is_refused_or_does_no_harm(path, seed):
    """As somebody would write it who knows the checksum: kernels do not check what they are told.

    A word that is out of range would be read, or written, beyond an array.
    """
    draw = random.Random(seed)
    head, arrays = saved(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    for _ in range(draw.choice([1, 1, 3])):
        name = draw.choice([name for name in arrays if arrays[name].size])
        word = draw.choice([-1, 0, 1, 64, 65, 255, 1 << 31, 1 << 40, -(1 << 40), (1 << 63) - 1])
        at = draw.randrange(arrays[name].size)
        arrays[name].flat[at] = word & 255 if arrays[name].dtype == np.uint8 else word
    watch = new_watch()
    try:
        load_watch(watch, head, arrays)
    except ValueError:
        assert watch.counters.packets == 0
        return
    fed(watch, batches(path, [150]))
    watch.finish()


def test_interval_records_come_back_as_they_were():
    """Addresses of all bits, and extremes that are null."""
    records = conversations(
        2,
        source_address_high=(1 << 64) - 1,
        source_address_low=[1 << 63, 7],
        reverse_minimum_ip_total_length=[None, 40],
        interval_count=[3, 1],
    ).frame
    watch = new_watch()
    records = records.select(watch.builder.save().columns)
    watch.builder.restore(records)
    other = copied(watch)
    assert other.builder.save().equals(records)
    assert other.builder.save().schema == records.schema


def test_an_array_that_is_missing_is_told(path):
    head, arrays = saved(path)
    del arrays["latest"]
    with pytest.raises(KeyError, match="latest"):
        load_watch(new_watch(), head, arrays)


def test_other_time_outs_are_refused_and_other_thresholds_are_not(path):
    head, arrays = saved(path)
    scan = replace(scanning(), pipeline=PipelineOptions(MeteringOptions(idle_timeout_s=60.0)))
    with pytest.raises(ValueError, match=r"other settings \(idle_timeout_s\)"):
        load_watch(new_watch(scan), head, arrays)
    load_watch(new_watch(replace(scanning(), threshold=0.9)), head, arrays)


def test_the_layout_changes_with_what_arrays_mean():
    assert len(saved_watch.LAYOUT) == 16
    assert saved_watch.VERSION == 1
