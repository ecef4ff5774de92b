# SPDX-License-Identifier: Apache-2.0
"""Steps in a biflow's life, one kernel at a time; the rules together are in `test_kernel.py`."""

import numpy as np
import pytest

from metered import Packet, at, fill_batch
from minewatch.metering import biflow
from minewatch.metering import state as st
from minewatch.metering.process import flow_table
from minewatch.metering.state import MeteringOptions, new_pools
from minewatch.types import PacketBatch
from packets import ACK, FIN, NS, PSH, RST, SYN

MINER, POOL = (0xFFFF_0A00_0001, 40_000), (0xFFFF_C633_6407, 3333)
PARAMS = np.array([60 * NS, 120 * NS, 3600 * NS, 5 * NS, 1], np.int64)


class Life:
    """One biflow, driven by hand."""

    def __init__(self, first):
        self.pools = new_pools(MeteringOptions(max_biflows=1024))
        self.batch = PacketBatch()
        fill_batch(self.batch, [first])
        self.number = biflow.start_biflow(self.pools, self.batch.columns, 0, PARAMS)

    def count(self, packet):
        fill_batch(self.batch, [packet])
        args = (self.pools.rows, self.number, self.batch.columns, 0, self.pools.counts)
        biflow.count_packet(*args)
        return self

    def follow(self, flags, sequence=1, side_b=False):
        biflow.follow_tcp(self.pools.rows, self.number, flags, sequence, side_b)
        return self.status

    @property
    def status(self):
        return int(self.pools.rows[self.number, st.STATUS])

    def records(self):
        n = self.pools.counts[st.N_RECORDS]
        return flow_table(self.pools.records[:n]).rows(named=True)


def test_a_biflow_begins_clean_in_a_row_that_was_used():
    life = Life(Packet(at(0), MINER, POOL))
    life.pools.rows[life.number] = 99
    life.pools.rows[life.number, st.HASH] = 0
    life.pools.free_rows[0] = life.number
    life.pools.counts[st.N_FREE_ROWS] = 1
    fill_batch(life.batch, [Packet(at(3), MINER, POOL, vlan=4)])
    number = biflow.start_biflow(life.pools, life.batch.columns, 0, PARAMS)
    row = life.pools.rows[number]
    assert number == life.number
    assert row[st.FLOW_ID] == 2
    assert row[st.VLAN] == 4
    assert row[st.INTERVAL_END] == at(63)
    assert not row[st.SIDE_A : st.SIDE_B + 8].any()
    assert row[st.SERIES_COUNT] == row[st.PAYLOAD_BLOCKS] == row[st.KINDS] == 0
    assert life.pools.counts[st.N_LIVE] == 2


def test_counters():
    life = Life(Packet(at(0), MINER, POOL))
    life.count(Packet(at(0), MINER, POOL, octets=60, flags=SYN))
    life.count(Packet(at(1), POOL, MINER, octets=52, flags=SYN | ACK))
    life.count(Packet(at(2), MINER, POOL, octets=1500, payload=b"x" * 9, flags=PSH | ACK, kind=1))
    biflow.write_record(life.pools, life.number, 2)
    (row,) = life.records()
    assert row == {
        "flow_id": 1,
        "source_address_high": 0,
        "source_address_low": MINER[0],
        "destination_address_high": 0,
        "destination_address_low": POOL[0],
        "source_transport_port": 40_000,
        "destination_transport_port": 3333,
        "protocol_identifier": 6,
        "vlan_id": 0,
        "flow_start_nanoseconds": at(0),
        "flow_end_nanoseconds": at(2),
        "packet_delta_count": 2,
        "reverse_packet_delta_count": 1,
        "octet_delta_count": 1560,
        "reverse_octet_delta_count": 52,
        "payload_octet_count": 9,
        "reverse_payload_octet_count": 0,
        "payload_packet_count": 1,
        "reverse_payload_packet_count": 0,
        "tcp_psh_total_count": 1,
        "reverse_tcp_psh_total_count": 0,
        "tcp_ack_total_count": 1,
        "reverse_tcp_ack_total_count": 1,
        "minimum_ip_total_length": 60,
        "reverse_minimum_ip_total_length": 52,
        "maximum_ip_total_length": 1500,
        "reverse_maximum_ip_total_length": 52,
        "tcp_control_bits": SYN | PSH | ACK,
        "reverse_tcp_control_bits": SYN | ACK,
        "flow_end_reason": 2,
        "is_initiator_known": False,
        "payload_kinds": 1,
    }


