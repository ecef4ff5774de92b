# SPDX-License-Identifier: Apache-2.0
import socket
import threading
import time

import numpy as np
import pytest

import export_datagrams as e
from made_up_records import talk
from minewatch.cli.watch_feeds import CollectorFeed, LogFeed, PacketFeed
from minewatch.errors import SourceError
from minewatch.readers.capture import CaptureSource
from minewatch.readers.netflow.collector import Collector
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.sockets import ExportSocket, parse_endpoint
from minewatch.readers.source import Input
from minewatch.records import Names, RecordCounters
from watched import capture, mining
from watched_records import new_record_watch


class Log:
    """Blocks of records that share memory, as readers may give them."""

    def __init__(self, *blocks, servers=(), error=None, wait=None):
        self.name = "a.log"
        self.counters, self.names = RecordCounters(), Names(list(servers))
        self._blocks, self._error, self._wait = blocks, error, wait
        self.is_closed = False

    def read(self):
        room = talk(100)
        for block in self._blocks:
            room[: len(block)] = block
            yield room[: len(block)]
        if self._wait is not None:
            self._wait.wait(60)
        if self._error is not None:
            raise self._error

    def close(self):
        self.is_closed = True


def test_packets_of_a_capture_come_as_they_did(tmp_path):
    path = capture(tmp_path / "a.pcap", mining(0, 3))
    feed = PacketFeed(CaptureSource(Input("a", path, None)))
    assert sum(batch.n_packets for batch in feed.batches()) == len(mining(0, 3))
    assert (feed.is_live, feed.data_time_ns, feed.notes) == (False, None, [])
    assert feed.counters.octets_read > 0
    feed.stop()


def test_logs_come_one_after_the_other_with_their_names():
    watch = new_record_watch()
    given = [talk(2), talk(3, vlan_id=7), talk(4)]
    logs = [Log(*given[:2], servers=["x"]), Log(given[2], servers=["y"])]
    feed = LogFeed([lambda one=one: one for one in logs], watch)
    seen, names = [], []
    for block in feed.batches():
        seen.append(block)
        names.append(list(watch.names._told.servers))
    assert names == [["x"], ["x"], ["y"]]
    assert all((one == other).all() for one, other in zip(seen, given, strict=True))
    assert all(one.is_closed for one in logs)
    assert not feed.is_live


def test_what_is_wrong_with_logs_is_told():
    log = Log()
    log.counters.notes.append("cut")
    log.counters.fault("packets is no number", "a.log:7", "mend it", strict=False)
    feed = LogFeed([lambda: log], new_record_watch())
    assert list(feed.batches()) == []
    assert feed.notes == ["cut", "1 faulty row, such as a.log:7: packets is no number; mend it"]


def test_an_error_comes_after_what_was_read_before_it():
    log = Log(talk(2), error=SourceError("a.log", "cut"))
    found = []
    with pytest.raises(SourceError, match="cut"):
        found.extend(LogFeed([lambda: log], new_record_watch()).batches())
    assert len(found) == 1
    assert log.is_closed


def test_who_waits_for_a_log_can_see_to_other_things(monkeypatch):
    monkeypatch.setattr("minewatch.cli.watch_feeds.PATIENCE_S", 0.05)
    may_go_on = threading.Event()
    log = Log(talk(2), wait=may_go_on)
    batches = LogFeed([lambda: log], new_record_watch()).batches()
    assert len(next(batches)) == 4
    assert [len(next(batches)) for _ in range(3)] == [0, 0, 0]
    batches.close()
    may_go_on.set()
    until = time.monotonic() + 20
    while not log.is_closed and time.monotonic() < until:
        time.sleep(0.01)
    assert log.is_closed


@pytest.fixture
def collector():
    socket_ = ExportSocket(parse_endpoint("127.0.0.1:0", "--netflow"), "--netflow")
    counters = RecordCounters()
    return Collector([socket_], ExportDecoder(counters), counters, time.time_ns), socket_


def test_exporters_are_heard_and_time_passes_until_it_is_stopped(collector, monkeypatch):
    monkeypatch.setattr("minewatch.cli.watch_feeds.PATIENCE_S", 0.05)
    feed = CollectorFeed(collector[0])
    assert feed.is_live
    assert abs(feed.data_time_ns() - time.time_ns()) < 10**9
    batches = feed.batches()
    port = collector[1].endpoint.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(e.v5(e.v5_record(), e.v5_record()), ("127.0.0.1", port))
        sender.sendto(b"nonsense", ("127.0.0.1", port))
    blocks = [next(batches)]
    assert len(blocks[0]) == 0  # first of all the watch asks for the time
    until = time.monotonic() + 20
    while not sum(map(len, blocks)) and time.monotonic() < until:
        blocks.append(next(batches))
    feed.stop()
    blocks += list(batches)
    assert sum(map(len, blocks)) == 2
    assert len(blocks[-1]) == 0
    assert np.concatenate(blocks)["destination_transport_port"].tolist() == [3333, 3333]
    assert feed.notes == ["2 datagrams, 1 faulty"]
