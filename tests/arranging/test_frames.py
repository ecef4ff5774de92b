# SPDX-License-Identifier: Apache-2.0
"""Who is the initiator, and what a log does not tell."""

import numpy as np
import polars as pl
import pytest

from made_up_records import HOST, POOL, record, talk
from minewatch import schema
from minewatch.arranging.frames import SERVER, ends_of, flow_frame
from minewatch.metering import record_totals as t
from minewatch.metering.record_biflows import find_biflows


def frame_of(records):
    n = len(records)
    biflows = find_biflows(records, 7, np.empty(n, np.int64), np.empty(n, np.int64))
    return flow_frame(biflows, ends_of(biflows, records[biflows[:, t.T_OWNER]]))


def initiator(*records):
    frame = frame_of(np.concatenate(records))
    assert frame.height == 1
    return frame.row(0, named=True)


def test_columns_are_those_of_flow_tables():
    types = schema.polars_schema(schema.FLOW) | {schema.SAMPLING: pl.Int64(), SERVER: pl.Int64()}
    assert dict(frame_of(talk(2)).schema) == types


@pytest.mark.parametrize("order", [1, -1])
def test_the_end_with_a_clients_port_is_the_initiator(order):
    row = initiator(*(record(10), record(0, back=True))[::order])
    assert (row["source_address_low"], row["source_transport_port"]) == (HOST, 40_000)
    assert row["destination_address_low"] == POOL
    assert row["is_initiator_known"] is False


def test_who_is_seen_first_where_ports_do_not_tell():
    ports = {"source_transport_port": 9000, "destination_transport_port": 10_000}
    back = {"source_transport_port": 10_000, "destination_transport_port": 9000}
    row = initiator(record(0, back=True, **back), record(1, **ports))
    assert row["source_address_low"] == POOL
    row = initiator(record(1, back=True, **back), record(0, **ports))
    assert row["source_address_low"] == HOST


def test_the_higher_port_where_both_are_seen_at_once():
    ports = {"source_transport_port": 9000, "destination_transport_port": 10_000}
    back = {"source_transport_port": 10_000, "destination_transport_port": 9000}
    assert initiator(record(**ports), record(back=True, **back))["source_address_low"] == POOL


@pytest.mark.parametrize("opener", [0, 1])
def test_a_record_that_tells_who_opened_is_believed(opener):
    row = initiator(record(0), record(5, back=True, is_source_initiator=opener))
    assert row["is_initiator_known"] is True
    assert row["source_address_low"] == (POOL if opener else HOST)


def test_each_direction_keeps_its_own():
    row = initiator(
        record(packet_delta_count=3, octet_delta_count=300, tcp_control_bits=2),
        record(packet_delta_count=4, octet_delta_count=400, tcp_control_bits=18, back=True),
        record(packet_delta_count=5, octet_delta_count=500, tcp_control_bits=1),
    )
    assert (row["packet_delta_count"], row["reverse_packet_delta_count"]) == (8, 4)
    assert (row["octet_delta_count"], row["reverse_octet_delta_count"]) == (800, 400)
    assert (row["tcp_control_bits"], row["reverse_tcp_control_bits"]) == (3, 18)


def test_what_a_log_does_not_tell_is_null():
    row = initiator(record(), record(back=True, packet_delta_count=-1))
    assert row["reverse_packet_delta_count"] is None
    assert row["packet_delta_count"] == 10
    names = ("payload_packet_count", "payload_octet_count", "tcp_control_bits", "flow_end_reason")
    assert [row[name] for name in names] == [None] * 4
    assert row[SERVER] is None


def test_a_record_without_any_count_takes_nothing_from_the_others():
    none = {"packet_delta_count": -1, "octet_delta_count": -1}
    row = initiator(record(**none, is_source_initiator=1), record(5), record(6, back=True, **none))
    assert (row["packet_delta_count"], row["octet_delta_count"]) == (10, 1000)
    assert row["reverse_packet_delta_count"] is None
    assert row["is_initiator_known"]


def test_ipv6_ends():
    high = 0x2001_0DB8 << 32
    ends = {"source_address_high": high, "destination_address_high": high + 1}
    row = initiator(record(**ends))
    assert (row["source_address_high"], row["destination_address_high"]) == (high, high + 1)
