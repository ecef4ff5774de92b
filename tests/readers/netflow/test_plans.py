# SPDX-License-Identifier: Apache-2.0
"""What becomes of the fields of a record."""

import numpy as np
import pytest

from export_datagrams import (
    PLAIN,
    PLAIN_VALUES,
    Heard,
    a_set,
    ipfix,
    ipfix_flows,
    template,
    v9_flows,
)
from minewatch.readers.flowlogs.observers import observation_point
from minewatch.readers.netflow.elements import REVERSE_ENTERPRISE
from minewatch.readers.netflow.plans import blank_records
from minewatch.records import DENIED, new_records

V4 = [(8, 4), (12, 4)]
V4_PAIR = ["10.0.0.1", "198.51.100.7"]
V6 = [(27, 16), (28, 16)]
V6_PAIR = ["2001:db8::1", "2001:db8:f::7"]
COUNTS = (
    *("packet_delta_count", "octet_delta_count"),
    *("reverse_packet_delta_count", "reverse_octet_delta_count"),
)


def record(fields, values, build=ipfix_flows):
    heard = Heard(build([*V4, *fields], [*V4_PAIR, *values]))
    return heard.one


def counts(fields, values, build=ipfix_flows):
    one = record(fields, values, build)
    return [int(one[name]) for name in COUNTS]


def halves(one, end):
    return int(one[f"{end}_address_high"]) << 64 | int(one[f"{end}_address_low"])


def test_blank_records_are_new_ones():
    assert blank_records(3).tolist() == new_records(3).tolist()
    assert blank_records(3).dtype == new_records(1).dtype


@pytest.mark.parametrize("build", [v9_flows, ipfix_flows])
def test_a_plain_record(build):
    one = Heard(build(PLAIN, PLAIN_VALUES)).one
    assert halves(one, "source") == 0xFFFF_0A00_0001
    assert halves(one, "destination") == 0xFFFF_C633_6407
    assert (one["source_transport_port"], one["destination_transport_port"]) == (40_000, 3333)
    assert (one["protocol_identifier"], one["tcp_control_bits"]) == (6, 0x1B)
    assert [int(one[name]) for name in COUNTS] == [7, 700, -1, -1]
    assert (one["payload_octet_count"], one["is_source_initiator"], one["server_name"]) == (
        *(-1, -1, -1),
    )


def test_ipv6():
    one = Heard(ipfix_flows(V6, V6_PAIR)).one
    assert halves(one, "source") == 0x20010DB8 << 96 | 1
    assert halves(one, "destination") == 0x20010DB8000F << 80 | 7


def test_a_template_with_both_families_fills_one_of_them():
    nothing4, nothing6 = ["0.0.0.0"] * 2, ["::"] * 2
    heard = Heard(
        ipfix_flows([*V4, *V6], [*nothing4, *V6_PAIR], [*V4_PAIR, *nothing6], [*V4_PAIR, *V6_PAIR])
    )
    assert [hex(halves(one, "source")) for one in heard.records] == [
        "0x20010db8000000000000000000000001",
        "0xffff0a000001",
        "0xffff0a000001",
    ]


@pytest.mark.parametrize("octets", [1, 2, 3, 4, 5, 6, 7, 8])
def test_counts_of_any_width(octets):
    most = min(256**octets - 1, 2**62 - 1)
    assert counts([(2, octets), (1, octets)], [most, 1]) == [most, 1, -1, -1]


def test_a_count_that_no_counter_has():
    heard = Heard(ipfix_flows([*V4, (1, 8)], [*V4_PAIR, 2**64 - 1], [*V4_PAIR, 5]))
    assert heard.of("octet_delta_count") == [5]
    assert heard.counters.faulty == {"count out of range": 1}


def test_totals_count_if_there_are_no_deltas():
    assert counts([(86, 8), (85, 8)], [7, 700]) == [7, 700, -1, -1]
    assert counts([(86, 8), (85, 8), (2, 4), (1, 4)], [7, 700, 1, 100]) == [1, 100, -1, -1]


def test_the_other_direction_of_a_biflow():
    reverse = [(2, 4, REVERSE_ENTERPRISE), (1, 8, REVERSE_ENTERPRISE)]
    assert counts([(2, 4), (1, 4), *reverse], [7, 700, 5, 600]) == [7, 700, 5, 600]
    reverse = [(86, 4, REVERSE_ENTERPRISE), (85, 8, REVERSE_ENTERPRISE)]
    assert counts([(86, 4), (85, 4), *reverse], [7, 700, 5, 600]) == [7, 700, 5, 600]


