# SPDX-License-Identifier: Apache-2.0
"""Tables of nfstream, as records."""

import io

import numpy as np
import pytest

from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.nfstream import NfstreamFormat

FORMAT = NfstreamFormat()
ROW = {
    "id": "0",
    "expiration_id": "0",
    "src_ip": '"10.0.0.5"',
    "src_port": "40000",
    "dst_ip": '"203.0.113.7"',
    "dst_port": "3333",
    "protocol": "6",
    "ip_version": "4",
    "vlan_id": "0",
    "bidirectional_first_seen_ms": "1700000000250",
    "bidirectional_last_seen_ms": "1700000060750",
    "bidirectional_packets": "20",
    "bidirectional_bytes": "4000",
    "src2dst_packets": "10",
    "src2dst_bytes": "1000",
    "dst2src_packets": "10",
    "dst2src_bytes": "3000",
    "application_name": '"TLS"',
    "requested_server_name": '"pool.example"',
}


def text_of(*rows, base=ROW):
    names = list(base | (rows[0] if rows else {}))
    lines = [",".join((base | row)[name] for name in names) for row in rows]
    return "\n".join((",".join(names), *lines, ""))


def read(text, *, strict=False):
    data = text.encode()
    assert FORMAT.recognises(data)
    source = FORMAT.open("a.csv", "-", io.BytesIO(data), strict=strict)
    blocks = [block.copy() for block in source.read()]
    source.close()
    assert source.counters.rows_accounted == source.counters.rows_seen
    return np.concatenate(blocks) if blocks else np.empty(0), source


def record(**changes):
    records, source = read(text_of(changes))
    assert source.counters.rows_parsed == 1, source.counters.examples
    return {name: records[0][name].item() for name in records.dtype.names}


def test_it_offers_what_the_contract_asks():
    assert isinstance(FORMAT, FlowFormat)
    opened = FORMAT.open("a", "-", io.BytesIO(text_of({}).encode()), strict=False)
    assert isinstance(opened, FlowSource)


def test_every_field_of_a_flow():
    found = record()
    assert found["flow_start_nanoseconds"] == 1700000000250000000
    assert found["flow_end_nanoseconds"] == 1700000060750000000
    assert (found["source_transport_port"], found["destination_transport_port"]) == (40000, 3333)
    assert (found["packet_delta_count"], found["reverse_packet_delta_count"]) == (10, 10)
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (860, 2860)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (-1, -1)
    assert (found["protocol_identifier"], found["flow_end_reason"]) == (6, 1)
    assert (found["is_source_initiator"], found["server_name"]) == (1, 0)


def test_names_of_servers():
    rows = ({}, {"requested_server_name": '""'}, {"requested_server_name": '"b,c"'}, {})
    records, source = read(text_of(*rows))
    assert records["server_name"].tolist() == [0, -1, 1, 0]
    assert source.names.servers == ["pool.example", "b,c"]


def test_counts_from_the_ip_header_on_stay_as_they_are():
    """``accounting_mode=1``: acknowledgements of 40 octets can have no Ethernet header."""
    assert record(src2dst_bytes="400")["octet_delta_count"] == 400


def test_flags_of_the_statistical_analysis():
    flags = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
    counts = {f"{way}_{flag}_packets": "0" for way in ("src2dst", "dst2src") for flag in flags}
    counts |= {"src2dst_syn_packets": "1", "src2dst_ack_packets": "9", "dst2src_rst_packets": "2"}
    found = record(**counts)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (18, 4)
    assert record(**counts, protocol="17")["tcp_control_bits"] == -1


@pytest.mark.parametrize(("expiration", "reason"), [("0", 1), ("1", 2), ("-1", 0), ("2", 0)])
def test_the_end_of_a_flow(expiration, reason):
    assert record(expiration_id=expiration)["flow_end_reason"] == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"src_ip": '"x"'}, "src_ip is no address"),
        ({"dst_port": "70000"}, "dst_port is out of range"),
        ({"protocol": ""}, "protocol is missing"),
        ({"src2dst_bytes": ""}, "src2dst_bytes is missing"),
        ({"dst2src_packets": "-2"}, "dst2src_packets is out of range"),
        ({"bidirectional_first_seen_ms": ""}, "bidirectional_first_seen_ms is missing"),
        ({"bidirectional_last_seen_ms": "1600000000000"}, "end before start"),
        ({"vlan_id": "5000"}, "vlan_id is out of range"),
    ],
)
def test_a_row_that_cannot_be(change, reason):
    records, source = read(text_of({}, change, {}))
    assert len(records) == 2
    assert source.counters.faulty == {reason: 1}
    assert source.counters.examples[0].startswith(f"a.csv:3: {reason}; ")
    with pytest.raises(SourceError, match=r"a\.csv:3: "):
        read(text_of({}, change), strict=True)


def test_a_table_that_was_cut_down_is_known_and_refused():
    head = b"id,bidirectional_packets,bidirectional_bytes,application_name\n0,2,136,DNS\n"
    assert FORMAT.recognises(head)
    with pytest.raises(SourceError, match=r"columns src_ip, src_port, .* are missing"):
        FORMAT.open("a.csv", "-", io.BytesIO(head), strict=False)


def test_what_is_not_of_nfstream():
    assert not FORMAT.recognises(b"")
    assert not FORMAT.recognises(b"src_ip,dst_ip,bidirectional_packets\n")
