# SPDX-License-Identifier: Apache-2.0
"""What ra prints, as records."""

import io

import numpy as np
import pytest

from minewatch.address import halves_of
from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.readers.flowlogs.argus import ArgusFormat

FORMAT = ArgusFormat()
HEADER = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,"
    "SrcBytes,SrcPkts,Label"
)
ROW = {
    "StartTime": "2023/11/14 22:13:20.250000",
    "Dur": "60.500000",
    "Proto": "tcp",
    "SrcAddr": "10.0.0.5",
    "Sport": "40000",
    "Dir": "   ->",
    "DstAddr": "203.0.113.7",
    "Dport": "3333",
    "State": "FSPA_SRPA",
    "TotPkts": "20",
    "TotBytes": "4000",
    "SrcBytes": "1000",
    "SrcPkts": "10",
}


def text_of(*rows, header=HEADER, separator=","):
    names = header.split(",")
    lines = [separator.join((ROW | row).get(name, "") for name in names) for row in rows]
    return "\n".join((header.replace(",", separator), *lines, ""))


def read(text, *, strict=False):
    data = text.encode()
    assert FORMAT.recognises(data)
    source = FORMAT.open("a.binetflow", "-", io.BytesIO(data), strict=strict)
    blocks = [block.copy() for block in source.read()]
    source.close()
    counters = source.counters
    assert counters.rows_accounted == counters.rows_seen
    return np.concatenate(blocks) if blocks else np.empty(0), counters


def record(header=HEADER, **changes):
    records, counters = read(text_of(changes, header=header))
    assert counters.rows_parsed == 1, (counters.examples, counters.ignored)
    return {name: records[0][name].item() for name in records.dtype.names}


def test_it_offers_what_the_contract_asks():
    assert isinstance(FORMAT, FlowFormat)
    opened = FORMAT.open("a", "-", io.BytesIO(text_of().encode()), strict=False)
    assert isinstance(opened, FlowSource)


def test_every_field_of_a_tcp_flow():
    found = record()
    assert (found["source_address_high"], found["source_address_low"]) == halves_of("10.0.0.5")
    assert found["destination_address_low"] == halves_of("203.0.113.7")[1]
    assert found["flow_start_nanoseconds"] == 1700000000250000000
    assert found["flow_end_nanoseconds"] == 1700000060750000000
    assert (found["source_transport_port"], found["destination_transport_port"]) == (40000, 3333)
    assert (found["packet_delta_count"], found["reverse_packet_delta_count"]) == (10, 10)
    # Ten frames each way, with 14 octets of Ethernet.
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (860, 2860)
    assert (found["payload_octet_count"], found["reverse_payload_octet_count"]) == (-1, -1)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (27, 30)
    assert (found["protocol_identifier"], found["flow_end_reason"]) == (6, 3)
    assert found["is_source_initiator"] == 1
    assert found["server_name"] == -1


def test_a_sum_of_packets_does_not_tell_how_many_went_which_way():
    found = record(SrcPkts="")
    assert (found["packet_delta_count"], found["reverse_packet_delta_count"]) == (-1, -1)
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (1000, 3000)


def test_packets_that_all_went_one_way_are_known():
    found = record(SrcPkts="", TotPkts="3", TotBytes="327", SrcBytes="327", Proto="udp")
    assert (found["packet_delta_count"], found["reverse_packet_delta_count"]) == (3, 0)
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (327 - 42, 0)


def test_a_sum_alone_tells_of_no_direction():
    found = record(SrcPkts="", SrcBytes="")
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (-1, -1)


def test_columns_of_both_directions():
    header = "Stime,Proto,SrcAddr,Dir,DstAddr,SrcPkts,DstPkts,SrcBytes,DstBytes,SAppBytes,DAppBytes"
    changes = {"Stime": ROW["StartTime"], "SrcPkts": "2", "DstPkts": "3", "SrcBytes": "200"}
    changes |= {"DstBytes": "300", "SAppBytes": "50", "DAppBytes": "60"}
    found = record(header=header, **changes)
    assert (found["packet_delta_count"], found["reverse_packet_delta_count"]) == (2, 3)
    assert (found["octet_delta_count"], found["reverse_octet_delta_count"]) == (172, 258)
    assert (found["payload_octet_count"], found["reverse_payload_octet_count"]) == (50, 60)
    assert found["flow_end_nanoseconds"] == found["flow_start_nanoseconds"]


@pytest.mark.parametrize(
    ("arrow", "initiator"),
    [
        ("   ->", 1),
        ("  <->", 1),
        ("  <-", 0),
        ("  <?>", -1),
        ("   ?>", -1),
        ("   |>", 1),
        ("  <|", 0),
        (" get_message  ->", 1),
        ("", -1),
        ("who", -1),
    ],
)
def test_the_arrow_tells_who_opened(arrow, initiator):
    assert record(Dir=arrow)["is_source_initiator"] == initiator


