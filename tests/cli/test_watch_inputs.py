# SPDX-License-Identifier: Apache-2.0
import os
import socket
from functools import partial
from pathlib import Path

import pytest

import minewatch.lab
from minewatch import registry
from minewatch.cli.options import metering_options, pipeline_options, scan_options
from minewatch.cli.progress import ProgressBar
from minewatch.cli.watch_choice import COLLECTOR, Chosen
from minewatch.cli.watch_feeds import CollectorFeed, LogFeed, PacketFeed
from minewatch.cli.watch_inputs import (
    Capture,
    Exporters,
    Interfaces,
    Logs,
    open_chosen,
)
from minewatch.errors import ConfigError, SourceError
from minewatch.readers.source import Input
from minewatch.watching.engine import Watch
from minewatch.watching.record_watch import RecordWatch
from watched_records import exported

DEMO = str(Path(minewatch.lab.__file__).with_name("demo.pcap"))


def chosen(*interfaces, source=None, endpoints=(), exporters=()):
    return Chosen(interfaces, source, tuple(endpoints), tuple(exporters))


def opened(source, forced=None, **others):
    found = chosen(source=str(source), **others)
    return open_chosen(found, "", None, registry.flow_formats, forced, quiet=True)


def begun(watched, memory_mib=64):
    def scan(metering):
        pipeline = pipeline_options(metering, None, ProgressBar([], True))
        return scan_options(pipeline, of_logs=watched.has_records)

    return watched.begin(metering_options(60.0, 120.0, True, True), scan, memory_mib)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return exported(DEMO, tmp_path_factory.mktemp("log"), "ipfix")


def test_a_capture_is_watched_packet_by_packet():
    watched = opened(DEMO)
    assert isinstance(watched, Capture)
    assert watched.origin[0] == DEMO
    watch, feed = begun(watched)
    assert isinstance(watch, Watch)
    assert isinstance(feed, PacketFeed)
    assert watch.book.source == DEMO
    list(feed.batches())


def test_a_flow_log_is_told_by_what_it_holds(log):
    watched = opened(log)
    assert isinstance(watched, Logs)
    assert watched.has_records
    assert watched.origin[0] == log
    watch, feed = begun(watched)
    assert isinstance(watch, RecordWatch)
    assert isinstance(feed, LogFeed)
    assert not watch.options.has_own_clock
    assert watch.options.most_records * 136 < 64 << 20
    assert watch.scan.threshold == watch.scan.log_threshold
    assert sum(map(len, feed.batches())) > 20


def test_a_folder_of_logs_is_read_in_the_order_of_names(tmp_path, log):
    octets = Path(log).read_bytes()
    for name in ("b.ipfix", "a.ipfix"):
        (tmp_path / name).write_bytes(octets)
    watched = opened(tmp_path)
    assert isinstance(watched, Logs)
    assert [Path(one.path).name for one in watched.sources] == ["a.ipfix", "b.ipfix"]
    assert len(watched.origin) == 6


def test_captures_and_logs_together_are_refused(tmp_path, log):
    (tmp_path / "a.ipfix").write_bytes(Path(log).read_bytes())
    (tmp_path / "a.pcap").write_bytes(Path(DEMO).read_bytes())
    with pytest.raises(ConfigError, match="1 captures and 1 kinds of flow logs"):
        opened(tmp_path)


@pytest.mark.parametrize(("name", "words"), [("none", "no such file"), ("empty", "is empty")])
def test_what_cannot_be_read_is_told(tmp_path, name, words):
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(SourceError, match=words):
        opened(tmp_path / name)


def test_logs_of_which_one_is_a_pipe_cannot_be_read_again(log, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    sources = [Input("a", str(log), None), Input("b", str(tmp_path / "pipe"), None)]
    assert len(Logs("a", sources[:1], []).origin) == 3
    assert Logs("a", sources, []).origin == []


def test_a_format_that_is_none_is_told(log):
    with pytest.raises(ConfigError, match="--input-format 'x': not known"):
        opened(log, "x")


def test_exporters_are_listened_to_where_the_user_says(capsys):
    endpoints = [("--netflow", "127.0.0.1:0"), ("--ipfix", "127.0.0.1:0")]
    watched = opened(COLLECTOR, endpoints=endpoints, exporters=["10.0.0.0/8"])
    assert isinstance(watched, Exporters)
    assert (watched.has_records, watched.origin) == (True, [])
    watch, feed = begun(watched)
    assert watch.options.has_own_clock
    assert isinstance(feed, CollectorFeed)
    ports = [one.endpoint.port for one in watched.sockets]
    assert watch.book.source == ",".join(f"127.0.0.1:{port}" for port in ports)
    with feed.collector, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", ports[1]))
        for _ in range(100):
            feed.collector.take(0.05)
            if feed.collector.counts.refused:
                break
    assert feed.collector.counts.refused == 1
    assert capsys.readouterr().err == ""


def test_where_it_listens_is_said_unless_it_is_to_be_quiet(capsys):
    found = chosen(source=COLLECTOR, endpoints=[("--netflow", "127.0.0.1:0")])
    watched = open_chosen(found, "", None, list, None, quiet=False)
    assert f"listening on {watched.sockets[0].endpoint}" in capsys.readouterr().err
    for one in watched.sockets:
        one.close()


@pytest.mark.parametrize("exporters", [["x"], ["10.0.0.0/99"]])
def test_networks_that_are_none_are_told_before_anything_is_opened(exporters):
    with pytest.raises(ConfigError, match=r"--exporters (x|10\.0\.0\.0/99): "):
        opened(COLLECTOR, endpoints=[("--netflow", "127.0.0.1:0")], exporters=exporters)


def test_interfaces_are_opened_before_rights_are_given_up(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "minewatch.readers.live.opening.open_rings", lambda settings: calls.append(settings) or []
    )
    monkeypatch.setattr("minewatch.readers.live.privileges.drop_privileges", calls.append)
    watched = open_chosen(chosen("eth0", "eth1"), "tcp", "nobody", list, None, quiet=True)
    assert isinstance(watched, Interfaces)
    assert (calls[0].interfaces, calls[1]) == (("eth0", "eth1"), "nobody")
    assert (watched.has_records, watched.origin) == (False, [])
    begin = partial(begun, watched)
    watch, feed = begin()
    assert watch.book.source == "eth0,eth1"
    assert feed.is_live
