# SPDX-License-Identifier: Apache-2.0
import http.client
import json
import socket
import subprocess
import threading
from dataclasses import replace
from urllib.parse import quote

import pytest

from alert_servers import free_port, listens, program, running
from alert_sinks import wait_for
from made_up_alerts import ENDED, PLAIN, numbered
from minewatch.alert import Change, Severity
from minewatch.alerts.measures import Measure
from minewatch.alerts.sinks.opening import open_sink


@pytest.fixture
def sink():
    made = open_sink(f"prometheus://:{free_port()}")
    yield made
    made.close()


def fetched(port, path="/metrics"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def values(sink):
    lines = [line for line in fetched(sink.port).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def told(change, severity):
    return f'minewatch_alerts_total{{change="{change}",severity="{severity}"}}'


def test_alerts_are_counted_once_and_open_ones_shown(sink):
    second = replace(PLAIN, revision=2, change=Change.UPDATED, severity=Severity.MEDIUM)
    other = numbered(5)
    sink.send([PLAIN, second, other])
    sink.send([PLAIN, second])
    found = values(sink)
    assert found[told("new", "high")] == 2
    assert found[told("updated", "medium")] == 1
    assert found[told("ended", "low")] == 0
    assert found['minewatch_open_alerts{severity="high"}'] == 1
    assert found['minewatch_open_alerts{severity="medium"}'] == 1
    assert found["minewatch_last_alert_timestamp_seconds"] == pytest.approx(1_700_000_091.123)
    sink.send([ENDED])
    found = values(sink)
    assert found['minewatch_open_alerts{severity="medium"}'] == 0
    assert found[told("ended", "low")] == 1


def test_what_others_measure_is_shown(sink):
    sink.attach(lambda: [Measure("records", 7, 'Records "read"\nso far.')])
    sink.attach(lambda: [Measure("drops", n, "Drops.", {"at": f'"{n}\n'}) for n in range(2)])
    sink.attach(lambda: [Measure("memory_octets", 5, "Memory.", is_counter=False)])
    found = values(sink)
    assert found["minewatch_records_total"] == 7
    assert found['minewatch_drops_total{at="\\"1\\n"}'] == 1
    assert found["minewatch_memory_octets"] == 5


def test_the_checker_of_prometheus_finds_no_fault(sink):
    sink.attach(lambda: [Measure("records", 7, "Records read.", {"source": "eth0"})])
    sink.send([PLAIN])
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=fetched(sink.port),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_prometheus_itself_scrapes_it(sink, tmp_path):
    port = free_port()
    target = f"127.0.0.1:{sink.port}"
    (tmp_path / "prometheus.yml").write_text(
        f"scrape_configs: [{{job_name: m, scrape_interval: 1s, scrape_timeout: 1s,"
        f" static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    argv = [
        program("prometheus"),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    query = quote('minewatch_alerts_total{change="new",severity="high"}')
    sink.send([PLAIN])

    def is_seen():
        answer = json.loads(fetched(port, f"/api/v1/query?query={query}"))
        return [r["value"][1] for r in answer["data"]["result"]] == ["1"]

    def is_ready():
        return listens(port) and "is Ready" in fetched(port, "/-/ready")

    with running(argv, is_ready, tmp_path / "log"):
        wait_for(is_seen, 30)


def test_memory_is_bounded(sink, monkeypatch):
    monkeypatch.setattr("minewatch.alerts.sinks.prometheus._KNOWN", 10)
    sink.send([numbered(n) for n in range(100)])
    found = values(sink)
    assert found['minewatch_open_alerts{severity="high"}'] == 10
    assert found[told("new", "high")] == 100


def test_those_who_only_connect_do_not_keep_it_from_others(sink):
    idle = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(8)]
    try:
        assert values(sink)[told("new", "high")] == 0
    finally:
        for one in idle:
            one.close()


def test_no_more_threads_than_there_is_room_for(sink):
    before = threading.active_count()
    idle = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(60)]
    try:
        wait_for(lambda: threading.active_count() >= before + 16)
        # The rest is hung up on.
        idle[-1].settimeout(10)
        assert idle[-1].recv(1) == b""
        assert threading.active_count() <= before + 17
    finally:
        for one in idle:
            one.close()


def test_garbage_is_answered_and_nothing_said(sink, capfd):
    with socket.create_connection(("127.0.0.1", sink.port)) as connection:
        connection.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")
        connection.settimeout(10)
        connection.recv(100)
    with socket.create_connection(("127.0.0.1", sink.port)) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nAccept: \xff\r\n\r\n")
        connection.recv(100)
    assert values(sink)
    assert capfd.readouterr() == ("", "")
