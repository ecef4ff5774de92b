# SPDX-License-Identifier: Apache-2.0
"""NetFlow v5, octet by octet."""

import struct

import pytest

from minewatch.errors import SourceError
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.records import RecordCounters

SECOND = 1_000_000_000
HEADER = ">HHIIIIBBH"
RECORD = ">IIIHHIIIIHHBBBBHHBBH"
SENT_S = 1_700_000_000


def record(first=50_000, last=59_000, flags=0x1B, protocol=6, ports=(40_000, 3333)):
    head = (0x0A000001, 0xC0A80002, 0x0A0000FE, 1, 2, 7, 700, first, last)
    return struct.pack(RECORD, *head, *ports, 0, flags, protocol, 0, 0, 0, 24, 16, 0)


def datagram(records, uptime_ms=60_000, sequence=0, sampling=0, n=None, engine=(0, 0)):
    n = len(records) if n is None else n
    times = (uptime_ms, SENT_S, 500_000_000, sequence)
    return struct.pack(HEADER, 5, n, *times, *engine, sampling) + b"".join(records)


def decode(*datagrams, strict=False):
    counters = RecordCounters()
    decoder = ExportDecoder(counters, strict)
    found = [one for data in datagrams for one in decoder.decode(data, "10.9.9.9", "a:1", None)]
    return found, counters, decoder


def test_a_record_with_all_that_it_tells():
    (records,), counters, _ = decode(datagram([record()]))
    (one,) = records
    assert one["source_address_low"] == 0xFFFF_0A00_0001
    assert one["destination_address_low"] == 0xFFFF_C0A8_0002
    assert (one["source_address_high"], one["destination_address_high"]) == (0, 0)
    assert (one["packet_delta_count"], one["octet_delta_count"]) == (7, 700)
    assert (one["reverse_packet_delta_count"], one["reverse_octet_delta_count"]) == (-1, -1)
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["protocol_identifier"], one["tcp_control_bits"]) == (6, 0x1B)
    assert one["flow_start_nanoseconds"] == SENT_S * SECOND + SECOND // 2 - 10 * SECOND
    assert one["flow_end_nanoseconds"] == SENT_S * SECOND + SECOND // 2 - 1 * SECOND
    assert one["sampling_packet_interval"] == 1
    assert (counters.rows_seen, counters.rows_parsed, counters.faulty.total()) == (1, 1, 0)


def test_the_uptime_may_have_begun_anew_since_the_flow_did():
    (records,), _, _ = decode(datagram([record(first=2**32 - 5000, last=1000)], uptime_ms=2000))
    start, end = records[0]["flow_start_nanoseconds"], records[0]["flow_end_nanoseconds"]
    assert SENT_S * SECOND + SECOND // 2 - start == 7 * SECOND
    assert end - start == 6 * SECOND


def test_a_flow_may_end_a_little_after_its_header():
    (records,), _, _ = decode(datagram([record(last=60_010)]))
    end = records[0]["flow_end_nanoseconds"]
    assert end - (SENT_S * SECOND + SECOND // 2) == 10_000_000


def test_only_the_low_bits_of_sampling_are_the_interval():
    found, counters, decoder = decode(
        datagram([record()], sampling=0x4000 | 100), datagram([record()], sampling=0, sequence=1)
    )
    assert [records[0]["sampling_packet_interval"] for records in found] == [100, 1]
    assert counters.sampling == {100: 1, 1: 1}
    assert decoder.statistics[0].sampling == {100, 1}


def test_engines_are_domains_and_sequence_numbers_count_records():
    _, _, decoder = decode(
        datagram([record()] * 2, sequence=10, engine=(1, 2)),
        datagram([record()], sequence=17, engine=(1, 2)),
        datagram([record()], sequence=3),
    )
    first, second = decoder.statistics
    assert (first.domain, first.datagrams, first.records, first.lost, first.gaps) == (
        *("258", 2, 3, 5, 1),
    )
    assert (second.domain, second.lost) == ("0", 0)


def test_flags_that_tell_nothing_are_unknown():
    (records,), _, _ = decode(datagram([record(flags=0), record(protocol=17)]))
    assert records["tcp_control_bits"].tolist() == [-1, -1]


def test_type_and_code_of_icmp_stay_in_the_port():
    (records,), _, _ = decode(datagram([record(protocol=1, ports=(9, 0x0801))]))
    assert records[0]["source_transport_port"] == 0
    assert records[0]["destination_transport_port"] == 0x0801


def test_a_cut_datagram_gives_what_is_whole():
    (records,), counters, _ = decode(datagram([record()] * 3)[:-60])
    assert len(records) == 1
    assert counters.faulty == {"datagram cut": 2}
    assert counters.examples == ["a:1: datagram cut; 3 records are told, 1 are there"]
    assert counters.rows_seen == counters.rows_accounted == 3


@pytest.mark.parametrize("n", [0, 31, 65535])
def test_a_count_that_cannot_be(n):
    found, counters, decoder = decode(datagram([record()] * 2, n=n))
    assert found == []
    assert counters.faulty == {"lying count": 1}
    assert decoder.statistics == []


def test_a_cut_header():
    _, counters, _ = decode(datagram([])[:23])
    assert counters.examples == ["a:1: datagram cut; 23 octets are no header of v5"]


def test_an_end_before_the_start_is_no_flow():
    (records,), counters, _ = decode(datagram([record(), record(first=59_001)]))
    assert len(records) == 1
    assert counters.faulty == {"end before start": 1}
    assert counters.rows_seen == counters.rows_accounted == 2


def test_strict_stops_at_the_first_fault():
    with pytest.raises(SourceError, match="a:1: lying count"):
        decode(datagram([record()], n=0), strict=True)
