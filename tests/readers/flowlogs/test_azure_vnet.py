# SPDX-License-Identifier: Apache-2.0
"""Flow logs of virtual networks, version 4."""

import io
import json

import pytest

from minewatch.contracts import FlowFormat
from minewatch.readers.flowlogs.azure_vnet import AzureVnetFormat
from minewatch.records import DENIED, UNKNOWN, new_records

BEGIN = "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,0"
ENDS = "1663146003606,10.0.0.6,192.0.2.180,23956,443,6,O,E,NX,3,767,2,1580"
DENIES = "1663145998065,198.51.100.153,10.0.0.6,55188,22,6,I,D,NX,0,0,0,0"
LONG = "1663146003606,2001:db8::6,2001:db8::180,23956,443,17,O,C,X,3,767,2,1580"


def record(*texts, **changes):
    return {
        "time": "2022-09-14T09:00:52.5625085Z",
        "flowLogVersion": 4,
        "macAddress": "00224871C205",
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": "/SUBSCRIPTIONS/0/FLOWLOGS/VNETFLOWLOG",
        "targetResourceID": "/subscriptions/0/virtualNetworks/myVNet",
        "flowRecords": {
            "flows": [{"aclID": "0", "flowGroups": [{"rule": "Rule", "flowTuples": list(texts)}]}]
        },
    } | changes


def read(*records, strict=False):
    octets = json.dumps({"records": list(records)}).encode()
    source = AzureVnetFormat().open("v.json", "v.json", io.BytesIO(octets), strict=strict)
    blocks = [block.copy() for block in source.read()]
    assert source.counters.rows_seen == source.counters.rows_accounted
    return blocks[0] if blocks else new_records(0), source.counters


def test_records_are_what_the_tuples_tell():
    records, counters = read(record(BEGIN, ENDS, DENIES), strict=True)
    assert counters.rows_seen == 3
    assert counters.ignored == {"begin of a flow: no counts": 1}
    expected = new_records(2)
    expected["source_address_low"] = [0xFFFF_0A00_0006, 0xFFFF_C633_6499]
    expected["destination_address_low"] = [0xFFFF_C000_02B4, 0xFFFF_0A00_0006]
    expected["source_transport_port"] = [23956, 55188]
    expected["destination_transport_port"] = [443, 22]
    expected["protocol_identifier"] = 6
    expected["flow_start_nanoseconds"] = [1663146003599 * 10**6, 1663145998065 * 10**6]
    expected["flow_end_nanoseconds"] = [1663146003606 * 10**6, 1663145998065 * 10**6]
    expected["packet_delta_count"] = [3, UNKNOWN]
    expected["octet_delta_count"] = [767, UNKNOWN]
    expected["reverse_packet_delta_count"] = [2, UNKNOWN]
    expected["reverse_octet_delta_count"] = [1580, UNKNOWN]
    expected["firewall_event"] = [0, DENIED]
    expected["is_source_initiator"] = 1
    expected["observation_point"] = records["observation_point"]
    assert records.tolist() == expected.tolist()
    assert records["observation_point"][0] == records["observation_point"][1] != 0


def test_ipv6_and_encryption():
    records, _ = read(record(LONG, LONG.replace(",X,", ",NX_LOCAL_DST,")), strict=True)
    assert records["source_address_high"].tolist() == [0x2001_0DB8 << 32] * 2
    assert records["protocol_identifier"].tolist() == [17, 17]
    assert records["flow_end_reason"].tolist() == [2, 2]


def test_what_is_logged_twice_has_two_observers():
    records, _ = read(
        record(ENDS),
        record(ENDS, macAddress="00224871C206"),
        record(ENDS, targetResourceID="/subscriptions/0/subnets/mySubnet"),
        record(ENDS, targetResourceID=""),
    )
    assert len({0, *records["observation_point"].tolist()}) == 5


@pytest.mark.parametrize(
    ("bad", "reason", "place"),
    [
        (record(ENDS[:-5]), "a tuple of another number of fields", "record 2, tuple 1"),
        (record(ENDS + ",1"), "a tuple of another number of fields", "record 2, tuple 1"),
        (record(ENDS.replace(",E,", ",,")), "state of a flow is not known", "record 2, tuple 1"),
        (record(flowRecords=None), "flowRecords are missing", "record 2"),
        (record(flowRecords=[]), "a member of the wrong type", "record 2"),
        (record(macAddress=5), "a member of the wrong type", "record 2"),
    ],
)
def test_a_bad_row_costs_only_itself(bad, reason, place):
    records, counters = read(record(ENDS), bad, record(ENDS))
    assert len(records) == 2
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"v.json: {place}: {reason}; ")


def test_times_in_seconds_are_put_right():
    """Microsoft's documentation has such an example."""
    records, counters = read(
        record("1493695838,198.51.100.105,10.2.0.4,35370,23,6,I,C,NX,1021,588096,8005,4610880")
    )
    assert records["flow_end_nanoseconds"].tolist() == [1493695838 * 10**9]
    assert counters.repaired == {"times in seconds": 1}


def test_other_categories_are_ignored():
    _, counters = read(record(category="Audit", flowRecords=None))
    assert counters.ignored == {"category 'Audit'": 1}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps({"records": [record(ENDS)]}).encode(), True),
        (json.dumps(record(ENDS, category=None)).encode(), True),
        (b'{"records":[{"category":"NetworkSecurityGroupFlowEvent"}]}', False),
        (b"FlowLogFlowEvent", False),
        (b"", False),
    ],
)
def test_recognises(head, expected):
    assert AzureVnetFormat().recognises(head) == expected
    assert isinstance(AzureVnetFormat(), FlowFormat)


def test_a_flow_goes_on_in_the_next_log():
    log_format = AzureVnetFormat()
    spans = []
    for time in ("1663145703606", "1663146003606"):
        octets = json.dumps({"records": [record(LONG.replace("1663146003606", time))]}).encode()
        (block,) = log_format.open("v", "v", io.BytesIO(octets), strict=True).read()
        spans += (block["flow_end_nanoseconds"] - block["flow_start_nanoseconds"]).tolist()
    assert spans == [0, 300 * 10**9]
