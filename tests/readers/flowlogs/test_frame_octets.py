# SPDX-License-Identifier: Apache-2.0
"""Ethernet's headers come off where they can have been counted."""

import pytest

from minewatch.readers.flowlogs.frame_octets import take_off_ethernet
from minewatch.records import new_records


@pytest.mark.parametrize(
    ("protocol", "vlan", "packets", "octets", "left"),
    [
        (6, 0, 2, 2 * 54, 2 * 40),
        (6, 0, 2, 2 * 54 - 1, 2 * 54 - 1),
        (17, 0, 1, 42, 28),
        (17, 0, 1, 41, 41),
        (6, 5, 10, 10 * 100, 10 * 82),
        (6, 0, -1, 500, 500),
        (6, 0, 3, -1, -1),
        (6, 0, 0, 0, 0),
        (6, 0, 1, (1 << 62) - 1, (1 << 62) - 15),
    ],
)
@pytest.mark.parametrize("prefix", ["", "reverse_"])
def test_octets_that_are_left(protocol, vlan, packets, octets, left, prefix):
    records = new_records(1)
    records["protocol_identifier"], records["vlan_id"] = protocol, vlan
    records[f"{prefix}packet_delta_count"] = packets
    records[f"{prefix}octet_delta_count"] = octets
    take_off_ethernet(records)
    assert records[f"{prefix}octet_delta_count"].tolist() == [left]
