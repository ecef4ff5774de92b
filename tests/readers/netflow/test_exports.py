# SPDX-License-Identifier: Apache-2.0
"""Files of messages, and which inputs are exports at all."""

import gzip
import io

import pytest

import packets as p
from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    SECOND,
    SENT_S,
    a_set,
    ipfix,
    ipfix_flows,
    record,
    template,
    v5,
    v5_record,
    v9,
    v9_flows,
)
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.readers.netflow import exports
from minewatch.readers.netflow.exports import MessageExports, NetflowFormat
from minewatch.readers.source import Input, open_counted

NETFLOW = NetflowFormat()
ONE = record(PLAIN, PLAIN_VALUES)
MESSAGES = [
    v9(a_set(0, template(256, PLAIN))),
    v9(a_set(256, ONE * 2), sequence=1),
    v5(v5_record(), v5_record(), v5_record()),
    ipfix_flows(PLAIN, PLAIN_VALUES),
]


def read(data, strict=False):
    source = NETFLOW.open("a.nf", "a.nf", io.BytesIO(data), strict=strict)
    assert isinstance(source, FlowSource)
    records = [one for block in source.read() for one in block.copy()]
    source.close()
    counters = source.counters
    assert counters.rows_seen == counters.rows_accounted
    assert counters.rows_parsed == len(records)
    return records, counters


def test_it_is_a_flow_format():
    assert isinstance(NETFLOW, FlowFormat)
    assert (NETFLOW.name, NETFLOW.title) == ("netflow", "NetFlow v5, v9, IPFIX and sFlow")


def test_messages_one_after_the_other():
    records, counters = read(b"".join(MESSAGES))
    assert len(records) == 6
    assert (counters.faulty, counters.notes) == ({}, [])
    assert NETFLOW.recognises(b"".join(MESSAGES))


def test_zeros_between_messages_are_stepped_over():
    records, counters = read(bytes(8).join(MESSAGES) + bytes(5))
    assert (len(records), counters.faulty) == (6, {})


def test_templates_of_a_file_do_not_age():
    old = ipfix(a_set(2, template(256, PLAIN)), seconds=SENT_S - 1_000_000)
    records, _ = read(old + ipfix(a_set(256, ONE)))
    assert len(records) == 1


def test_a_cut_message_at_the_end_is_a_fault():
    records, counters = read(b"".join(MESSAGES)[:-10])
    assert len(records) == 5
    assert counters.faulty.total() == 2  # the message, and its set
    with pytest.raises(SourceError, match=r"a\.nf: message 4: datagram cut"):
        read(b"".join(MESSAGES)[:-10], strict=True)


def test_what_follows_a_damage_is_not_used():
    data = MESSAGES[2] + b"nothing that anybody sent" + MESSAGES[3]
    records, counters = read(data)
    assert len(records) == 3
    assert counters.faulty == {"unknown version": 1}
    assert counters.notes == [
        f"offset {len(MESSAGES[2])}: no message stands here; what follows is not used"
    ]


def test_a_head_that_only_looks_like_one_is_no_message():
    records, counters = read(MESSAGES[2] + v9() + b"\0\7\0\x08" + bytes(9))
    assert len(records) == 3
    assert counters.faulty == {"unknown set": 1}
    assert len(counters.notes) == 1


def test_long_files_are_read_in_pieces(monkeypatch):
    monkeypatch.setattr(exports, "_READ_OCTETS", 1000)
    monkeypatch.setattr(exports, "_MAX_GATHERED", 50)
    n = 3000
    data = b"".join(v5(*[v5_record()] * 7, sequence=7 * i) for i in range(n))
    source = NETFLOW.open("a.nf", "a.nf", io.BytesIO(data), strict=False)
    sizes = [len(block) for block in source.read()]
    assert sum(sizes) == 7 * n
    assert max(sizes) == 56
    assert source.counters.octets_read == len(data)


def test_a_cut_gzip_gives_all_that_precedes_the_cut(tmp_path, rng):
    data = b"".join(
        v5(*[v5_record(ports=tuple(rng.integers(0, 65_536, 2))) for _ in range(30)])
        for _ in range(100)
    )
    path = tmp_path / "a.nf.gz"
    path.write_bytes(gzip.compress(data)[:-2000])
    opened = open_counted(Input(str(path), str(path), None))
    source = NETFLOW.open("a.nf.gz", str(path), opened.stream, strict=False)
    parsed = sum(len(block) for block in source.read())
    source.close()
    assert 1000 < parsed < 3000
    assert [note.split(":")[0] for note in source.counters.notes] == [
        "cannot be unpacked any further"
    ]
    assert source.counters.rows_seen == source.counters.rows_accounted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\5",
        p.pcap([p.tcp_frame()]),
        b"version account-id interface-id\n",
        b"\x1f\x8b\x08",
        bytes(2000),
    ],
)
def test_other_inputs_are_not_recognised(data):
    assert not NETFLOW.recognises(data)


def test_an_empty_input_has_no_records():
    assert read(b"")[0] == []


def test_times_are_the_exporter_s():
    records, _ = read(v9_flows(PLAIN, PLAIN_VALUES, seconds=SENT_S))
    assert records[0]["flow_end_nanoseconds"] == (SENT_S - 1) * SECOND


def test_a_stream_that_fails():
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, room):
            raise OSError(5, "Input/output error")

    source = MessageExports("a.nf", Failing(), strict=False)
    assert list(source.read()) == []
    assert source.counters.notes == ["cannot be read any further: Input/output error"]
