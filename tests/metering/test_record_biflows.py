# SPDX-License-Identifier: Apache-2.0
"""Biflows of records, and which observer counts."""

import numpy as np

from made_up_records import NS, record, talk
from minewatch.metering import record_totals as t
from minewatch.metering.record_biflows import find_biflows


def found(*records, seed=5):
    joined = np.concatenate(records)
    n = len(joined)
    biflow_of, takes = np.empty(n, np.int64), np.empty(n, np.int64)
    return find_biflows(joined, seed, biflow_of, takes), biflow_of.tolist(), takes.tolist()


def test_records_of_one_biflow_share_a_row():
    totals, biflow_of, takes = found(talk(3), talk(2, source_transport_port=50_000))
    # The answers of the second talk come from a biflow of their own: 3333 to 40000 was said.
    assert len(totals) == len(set(biflow_of)) == 3
    assert biflow_of[:6] == [0] * 6
    assert takes == [1, 2] * 5
    assert totals[0, [t.T_PACKETS_AB, t.T_PACKETS_BA]].tolist() == [30, 30]


def test_the_observer_that_saw_more_counts_and_a_tie_goes_to_the_lesser_number():
    less = record(observation_point=1, packet_delta_count=9)
    more = record(observation_point=2, packet_delta_count=10)
    assert found(less, more)[2] == [0, 1]
    assert found(record(observation_point=2), record(observation_point=1))[2] == [0, 1]


def test_what_another_observer_saw_more_of_does_not_count_at_all():
    """Of each observer one direction counts; its records of the other one must leave no trace."""
    near, far = (talk(2, observation_point=point) for point in (1, 2))
    near["packet_delta_count"][1::2] = 3
    far["packet_delta_count"][0::2] = 3
    far["flow_end_nanoseconds"][0::2] += 40 * NS
    totals, _, takes = found(near, far)
    assert takes == [1, 0, 1, 0, 0, 2, 0, 2]
    assert totals[0, t.T_RECORDS] == 4
    assert totals[0, t.T_END] == near["flow_end_nanoseconds"].max()
    both = record(reverse_packet_delta_count=0, observation_point=3)
    assert found(near, far, both)[2] == [1, 0, 1, 0, 0, 2, 0, 2, 0]
    both["reverse_packet_delta_count"] = 50
    assert found(near, far, both)[2] == [1, 0, 1, 0, 0, 0, 0, 0, 2]


def test_directions_may_come_from_different_observers():
    one = record(observation_point=1, packet_delta_count=10)
    other = record(observation_point=2, back=True, packet_delta_count=7)
    totals, _, takes = found(one, other)
    assert totals[0, [t.T_PACKETS_AB, t.T_PACKETS_BA]].tolist() == [10, 7]
    assert all(takes)


def test_octets_tell_where_packets_are_not_counted():
    less = record(observation_point=1, packet_delta_count=-1, octet_delta_count=500)
    more = record(observation_point=2, packet_delta_count=-1, octet_delta_count=900)
    assert found(less, more)[0][0, t.T_OCTETS_AB] == 900


def test_sampled_counts_are_compared_as_what_they_stand_for():
    all_packets = record(observation_point=1, packet_delta_count=90)
    sampled = record(observation_point=2, packet_delta_count=1, sampling_packet_interval=100)
    assert found(all_packets, sampled)[0][0, t.T_PACKETS_AB] == 100
    sampled["is_scaled"] = 1
    assert found(all_packets, sampled)[0][0, t.T_PACKETS_AB] == 90


def test_many_biflows_whatever_the_seed():
    records = np.repeat(record(), 20_000)
    records["source_transport_port"] = np.arange(20_000) % 9973
    for seed in (0, 1, -5):
        totals, biflow_of, _ = found(records, seed=seed)
        assert len(totals) == 9973
        assert biflow_of == (np.arange(20_000) % 9973).tolist()
