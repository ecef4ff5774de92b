# SPDX-License-Identifier: Apache-2.0
"""Entries of VPC Flow Logs of Google Cloud, in each of the ways in which they are exported."""

import copy
import io
import json

import pytest

from minewatch.contracts import FlowFormat
from minewatch.readers.flowlogs.gcp import GcpFormat
from minewatch.readers.flowlogs.iso_times import nanoseconds_of
from minewatch.records import UNKNOWN, new_records

LOG_NAME = "projects/p/logs/compute.googleapis.com%2Fvpc_flows"
PAYLOAD = {
    "connection": {
        "src_ip": "10.0.0.7",
        "src_port": 40000,
        "dest_ip": "192.0.2.5",
        "dest_port": 3333,
        "protocol": 6,
    },
    "reporter": "SRC",
    "bytes_sent": "1776",
    "packets_sent": "7",
    "start_time": "2026-01-31T03:45:37.186193305Z",
    "end_time": "2026-01-31T03:45:42.301953198Z",
    "rtt_msec": "36",
    "src_instance": {"project_id": "p", "vm_name": "web", "zone": "us-east1-b"},
    "src_vpc": {"project_id": "p", "subnetwork_name": "default", "vpc_name": "default"},
    "dest_instance": {"project_id": "p", "vm_name": "db", "zone": "us-east1-b"},
}


def payload(**changes):
    changed = copy.deepcopy(PAYLOAD)
    connection = changes.pop("connection", {})
    changed |= changes
    if connection is None:
        del changed["connection"]
    else:
        changed["connection"] |= connection
    return {name: value for name, value in changed.items() if value is not ...}


def entry(log_name=LOG_NAME, **changes):
    return {"insertId": "x", "jsonPayload": payload(**changes), "logName": log_name}


def read(*documents, octets=None, strict=False):
    if octets is None:
        octets = "\n".join(json.dumps(one) for one in documents).encode()
    source = GcpFormat().open("g.json", "g.json", io.BytesIO(octets), strict=strict)
    blocks = [block.copy() for block in source.read()]
    assert source.counters.rows_seen == source.counters.rows_accounted
    return blocks[0] if blocks else new_records(0), source.counters


def test_a_record_is_what_the_entry_tells():
    records, counters = read(entry(), strict=True)
    expected = new_records(1)
    expected["source_address_low"] = 0xFFFF_0A00_0007
    expected["destination_address_low"] = 0xFFFF_C000_0205
    expected["source_transport_port"], expected["destination_transport_port"] = 40000, 3333
    expected["protocol_identifier"] = 6
    expected["flow_start_nanoseconds"] = nanoseconds_of(PAYLOAD["start_time"])
    expected["flow_end_nanoseconds"] = nanoseconds_of(PAYLOAD["end_time"])
    expected["packet_delta_count"] = 7
    expected["payload_octet_count"] = 1776  # Google counts payload, not packets
    expected["sampling_packet_interval"], expected["is_scaled"] = 10, 1
    expected["observation_point"] = records["observation_point"]
    assert records.tolist() == expected.tolist()
    assert records["observation_point"][0] != 0
    assert counters.rows_parsed == counters.sampling[10] == 1


@pytest.mark.parametrize(
    "octets",
    [
        json.dumps(entry()).encode(),
        json.dumps([entry()], indent=2).encode(),
        json.dumps(payload()).encode(),
        json.dumps({"jsonPayload": payload(bytes_sent=1776, packets_sent=7.0)}).encode(),
        json.dumps(
            {
                "logName": LOG_NAME,
                "jsonPayload": payload(
                    start_time="2026-01-31 03:45:37.186193305 UTC",
                    connection={"src_port": "40000", "dest_port": 3333.0, "protocol": "6"},
                ),
            }
        ).encode(),
    ],
    ids=["line", "array", "bare payload", "numbers", "BigQuery"],
)
def test_each_way_of_export_gives_the_same(octets):
    records, counters = read(octets=octets)
    assert records.tolist() == read(entry())[0].tolist()
    assert counters.faulty == {}


