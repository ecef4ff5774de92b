# SPDX-License-Identifier: Apache-2.0
"""What records Zeek's rows become."""

import numpy as np
import polars as pl
import pytest

from minewatch.address import halves_of
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.zeek_conn import CONN_FIELDS, conn_records
from minewatch.records import RecordCounters

TCP = {
    "ts": "1700000000.250000",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": "40000",
    "id.resp_h": "203.0.113.7",
    "id.resp_p": "3333",
    "proto": "tcp",
    "duration": "60.500000",
    "orig_bytes": "400",
    "resp_bytes": "900",
    "conn_state": "SF",
    "history": "ShADadFf",
    "orig_pkts": "12",
    "orig_ip_bytes": "880",
    "resp_pkts": "11",
    "resp_ip_bytes": "1340",
}


def converted(*, is_json=False, **changes):
    row = TCP | {name.replace("__", "."): value for name, value in changes.items()}
    row = {name: row.get(name) for name in CONN_FIELDS}
    frame = pl.DataFrame([row], schema=dict.fromkeys(CONN_FIELDS, pl.String))
    faults = RowFaults(np.array([9]), "conn.log:{}".format)
    record = conn_records(frame, faults, is_json=is_json)[0]
    counters = RecordCounters()
    faults.settle(counters, strict=False)
    return record, counters


def record(**changes):
    found, counters = converted(**changes)
    assert counters.rows_parsed == 1, counters.examples
    return {name: found[name].item() for name in found.dtype.names}


def test_every_field_of_a_tcp_connection():
    source, destination = halves_of("10.0.0.5"), halves_of("203.0.113.7")
    assert record() == {
        "source_address_high": source[0],
        "source_address_low": source[1],
        "destination_address_high": destination[0],
        "destination_address_low": destination[1],
        "flow_start_nanoseconds": 1700000000250000000,
        "flow_end_nanoseconds": 1700000060750000000,
        "packet_delta_count": 12,
        "reverse_packet_delta_count": 11,
        "octet_delta_count": 880,
        "reverse_octet_delta_count": 1340,
        "payload_octet_count": 400,
        "reverse_payload_octet_count": 900,
        "source_transport_port": 40000,
        "destination_transport_port": 3333,
        "tcp_control_bits": 0x13,
        "reverse_tcp_control_bits": 0x13,
        "vlan_id": 0,
        "protocol_identifier": 6,
        "flow_end_reason": 3,
        "firewall_event": 0,
        "is_source_initiator": 1,
        "observation_point": 0,
        "sampling_packet_interval": 1,
        "is_scaled": 0,
        "server_name": -1,
    }


def test_what_is_missing_is_unknown_and_never_0():
    names = ("bytes", "pkts", "ip_bytes")
    found = record(**{f"{end}_{name}": None for end in ("orig", "resp") for name in names})
    for name in ("packet_delta_count", "octet_delta_count", "payload_octet_count"):
        assert (found[name], found[f"reverse_{name}"]) == (-1, -1)


def test_no_duration_ends_with_its_start():
    found = record(duration=None)
    assert found["flow_end_nanoseconds"] == found["flow_start_nanoseconds"]


@pytest.mark.parametrize(
    ("history", "packets", "forward", "reverse"),
    [
        ("S", "0", 0x02, 0),
        ("Sr", "1", 0x02, 0x04),
        ("ShAR", "1", 0x16, 0x12),
        ("^hCcdafA", "1", 0x10, 0x13),
        ("DTdt", "5", 0x10, 0x10),
        ("S", "3", 0x02, -1),
        ("C", "0", -1, 0),
        (None, "0", -1, -1),
    ],
)
def test_flags_are_what_history_tells(history, packets, forward, reverse):
    found = record(history=history, resp_pkts=packets)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (forward, reverse)


