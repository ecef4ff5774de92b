# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from exported_talk import OTHER_HOME, TALK, ends, log_of, packets
from minewatch.exporting import settings as s
from minewatch.exporting.gcp import GcpJson


def entries(talk, both, settings):
    writer = GcpJson()
    text = writer.head() + writer.rows(log_of(talk, both, settings)) + writer.end()
    return [json.loads(line) for line in text.splitlines()]


def test_a_record_is_a_log_entry():
    first, second = entries(TALK, ends(), s.gcp(900, 1))
    machine = second["jsonPayload"]["src_instance"]
    assert second == {
        "insertId": "minewatch-1",
        "jsonPayload": {
            "bytes_sent": "220",
            "connection": {
                "dest_ip": "203.0.113.7",
                "dest_port": 3333,
                "protocol": 6,
                "src_ip": "10.0.0.5",
                "src_port": 40000,
            },
            "end_time": "1970-01-01T00:01:59.000000000Z",
            "packets_sent": "3",
            "reporter": "SRC",
            "src_instance": machine,
            "start_time": "1970-01-01T00:01:40.250000000Z",
        },
        "logName": "projects/minewatch-export/logs/compute.googleapis.com%2Fvpc_flows",
        "receiveTimestamp": "1970-01-01T00:15:00.000000000Z",
        "resource": {
            "labels": {
                "location": "-",
                "project_id": "minewatch-export",
                "subnetwork_id": "0",
                "subnetwork_name": "exported",
            },
            "type": "gce_subnetwork",
        },
        "timestamp": "1970-01-01T00:15:00.000000000Z",
    }
    assert first["jsonPayload"]["reporter"] == "DEST"
    assert first["jsonPayload"]["dest_instance"] == machine
    assert "src_instance" not in first["jsonPayload"]


def test_both_ends_report_if_both_are_at_home():
    both = ends(responder=OTHER_HOME, homes=(True, True))
    payloads = [entry["jsonPayload"] for entry in entries(TALK, both, s.gcp(900, 1))]
    seen = {(one["connection"]["src_ip"], one["reporter"]) for one in payloads}
    assert len(payloads) == 4
    assert seen == {(f"10.0.0.{n}", side) for n in (5, 6) for side in ("SRC", "DEST")}


@pytest.mark.parametrize(
    ("protocol", "has_ports"), [(6, True), (17, True), (1, False), (47, False)]
)
def test_only_tcp_and_udp_have_ports(protocol, has_ports):
    talk = packets((1, 84, True, 0))
    (entry,) = entries(talk, ends(protocol=protocol), s.gcp(900, 1))
    connection = entry["jsonPayload"]["connection"]
    assert ("src_port" in connection, "dest_port" in connection) == (has_ports, has_ports)


def test_entries_of_a_log_have_names_of_their_own():
    writer = GcpJson()
    told = log_of(TALK, ends(), s.gcp(900, 1))
    text = writer.rows(told) + writer.rows(told)
    names = [json.loads(line)["insertId"] for line in text.splitlines()]
    assert names == [f"minewatch-{n}" for n in range(4)]


def test_no_records_are_no_lines():
    assert GcpJson().rows(log_of(packets(), ends(), s.gcp())) == b""
