# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from alert_sinks import Memory, down, keys, wait_for
from made_up_alerts import numbered
from minewatch.alerts.courier import Courier, Patience
from minewatch.alerts.cursors import Cursor
from minewatch.alerts.forms.stored import write
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.alerts.spool import MIB, Spool

SOON = Patience(0.001, 0.01)


class Desk:
    """A spool and one courier."""

    def __init__(self, folder, sink, texts=()):
        self.folder = folder
        self.spool = Spool(folder, MIB)
        self.changed = threading.Condition()
        self.said = []
        self.cursor = Cursor(folder / "a.cursor")
        self.idled = 0
        self.courier = Courier(
            sink,
            self.spool,
            self.changed,
            self.cursor,
            tell=self.said.append,
            idle=self.idle,
            patience=SOON,
        )
        self.put(texts)
        self.courier.start()

    def idle(self):
        self.idled += 1

    def put(self, texts):
        with self.changed:
            self.spool.append(texts)
            self.changed.notify_all()

    def counters(self):
        with self.changed:
            return self.courier.counters()

    def end(self):
        with self.changed:
            self.courier.finish()
            self.changed.notify_all()
        assert self.courier.join(10)
        return self.counters()


@pytest.fixture
def desk(tmp_path):
    made = []

    def make(*arguments):
        made.append(Desk(tmp_path, *arguments))
        return made[-1]

    yield make
    for one in made:
        one.end()


def texts(*numbers):
    return [write(numbered(number)) for number in numbers]


def test_what_waits_is_delivered_in_order_and_the_sink_is_closed(desk):
    sink = Memory()
    end = desk(sink, texts(*range(300))).end()
    assert keys(sink.got) == keys(map(numbered, range(300)))
    assert (end.delivered, end.waiting, end.retried, end.trouble) == (300, 0, 0, "")
    assert sink.is_closed


def test_a_sink_that_is_down_gets_everything_later_and_both_are_told_once(desk):
    sink = Memory(fault=down())
    made = desk(sink, texts(1, 2, 3))
    wait_for(lambda: sink.tries > 5)
    assert made.counters().trouble == "it: connection refused"
    assert made.counters().waiting == 3
    assert made.cursor.next == 0
    assert made.idled
    sink.fault = None
    wait_for(lambda: len(sink.got) == 3)
    end = made.end()
    assert keys(sink.got) == keys(map(numbered, (1, 2, 3)))
    assert end.retried == sink.tries - 1
    assert made.said == [
        "it: connection refused: alerts wait and are tried again",
        "memory: takes alerts again",
    ]


def test_what_a_stranger_raises_ends_no_thread(desk):
    sink = Memory(fault=ZeroDivisionError("by zero"))
    made = desk(sink, texts(1))
    wait_for(lambda: sink.tries > 2)
    assert made.counters().trouble == "ZeroDivisionError: by zero"
    sink.fault = None
    wait_for(lambda: len(sink.got) == 1)


def test_a_refused_alert_holds_up_no_other(desk):
    def refuse(alerts):
        if any(alert.id.endswith("7") for alert in alerts):
            raise RefusedError("it: too long")

    sink = Memory(fault=refuse)
    made = desk(sink, texts(*range(20)))
    end = made.end()
    assert keys(sink.got) == keys(numbered(i) for i in range(20) if f"{i:x}"[-1] != "7")
    assert (end.delivered, end.refused, end.waiting) == (19, 1, 0)
    assert made.said == ["it: too long; this alert is given up there"]


def test_a_sink_says_how_many_it_takes_at_once(desk):
    sizes = []
    sink = Memory(fault=lambda alerts: sizes.append(len(alerts)))
    sink.most_at_once = 2
    desk(sink, texts(*range(5))).end()
    assert sizes == [2, 2, 1]


def test_lost_ones_are_counted_and_told(desk):
    sink = Memory(fault=down())
    # Eight segments of 128 KiB hold some 700 alerts of 1.4 kB.
    made = desk(sink)
    for start in range(0, 2_000, 100):
        made.put(texts(*range(start, start + 100)))
    made.spool._memory.clear()
    made.spool._memory_octets = 0
    sink.fault = None
    wait_for(lambda: made.counters().waiting == 0)
    end = made.end()
    assert end.dropped > 500
    assert end.delivered + end.dropped == 2_000
    assert keys(sink.got) == keys(map(numbered, range(end.dropped, 2_000)))
    assert f"memory: {end.dropped:,} alerts are lost: there was no room for them" in made.said


def test_an_alert_of_another_version_is_dropped_and_told(desk):
    sink = Memory()
    bad = texts(1)[0].replace('"stored_version":1', '"stored_version":2')
    made = desk(sink, [bad, *texts(2)])
    end = made.end()
    assert keys(sink.got) == keys([numbered(2)])
    assert (end.delivered, end.dropped) == (1, 1)
    assert made.said == ["memory: alert 0 of the spool: ValueError: no alert of version 1"]


def test_a_courier_goes_on_where_the_last_one_was(tmp_path, desk):
    first = desk(Memory(), texts(1, 2))
    first.end()
    first.spool.close()
    sink = Memory()
    desk(sink, texts(3)).end()
    assert keys(sink.got) == keys([numbered(3)])


def test_a_cursor_that_cannot_be_written_is_told_once(tmp_path, desk, monkeypatch):
    sink = Memory()
    made = desk(sink, texts(1))
    wait_for(lambda: made.counters().waiting == 0)

    def refuse(self, number):
        raise OSError("no")

    monkeypatch.setattr(Cursor, "move", refuse)
    for number in (2, 3):
        made.put(texts(number))
        wait_for(lambda: made.counters().waiting == 0)
    made.end()
    assert keys(sink.got) == keys(map(numbered, (1, 2, 3)))
    assert made.said == ["memory: cannot write down what is delivered: no"]


def test_waits_grow_up_to_a_limit_and_differ():
    patience = Patience(1.0, 8.0)
    assert [patience.wait_s(n, 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 8, 8]
    assert [patience.wait_s(n, 0.0) for n in (1, 3, 9_999)] == [0.5, 2, 4]


def test_a_spool_that_cannot_be_read_holds_nobody_up(desk, monkeypatch):
    sink = Memory()
    made = desk(sink)

    def refuse(self, first, most):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Spool, "read", refuse)
    made.put(texts(1))
    wait_for(lambda: made.counters().trouble == "the spool cannot be read: Input/output error")
    longest = 0.0
    for number in range(2, 32):
        start = time.monotonic()
        made.put(texts(number))
        longest = max(longest, time.monotonic() - start)
        time.sleep(0.05)
    assert longest < 0.4
    monkeypatch.undo()
    wait_for(lambda: len(sink.got) == 31)
    assert made.counters().trouble == ""


def test_what_is_missing_in_the_middle_is_counted_too(desk):
    sink = Memory(fault=down())
    made = desk(sink, texts(*range(10)))
    path = made.spool._segments[0].path
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"mining", b"miming", 1)
    path.write_bytes(b"".join(lines))
    made.spool._memory.clear()
    sink.fault = None
    wait_for(lambda: made.counters().waiting == 0)
    assert keys(sink.got) == keys(numbered(n) for n in range(10) if n != 4)
    assert (made.counters().delivered, made.counters().dropped) == (9, 1)