@pytest.mark.parametrize(
    ("state", "protocol", "forward", "reverse", "reason"),
    [
        ("S_RA", "tcp", 2, 20, 3),
        ("S_", "tcp", 2, 0, 0),
        ("SPAEC_", "tcp", 218, 0, 0),
        ("CON", "tcp", -1, -1, 0),
        ("RST", "tcp", -1, -1, 3),
        ("TIM", "tcp", -1, -1, 1),
        ("CON", "udp", -1, -1, 0),
        ("TIM", "udp", -1, -1, 1),
        ("S_RA", "udp", -1, -1, 0),
        ("", "tcp", -1, -1, 0),
    ],
)
def test_the_state(state, protocol, forward, reverse, reason):
    found = record(State=state, Proto=protocol)
    assert (found["tcp_control_bits"], found["reverse_tcp_control_bits"]) == (forward, reverse)
    assert found["flow_end_reason"] == reason


@pytest.mark.parametrize(
    ("protocol", "sport", "dport", "number", "kind"),
    [
        ("icmp", "0x0008", "0x7208", 1, 8 * 256),
        ("icmp", "0x0303", "0x0ecc", 1, 3 * 256 + 3),
        ("icmp", "0x0403", "0x0000", 1, 3 * 256 + 4),
        ("ipv6-icmp", "135", "0", 58, 135 * 256),
        ("icmp", "", "", 1, 0),
    ],
)
def test_icmp(protocol, sport, dport, number, kind):
    found = record(Proto=protocol, Sport=sport, Dport=dport)
    assert found["protocol_identifier"] == number
    assert (found["source_transport_port"], found["destination_transport_port"]) == (0, kind)


def test_ports_in_hexadecimal_and_missing():
    found = record(Sport="0x0bad", Dport="")
    assert (found["source_transport_port"], found["destination_transport_port"]) == (0x0BAD, 0)
    # A row without ports comes first, one in hexadecimal later.
    rows = [{"Sport": "", "Dport": ""}, {"Sport": "0x0bad"}, {"Sport": "99"}]
    assert read(text_of(*rows))[0]["source_transport_port"].tolist() == [0, 0x0BAD, 99]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2023-11-14 22:13:20.5", 1700000000500000000),
        ("2023-11-14T22:13:20.000001", 1700000000000001000),
        ("1700000000.250000", 1700000000250000000),
        ("1970/01/01 01:00:00.000000", 3600000000000),
    ],
)
def test_times(text, ns):
    assert record(StartTime=text)["flow_start_nanoseconds"] == ns


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"StartTime": "22:13:20.5"}, "StartTime is no time"),
        ({"StartTime": "1950/01/01 01:00:00.0"}, "StartTime is no time"),
        ({"StartTime": ""}, "StartTime is missing"),
        ({"Dur": "x"}, "Dur is no number"),
        ({"SrcAddr": "fe80"}, "SrcAddr is no address"),
        ({"DstAddr": ""}, "DstAddr is missing"),
        ({"Sport": "http"}, "Sport is no number"),
        ({"Dport": "0xzz"}, "Dport is no number"),
        ({"Dport": "0x10000"}, "Dport is out of range"),
        ({"TotBytes": "999"}, "more Bytes one way than in all"),
        ({"SrcPkts": "21"}, "more Pkts one way than in all"),
        ({"Proto": ""}, "Proto is missing"),
    ],
)
def test_a_row_that_cannot_be(change, reason):
    text = text_of({}, change, {})
    records, counters = read(text)
    assert len(records) == 2
    assert counters.faulty == {reason: 1}
    assert counters.examples[0].startswith(f"a.binetflow:3: {reason}; ")
    with pytest.raises(SourceError, match=r"a\.binetflow:3: "):
        read(text, strict=True)


def test_what_is_no_flow_over_ip_is_ignored():
    rows = (
        {"Proto": "man", "SrcAddr": "0", "DstAddr": "0"},
        {"Proto": "arp", "DstAddr": "10.0.0.9", "Dir": "who"},
        {"Proto": "llc", "SrcAddr": "00:00:00:00:00:00", "DstAddr": "00:00:00:00:00:00"},
        {"Proto": "udp"},
        {"Proto": "132"},
    )
    records, counters = read(text_of(*rows), strict=True)
    assert records["protocol_identifier"].tolist() == [17, 132]
    assert counters.ignored == {
        "header": 1,
        "of Argus itself": 1,
        "no protocol over IP that is known": 2,
    }


def test_tabs():
    records, _ = read(text_of({}, {}, separator="\t"))
    assert len(records) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "StartTime,Dur\n",
        "src_ip,dst_ip\n",
        "a b c\n",
        '{"StartTime":1,"Proto":2,"SrcAddr":3,"DstAddr":4}',
    ],
)
def test_what_is_not_of_argus(text):
    assert not FORMAT.recognises(text.encode())


def test_a_column_that_is_missing():
    with pytest.raises(SourceError, match="columns SrcAddr, DstAddr are missing"):
        FORMAT.open("a", "-", io.BytesIO(b"StartTime,Proto\n1,2\n"), strict=False)
