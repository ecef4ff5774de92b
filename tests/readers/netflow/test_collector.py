# SPDX-License-Identifier: Apache-2.0
"""The collector: real exporters on loopback beside nfdump's collector, and floods."""

import contextlib
import errno
import ipaddress
import socket
import struct
import threading
import time
from collections import Counter

import numpy as np
import pytest

import export_programs as e
from minewatch.errors import SourceError
from minewatch.readers.netflow import collector as collecting
from minewatch.readers.netflow.collector import Collector
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.sockets import Batch, Endpoint, ExportSocket
from minewatch.readers.netflow.templates import DecoderLimits
from minewatch.records import RecordCounters

NOW_NS = 1_615_280_400_000_000_000


@contextlib.contextmanager
def collecting_at(host="127.0.0.1", allow=(), limits=DecoderLimits()):  # noqa: B008  frozen
    counters = RecordCounters()
    endpoint = ExportSocket(Endpoint(host, 0), "--netflow")
    networks = [ipaddress.ip_network(text) for text in allow]
    decoder = ExportDecoder(counters, limits=limits)
    with Collector([endpoint], decoder, counters, lambda: NOW_NS, networks) as collector:
        yield collector, endpoint.endpoint.port, counters


def taken(collector, n):
    """The records, when `n` of them have come or nothing more comes."""
    records = []
    deadline = time.monotonic() + e.PATIENCE_S
    while sum(map(len, records)) < n and time.monotonic() < deadline:
        records += collector.take(0.1)
    return np.concatenate([*records, *collector.finish()])


def v5(n=1, sequence=0, *, first=NOW_NS // 10**9):
    """A datagram of NetFlow v5 with `n` records."""
    head = struct.pack("!HHIIIIBBH", 5, n, 100_000, first, 0, sequence, 0, 0, 0)
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH",
        bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1]), bytes(4), 0, 0, 6, 426, 90_000, 95_000,
        41_000, 3333, 0, 0x18, 6, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    return head + record * n


