# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from minewatch.alerts import following as module
from minewatch.alerts.following import Follower
from minewatch.alerts.sinks.opening import open_sink
from minewatch.errors import SourceError
from some_alerts import some_alert, write_alerts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alerts.jsonl"


@pytest.fixture
def follower(path):
    made = Follower(str(path))
    yield made
    made.close()


def hosts(alerts):
    return [one.host for one in alerts]


def append(path, octets):
    with open(path, "ab") as file:
        file.write(octets)


def line(path, host):
    return write_alerts(path.with_name("one"), some_alert(host)).read_bytes()


def test_what_is_there_and_what_comes(path, follower):
    assert follower.read() == []
    write_alerts(path, some_alert("10.0.0.1"))
    assert hosts(follower.read()) == ["10.0.0.1"]
    assert follower.read() == []
    append(path, line(path, "10.0.0.2") + line(path, "10.0.0.3"))
    assert hosts(follower.read()) == ["10.0.0.2", "10.0.0.3"]


def test_a_line_that_is_being_written_is_waited_for(path, follower):
    whole = line(path, "10.0.0.1")
    for start in range(0, len(whole), 100):
        assert follower.read() == []
        append(path, whole[start : start + 100])
    assert hosts(follower.read()) == ["10.0.0.1"]
    assert follower.n_damaged == 0


def test_nothing_is_lost_when_the_sink_turns_its_file_over(path, follower):
    sink = open_sink(f"jsonl:{path}?max_mib=1&keep=3")
    sink._max_octets = 3_000
    found = []
    sent = [f"10.0.0.{n}" for n in range(1, 60)]
    for host in sent:
        sink.send([some_alert(host)])
        found += hosts(follower.read())
    found += hosts(follower.read())
    assert path.with_name("alerts.jsonl.1").exists()
    assert found == sent
    sink.close()


def test_a_file_that_was_cut_is_read_from_its_start(path, follower):
    write_alerts(path, some_alert("10.0.0.1"), some_alert("10.0.0.2"))
    follower.read()
    write_alerts(path, some_alert("10.0.0.3"))
    assert hosts(follower.read()) == ["10.0.0.3"]


def test_lines_that_are_no_alerts_are_counted(path, follower, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE_OCTETS", 4_000)
    monkeypatch.setattr(module, "READ_OCTETS", 1_000)
    path.write_bytes(b"{}\n" + b"x" * 9_000 + b"\n" + line(path, "10.0.0.1"))
    found = []
    for _ in range(30):
        found += hosts(follower.read())
    assert found == ["10.0.0.1"]
    assert follower.n_damaged == 2


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(SourceError, match="let its group read it"):
        Follower(str(tmp_path)).read()


def test_the_file_is_closed(path):
    write_alerts(path, some_alert())
    before = len(os.listdir("/proc/self/fd"))
    one = Follower(str(path))
    one.read()
    one.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_written_just_before_the_turn_is_read(path, follower, monkeypatch):
    write_alerts(path, some_alert("10.0.0.1"))
    follower.read()
    late, new = line(path, "10.0.0.2"), line(path, "10.0.0.3")
    real = os.stat

    def turn_over(name):
        """Between the last reading of the file and the look at its name."""
        monkeypatch.setattr(os, "stat", real)
        append(path, late)
        path.rename(path.with_name("alerts.jsonl.1"))
        path.write_bytes(new)
        return real(name)

    monkeypatch.setattr(os, "stat", turn_over)
    found = [one.host for _ in range(3) for one in follower.read()]
    assert found == ["10.0.0.2", "10.0.0.3"]
    assert follower.n_damaged == 0
