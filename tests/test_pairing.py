# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch import schema
from minewatch.pairing import pair_directions
from minewatch.testing import conversations

NS = 1_000_000_000
FLOW = [column.name for column in schema.FLOW]
SERVER = {"destination_address_low": 0xFFFF_C633_6401, "destination_transport_port": 3333}
CLIENT = {"source_address_low": 0xFFFF_0A00_0001, "source_transport_port": 40_000}


def record(start_s=0.0, inverse=False, **columns):
    ends = {**CLIENT, **SERVER}
    if inverse:
        swapped = {"source": "destination", "destination": "source"}
        ends = {
            f"{swapped[name.split('_')[0]]}_{name.split('_', 1)[1]}": value
            for name, value in ends.items()
        }
    start = int(start_s * NS)
    times = {"flow_start_nanoseconds": start, "flow_end_nanoseconds": start + 30 * NS}
    return conversations(**{**ends, **times, **columns}).frame.select(FLOW)


def pair(*records):
    return pair_directions(pl.concat(records))


def counts(paired):
    return paired.select("packet_delta_count", "reverse_packet_delta_count").rows()


def test_a_record_meets_its_inverse():
    paired = pair(
        record(0, packet_delta_count=5, tcp_control_bits=2),
        record(0.02, inverse=True, packet_delta_count=3, tcp_control_bits=18),
    )
    assert dict(paired.schema) == schema.polars_schema(schema.FLOW)
    row = paired.row(0, named=True)
    assert counts(paired) == [(5, 3)]
    assert (row["source_transport_port"], row["destination_transport_port"]) == (40_000, 3333)
    assert (row["tcp_control_bits"], row["reverse_tcp_control_bits"]) == (2, 18)
    assert row["flow_end_nanoseconds"] == int(30.02 * NS)


@pytest.mark.parametrize("server_first", [False, True])
def test_the_earlier_direction_is_the_initiator(server_first):
    paired = pair(record(1 if server_first else 0), record(0.5, inverse=True))
    port = paired.get_column("source_transport_port").item()
    assert port == (3333 if server_first else 40_000)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_where_both_begin_together_the_higher_port_is_the_initiator(order):
    records = [record(packet_delta_count=5), record(inverse=True, packet_delta_count=3)]
    paired = pair(*(records[i] for i in order))
    assert paired.get_column("source_transport_port").item() == 40_000
    assert counts(paired) == [(5, 3)]


def test_intervals_are_paired_one_by_one_and_keep_their_flow_id():
    paired = pair(
        record(0, packet_delta_count=1),
        record(60, packet_delta_count=2),
        record(61, inverse=True, packet_delta_count=20),
        record(125, inverse=True, packet_delta_count=30),
    )
    assert counts(paired) == [(1, 0), (2, 20), (0, 30)]
    assert paired.get_column("flow_id").n_unique() == 1
    assert paired.get_column("source_transport_port").to_list() == [40_000] * 3


def test_what_has_no_inverse_stays_one_way():
    paired = pair(record(packet_delta_count=9, minimum_ip_total_length=40))
    row = paired.row(0, named=True)
    assert counts(paired) == [(9, 0)]
    assert row["minimum_ip_total_length"] == 40
    assert row["reverse_minimum_ip_total_length"] is None


def test_other_ports_and_protocols_are_other_biflows():
    paired = pair(
        record(),
        record(inverse=True, destination_transport_port=40_001),
        record(inverse=True, protocol_identifier=17),
    )
    assert paired.get_column("flow_id").n_unique() == 3


def test_nothing_is_lost():
    records = [
        record(i * 7, inverse=i % 3 == 0, packet_delta_count=i, source_transport_port=3333 + i % 2)
        for i in range(40)
    ]
    paired = pair(*records)
    total = sum(there + back for there, back in counts(paired))
    assert total == sum(range(40))


def test_an_empty_table_pairs_to_an_empty_table():
    empty = pl.DataFrame(schema=schema.polars_schema(schema.FLOW))
    assert pair_directions(empty).is_empty()


def test_kinds_of_payload_are_those_of_all_records():
    paired = pair(
        record(0, payload_kinds=1),
        record(1, payload_kinds=2),
        record(2, inverse=True, payload_kinds=4),
        record(70, inverse=True, payload_kinds=8),
    )
    assert paired.get_column("payload_kinds").to_list() == [7, 8]
