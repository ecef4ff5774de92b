# SPDX-License-Identifier: Apache-2.0
"""Headers of sampled packets."""

import pytest

import packets as p
from minewatch.errors import SourceError
from minewatch.readers.netflow.sampled import Sample, SampledPackets
from minewatch.records import RecordCounters

TIME = 1_700_000_000_000_000_000
ETHERNET = 1


def take(*headers, strict=False, link=ETHERNET):
    sampled = SampledPackets()
    for i, header in enumerate(headers):
        sample = Sample(TIME + i, 100 + i, 7 + i, f"place {i}")
        sampled.add(memoryview(header), link, len(header) + 1000, sample)
    counters = RecordCounters(rows_seen=len(headers))
    records = sampled.take(counters, strict=strict)
    assert len(sampled) == 0
    assert counters.rows_accounted == len(headers)
    return records, counters


def frame(octets=2000, **tcp):
    body = p.ipv4(p.A, p.B, 6, p.tcp(40_000, 3333, b"x" * octets, **tcp))
    return p.ether(body)


def test_a_header_of_tcp():
    records, counters = take(frame(flags=p.SYN)[:60])
    (one,) = records
    assert (one["source_address_low"], one["destination_address_low"]) == (
        *(0xFFFF_0A00_0001, 0xFFFF_C633_6407),
    )
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["packet_delta_count"], one["octet_delta_count"]) == (1, 2040)
    assert (one["payload_octet_count"], one["reverse_payload_octet_count"]) == (2000, -1)
    assert (one["tcp_control_bits"], one["protocol_identifier"]) == (p.SYN, 6)
    assert one["flow_start_nanoseconds"] == one["flow_end_nanoseconds"] == TIME
    assert (one["sampling_packet_interval"], one["observation_point"]) == (100, 7)
    assert (one["reverse_packet_delta_count"], one["is_source_initiator"]) == (-1, -1)
    assert counters.rows_parsed == 1


def test_vlan_ipv6_and_udp():
    body = p.ipv6(p.A6, p.B6, 17, p.udp(5000, 53, b"q" * 10))
    records, _ = take(p.ether(p.tag(42, p.IPV6, body), p.VLAN))
    (one,) = records
    assert one["source_address_high"] == 0x20010DB8 << 32
    assert (one["vlan_id"], one["octet_delta_count"], one["tcp_control_bits"]) == (42, 58, -1)


def test_packets_without_a_record_do_not_shift_the_others():
    arp = p.ether(bytes(46), 0x0806)
    records, counters = take(frame(), arp, frame()[:30], frame(), frame()[:14])
    assert records["sampling_packet_interval"].tolist() == [100, 103]
    assert records["flow_start_nanoseconds"].tolist() == [TIME, TIME + 3]
    assert counters.ignored == {"not IP": 1}
    assert counters.faulty == {"sampled header cut": 2}
    assert counters.examples == [
        "place 1: sampled header cut; let the exporter sample 128 octets of a packet"
    ]


def test_a_later_fragment_has_no_ports():
    records, counters = take(p.ether(p.ipv4(p.A, p.B, 17, b"x" * 100, offset=80)))
    assert len(records) == 0
    assert counters.ignored == {"fragment without ports": 1}


def test_a_header_that_contradicts_itself():
    with pytest.raises(SourceError, match="place 0: sampled header malformed"):
        take(p.ether(b"\x41" + bytes(39)), strict=True)


def test_tunnels_stay_what_they_are():
    inner = frame()
    records, _ = take(p.ether(p.ipv4(p.A, p.C, 17, p.udp(5000, 4789, p.vxlan(inner)))))
    assert records["destination_transport_port"].tolist() == [4789]
