# SPDX-License-Identifier: Apache-2.0
"""Each value of a row lands in its field."""

import struct

import numpy as np
import pytest

from minewatch.readers.flowlogs.row_packing import RowPacker
from minewatch.records import RECORD, UNKNOWN, new_records

LEAST = {"source": (0, 1), "destination": (0, 2), "ports": (0, 0), "protocol": 1, "times": (3, 3)}


def test_each_value_lands_in_its_field():
    packer = RowPacker(1)
    packer.add(
        source=(2**64 - 1, 1),
        destination=(2, 3),
        times=(4, 5),
        packets=(6, 7),
        octets=(8, 2**62),
        payload_octets=(10, 11),
        ports=(12, 65535),
        tcp_control_bits=(14, 255),
        vlan=16,
        protocol=17,
        end_reason=2,
        firewall_event=3,
        is_source_initiator=0,
        observer=2**32 - 1,
        server_name=22,
        sampling=2**32 - 1,
        is_scaled=True,
    )
    assert packer.is_full
    record = packer.take()[0]
    assert record.dtype == RECORD
    expected = [2**64 - 1, 1, 2, 3, 4, 5, 6, 7, 8, 2**62, 10, 11, 12, 65535, 14, 255]
    assert record.tolist() == (*expected, 16, 17, 2, 3, 0, 2**32 - 1, 2**32 - 1, 22, 1)


def test_what_is_not_told_is_unknown():
    packer = RowPacker(2)
    packer.add(**LEAST)
    assert not packer.is_full
    record = packer.take()
    expected = new_records(1)
    for name, value in (("source", 1), ("destination", 2)):
        expected[f"{name}_address_low"] = value
    expected["flow_start_nanoseconds"] = expected["flow_end_nanoseconds"] = 3
    expected["protocol_identifier"] = 1
    np.testing.assert_array_equal(record, expected)
    assert record["server_name"][0] == UNKNOWN


def test_a_block_begins_anew():
    packer = RowPacker(2)
    packer.add(**LEAST)
    packer.add(**LEAST | {"protocol": 6})
    assert packer.is_full
    assert packer.take()["protocol_identifier"].tolist() == [1, 6]
    assert len(packer.take()) == 0
    packer.add(**LEAST | {"protocol": 17})
    assert packer.take()["protocol_identifier"].tolist() == [17]


def test_a_value_that_does_not_fit_adds_nothing():
    packer = RowPacker(2)
    with pytest.raises(struct.error):
        packer.add(**LEAST | {"ports": (65536, 0)})
    assert len(packer.take()) == 0