def test_other_enterprises_are_stepped_over():
    assert counts([(2, 4), (1, 4, 9), (1, 4)], [7, 999, 700]) == [7, 700, -1, -1]


OUT = [(2, 4), (1, 4), (24, 4), (23, 4)]


def all_counts(fields, rows, build=v9_flows):
    heard = Heard(build([*V4, *fields], *[[*V4_PAIR, *row] for row in rows]))
    return [[int(one[name]) for name in COUNTS] for one in heard.records]


def test_out_is_the_other_direction_if_an_exporter_of_v9_shows_so():
    rows = [[7, 700, 5, 600]] * 8
    assert all_counts(OUT, rows) == rows
    assert all_counts(OUT, [*rows, [1, 60, 1, 90], [9, 900, 0, 0]])[8:] == [
        [1, 60, 1, 90],
        [9, 900, 0, 0],
    ]
    assert all_counts([(1, 4), (23, 4)], [[700, 600]] * 8) == [[-1, 700, -1, 600]] * 8


def test_out_of_the_same_packets_is_no_other_direction():
    # As FortiGate sends it, with a drop on the way and single packets of another length.
    rows = [*[[7, 700, 7, 700]] * 8, [9, 900, 8, 800], *[[1, 60, 1, 90]] * 20]
    assert all_counts(OUT, rows) == [[*row[:2], -1, -1] for row in rows]
    # Too few to tell, and a standard that does.
    assert counts(OUT, [7, 700, 5, 600], v9_flows) == [7, 700, -1, -1]
    assert all_counts(OUT, [[7, 700, 5, 600]] * 8, ipfix_flows) == [[7, 700, -1, -1]] * 8


def test_what_an_exporter_showed_is_remembered():
    heard = Heard(
        v9_flows([*V4, *OUT], *[[*V4_PAIR, 7, 700, 5, 600]] * 8),
        v9_flows([*V4, *OUT], [*V4_PAIR, 7, 700, 5, 600]),
        v9_flows([*V4, *OUT], [*V4_PAIR, 7, 700, 5, 600], source=2),
    )
    assert heard.of("reverse_packet_delta_count") == [5] * 9 + [-1]


@pytest.mark.parametrize("build", [v9_flows, ipfix_flows])
def test_some_fill_in_what_entered_or_what_left(build):
    rows = [[7, 700, 0, 0], [0, 0, 5, 600]] * 8
    assert all_counts(OUT, rows, build) == [[7, 700, -1, -1], [5, 600, -1, -1]] * 8


def test_out_beside_an_explicit_way_back_tells_nothing_more():
    fields = [*OUT, (299, 4), (232, 4)]
    assert all_counts(fields, [[7, 700, 6, 650, 5, 600]] * 8) == [[7, 700, 5, 600]] * 8


def test_a_count_that_left_and_no_counter_has():
    heard = Heard(v9_flows([*V4, (1, 4), (23, 8)], [*V4_PAIR, 5, 2**63], [*V4_PAIR, 5, 5]))
    assert heard.counters.faulty == {"count out of range": 1}


@pytest.mark.parametrize("build", [v9_flows, ipfix_flows])
def test_out_alone_is_what_was_counted(build):
    assert counts([(24, 4), (23, 4)], [5, 600], build) == [5, 600, -1, -1]


def test_initiator_and_responder():
    one = record([(298, 4), (231, 4), (299, 4), (232, 4)], [7, 700, 5, 600])
    assert [int(one[name]) for name in COUNTS] == [7, 700, 5, 600]
    assert one["is_source_initiator"] == 1


@pytest.mark.parametrize(("told", "initiator"), [(0, -1), (1, 1), (2, 0), (3, -1)])
def test_the_direction_of_a_biflow_tells_the_initiator(told, initiator):
    assert record([(239, 1), (231, 4)], [told, 1])["is_source_initiator"] == initiator


@pytest.mark.parametrize(
    ("octets", "protocol", "told", "flags"),
    [(1, 6, 0x12, 0x12), (2, 6, 0x0112, 0x12), (1, 6, 0, -1), (1, 17, 0x12, -1)],
)
def test_flags(octets, protocol, told, flags):
    fields = [(4, 1), (6, octets), (6, octets, REVERSE_ENTERPRISE)]
    one = record(fields, [protocol, told, told])
    assert (one["tcp_control_bits"], one["reverse_tcp_control_bits"]) == (flags, flags)


