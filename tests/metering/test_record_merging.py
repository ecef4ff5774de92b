# SPDX-License-Identifier: Apache-2.0
"""Many records of one biflow made into few, which add up to the same."""

import numpy as np
import pytest

from made_up_records import talk
from minewatch.arranging.arrange import arrange
from minewatch.arranging.settings import ArrangeSettings
from minewatch.metering.record_merging import merge_older

HOUR = 3600 * 10**9
TOTALS = (
    *("source_address_low", "source_transport_port", "is_initiator_known"),
    *("packet_delta_count", "reverse_packet_delta_count", "octet_delta_count"),
    *("tcp_control_bits", "reverse_tcp_control_bits", "flow_start_nanoseconds"),
    *("flow_end_nanoseconds", "sampling_packet_interval", "server", "vlan_id"),
)


def arranged(records):
    return arrange(records, ArrangeSettings(), with_intervals_of_all=True)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sampling_packet_interval": 100},
        {"sampling_packet_interval": 10, "is_scaled": 1},
        {"packet_delta_count": -1},
        {"reverse_packet_delta_count": 3, "reverse_octet_delta_count": 99},
        {"tcp_control_bits": 0x1A, "is_source_initiator": 1, "vlan_id": 7, "server_name": 3},
    ],
)
def test_totals_and_the_latest_intervals_stay(fields):
    records = talk(60, **fields)
    fewer = merge_older(np.random.default_rng(1).permutation(records), 20, HOUR)
    assert len(fewer) == 20 + len({fields.get("reverse_packet_delta_count", way) for way in (1, 2)})
    before, after = arranged(records), arranged(fewer)
    assert after.conversations.select(TOTALS).equals(before.conversations.select(TOTALS))
    latest = before.intervals.tail(9).drop("flow_id")
    assert after.intervals.tail(9).drop("flow_id").equals(latest)


def test_observers_and_conversations_stay_apart():
    points = [talk(20, observation_point=point) for point in (5, 9)]
    later = talk(20, observation_point=5)
    for end in ("start", "end"):
        later[f"flow_{end}_nanoseconds"] += 3 * HOUR
    records = np.concatenate([*points, later])
    fewer = merge_older(records, 10, HOUR)
    assert len(fewer) == 10 + 2 * 3
    before, after = arranged(records), arranged(fewer)
    assert after.conversations.select(TOTALS).equals(before.conversations.select(TOTALS))
    assert before.conversations.height == 2


def test_sums_that_are_too_many_are_cut_too():
    records = talk(100)
    records["observation_point"] = np.arange(200)
    assert len(merge_older(records, 30, HOUR)) == 60
