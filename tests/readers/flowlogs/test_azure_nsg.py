# SPDX-License-Identifier: Apache-2.0
"""Flow logs of network security groups, versions 1 and 2."""

import io
import json

import pytest

from minewatch.contracts import FlowFormat
from minewatch.readers.flowlogs.azure_nsg import AzureNsgFormat
from minewatch.records import DENIED, UNKNOWN, new_records

SECOND = 10**9
BEGIN = "1542110377,10.5.16.4,192.0.2.118,59831,443,T,O,A,B,,,,"
GOES_ON = "1542110677,10.5.16.4,192.0.2.118,59831,443,T,O,A,C,30,16978,24,14008"
ENDS = "1542110700,10.5.16.4,192.0.2.118,59831,443,T,O,A,E,1,66,2,132"
DENIED_2 = "1542110402,198.51.100.190,10.5.16.4,28746,443,U,I,D,B,,,,"
ALLOWED_1 = "1487282370,192.0.2.17,10.1.0.4,61771,3389,T,I,A"
DENIED_1 = "1487282421,192.0.2.95,10.1.0.4,51529,5358,T,I,D"


def record(*texts, mac="000D3AF87856", **changes):
    return {
        "time": "2018-11-13T12:00:35.3899262Z",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/0/NSG",
        "properties": {
            "Version": 2,
            "flows": [{"rule": "Rule", "flows": [{"mac": mac, "flowTuples": list(texts)}]}],
        },
    } | changes


def read(*records, octets=None, strict=False):
    octets = json.dumps({"records": list(records)}).encode() if octets is None else octets
    source = AzureNsgFormat().open("n.json", "n.json", io.BytesIO(octets), strict=strict)
    blocks = [block.copy() for block in source.read()]
    assert source.counters.rows_seen == source.counters.rows_accounted
    return blocks[0] if blocks else new_records(0), source.counters


def test_a_conversation_of_version_2():
    records, counters = read(record(BEGIN, GOES_ON), record(ENDS), strict=True)
    assert counters.rows_seen == 3
    assert counters.ignored == {"begin of a flow: no counts": 1}
    assert (records["flow_start_nanoseconds"] // SECOND).tolist() == [1542110377, 1542110677]
    assert (records["flow_end_nanoseconds"] // SECOND).tolist() == [1542110677, 1542110700]
    assert records["packet_delta_count"].tolist() == [30, 1]
    assert records["octet_delta_count"].tolist() == [16978, 66]
    assert records["reverse_packet_delta_count"].tolist() == [24, 2]
    assert records["reverse_octet_delta_count"].tolist() == [14008, 132]
    assert records["protocol_identifier"].tolist() == [6, 6]
    assert records["source_address_low"].tolist() == [0xFFFF_0A05_1004] * 2
    assert records["destination_transport_port"].tolist() == [443, 443]
    assert records["is_source_initiator"].tolist() == [1, 1]


def test_denied_packets():
    records, counters = read(record(DENIED_2))
    assert records["firewall_event"].tolist() == [DENIED]
    assert records["protocol_identifier"].tolist() == [17]
    assert records["packet_delta_count"].tolist() == [UNKNOWN]
    assert counters.ignored == {}


def test_version_1_has_no_counts():
    records, counters = read(record(ALLOWED_1, DENIED_1), strict=True)
    assert records["firewall_event"].tolist() == [0, DENIED]
    assert records["packet_delta_count"].tolist() == [UNKNOWN] * 2
    assert records["flow_start_nanoseconds"].tolist() == [1487282370 * SECOND, 1487282421 * SECOND]
    assert counters.rows_parsed == 2


def test_one_record_a_line():
    octets = "\n".join(json.dumps(record(text)) for text in (BEGIN, ENDS)).encode()
    records, _ = read(octets=octets)
    assert (records["flow_start_nanoseconds"] // SECOND).tolist() == [1542110377]
    assert read(octets=json.dumps([record(ENDS)], indent=1).encode())[1].rows_parsed == 1


def test_interfaces_and_groups_are_observers():
    records, _ = read(
        record(GOES_ON),
        record(GOES_ON, mac="000D3AF87857"),
        record(GOES_ON, resourceId="/SUBSCRIPTIONS/0/NSG2"),
        record(ENDS),
    )
    points = records["observation_point"].tolist()
    assert len({0, *points}) == 4
    assert points[0] == points[3]


@pytest.mark.parametrize(
    ("bad", "reason", "place"),
    [
        (record("1,2,3"), "a tuple of another number of fields", "record 2, tuple 1"),
        (record(GOES_ON + ",5"), "a tuple of another number of fields", "record 2, tuple 1"),
        (record(ALLOWED_1[:-1] + "X"), "decision is not known", "record 2, tuple 1"),
        (record("," * 12), "decision is not known", "record 2, tuple 1"),
        (record(properties=None), "properties are missing", "record 2"),
        (record(properties=[]), "a member of the wrong type", "record 2"),
        (record(5), "a member of the wrong type", "record 2"),
    ],
)
def test_a_bad_row_costs_only_itself(bad, reason, place):
    records, counters = read(record(GOES_ON), bad, record(ENDS))
    assert len(records) == 2
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"n.json: {place}: {reason}; ")


def test_other_categories_are_ignored():
    _, counters = read(record(category="NetworkSecurityGroupRuleCounter", properties=None))
    assert counters.ignored == {"category 'NetworkSecurityGroupRuleCounter'": 1}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps({"records": [record(ENDS)]}).encode(), True),
        (json.dumps(record(ENDS, category=None)).encode(), True),
        (b'{"records":[{"category":"FlowLogFlowEvent","flowRecords":{"flowTuples":[]}}]}', False),
        (b"NetworkSecurityGroupFlowEvent", False),
        (b"", False),
    ],
)
def test_recognises(head, expected):
    assert AzureNsgFormat().recognises(head) == expected
    assert isinstance(AzureNsgFormat(), FlowFormat)


def test_a_flow_goes_on_in_the_next_log():
    log_format = AzureNsgFormat()
    spans = []
    for text in (GOES_ON, ENDS):
        octets = json.dumps({"records": [record(text)]}).encode()
        (block,) = log_format.open("n", "n", io.BytesIO(octets), strict=True).read()
        spans += (block["flow_end_nanoseconds"] - block["flow_start_nanoseconds"]).tolist()
    assert spans == [0, 23 * 10**9]
