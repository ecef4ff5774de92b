# SPDX-License-Identifier: Apache-2.0
"""Events of Suricata: flows and half flows as records, names of other events, the rest ignored."""

import copy
import io
import json

import pytest

from minewatch.contracts import FlowFormat
from minewatch.readers.flowlogs.iso_times import nanoseconds_of
from minewatch.readers.flowlogs.suricata import SuricataFormat
from minewatch.records import DENIED, UNKNOWN, new_records

START, END = "2026-01-31T16:38:55.855844+0200", "2026-01-31T16:39:56.963027+0200"
FLOW = {
    "timestamp": "2026-01-31T17:57:37.272281+0200",
    "flow_id": 445348883402532,
    "in_iface": "eth0",
    "event_type": "flow",
    "src_ip": "10.0.0.7",
    "src_port": 40000,
    "dest_ip": "192.0.2.5",
    "dest_port": 3333,
    "proto": "TCP",
    "app_proto": "failed",
    "flow": {
        "pkts_toserver": 12,
        "pkts_toclient": 10,
        "bytes_toserver": 4056,
        "bytes_toclient": 1000,
        "start": START,
        "end": END,
        "age": 61,
        "state": "established",
        "reason": "timeout",
        "alerted": False,
    },
    "tcp": {"tcp_flags": "1f", "tcp_flags_ts": "1b", "tcp_flags_tc": "12", "syn": True},
}
NETFLOW = {
    **{name: value for name, value in FLOW.items() if name not in ("flow", "tcp")},
    "event_type": "netflow",
    "netflow": {"pkts": 12, "bytes": 4056, "start": START, "end": END, "min_ttl": 64},
    "tcp": {"tcp_flags": "1b"},
}


def event(base=FLOW, **changes):
    changed = copy.deepcopy(base)
    for name, value in changes.items():
        if isinstance(value, dict) and name in changed:
            changed[name] |= value
        else:
            changed[name] = value
    return {name: value for name, value in changed.items() if value is not ...}


def read(*events, strict=False):
    octets = "\n".join(json.dumps(one) for one in events).encode()
    source = SuricataFormat().open("eve.json", "eve.json", io.BytesIO(octets), strict=strict)
    blocks = [block.copy() for block in source.read()]
    assert source.counters.rows_seen == source.counters.rows_accounted == len(events)
    return blocks[0] if blocks else new_records(0), source


def expected_flow():
    expected = new_records(1)
    expected["source_address_low"] = 0xFFFF_0A00_0007
    expected["destination_address_low"] = 0xFFFF_C000_0205
    expected["source_transport_port"], expected["destination_transport_port"] = 40000, 3333
    expected["protocol_identifier"] = 6
    expected["flow_start_nanoseconds"] = nanoseconds_of(START)
    expected["flow_end_nanoseconds"] = nanoseconds_of(END)
    expected["packet_delta_count"] = 12
    expected["octet_delta_count"] = 4056 - 12 * 14  # without Ethernet
    expected["tcp_control_bits"] = 0x1B
    return expected


def test_a_flow_is_what_the_event_tells():
    records, source = read(FLOW, strict=True)
    expected = expected_flow()
    expected["reverse_packet_delta_count"] = 10
    expected["reverse_octet_delta_count"] = 1000 - 10 * 14
    expected["reverse_tcp_control_bits"] = 0x12
    expected["flow_end_reason"] = 1
    expected["is_source_initiator"] = 1
    expected["observation_point"] = records["observation_point"]
    assert records.tolist() == expected.tolist()
    assert source.counters.sampling == {1: 1}


def test_half_a_flow_is_of_one_direction_and_of_another_observer():
    records, _ = read(NETFLOW, FLOW, strict=True)
    expected = expected_flow()
    expected["observation_point"] = records["observation_point"][0]
    assert records[:1].tolist() == expected.tolist()
    assert len({0, *records["observation_point"].tolist()}) == 3


@pytest.mark.parametrize(
    ("flow", "reason"),
    [
        ({"state": "closed", "reason": "timeout"}, 3),
        ({"state": "closed", "reason": "shutdown"}, 3),
        ({"state": "new", "reason": "timeout"}, 1),
        ({"state": "established", "reason": "forced"}, 4),
        ({"state": "new", "reason": "shutdown"}, 4),
        ({"state": "new", "reason": "novel"}, 0),
        ({"state": None, "reason": None}, 0),
    ],
)
def test_why_a_flow_ended(flow, reason):
    assert read(event(flow=flow))[0]["flow_end_reason"].tolist() == [reason]


