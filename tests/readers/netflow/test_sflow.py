# SPDX-License-Identifier: Apache-2.0
"""sFlow v5, octet by octet."""

import ipaddress
import struct

import pytest

import packets as p
from export_datagrams import (
    SENT,
    UPTIME_MS,
    Heard,
    expanded_sample,
    flow_sample,
    raw_header,
    sflow,
    structure,
)

FRAME = p.ether(p.ipv4(p.A, p.B, 6, p.tcp(40_000, 3333, b"x" * 500)))
RAW = raw_header(FRAME[:128], wire=len(FRAME) + 4)


def hear(*samples, received_ns=SENT, **head):
    return Heard(sflow(*samples, **head), received_ns=received_ns)


@pytest.mark.parametrize("sample", [flow_sample, expanded_sample])
def test_a_sampled_packet_is_a_record(sample):
    heard = hear(sample(RAW, interval=512))
    one = heard.one
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["packet_delta_count"], one["octet_delta_count"]) == (1, 540)
    assert one["sampling_packet_interval"] == 512
    assert one["flow_start_nanoseconds"] == one["flow_end_nanoseconds"] == SENT
    assert heard.counters.sampling == {512: 1}
    (statistics,) = heard.decoder.statistics
    assert (statistics.protocol, statistics.domain) == ("sFlow v5", "192.0.2.1/0")
    assert (statistics.records, statistics.sampling) == (1, {512})


def test_without_a_time_of_receipt_the_uptime_counts_and_is_told_of():
    heard = hear(flow_sample(RAW), received_ns=None)
    assert heard.one["flow_start_nanoseconds"] == UPTIME_MS * 1_000_000
    assert heard.counters.notes == [
        "sFlow tells no time of day: times are those of the agent's uptime"
    ]


def test_each_source_of_samples_is_an_observer():
    heard = hear(flow_sample(RAW, source=3), flow_sample(RAW, source=4), expanded_sample(RAW))
    points = heard.of("observation_point")
    assert points[0] != points[1]
    assert points[0] == points[2]


def test_an_agent_with_ipv6_and_a_number():
    heard = hear(flow_sample(RAW), agent="2001:db8::1", sub_agent=3)
    assert heard.decoder.statistics[0].domain == "2001:db8::1/3"
    assert len(heard.records) == 1


def test_counters_and_other_samples_are_ignored():
    others = [structure(kind, bytes(32)) for kind in (2, 4, 5, 0x1001)]
    heard = hear(*others, flow_sample(RAW))
    assert len(heard.records) == 1
    assert heard.counters.ignored == {"counters": 2, "sample of another kind": 2}
    assert heard.counters.rows_seen == heard.counters.rows_accounted == 5


def ipv4_packet(protocol=6, octets=540, flags=p.SYN):
    ends = [ipaddress.ip_address(one).packed for one in (p.A, p.B)]
    tail = struct.pack(">IIII", 40_000, 3333, flags, 0)
    return structure(3, struct.pack(">II", octets, protocol) + b"".join(ends) + tail)


def ipv6_packet(protocol=17, octets=200):
    ends = [ipaddress.ip_address(one).packed for one in (p.A6, p.B6)]
    tail = struct.pack(">IIII", 5000, 53, 0, 0)
    return structure(4, struct.pack(">II", octets, protocol) + b"".join(ends) + tail)


def test_a_packet_of_which_only_ipv4_s_fields_were_kept():
    one = hear(flow_sample(ipv4_packet())).one
    assert one["source_address_low"] == 0xFFFF_0A00_0001
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["octet_delta_count"], one["tcp_control_bits"]) == (540, p.SYN)


def test_a_packet_of_which_only_ipv6_s_fields_were_kept():
    one = hear(flow_sample(ipv6_packet())).one
    assert one["destination_address_high"] == 0x20010DB8000F0000
    assert (one["source_transport_port"], one["destination_transport_port"]) == (5000, 53)
    assert (one["octet_delta_count"], one["protocol_identifier"]) == (200, 17)


def test_a_sample_is_one_packet_however_often_it_is_told():
    heard = hear(flow_sample(structure(1001, bytes(16)), ipv4_packet(octets=41), RAW))
    assert heard.of("octet_delta_count") == [540]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([structure(1001, bytes(16))], "no IP header"),
        ([], "no IP header"),
        ([raw_header(FRAME, protocol=13)], "link type not known"),
        ([raw_header(p.ether(bytes(46), 0x0806))], "not IP"),
    ],
)
def test_samples_that_tell_of_no_flow(records, reason):
    heard = hear(flow_sample(*records))
    assert heard.counters.ignored == {reason: 1}
    assert heard.counters.faulty == {}


@pytest.mark.parametrize(
    "sample",
    [
        structure(1, bytes(31)),
        flow_sample(structure(1, bytes(15))),
        flow_sample(structure(1, struct.pack(">IIII", 1, 60, 0, 60) + bytes(59))),
        flow_sample(structure(1, struct.pack(">IIII", 1, 60, 0, 0))),
        flow_sample(structure(3, bytes(27))),
        flow_sample(structure(4, bytes(51))),
        flow_sample(structure(1, bytes(16), 500)),
        flow_sample(RAW[:40], n=3),
    ],
    ids=range(8),
)
def test_samples_that_are_cut(sample):
    heard = hear(sample)
    assert heard.records == []
    assert heard.counters.faulty == {"sample cut": 1}


@pytest.mark.parametrize("lying", [{"n": 3}, {"n": 2**32 - 1}])
def test_a_lying_count_of_samples(lying):
    heard = hear(flow_sample(RAW), **lying)
    assert len(heard.records) == 1
    assert heard.counters.faulty == {"datagram cut": 1}


@pytest.mark.parametrize("octets", [4, 8, 20, 27])
def test_a_cut_head(octets):
    heard = Heard(sflow(flow_sample(RAW))[:octets])
    assert heard.counters.faulty == {"datagram cut": 1}


def test_an_address_of_no_known_kind():
    data = bytearray(sflow(flow_sample(RAW)))
    data[7] = 3
    assert Heard(bytes(data)).counters.faulty == {"datagram cut": 1}


def test_sequence_numbers_count_datagrams_of_an_agent():
    data = [sflow(flow_sample(RAW), sequence=number) for number in (1, 2, 5)]
    other = sflow(flow_sample(RAW), sequence=90, agent="192.0.2.2")
    first, second = Heard(*data, other, received_ns=SENT).decoder.statistics
    assert (first.lost, first.gaps, second.lost) == (2, 1, 0)


def test_an_interval_of_nothing_is_no_sampling():
    assert hear(flow_sample(RAW, interval=0)).one["sampling_packet_interval"] == 1


def test_any_octets_are_accounted_for(rng):
    whole = sflow(flow_sample(RAW, ipv4_packet()), expanded_sample(ipv6_packet()))
    for _ in range(500):
        octets = bytearray(whole)
        for place in rng.integers(0, len(octets), 4):
            octets[place] = rng.integers(0, 256)
        heard = Heard(bytes(octets), received_ns=SENT).finish()
        assert heard.counters.rows_seen == heard.counters.rows_accounted
