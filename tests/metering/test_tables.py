# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.metering.tables import PacketTable, PayloadTable
from minewatch.types import Segment


@pytest.fixture
def packets():
    """Three biflows with two, no and one packet."""
    return PacketTable(
        [7, 3, 9],
        np.array([2, 2, 3]),
        np.array([2, 0, 1]),
        np.array([100, 200, 300]),
        np.array([10, 20, 30]),
        np.array([True, False, True]),
    )


@pytest.fixture
def payloads(packets):
    segments = [[7, 100, 5, 1, 10, 0, 3], [7, 200, 6, 0, 20, 3, 4], [9, 300, 7, 1, 30, 7, 2]]
    return PayloadTable([7, 3, 9], [6, 6, 17], np.array(segments), b"abcdefghi", packets)


def test_packets_are_cut_out_by_flow_id(packets):
    assert list(packets) == [7, 3, 9]
    assert len(packets) == 3
    assert packets[7].time_ns.tolist() == [100, 200]
    assert packets[7].payload_octets.tolist() == [10, 20]
    assert packets[7].from_initiator.tolist() == [True, False]
    assert packets[7].n_first == 2
    assert packets[3].time_ns.tolist() == []
    assert packets[9].time_ns.tolist() == [300]
    assert packets.get(8) is None


def test_payload_is_cut_out_by_flow_id(payloads):
    assert list(payloads) == [7, 3, 9]
    assert len(payloads) == 3
    assert payloads[7].segments == [
        Segment(100, True, 5, 10, b"abc"),
        Segment(200, False, 6, 20, b"defg"),
    ]
    assert payloads[3].segments == []
    assert payloads[9].segments == [Segment(300, True, 7, 30, b"hi")]
    assert [payloads[i].protocol for i in payloads] == [6, 6, 17]
    assert payloads[9].packets.time_ns.tolist() == [300]
    with pytest.raises(KeyError):
        payloads[8]


def test_empty_tables():
    nothing = np.empty(0, np.int64)
    packets = PacketTable([], nothing, nothing, nothing, nothing, nothing.astype(bool))
    payloads = PayloadTable([], [], np.empty((0, 7), np.int64), b"", packets)
    assert dict(packets) == dict(payloads) == {}
