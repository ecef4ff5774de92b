# SPDX-License-Identifier: Apache-2.0
"""Lines of Joy: flows, their names, and the configuration that stands before them."""

import io
import json

import pytest

from minewatch.contracts import FlowFormat
from minewatch.readers.flowlogs.joy import JoyFormat
from minewatch.records import UNKNOWN, new_records

CONFIGURATION = {"version": "4.5.0", "zeros": 0, "bidir": 1, "num_pkts": 50, "idp": 1300}
FLOW = {
    "sa": "10.0.0.7",
    "da": "192.0.2.5",
    "pr": 6,
    "sp": 40000,
    "dp": 3333,
    "bytes_out": 1214,
    "num_pkts_out": 21,
    "bytes_in": 3437,
    "num_pkts_in": 22,
    "time_start": 1533196957.098353,
    "time_end": 1533196957.472768,
    "packets": [{"b": 69, "dir": ">", "ipt": 0}],
    "tcp": {"out": {"flags": "S", "first_window_size": 5840}, "in": {"flags": "SA"}},
    "tls": {"c_version": 5, "sni": ["pool.example"]},
    "expire_type": "i",
}


def flow(**changes):
    return {name: value for name, value in (FLOW | changes).items() if value is not ...}


def read(*lines, strict=False):
    octets = "\n".join(json.dumps(line) for line in lines).encode()
    source = JoyFormat().open("j.json", "j.json", io.BytesIO(octets), strict=strict)
    blocks = [block.copy() for block in source.read()]
    assert source.counters.rows_seen == source.counters.rows_accounted == len(lines)
    return blocks[0] if blocks else new_records(0), source


def test_a_flow_is_what_the_line_tells():
    records, source = read(FLOW, strict=True)
    expected = new_records(1)
    expected["source_address_low"] = 0xFFFF_0A00_0007
    expected["destination_address_low"] = 0xFFFF_C000_0205
    expected["source_transport_port"], expected["destination_transport_port"] = 40000, 3333
    expected["protocol_identifier"] = 6
    expected["flow_start_nanoseconds"] = 1533196957098353000
    expected["flow_end_nanoseconds"] = 1533196957472768000
    expected["packet_delta_count"], expected["reverse_packet_delta_count"] = 21, 22
    expected["payload_octet_count"], expected["reverse_payload_octet_count"] = 1214, 3437
    expected["flow_end_reason"] = 1
    expected["is_source_initiator"] = 1
    expected["server_name"] = 0
    assert records.tolist() == expected.tolist()
    assert source.names.servers == ["pool.example"]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"sp": None, "dp": None, "pr": 2}, "source_transport_port", 0),
        ({"expire_type": "a"}, "flow_end_reason", 2),
        ({"expire_type": ...}, "flow_end_reason", 0),
        ({"tcp": {"out": {"flags": "SA"}}}, "is_source_initiator", 0),
        ({"tcp": {"in": {"flags": "S"}}}, "is_source_initiator", UNKNOWN),
        ({"tcp": ...}, "is_source_initiator", UNKNOWN),
        ({"tls": {"sni": "pool.example"}}, "server_name", 0),
        ({"tls": {"sni": []}}, "server_name", UNKNOWN),
        ({"tls": ...}, "server_name", UNKNOWN),
        ({"time_start": "1533196957"}, "flow_start_nanoseconds", 1533196957 * 10**9),
        ({"sa": "2001:db8::1"}, "source_address_high", 0x2001_0DB8 << 32),
    ],
)
def test_members(changes, field, value):
    records, source = read(flow(**changes))
    assert records[field].tolist() == [value]
    assert source.counters.faulty == {}


def test_the_configuration_tells_whether_silence_is_none():
    one_way = flow(bytes_in=..., num_pkts_in=...)
    records, source = read(one_way)
    assert records["reverse_packet_delta_count"].tolist() == [UNKNOWN]
    records, source = read(CONFIGURATION, one_way)
    assert records["reverse_packet_delta_count"].tolist() == [0]
    assert records["reverse_payload_octet_count"].tolist() == [0]
    assert source.counters.ignored == {"configuration": 1}
    records, _ = read(CONFIGURATION | {"bidir": 0}, one_way)
    assert records["reverse_packet_delta_count"].tolist() == [UNKNOWN]


def test_answers():
    _, source = read(
        flow(
            dns=[
                {
                    "qn": "pool.example",
                    "rc": 0,
                    "rr": [{"a": "192.0.2.5", "ttl": 9}, {"cname": "x"}],
                },
                {"qn": "www.example", "rr": [{"aaaa": "2001:db8::1"}]},
                {"qn": "none.example", "rc": 3, "rr": []},
            ]
        )
    )
    assert source.names.answers == {
        (0, 0xFFFF_C000_0205): "pool.example",
        (0x2001_0DB8 << 32, 1): "www.example",
    }


def test_joined_directions_may_be_the_wrong_way_round_by_little():
    records, source = read(flow(time_start=1533196957.5))
    assert records["flow_start_nanoseconds"].tolist() == [1533196957472768000]
    assert records["flow_end_nanoseconds"].tolist() == [1533196957500000000]
    assert source.counters.repaired == {"end before start": 1}


def test_what_is_faulty_is_not_repaired():
    _, source = read(flow(time_start=1533196957.5, num_pkts_in=-1))
    assert source.counters.repaired == {}
    assert source.counters.faulty == {"num_pkts_in is out of range": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (flow(sa=...), "an address is missing"),
        (flow(sa="x"), "no address"),
        (flow(pr=...), "pr is missing"),
        (flow(dp=-1), "dp is out of range"),
        (flow(bytes_out=-1), "bytes_out is out of range"),
        (flow(num_pkts_in=1.5), "num_pkts_in is no whole number"),
        (flow(time_start=1533196957098), "time_start is out of range"),
        (flow(time_end=...), "time_end is missing"),
        (flow(time_end=1533196900.0), "end before start"),
        (flow(dns={}), "a member of the wrong type"),
        ({"host": "x"}, "an address is missing"),
    ],
)
def test_a_bad_line_costs_only_itself(bad, reason):
    records, source = read(FLOW, bad, FLOW)
    assert len(records) == 2
    assert source.counters.faulty == {reason: 1}
    assert source.counters.examples[0].startswith(f"j.json:2: {reason}; ")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps(FLOW).encode(), True),
        (json.dumps(CONFIGURATION).encode(), True),
        (b'{"version": "1", "sa": 1}', False),
        (b"", False),
        (b'["sa", "da", "pr", "num_pkts_out"]', False),
    ],
)
def test_recognises(head, expected):
    assert JoyFormat().recognises(head) == expected
    assert isinstance(JoyFormat(), FlowFormat)