def test_dropped_flows_are_denied():
    records, _ = read(event(flow={"action": "drop"}), event(flow={"action": "pass"}))
    assert records["firewall_event"].tolist() == [DENIED, 0]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"vlan": 7}, "vlan_id", 7),
        ({"vlan": [8, 9]}, "vlan_id", 8),
        ({"vlan": []}, "vlan_id", 0),
        ({"proto": "UDP", "tcp": ...}, "protocol_identifier", 17),
        ({"proto": "058"}, "protocol_identifier", 58),
        ({"tcp": ...}, "tcp_control_bits", UNKNOWN),
        ({"tcp": {"tcp_flags_ts": "ff"}}, "tcp_control_bits", 255),
        ({"src_port": ...}, "source_transport_port", 0),
        ({"flow": {"pkts_toclient": None}}, "reverse_packet_delta_count", UNKNOWN),
        ({"flow": {"bytes_toserver": "4056"}}, "octet_delta_count", 4056 - 12 * 14),
        ({"src_ip": "fe80::1"}, "source_address_high", 0xFE80 << 48),
    ],
)
def test_members(changes, field, value):
    records, source = read(event(**changes))
    assert records[field].tolist() == [value]
    assert source.counters.faulty == {}


def test_icmp_has_type_and_code():
    ping = event(
        proto="IPv6-ICMP", icmp_type=128, icmp_code=1, src_port=..., dest_port=..., tcp=...
    )
    records, _ = read(ping)
    assert records["source_transport_port"].tolist() == [0]
    assert records["destination_transport_port"].tolist() == [128 << 8 | 1]


def test_names_of_other_events():
    records, source = read(
        event(event_type="tls", flow=..., tls={"sni": "pool.example"}),
        event(event_type="quic", flow=..., flow_id=9, quic={"sni": "www.example"}),
        event(
            event_type="dns",
            flow=...,
            dns={"type": "answer", "rrname": "pool.example", "rrtype": "A", "rdata": "192.0.2.5"},
        ),
        FLOW,
        event(flow_id=9),
        event(flow_id=8),
    )
    assert source.names.servers == ["pool.example", "www.example"]
    assert records["server_name"].tolist() == [0, 1, UNKNOWN]
    assert source.names.answers == {(0, 0xFFFF_C000_0205): "pool.example"}
    assert source.counters.ignored == {"tls": 1, "quic": 1, "dns": 1}


def test_other_events_are_ignored_whatever_they_hold():
    _, source = read(
        event(event_type="alert", flow={"start": 5}, alert={"signature": "x"}),
        event(event_type="stats", flow=[1], tcp="x"),
        event(event_type="stats"),
    )
    assert source.counters.ignored == {"alert": 1, "stats": 2}
    assert source.counters.faulty == {}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (event(flow=...), "flow is missing"),
        (event(NETFLOW, netflow=...), "netflow is missing"),
        (event(flow=[1]), "a member of the wrong type"),
        (event(flow={"start": 5}), "a member of the wrong type"),
        (event(flow={"start": "2026-01-31T16:38:55"}), "start has no zone"),
        (event(flow={"end": "2026-01-31T16:38:50.0+0200"}), "end before start"),
        (event(flow={"pkts_toserver": -1}), "pkts_toserver is out of range"),
        (event(flow={"bytes_toclient": 2**63}), "bytes_toclient is out of range"),
        (event(NETFLOW, netflow={"pkts": 10**40}), "pkts is out of range"),
        (event(src_ip="x"), "no address"),
        (event(proto="novel"), "proto is not known"),
        (event(src_port=70000), "src_port is out of range"),
        (event(tcp={"tcp_flags_ts": "zz"}), "TCP flags are no number"),
        (event(tcp={"tcp_flags_tc": "0" * 99}), "TCP flags are no number"),
        (event(vlan=5000), "vlan is out of range"),
        (event(proto="ICMP", icmp_type=300), "icmp_type is out of range"),
        (event(event_type="tls", tls={"sni": 5}), "a member of the wrong type"),
        (event(event_type="dns", dns=[]), "a member of the wrong type"),
        (event(event_type=...), "a member of the wrong type"),
        (event(event_type=5), "a member of the wrong type"),
        (5, "a member of the wrong type"),
    ],
)
def test_a_bad_event_costs_only_itself(bad, reason):
    records, source = read(FLOW, bad, FLOW)
    assert len(records) == 2
    assert source.counters.faulty == {reason: 1}
    assert source.counters.examples[0].startswith(f"eve.json:2: {reason}; ")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps(FLOW).encode(), True),
        (json.dumps([FLOW]).encode(), True),
        (b'{"timestamp": 5}', False),
        (b'the "event_type" and the "timestamp"', False),
        (b"", False),
    ],
)
def test_recognises(head, expected):
    assert SuricataFormat().recognises(head) == expected
    assert isinstance(SuricataFormat(), FlowFormat)