def test_history_of_udp_has_no_flags_and_ends_nothing():
    found = record(proto="udp", history="Dd")
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (-1, -1)
    assert (found["protocol_identifier"], found["flow_end_reason"]) == (17, 0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("SF", 3), ("RSTO", 3), ("RSTRH", 3), ("S0", 0), ("REJ", 0), ("S1", 0), ("OTH", 0), (None, 0)],
)
def test_the_end_of_a_connection(state, reason):
    found = record(conn_state=state)
    assert (found["flow_end_reason"], found["firewall_event"]) == (reason, 0)


@pytest.mark.parametrize(
    ("addresses", "protocol"), [(("10.0.0.5", "10.0.0.6"), 1), (("fe80::1", "ff02::1"), 58)]
)
def test_icmp_has_its_type_and_code_in_one(addresses, protocol):
    source, destination = addresses
    found = record(
        proto="icmp", id__orig_h=source, id__resp_h=destination, id__orig_p="3", id__resp_p="1"
    )
    assert found["protocol_identifier"] == protocol
    assert (found["source_transport_port"], found["destination_transport_port"]) == (0, 769)


def test_a_transport_that_zeek_does_not_know():
    assert record(proto="unknown_transport")["protocol_identifier"] == 0
    assert record(proto="unknown_transport", ip_proto="47")["protocol_identifier"] == 47


def test_payload_that_nobody_saw_is_unknown():
    """Sequence numbers tell of 4 GB, and packets of 880 octets came."""
    found = record(orig_bytes="4000000000")
    assert (found["payload_octet_count"], found["octet_delta_count"]) == (-1, 880)
    assert record(orig_bytes="500", orig_ip_bytes=None)["payload_octet_count"] == 500


def test_vlan():
    assert record(vlan="101")["vlan_id"] == 101


def test_milliseconds_are_a_repair_in_columns_and_usual_in_json():
    found, counters = converted(ts="1700000000250")
    assert found["flow_start_nanoseconds"] == 1700000000250000000
    assert counters.repaired == {"times in milliseconds": 1}
    found, counters = converted(ts="1700000000250", is_json=True)
    assert found["flow_start_nanoseconds"] == 1700000000250000000
    assert not counters.repaired


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": "x"}, "ts is no number"),
        ({"ts": None}, "ts is missing"),
        ({"ts": "-5"}, "ts is out of range"),
        ({"ts": "1e18"}, "ts is out of range"),
        ({"duration": "-1"}, "duration is out of range"),
        ({"duration": "8999999999"}, "it ends too late"),
        ({"id__orig_h": "10.0.0.500"}, "id.orig_h is no address"),
        ({"id__resp_h": None}, "id.resp_h is missing"),
        ({"id__resp_p": "65536"}, "id.resp_p is out of range"),
        ({"id__orig_p": None}, "id.orig_p is missing"),
        ({"proto": "tcpx"}, "proto is not known"),
        ({"proto": None}, "proto is missing"),
        ({"orig_pkts": "1.5"}, "orig_pkts is no number"),
        ({"resp_ip_bytes": "-1"}, "resp_ip_bytes is out of range"),
        ({"vlan": "4096"}, "vlan is out of range"),
        ({"ip_proto": "256"}, "ip_proto is out of range"),
    ],
)
def test_a_row_that_cannot_be(change, reason):
    _, counters = converted(**change)
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"conn.log:9: {reason}; ")


def test_numbers_as_json_has_them():
    row = dict.fromkeys(CONN_FIELDS) | TCP | {"ts": 1700000000.25}
    schema = {
        name: pl.Float64() if name in ("ts", "duration") else pl.String() for name in CONN_FIELDS
    }
    frame = pl.DataFrame([row | {"duration": 0.10370898246765137}], schema=schema)
    (found,) = conn_records(frame, RowFaults(np.arange(1), str), is_json=True)
    assert found["flow_end_nanoseconds"] - found["flow_start_nanoseconds"] == 103709000
