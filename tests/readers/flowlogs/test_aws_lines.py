# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.address import halves_of
from minewatch.readers.flowlogs.aws_fields import DEFAULT_FIELDS, layout_of
from minewatch.readers.flowlogs.aws_lines import (
    MILLISECONDS,
    LineError,
    fields_of,
    read_line,
    shown,
)
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.records import DENIED, new_records

VALUES = dict(
    zip(
        DEFAULT_FIELDS,
        "2 123456789010 eni-1 10.0.0.1 192.0.2.7 49152 443 6 20 4249 1418530010 1418530070 ACCEPT"
        " OK".split(),
        strict=True,
    )
)


def read(**changed):
    """Read one line whose fields are as usual but for those given, new ones behind the others."""
    values = VALUES | {name.replace("_", "-"): value for name, value in changed.items()}
    records = new_records(1)
    status = read_line(list(values.values()), layout_of(list(values)), records[0])
    return status, {name: records[0][name].item() for name in records.dtype.names}


def error_of(**changed):
    with pytest.raises(LineError) as caught:
        read(**changed)
    return f"{caught.value.reason}; {caught.value.cure}"


def test_a_usual_line():
    status, record = read()
    unknown = new_records(1)[0]
    source, destination = halves_of("10.0.0.1"), halves_of("192.0.2.7")
    assert status == ""
    assert record == {name: unknown[name].item() for name in record} | {
        "source_address_low": source[1],
        "destination_address_low": destination[1],
        "flow_start_nanoseconds": 1418530010_000_000_000,
        "flow_end_nanoseconds": 1418530070_000_000_000,
        "packet_delta_count": 20,
        "octet_delta_count": 4249,
        "source_transport_port": 49152,
        "destination_transport_port": 443,
        "protocol_identifier": 6,
        "observation_point": observation_point("eni-1"),
    }


def test_rejected_packets_are_a_record():
    assert read(action="REJECT")[1]["firewall_event"] == DENIED
    assert read(action="-")[1]["firewall_event"] == 0


def test_the_ends_are_those_that_the_packets_name():
    record = read(pkt_srcaddr="10.0.9.9", pkt_dstaddr="-")[1]
    assert record["source_address_low"] == halves_of("10.0.9.9")[1]
    assert record["destination_address_low"] == halves_of("192.0.2.7")[1]
    record = read(srcaddr="-", pkt_srcaddr="2001:db8::9")[1]
    assert (record["source_address_high"], record["source_address_low"]) == halves_of("2001:db8::9")


@pytest.mark.parametrize("status", ["NODATA", "SKIPDATA"])
def test_no_flow(status):
    nothing = dict.fromkeys(DEFAULT_FIELDS[3:10], "-")
    assert read(**nothing, action="-", log_status=status)[0] == status


@pytest.mark.parametrize(
    ("protocol", "flags", "bits", "is_source_initiator"),
    [
        ("6", "2", 2, 1),
        ("6", "3", 3, 1),
        ("6", "18", 18, 0),
        ("6", "19", 19, 0),
        ("6", "0", 0, -1),
        ("6", "4", 4, -1),
        ("6", "-", -1, -1),
        ("17", "2", 2, -1),
    ],
)
def test_flags_tell_who_opened(protocol, flags, bits, is_source_initiator):
    record = read(protocol=protocol, tcp_flags=flags)[1]
    assert record["tcp_control_bits"] == bits
    assert record["is_source_initiator"] == is_source_initiator


def test_a_transit_gateway_tells_ack_of_every_packet():
    gateway = {"tgw_id": "tgw-1", "tgw_attachment_id": "tgw-attach-2"}
    assert read(**gateway, tcp_flags="18")[1]["is_source_initiator"] == -1
    assert read(**gateway, tcp_flags="2")[1]["is_source_initiator"] == 1


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"interface_id": "-", "vpc_id": "vpc-7"}, ["vpc-7"]),
        ({"interface_id": "-", "vpc_id": "vpc-7", "instance_id": "i-3"}, ["i-3"]),
        ({"interface_id": "-"}, ["123456789010"]),
        ({"interface_id": "-", "account_id": "-"}, [""]),
        ({"tgw_id": "tgw-1", "tgw_attachment_id": "tgw-attach-2"}, ["tgw-1", "tgw-attach-2"]),
        ({"tgw_id": "tgw-1"}, ["tgw-1"]),
        ({"tgw_id": "-", "tgw_attachment_id": "tgw-attach-2"}, ["", "tgw-attach-2"]),
    ],
)
def test_the_observer_is_the_finest_that_is_known(changed, parts):
    assert read(**changed)[1]["observation_point"] == observation_point(*parts)


