# SPDX-License-Identifier: Apache-2.0
import contextlib
import sqlite3
from urllib.parse import quote

import pytest

from minewatch.alerts import journal as module
from minewatch.alerts.journal import read_journal
from minewatch.alerts.sinks.opening import open_sink
from minewatch.errors import ConfigError, SourceError
from some_alerts import some_alert, write_alerts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alerts.jsonl"


def test_each_alert_is_as_told_last(path):
    first, second = some_alert(), some_alert("10.0.0.6")
    write_alerts(
        path, first, second, some_alert(revision=3, conversations=7), some_alert(revision=2)
    )
    found = read_journal(str(path))
    assert list(found.alerts) == [first.id, second.id]
    assert found.alerts[first.id].conversations == 7
    assert found.n_damaged == 0


def test_files_that_were_turned_over_come_first(path):
    write_alerts(path.with_name("alerts.jsonl.2"), some_alert(conversations=1))
    write_alerts(
        path.with_name("alerts.jsonl.1"), some_alert(conversations=2), some_alert("10.0.0.6")
    )
    write_alerts(path, some_alert(conversations=3))
    found = read_journal(str(path)).alerts
    assert [one.conversations for one in found.values()] == [3, 1]


def test_an_id_may_be_shortened_while_it_is_clear(path):
    one, other = some_alert(), some_alert("10.0.0.6", id=some_alert().id[:8] + "0" * 24)
    write_alerts(path, one, other)
    found = read_journal(str(path))
    assert found.named(one.id).id == found.named(one.id[:12]).id == one.id
    for text, said in (
        (one.id[:8], "2 alerts"),
        ("ffffff", "no alert"),
        (one.id[:5], "6 characters"),
    ):
        with pytest.raises(ConfigError, match=said):
            found.named(text)


def test_lines_that_are_no_alerts_are_counted(path):
    write_alerts(path, some_alert())
    whole = path.read_bytes()
    path.write_bytes(b"{}\n" + whole + b"\xff\n" + b"[" * 5000 + b"\n" + whole[:40])
    found = read_journal(str(path))
    assert (len(found.alerts), found.n_damaged) == (1, 4)


def test_a_line_without_end_costs_no_memory(path, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_OCTETS", 2000)
    write_alerts(path, some_alert())
    whole = path.read_bytes()
    path.write_bytes(b"x" * 9_000 + b"\n" + whole)
    found = read_journal(str(path))
    assert (len(found.alerts), found.n_damaged) == (1, 1)


def test_more_alerts_than_fit(path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ALERTS", 2)
    write_alerts(path, *(some_alert(f"10.0.0.{n}") for n in range(3)))
    with pytest.raises(SourceError, match="more than 2"):
        read_journal(str(path))


def test_what_is_no_such_file(path):
    with pytest.raises(SourceError, match="name the file of a jsonl sink, or of sql:sqlite"):
        read_journal(str(path))
    path.write_bytes(b"SQLite format 3\0\n\n")
    with pytest.raises(SourceError, match="is it the database of a sql: sink"):
        read_journal(str(path))


def test_a_database_tells_the_same(tmp_path):
    path = tmp_path / "what? #1 %20 alerts.db"
    first = some_alert()
    sink = open_sink(f"sql:sqlite:///{quote(str(path))}")
    sink.send([first, some_alert("10.0.0.6"), some_alert(revision=3, conversations=7)])
    before = path.stat().st_mtime_ns
    found = read_journal(str(path))
    assert {one.host for one in found.alerts.values()} == {"10.0.0.5", "10.0.0.6"}
    assert found.alerts[first.id] == some_alert(revision=3, conversations=7)
    assert path.stat().st_mtime_ns == before
    sink.close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alerts SET stored = '{}' WHERE host = '10.0.0.6'")
        database.commit()
    found = read_journal(str(path))
    assert (len(found.alerts), found.n_damaged) == (1, 1)