def test_a_record_clears_the_counters_of_its_interval_alone():
    life = Life(Packet(at(0), MINER, POOL)).count(Packet(at(0), MINER, POOL, payload=b"x", kind=4))
    biflow.cut_interval(life.pools, life.number, at(200), PARAMS)
    life.count(Packet(at(200), POOL, MINER, octets=41))
    biflow.write_record(life.pools, life.number, 4)
    first, second = life.records()
    assert (first["flow_end_reason"], second["flow_end_reason"]) == (1, 4)
    assert (second["packet_delta_count"], second["reverse_packet_delta_count"]) == (0, 1)
    assert second["minimum_ip_total_length"] is None
    assert second["payload_kinds"] == 4  # a hint for the whole conversation
    assert second["flow_start_nanoseconds"] == at(200)
    assert life.pools.rows[life.number, st.INTERVAL_END] == at(240)
    assert life.status & st.CUT


def test_sizes_of_offloaded_packets_fit():
    life = Life(Packet(at(0), MINER, POOL))
    life.count(Packet(at(0), MINER, POOL, octets=(1 << 31) - 1))
    life.count(Packet(at(0), MINER, POOL, octets=70_000))
    biflow.write_record(life.pools, life.number, 4)
    (row,) = life.records()
    assert row["minimum_ip_total_length"] == 70_000
    assert row["maximum_ip_total_length"] == (1 << 31) - 1


def test_closing():
    life = Life(Packet(at(0), MINER, POOL))
    assert not life.follow(FIN) & st.CLOSED
    assert not life.follow(FIN) & st.CLOSED
    assert life.follow(FIN, side_b=True) & st.CLOSED
    assert Life(Packet(at(0), MINER, POOL)).follow(RST) & st.CLOSED


@pytest.mark.parametrize(
    ("protocol", "status", "life_s"),
    [
        (6, 0, 120),
        (6, st.PAYLOAD_A, 120),
        (6, st.PAYLOAD_A | st.PAYLOAD_B, 3600),
        (17, st.PAYLOAD_A | st.PAYLOAD_B, 120),
        (6, st.PAYLOAD_A | st.PAYLOAD_B | st.CLOSED, 5),
    ],
)
def test_how_long_silence_may_last(protocol, status, life_s):
    life = Life(Packet(at(0), MINER, POOL, protocol))
    life.pools.rows[life.number, st.STATUS] |= status
    rows, number = life.pools.rows, life.number
    assert biflow.life_of(rows, number, PARAMS) == life_s * NS
    assert not biflow.is_over(rows, number, at(life_s), PARAMS)
    assert biflow.is_over(rows, number, at(life_s) + 1, PARAMS)
    assert not biflow.is_over(rows, number, at(-9999), PARAMS)


@pytest.mark.parametrize("status", [0, st.PAYLOAD_A, st.PAYLOAD_B, st.CLOSED, st.CUT])
def test_which_syn_opens_another_connection(status):
    life = Life(Packet(at(0), MINER, POOL))
    life.follow(SYN, sequence=7)
    life.pools.rows[life.number, st.STATUS] |= status
    rows, number = life.pools.rows, life.number
    assert biflow.is_other_connection(rows, number, SYN, 8) is (status != 0)
    assert not biflow.is_other_connection(rows, number, SYN, 7)
    assert not biflow.is_other_connection(rows, number, SYN | ACK, 8)
    assert not biflow.is_other_connection(rows, number, ACK, 8)


@pytest.mark.parametrize("keep", [True, False])
def test_the_row_of_an_ended_biflow_is_free_once_its_side_data_was_fetched(keep):
    life = Life(Packet(at(0), MINER, POOL)).count(Packet(at(0), MINER, POOL))
    biflow.end_biflow(life.pools, life.number, 3, keep)
    counts = life.pools.counts
    assert (counts[st.N_LIVE], counts[st.N_ENDED], counts[st.N_FREE_ROWS]) == (0, keep, not keep)
    assert not life.pools.index.any()
    assert life.status & st.ENDED if keep else life.status == st.FREE


def test_icmp_shows_type_and_code_for_the_responder_on_either_side():
    for ends in ((MINER, POOL), (POOL, MINER)):
        source, destination = (ends[0][0], 0), (ends[1][0], 0x0800)
        first = Packet(at(0), source, destination, 1)
        life = Life(first).count(first)
        biflow.write_record(life.pools, life.number, 4)
        (row,) = life.records()
        assert row["source_address_low"] == source[0]
        assert (row["source_transport_port"], row["destination_transport_port"]) == (0, 0x0800)


def test_write_side_has_nulls_for_no_packet():
    life = Life(Packet(at(0), MINER, POOL))
    biflow.write_side(life.pools.records, 0, 11, life.pools.rows, life.number, st.SIDE_A)
    assert life.pools.records[0, 11:20].tolist() == [0, 0, 0, 0, 0, 0, -1, -1, 0]