def send(port, *datagrams, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        for datagram in datagrams:
            one.sendto(datagram, (host, port))


def softflowd(version):
    def export(folder, port):
        e.softflowd(folder, port, version)

    return export


def pmacctd(version):
    def export(folder, port):
        e.pmacctd(folder, port, version)

    return export


def nfreplay(version):
    def export(folder, port):
        for file in e.nfpcapd(folder / "pcap"):
            e.nfreplay(file, port, version)

    return export


@e.needs("nfcapd", "softflowd", "nfpcapd", "nfreplay", "pmacctd")
@pytest.mark.parametrize(
    ("export", "n_records", "n_packets"),
    [
        pytest.param(softflowd(5), 68, 1530, id="softflowd-v5"),
        pytest.param(softflowd(9), 68, 1530, id="softflowd-v9"),
        pytest.param(softflowd(10), 68, 1530, id="softflowd-ipfix"),
        pytest.param(pmacctd(5), 68, 1530, id="pmacctd-v5"),
        pytest.param(pmacctd(9), 68, 1530, id="pmacctd-v9"),
        pytest.param(pmacctd(10), 68, 1530, id="pmacctd-ipfix"),
        pytest.param(nfreplay(5), 97, 1530, id="nfreplay-v5"),
        pytest.param(nfreplay(9), 97, 1530, id="nfreplay-v9"),
    ],
)
def test_what_arrives_is_what_nfcapd_stores_of_it(export, n_records, n_packets, tmp_path):
    port = e.free_port()
    with collecting_at() as (collector, own_port, counters):
        with e.nfcapd(tmp_path / "nfcapd", port, repeat_to=own_port):
            export(tmp_path, port)
            records = taken(collector, n_records)
        counts = collector.counts
    assert e.flows(records) == e.flows(e.stored(tmp_path / "nfcapd"))
    assert (records.size, records["packet_delta_count"].sum()) == (n_records, n_packets)
    assert (counts.records, counts.lost, counts.dropped, counts.faults) == (n_records, 0, 0, 0)
    assert counters.rows_accounted == counters.rows_seen


@e.needs("nfcapd", "softflowd")
def test_what_nfcapd_scaled_is_what_was_observed(tmp_path):
    """nfdump 1.7.1 heeds the sampling that v5 tells, and not that of softflowd's options."""
    port = e.free_port()
    with (
        collecting_at() as (collector, own_port, _),
        e.nfcapd(tmp_path / "nfcapd", port, repeat_to=own_port),
    ):
        e.softflowd(tmp_path, port, 5, sampling=5)
        records = taken(collector, 1)
    scaled = e.stored(tmp_path / "nfcapd")
    assert e.flows(records) == e.flows(scaled)
    assert 100 < records["packet_delta_count"].sum() < 600  # one of five of 1530, by chance
    for found in (records, scaled):
        assert (found["sampling_packet_interval"] == 5).all()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_records_of_both_families(host):
    with collecting_at(host) as (collector, port, _):
        send(port, v5(3), v5(2, sequence=3), host=host)
        records = taken(collector, 5)
        counts = collector.counts
    assert records["packet_delta_count"].tolist() == [6] * 5
    assert (records["flow_start_nanoseconds"] == NOW_NS - 10_000_000_000).all()
    assert (counts.datagrams, counts.records, counts.lost) == (2, 5, 0)


def test_sequence_numbers_tell_what_is_lost():
    with collecting_at() as (collector, port, _):
        send(port, v5(3), v5(2, sequence=13))
        taken(collector, 5)
        assert collector.counts.lost == 10


def test_exporters_that_are_not_allowed():
    with collecting_at(allow=["127.0.0.2/32", "::1/128"]) as (collector, port, counters):
        send(port, v5(), v5(), b"garbage")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.2", 0))
            one.sendto(v5(2), ("127.0.0.1", port))
        assert taken(collector, 2).size == 2
        counts = collector.counts
    assert (counts.datagrams, counts.refused, counts.refused_addresses) == (1, 3, 1)
    assert counters.faulty == {}


def test_what_was_received_is_given_at_the_end():
    with collecting_at() as (collector, port, _):
        send(port, *[v5(30, sequence=30 * i) for i in range(500)])
        records = collector.finish()
        counts = collector.counts
    assert sum(map(len, records)) == counts.records == 15_000
    assert (counts.datagrams, counts.dropped) == (500, 0)


def test_the_kernel_drops_what_nobody_reads_and_all_is_accounted_for(monkeypatch):
    monkeypatch.setattr(collecting, "BATCHES", 2)
    monkeypatch.setattr("minewatch.readers.netflow.sockets.RECEIVE_BUFFER_OCTETS", 1 << 16)
    n = 3000
    with collecting_at() as (collector, port, _):
        send(port, *[v5(30, sequence=30 * i) for i in range(n)])
        records = np.concatenate(collector.finish())
        counts = collector.counts
    assert counts.dropped > 0
    assert counts.datagrams + counts.dropped == n
    assert records.size == 30 * counts.datagrams
    assert 0 < counts.lost <= 30 * counts.dropped


def test_an_error_in_the_block_ends_the_thread_though_all_batches_are_full():
    before = threading.active_count()

    def give_up():
        with collecting_at() as (_, port, _):
            send(port, *[v5(30)] * 6000)
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        give_up()
    assert threading.active_count() == before


def test_a_socket_that_fails_is_told_after_what_it_gave(monkeypatch):
    receive, given = Batch.receive, []

    def fail_soon(batch, source):
        if given:
            raise OSError(errno.ENETDOWN, "Network is down")
        given.append(receive(batch, source))
        return given[0]

    monkeypatch.setattr(Batch, "receive", fail_soon)
    with collecting_at() as (collector, port, _):
        send(port, v5())
        until = time.monotonic() + 20
        while not given and time.monotonic() < until:
            time.sleep(0.01)
        send(port, v5())
        while collector._error is None and time.monotonic() < until:
            time.sleep(0.01)
        assert sum(map(len, collector.take(0.05))) == 1
        with pytest.raises(SourceError, match=f"127.0.0.1:{port}: cannot be read .* Network is"):
            collector.take(0.05)


def test_garbage_and_other_versions_are_faults(rng):
    octets = [rng.integers(0, 256, rng.integers(1, 1400), np.uint8).tobytes() for _ in range(200)]
    versions = [struct.pack("!H", n) + bytes(40) for n in (0, 1, 6, 8, 11, 0xFFFF)]
    with collecting_at() as (collector, port, counters):
        send(port, b"", *octets, *versions, v5())
        assert taken(collector, 1).size == 1
        counts = collector.counts
    assert counts.datagrams == 208
    assert counters.rows_accounted == counters.rows_seen
    assert counters.faulty["unknown version"] >= 200
    assert len(counters.examples) == 20


def template_of(number, n_fields=3):
    """A NetFlow v9 datagram that tells one template, and data of another that never comes."""
    fields = struct.pack("!HH", 1, 4) * n_fields
    told = struct.pack("!HHHH", 0, 8 + len(fields), 256 + number % 60_000, n_fields) + fields
    data = struct.pack("!HH", 65_000, 104) + bytes(100)
    return told + data


def flood(decoder, senders, per_sender):
    """Templates and data that waits, from senders whose addresses are made up."""
    for sender in range(senders):
        name = str(ipaddress.ip_address(0x0A00_0000 + sender))
        for i in range(per_sender):
            head = struct.pack("!HHIIII", 9, 2, 100_000, NOW_NS // 10**9, i, sender % 3)
            decoder.decode(head + template_of(i), name, "a", NOW_NS)


def test_a_flood_of_sources_and_templates_holds_no_more_than_the_limits():
    limits = DecoderLimits(
        domains=50, templates_per_domain=16, template_octets=1 << 14, waiting_octets=1 << 10,
        waiting_octets_in_all=1 << 13,
    )  # fmt: skip
    counters = RecordCounters()
    decoder = ExportDecoder(counters, limits=limits)
    flood(decoder, 300, 40)
    exporters = decoder._exporters  # what is held is nobody's business but this test's
    assert len(exporters.domains) <= limits.domains
    assert exporters.usage.template_octets <= limits.template_octets
    assert exporters.usage.waiting_octets <= limits.waiting_octets_in_all
    held = [domain.waiting_octets for domain in exporters.domains.values()]
    assert sum(held) == exporters.usage.waiting_octets
    assert max(held) <= limits.waiting_octets
    assert decoder.refused.total() > 0
    assert decoder.refused["exporters"] == 250 * 40
    decoder.finish()
    assert counters.rows_accounted == counters.rows_seen
    assert len(counters.examples) == 20


def test_senders_that_are_refused_are_not_all_remembered(monkeypatch):
    monkeypatch.setattr(collecting, "MAX_REFUSED_ADDRESSES", 3)
    with collecting_at(allow=["192.0.2.0/24"]) as (collector, port, _):
        for last in range(1, 11):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((f"127.0.0.{last}", 0))
                one.sendto(v5(), ("127.0.0.1", port))
        collector.finish()
        counts = collector.counts
    assert (counts.refused, counts.refused_addresses, counts.datagrams) == (10, 3, 0)


def test_limits_that_were_reached_are_counted():
    with collecting_at(limits=DecoderLimits(domains=1)) as (collector, port, _):
        send(port, v5())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.2", 0))
            one.sendto(v5(), ("127.0.0.1", port))
        found = Counter(map(len, collector.finish()))
        assert (sum(found.elements()), collector.counts.over_limits) == (1, 1)
