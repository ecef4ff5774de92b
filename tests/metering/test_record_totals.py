# SPDX-License-Identifier: Apache-2.0
"""Sums of records, direction by direction."""

import numpy as np
import pytest

from made_up_records import NS, START, record
from minewatch.metering import record_totals as t
from minewatch.metering.record_keys import directions
from minewatch.records import UNKNOWN


def total(*records, takes=3):
    """Add records to one row."""
    totals = np.zeros((1, t.TOTAL_WORDS), np.int64)
    t.begin_row(totals, 0, 42)
    for one in records:
        t.add_record(totals, 0, one, 0, takes & directions(one, 0))
    return totals[0]


def test_a_row_begins_with_nothing():
    row = total()
    assert (row[t.T_PACKETS_AB], row[t.T_RECORDS], row[t.T_OWNER]) == (0, 0, 42)
    assert row[t.T_START] > row[t.T_END]


def test_directions_add_up_apart():
    row = total(
        record(packet_delta_count=3, octet_delta_count=30),
        record(packet_delta_count=4, octet_delta_count=40, back=True),
        record(packet_delta_count=5, octet_delta_count=50),
    )
    assert (row[t.T_PACKETS_AB], row[t.T_PACKETS_BA]) == (8, 4)
    assert (row[t.T_OCTETS_AB], row[t.T_OCTETS_BA]) == (80, 40)
    assert row[t.T_RECORDS] == 3


@pytest.mark.parametrize("back", [False, True])
def test_a_record_of_both_directions_gives_both(back):
    counts = {"packet_delta_count": 3, "reverse_packet_delta_count": 9}
    row = total(record(back=back, **counts, reverse_octet_delta_count=900))
    found = (row[t.T_PACKETS_AB], row[t.T_PACKETS_BA])
    assert found == ((9, 3) if back else (3, 9))


def test_only_what_is_taken_counts():
    one = record(reverse_packet_delta_count=9, reverse_octet_delta_count=900)
    assert total(one, takes=1)[[t.T_PACKETS_AB, t.T_PACKETS_BA]].tolist() == [10, 0]
    assert total(one, takes=2)[[t.T_PACKETS_AB, t.T_PACKETS_BA]].tolist() == [0, 9]


def test_a_count_that_one_record_does_not_tell_is_unknown_in_the_sum():
    row = total(record(), record(octet_delta_count=UNKNOWN), record())
    assert row[t.T_OCTETS_AB] == UNKNOWN
    assert row[t.T_PACKETS_AB] == 30


def test_who_tells_no_count_at_all_is_remembered_and_changes_no_sum():
    silent = record(octet_delta_count=UNKNOWN, packet_delta_count=UNKNOWN)
    row = total(silent)
    assert (row[t.T_TOLD], row[t.T_PACKETS_AB]) == (t.SILENT_AB, 0)
    row = total(silent, record(), record(back=True))
    assert row[t.T_TOLD] == t.SILENT_AB | t.TOLD_AB | t.TOLD_BA
    assert row[t.T_PACKETS_AB] == 10


def test_flags_are_joined_and_unknown_ones_passed_over():
    row = total(
        record(tcp_control_bits=2),
        record(),
        record(tcp_control_bits=16),
    )
    assert (row[t.T_FLAGS_AB], row[t.T_FLAGS_BA]) == (18, UNKNOWN)


def test_times_span_all_and_the_last_tells_why_it_ended():
    row = total(
        record(100, 50, flow_end_reason=3),
        record(0, 20, flow_end_reason=2, back=True),
    )
    assert row[[t.T_START, t.T_END]].tolist() == [START, START + 150 * NS]
    assert row[[t.T_START_AB, t.T_START_BA]].tolist() == [START + 100 * NS, START]
    assert row[t.T_END_REASON] == 3


@pytest.mark.parametrize("order", [1, -1])
def test_of_what_contradicts_itself_the_greater_whatever_the_order(order):
    first = record(0, 50, flow_end_reason=3, vlan_id=7, server_name=2, sampling_packet_interval=9)
    other = record(10, 40, flow_end_reason=2, vlan_id=5, server_name=1, is_source_initiator=1)
    row = total(*(first, other, record(is_source_initiator=0))[::order])
    words = [t.T_END_REASON, t.T_VLAN, t.T_SERVER_NAME, t.T_SAMPLING, t.T_OPENER]
    assert row[words].tolist() == [3, 7, 2, 9, 1]


def test_payload_adds_up_in_each_direction():
    payload = {"payload_octet_count": 30, "reverse_payload_octet_count": 4}
    both = record(reverse_packet_delta_count=1, **payload)
    there, back = record(payload_octet_count=5), record(payload_octet_count=6, back=True)
    words = [t.T_PAYLOAD_AB, t.T_PAYLOAD_BA]
    assert total(both, there, back)[words].tolist() == [35, 10]
    both = record(back=True, reverse_packet_delta_count=1, **payload)
    assert total(both, there, back)[words].tolist() == [9, 36]


@pytest.mark.parametrize(("back", "opener", "expected"), [(0, 1, 1), (0, 0, 0), (1, 1, 0)])
def test_who_opened_is_told_of_the_lesser_end(back, opener, expected):
    one = record(back=bool(back), is_source_initiator=opener)
    assert total(one)[t.T_OPENER] == expected


def test_counts_are_scaled_and_stop_before_they_wrap():
    row = total(record(sampling_packet_interval=50))
    assert (row[t.T_PACKETS_AB], row[t.T_SAMPLING]) == (500, 50)
    row = total(record(sampling_packet_interval=50, is_scaled=1))
    assert (row[t.T_PACKETS_AB], row[t.T_SAMPLING]) == (10, 50)
    huge = record(packet_delta_count=1 << 61)
    assert total(*[huge] * 5)[t.T_PACKETS_AB] == t.MOST
    assert 2 * t.MOST < 1 << 63
    scaled = record(packet_delta_count=1 << 61, sampling_packet_interval=1000)
    assert total(scaled)[t.T_PACKETS_AB] == t.MOST
