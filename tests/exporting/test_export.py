# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

import packets as p
from minewatch.address import parse_networks
from minewatch.errors import ConfigError
from minewatch.exporting.aggregating import Aggregator
from minewatch.exporting.export import FORMATS, Exporter, settings_for
from minewatch.exporting.telling import as_records, continued
from minewatch.output.destination import Destination
from minewatch.pipeline import PipelineOptions, read_ahead
from minewatch.readers.capture import CaptureSource
from minewatch.readers.flowlogs.aws import AwsFormat
from minewatch.readers.flowlogs.azure_vnet import AzureVnetFormat
from minewatch.readers.flowlogs.gcp import PRIMARY_SAMPLING, GcpFormat
from minewatch.readers.flowlogs.zeek import ZeekFormat
from minewatch.readers.netflow.exports import NetflowFormat
from minewatch.readers.source import Input
from packets import A6, ACK, B6, FIN, NS, PSH, RST, START, SYN, A, B, Frame, tcp_frame

HOME = parse_networks(["10.0.0.0/8", "2001:db8::/48"])
READERS = {
    "aws-v2": AwsFormat,
    "aws-v5": AwsFormat,
    "gcp": GcpFormat,
    "azure-vnet": AzureVnetFormat,
    "zeek": ZeekFormat,
    "ipfix": NetflowFormat,
}
NOT_COMPARED = ("observation_point", "server_name")
"""Numbers of observers are the reader's own, and no log here tells names."""


def frame(time_s, body, ethertype=p.IPV4):
    return Frame(p.ether(body, ethertype), START + round(time_s * NS))


def talk():
    """A miner for ten minutes, a web page that ends, a refused one, UDP, ICMP and IPv6."""
    frames = [tcp_frame(flags=SYN), tcp_frame(time_s=0.02, source=B, destination=A, sport=3333,
              dport=40_000, flags=SYN | ACK)]  # fmt: skip
    for n in range(60):
        sent = {"payload": b"s" * (80 + n % 3), "flags": PSH | ACK, "sequence": 2 + n}
        frames.append(tcp_frame(time_s=1 + 10.123456 * n, **sent))
        frames.append(tcp_frame(time_s=1.08 + 10.123456 * n, source=B, destination=A, sport=3333,
                                dport=40_000, payload=b"r" * 60, flags=PSH | ACK))  # fmt: skip
    web = {"sport": 50_000, "dport": 443}
    back = {"source": B, "destination": A, "sport": 443, "dport": 50_000}
    frames += [
        tcp_frame(time_s=30, flags=SYN, **web),
        tcp_frame(time_s=30.1, flags=SYN | ACK, **back),
        tcp_frame(time_s=30.2, flags=ACK | PSH, payload=b"hello", **web),
        tcp_frame(time_s=30.3, flags=ACK | FIN, payload=b"page" * 99, **back),
        tcp_frame(time_s=30.4, flags=ACK | FIN, **web),
        tcp_frame(time_s=31, flags=SYN, sport=50_001, dport=22),
        tcp_frame(time_s=31.1, source=B, destination=A, sport=22, dport=50_001, flags=RST | ACK),
        frame(40, p.ipv4(A, B, 17, p.udp(5353, 53, b"query"))),
        frame(40.5, p.ipv4(B, A, 17, p.udp(53, 5353, b"answer" * 9))),
        frame(400, p.ipv4(A, B, 17, p.udp(5353, 53, b"query"))),
        frame(50, p.ipv4(A, B, 1, p.icmp(8, 0, b"ping"))),
        frame(51, p.ipv4(B, A, 1, p.icmp(0, 0, b"ping"))),
        frame(60, p.ipv6(A6, B6, 6, p.tcp(40_000, 443, b"six", PSH | ACK)), p.IPV6),
    ]
    return sorted(frames, key=lambda one: one.time_ns)


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "talk.pcap"
    path.write_bytes(p.pcap(talk()))
    return str(path)


def export(captures, format, settings, path):
    with Destination(str(path)) as destination:
        exporter = Exporter(destination, format, settings, HOME)
        for one in captures:
            exporter.export(CaptureSource(Input(one, one, None)), PipelineOptions())
        exporter.finish()


def read(path, format):
    reader = READERS[format]()
    with open(path, "rb") as file:
        assert reader.recognises(file.read(1 << 16))
    with open(path, "rb") as stream:
        source = reader.open(str(path), str(path), stream, strict=True)
        records = np.concatenate([block.copy() for block in source.read()])
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted
    assert counters.faulty.total() == counters.repaired.total() == len(counters.notes) == 0
    return records


def told(capture, settings):
    """Return the records that the log holds, before they are written."""
    sums = Aggregator(settings, HOME)
    tables = []
    for batch in read_ahead(CaptureSource(Input(capture, capture, None))):
        tables += sums.add(batch)
    return as_records(continued(pl.concat([*tables, *sums.finish()]), settings))


