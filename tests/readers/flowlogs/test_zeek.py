# SPDX-License-Identifier: Apache-2.0
"""The whole way of a conn.log: told, opened, read and accounted for."""

import gzip
import io

import numpy as np
import pytest

import zeek_logs as z
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.zeek import ZeekFormat
from minewatch.readers.source import Input, open_input

FORMAT = ZeekFormat()


def source(text, *, path="-", strict=False):
    data = text.encode() if isinstance(text, str) else text
    assert FORMAT.recognises(data)
    return FORMAT.open("conn.log", path, io.BytesIO(data), strict=strict)


def read(text, **options):
    found = source(text, **options)
    blocks = [block.copy() for block in found.read()]
    found.close()
    counters = found.counters
    assert counters.rows_accounted == counters.rows_seen
    assert sum(map(len, blocks)) == counters.rows_parsed == counters.sampling[1]
    return np.concatenate(blocks) if blocks else np.empty(0), found


def test_it_offers_what_the_contract_asks():
    assert isinstance(FORMAT, FlowFormat)
    assert isinstance(source(z.header()), FlowSource)
    assert (FORMAT.name, FORMAT.title) == ("zeek", "Zeek conn.log")


def test_columns_and_json_are_the_same_records():
    changes = [
        {},
        {"duration": None, "orig_bytes": None, "history": None},
        {"proto": "icmp", "id__orig_p": "8", "id__resp_p": "0"},
        {"id__resp_h": "2001:db8::1", "proto": "udp", "history": "Dd"},
    ]
    columns, _ = read(z.header() + "".join(z.line(**one) for one in changes))
    documents, _ = read("".join(z.document(**one) for one in changes))
    assert len(columns) == 4
    assert (columns == documents).all()


def test_the_place_of_a_fault():
    text = z.header() + z.line() + z.line(ts="x") + z.line() + z.line()[:30] + "\n" + z.line()
    records, found = read(text)
    assert len(records) == 3
    assert [one.split(": ")[0] for one in found.counters.examples] == [
        "conn.log:12",
        "conn.log:10",
    ]
    with pytest.raises(SourceError, match=r"conn\.log:\d+: "):
        read(text, strict=True)


def test_the_place_of_a_fault_in_json():
    text = z.document() + z.document(id__orig_h="x") + "{\n" + z.document()
    records, found = read(text)
    assert len(records) == 2
    assert found.counters.faulty == {
        "id.orig_h is no address": 1,
        "not the JSON that is expected": 1,
    }
    assert {one.split(": ")[0] for one in found.counters.examples} == {"conn.log:2", "conn.log:3"}


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2021-06-09T20:55:13.160328Z", 1623272113160328000),
        ("2021-06-09T20:55:13.160328", 1623272113160328000),
        ("2021-06-09T22:55:13+02:00", 1623272113000000000),
    ],
)
def test_times_as_text(text, ns):
    records, _ = read(z.document(ts=text, duration=None))
    assert records["flow_start_nanoseconds"].tolist() == [ns]


def test_a_time_that_is_none():
    _, found = read(z.document(ts="yesterday"))
    assert found.counters.faulty == {"not the JSON that is expected": 1}


def test_times_in_milliseconds():
    """``LogAscii::json_timestamps = JSON::TS_MILLIS``; durations stay in seconds."""
    records, _ = read(z.document(ts=1700000000250.0), strict=True)
    assert records["flow_start_nanoseconds"].tolist() == [1700000000250000000]
    assert records["flow_end_nanoseconds"].tolist() == [1700000060750000000]
    with pytest.raises(SourceError, match=r"conn\.log:9: times in milliseconds"):
        read(z.header() + z.line(ts="1700000000250"), strict=True)


def test_names_of_the_logs_beside_it(tmp_path):
    ssl = ["uid", "server_name"]
    (tmp_path / "ssl.log").write_text(
        z.header("ssl", ssl) + z.line(ssl, uid="CAAAAAAAAAAAAAAAA1", server_name="pool.example")
    )
    dns = ["query", "answers"]
    (tmp_path / "dns.log").write_text(
        z.header("dns", dns) + z.line(dns, query="pool.example", answers="203.0.113.7")
    )
    text = z.header() + z.line() + z.line(uid="C2")
    records, found = read(text, path=str(tmp_path / "conn.log"))
    assert [
        found.names.servers[place] if place >= 0 else None for place in records["server_name"]
    ] == ["pool.example", None]
    assert list(found.names.answers.values()) == ["pool.example"]
    assert found.counters.rows_seen == 10


def test_logs_beside_standard_input_are_not_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssl.log").write_text("damaged")
    _, found = read(z.header() + z.line())
    assert found.counters.notes == []


@pytest.mark.parametrize(
    ("head", "which"),
    [
        (z.header("ssl"), r"ssl\.log"),
        (z.header("http"), r"http\.log"),
        ('{"ts":1,"id.orig_h":"10.0.0.1","proto":"udp","trans_id":1}\n', r"dns\.log"),
        ('{"ts":1,"id.orig_h":"10.0.0.1","name":"bad"}\n', "another log"),
    ],
)
def test_other_logs_are_known_and_refused(head, which):
    with pytest.raises(
        SourceError, match=f"{which} of Zeek tells of no flows; give the conn.log beside it"
    ):
        source(head)
    assert FORMAT.is_beside("x.log", head.encode())
    assert not FORMAT.is_beside("conn.log", z.header().encode())
    assert not FORMAT.is_beside("conn.log", b"something else")


def test_what_is_no_log_of_zeek_though_the_user_says_so():
    assert not FORMAT.recognises(b"a,b\n")
    with pytest.raises(SourceError, match="no log of Zeek"):
        FORMAT.open("a.csv", "a.csv", io.BytesIO(b"a,b\n"), strict=False)


def test_a_column_that_is_missing():
    fields = [name for name in z.CONN if name != "proto"]
    with pytest.raises(SourceError, match=r"conn\.log:7: #fields lacks proto"):
        read(z.header(fields=fields) + z.line(fields))


def test_old_logs_without_packet_counts():
    fields = [name for name in z.CONN if "pkts" not in name and "ip_bytes" not in name]
    records, _ = read(z.header(fields=fields) + z.line(fields))
    assert records["packet_delta_count"].tolist() == [-1]
    assert records["payload_octet_count"].tolist() == [400]


def test_a_packed_log_that_is_cut(tmp_path):
    path = tmp_path / "conn.log.gz"
    text = z.header() + "".join(z.line(ts=f"{n}.5", uid=f"C{n * 7919}") for n in range(5000))
    packed = gzip.compress(text.encode())
    path.write_bytes(packed[: len(packed) // 2])
    found = FORMAT.open(
        "conn.log", str(path), open_input(Input("conn.log", str(path), None)), strict=False
    )
    n = sum(len(block) for block in found.read())
    found.close()
    counters = found.counters
    assert 0 < n < 5000
    assert counters.rows_accounted == counters.rows_seen
    assert counters.notes[0].startswith("cannot be unpacked any further: ")
    assert counters.faulty in ({"the last line is cut": 1}, {})


def test_blocks_are_bounded():
    lines = z.header() + z.line() * 300_000
    sizes = [len(block) for block in source(lines).read()]
    assert sum(sizes) == 300_000
    assert max(sizes) <= 1 << 18