def test_observers_are_told_apart():
    sides = [
        entry(),
        entry(reporter="DEST"),
        entry(src_instance={"vm_name": "other"}),
        entry(reporter="SRC_GATEWAY", src_instance=..., src_gateway={"name": "vpn"}),
        entry(),
        entry(dest_instance=...),
        entry(reporter=""),
    ]
    points = read(*sides)[0]["observation_point"].tolist()
    assert len(set(points[:4])) == 4
    assert points[0] == points[4] == points[5]
    bare = payload(reporter=..., src_instance=..., src_vpc=..., dest_instance=...)
    assert read(bare)[0]["observation_point"].tolist() == [0]


def test_a_packet_without_payload_is_no_unknown():
    records, _ = read(entry(bytes_sent="0", packets_sent="1"))
    assert records["payload_octet_count"].tolist() == [0]
    assert records["octet_delta_count"].tolist() == [UNKNOWN]


def test_what_is_not_told_is_unknown():
    records, _ = read(
        entry(
            bytes_sent=...,
            packets_sent=None,
            connection={"protocol": 1, "src_port": None, "dest_port": None},
        )
    )
    assert records["payload_octet_count"].tolist() == [UNKNOWN]
    assert records["packet_delta_count"].tolist() == [UNKNOWN]
    assert records["source_transport_port"].tolist() == [0]


def test_other_logs_are_ignored():
    other = "projects/p/logs/compute.googleapis.com%2Ffirewall"
    records, counters = read(
        entry(other),
        {"logName": other, "jsonPayload": {"connection": "odd"}},
        {"logName": "projects/p/logs/syslog", "textPayload": "hello"},
        entry(rdma_traffic_type="Falcon", connection={"protocol": None}),
        entry("projects/p/logs/networkmanagement.googleapis.com%2Fvpc_flows"),
    )
    assert len(records) == 1
    assert counters.ignored == {"another log": 3, "RDMA": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry(connection=None), "connection is missing"),
        (entry(connection={"src_ip": "10.0.0"}), "no address"),
        (entry(connection={"src_ip": None}), "an address is missing"),
        (entry(connection={"src_ip": 7}), "a member of the wrong type"),
        (entry(connection={"dest_port": 65536}), "dest_port is out of range"),
        (entry(connection={"protocol": None}), "protocol is missing"),
        (entry(connection={"protocol": 256}), "protocol is out of range"),
        (entry(bytes_sent="-1"), "bytes_sent is out of range"),
        (entry(bytes_sent=1e300), "bytes_sent is out of range"),
        (entry(packets_sent="many"), "packets_sent is no whole number"),
        (entry(start_time="yesterday"), "start_time has no zone"),
        (entry(start_time=...), "start_time is missing"),
        (entry(end_time="2301-01-31T03:45:37Z"), "end_time is no time"),
        (entry(end_time="2026-01-31T03:45:30Z"), "end before start"),
        (entry(reporter="x" * 10_000), "a member of the wrong type"),
        ({"logName": LOG_NAME}, "connection is missing"),
        ([1], "a member of the wrong type"),
    ],
)
def test_a_bad_entry_costs_only_itself(bad, reason):
    records, counters = read(entry(), bad, entry())
    assert len(records) == 2
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"g.json:2: {reason}; ")


def test_a_cut_log_is_used_up_to_the_cut():
    octets = json.dumps([entry(), entry()]).encode()
    records, counters = read(octets=octets[:-30])
    assert len(records) == 1
    assert counters.faulty == {"not JSON": 1}
    assert counters.examples[0].startswith("g.json: record 2: not JSON")
    assert len(counters.notes) == 1


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps(entry()).encode(), True),
        (b"\xef\xbb\xbf" + json.dumps([entry()], indent=2).encode(), True),
        (json.dumps(payload()).encode(), True),
        (b'{"logName": "projects/p/logs/syslog", "textPayload": "hello"}', False),
        (b"see projects/p/logs/compute.googleapis.com%2Fvpc_flows", False),
        (b'{"ts": 1, "uid": "C", "id.orig_h": "10.0.0.1"}', False),
        (b"", False),
    ],
)
def test_recognises(head, expected):
    assert GcpFormat().recognises(head) == expected
    assert isinstance(GcpFormat(), FlowFormat)