def as_rows(records):
    names = [name for name in records.dtype.names if name not in NOT_COMPARED]
    return sorted(tuple(int(record[name]) for name in names) for record in records)


INTERVALS = [
    (format, interval)
    for format in FORMATS
    for interval in ([None] if format == "zeek" else [None, 60, 600])
]


@pytest.mark.parametrize("sampling", [None, 3])
@pytest.mark.parametrize(("format", "interval"), INTERVALS)
def test_a_log_is_read_as_it_was_written(capture, tmp_path, format, interval, sampling):
    settings = settings_for(format, interval, sampling, seed=5)
    path = tmp_path / "exported"
    export([capture], format, settings, path)
    expected, found = told(capture, settings), read(path, format)
    if format == "zeek":  # as Zeek does, see its writer
        one_packet = expected["flow_start_nanoseconds"] == expected["flow_end_nanoseconds"]
        for name in ("payload_octet_count", "reverse_payload_octet_count"):
            expected[name][one_packet] = -1
    if format == "gcp":  # its log does not tell
        expected["sampling_packet_interval"] = PRIMARY_SAMPLING
    if format == "azure-vnet":  # E of what was silent for four minutes tells of no packet
        found = found[found["packet_delta_count"] + found["reverse_packet_delta_count"] > 0]
    assert len(expected) >= 3
    assert as_rows(found) == as_rows(expected)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_lost_on_the_way(capture, tmp_path, format):
    """Packets in the log are those of the capture, each once for each direction and observer."""
    path = tmp_path / "exported"
    export([capture], format, settings_for(format, sampling=1), path)
    records = read(path, format)
    packets = records["packet_delta_count"].sum()
    packets += np.maximum(records["reverse_packet_delta_count"], 0).sum()
    assert packets == len(talk())


@pytest.mark.parametrize("format", FORMATS)
def test_a_seed_gives_the_same_file(capture, tmp_path, format):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        export([capture], format, settings_for(format, sampling=4, seed=seed), tmp_path / name)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize("format", FORMATS)
def test_captures_follow_each_other_in_one_log(capture, tmp_path, format):
    settings = settings_for(format, sampling=1)
    export([capture], format, settings, tmp_path / "one")
    export([capture, capture], format, settings, tmp_path / "two")
    one, two = read(tmp_path / "one", format), read(tmp_path / "two", format)
    name = "packet_delta_count"
    assert two[name].sum() == 2 * one[name].sum()


def test_captures_that_are_alike_have_conversations_of_their_own(capture, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    export([capture, capture], "zeek", settings_for("zeek"), twice)
    lines = [line.split() for line in twice.read_text().splitlines() if line[0] != "#"]
    assert len({line[1] for line in lines}) == len(lines)
    settings = settings_for("azure-vnet")
    export([capture], "azure-vnet", settings, once)
    export([capture, capture], "azure-vnet", settings, twice)
    assert twice.read_text().count(",B,NX,") == 2 * once.read_text().count(",B,NX,")


@pytest.mark.parametrize("format", FORMATS)
def test_a_capture_without_packets_is_a_log_without_records(tmp_path, format):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(p.pcap([]))
    path = tmp_path / "exported"
    export([str(empty)], format, settings_for(format), path)
    with open(path, "rb") as stream:
        blocks = list(READERS[format]().open("a", str(path), stream, strict=False).read())
    assert sum(map(len, blocks)) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("eve",), "--format eve: one of aws-v2, aws-v5, gcp, azure-vnet, zeek, ipfix"),
        (("gcp", 61), "--interval 61: gcp aggregates over one of 5, 30, 60, 300, 600, 900"),
        (("zeek", 60), "--interval: zeek writes one record a connection; leave it out"),
        (("aws-v5", 0), "--interval 0: must be above 0"),
        (("aws-v5", float("nan")), "--interval nan: must be above 0"),
        (("aws-v5", float("inf")), "--interval must be a millisecond to a year, not inf"),
        (("ipfix", 60, 0), "--sampling 0: must be above 0"),
        (("ipfix", 60, 1 << 33), "--sampling must be 1 to 4294967295, not 8589934592"),
    ],
)
def test_what_a_format_does_not_have_is_refused(arguments, text):
    with pytest.raises(ConfigError) as caught:
        settings_for(*arguments)
    assert text in str(caught.value)


def test_usual_settings():
    chosen = {name: settings_for(name) for name in FORMATS}
    assert {name: one.interval_s for name, one in chosen.items()} == {
        "aws-v2": 60.0,
        "aws-v5": 60.0,
        "gcp": 5.0,
        "azure-vnet": 60.0,
        "zeek": None,
        "ipfix": 60.0,
    }
    assert {name: one.sampling for name, one in chosen.items() if one.sampling > 1} == {"gcp": 10}