@pytest.mark.parametrize(
    ("protocol", "fields", "values", "port"),
    [
        (1, [(32, 2)], [0x0300], 0x0300),
        (1, [(32, 2)], [0], 11),  # the exporter leaves it out, the port may tell
        (1, [(176, 1), (177, 1)], [8, 1], 0x0801),
        (1, [(176, 1), (177, 1)], [0, 0], 0),
        (58, [(139, 2)], [0x8700], 0x8700),
        (58, [(178, 1), (179, 1)], [135, 2], 0x8702),
        (58, [(32, 2)], [0x0300], 11),
        (1, [], [], 11),
    ],
)
def test_type_and_code_of_icmp(protocol, fields, values, port):
    one = record([(4, 1), (7, 2), (11, 2), *fields], [protocol, 10, 11, *values])
    assert (one["source_transport_port"], one["destination_transport_port"]) == (0, port)


def test_icmp_fields_leave_other_protocols_alone():
    one = record([(4, 1), (7, 2), (11, 2), (32, 2), (176, 1), (177, 1)], [6, 10, 11, 99, 8, 1])
    assert (one["source_transport_port"], one["destination_transport_port"]) == (10, 11)


def test_vlan_and_end():
    one = record([(58, 2), (136, 1)], [0xE00A, 3])
    assert (one["vlan_id"], one["flow_end_reason"]) == (10, 3)
    assert record([(243, 2)], [7])["vlan_id"] == 7
    assert record([(58, 1)], [9])["vlan_id"] == 9


@pytest.mark.parametrize("number", [233, 40005])
def test_denied_packets_are_records(number):
    heard = Heard(v9_flows([*V4, (number, 1)], *[[*V4_PAIR, event] for event in (1, 2, 3, 5)]))
    assert heard.of("firewall_event") == [0, 0, DENIED, 0]
    assert heard.of("octet_delta_count") == [-1] * 4


def test_each_direction_of_an_interface_is_an_observer():
    heard = Heard(ipfix_flows([*V4, (61, 1)], *[[*V4_PAIR, way] for way in (0, 1, 2, 255)]))
    at = [observation_point("192.0.2.9", "1", way) for way in ("ingress", "egress", "")]
    assert heard.of("observation_point") == [*at, at[2]]
    assert len(set(at)) == 3
    assert record([], [])["observation_point"] == at[2]


@pytest.mark.parametrize(
    ("fields", "values", "interval"),
    [
        ([(34, 4)], [512], 512),
        ([(34, 4)], [0], 1),
        ([(50, 4)], [64], 64),
        ([(305, 4), (306, 4)], [1, 99], 100),
        ([(305, 4), (306, 4)], [10, 90], 10),
        ([(305, 4), (306, 4)], [0, 90], 1),
        ([(34, 8)], [2**64 - 1], 1),
        ([(34, 8)], [2**40], 2**32 - 1),
    ],
)
def test_sampling_in_the_record(fields, values, interval):
    assert record(fields, values)["sampling_packet_interval"] == interval


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([(56, 6), (80, 6), (1, 4)], "no addresses"),
        ([(8, 4), (1, 4)], "no addresses"),
        ([(8, 4), (28, 16), (1, 4)], "no addresses"),
        ([(8, 2), (12, 2), (1, 4)], "no addresses"),
        ([*V4, (230, 1), (225, 4)], "NAT event"),
    ],
)
def test_records_that_tell_of_no_flow(fields, reason):
    octets = sum(one[1] for one in fields)
    message = ipfix(a_set(2, template(256, fields)), a_set(256, bytes(3 * octets)))
    heard = Heard(message)
    assert heard.records == []
    assert heard.counters.ignored == {reason: 3}
    assert heard.counters.rows_seen == 3


def test_a_session_of_nat_with_counts_is_a_flow():
    assert counts([(230, 1), (2, 4), (1, 4)], [2, 7, 700]) == [7, 700, -1, -1]


def test_order_and_number_of_records():
    fields = [*V4, (1, 4)]
    heard = Heard(ipfix_flows(fields, *[[*V4_PAIR, i] for i in range(1000)]))
    assert heard.of("octet_delta_count") == list(np.arange(1000))