def test_what_a_line_does_not_know():
    record = read(packets="-", bytes="-", srcport="-", dstport="-", protocol="1")[1]
    assert record["packet_delta_count"] == record["octet_delta_count"] == -1
    assert record["source_transport_port"] == record["destination_transport_port"] == 0


def test_milliseconds_are_put_right():
    status, record = read(start="1418530010123", end="1418530070456")
    assert status == MILLISECONDS
    assert record["flow_start_nanoseconds"] == 1418530010_123_000_000
    assert record["flow_end_nanoseconds"] == 1418530070_456_000_000


def test_counts_up_to_64_bits():
    assert read(bytes="9223372036854775807")[1]["octet_delta_count"] == (1 << 63) - 1
    assert read(bytes="0" * 5000 + "7")[1]["octet_delta_count"] == 7


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"srcport": "65536"},
            "srcport is out of range; 0 to 65535 expected, found '65536'",
        ),
        ({"dstport": "-1"}, "dstport is out of range; 0 to 65535 expected, found '-1'; check"),
        ({"protocol": "256"}, "protocol is out of range; 0 to 255"),
        ({"protocol": "-"}, "protocol is unknown; '-' tells of no flow; check that the header"),
        ({"bytes": "9223372036854775808"}, "bytes is out of range"),
        ({"bytes": "9" * 60000}, "bytes is out of range"),
        ({"packets": "1.5"}, "packets is no number; found '1.5'; check that the header line names"),
        ({"packets": "\u0661"}, "packets is no number"),
        ({"packets": "--1"}, "packets is no number"),
        ({"tcp_flags": "256"}, "tcp-flags is out of range"),
        ({"srcaddr": "10.0.0.256"}, "srcaddr is no address; found '10.0.0.256'; check that the"),
        ({"dstaddr": "fe80::1%" + "a" * 60}, "dstaddr is no address"),
        ({"dstaddr": "-"}, "dstaddr is unknown"),
        ({"start": "-"}, "start is unknown"),
        ({"end": "1418530009"}, "end before start; start 1418530010, end 1418530009; check"),
        ({"start": "631151999"}, "time is not between 1990 and 2100; Unix seconds expected"),
        ({"end": "4102444801"}, "time is not between 1990 and 2100"),
        ({"start": "1418530010000"}, "time is not between 1990 and 2100"),
        ({"start": "1418530010000000", "end": "1418530010000000"}, "time is not between 1990 and"),
        ({"action": "ALLOW"}, "action is not known; ACCEPT, REJECT expected, found 'ALLOW'; check"),
        (
            {"log_status": "ok"},
            "log-status is not known; NODATA, OK, SKIPDATA expected",
        ),
    ],
)
def test_faults(changed, expected):
    assert error_of(**changed).startswith(expected)


def test_another_number_of_fields():
    layout = layout_of(DEFAULT_FIELDS)
    with pytest.raises(LineError, match="wrong number of fields") as caught:
        read_line(["bogus", "line"], layout, new_records(1)[0])
    assert caught.value.cure.startswith("14 expected, 2 found; the line is cut or bogus")


def test_a_log_without_a_header_is_of_version_2():
    layout = layout_of(DEFAULT_FIELDS, is_stated=False)
    values = list((VALUES | {"version": "3"}).values())
    with pytest.raises(LineError, match="another version in a log without a header line"):
        read_line(values, layout, new_records(1)[0])


@pytest.mark.parametrize(
    ("line", "n", "fields"),
    [
        (b"a b", 2, ["a", "b"]),
        (b"a b\r", 2, ["a", "b"]),
        (b"a b  \r", 2, ["a", "b"]),
        (b" a   b ", 2, ["a", "b"]),
        (b"a  b", 3, ["a", "", "b"]),
        (b"a \xff", 2, ["a", "\\xff"]),
        (b"\0\0", 2, ["", ""]),
        (b"", 2, []),
    ],
)
def test_fields_of_a_line(line, n, fields):
    assert fields_of(line, n) == fields


def test_values_are_shown_short():
    assert shown("a'b") == '"a\'b"'
    assert len(shown("\0" * 100)) <= 4 * 40 + 5
