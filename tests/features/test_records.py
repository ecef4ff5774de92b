# SPDX-License-Identifier: Apache-2.0
import polars as pl
import pytest

from minewatch.features.records import records_of
from minewatch.testing import conversations

_S = 1_000_000_000


def record(flow_id, start_s, sent, received):
    return {
        "flow_id": flow_id,
        "flow_start_nanoseconds": 1_700_000_000 * _S + start_s * _S,
        "packet_delta_count": sent,
        "reverse_packet_delta_count": received,
        "octet_delta_count": 100 * sent,
        "reverse_octet_delta_count": 200 * received,
    }


@pytest.fixture
def given():
    """Conversation 1 has two records that came in the wrong order, 2 none, 3 one."""
    found = conversations(3, is_initiator_known=[True, True, False], is_source_home=False)
    found.frame = found.frame.with_columns(
        source_transport_port=pl.Series([40_000, 40_000, 3333], dtype=pl.UInt16),
        destination_transport_port=pl.Series([3333, 3333, 40_000], dtype=pl.UInt16),
    )
    rows = [record(3, 5, 7, 9), record(1, 60, 3, 4), record(1, 0, 1, 2), record(99, 0, 8, 8)]
    found.intervals = pl.DataFrame(rows).with_columns(pl.col("flow_id").cast(pl.UInt64))
    return found


def test_records_lie_by_conversation_and_time(given):
    records = records_of(given)
    assert records.start_s.count().tolist() == [2, 0, 1]
    assert records.start_s.values.tolist() == pytest.approx([0, 60, 0])
    assert records.sent_packets.values[:2].tolist() == [1, 3]
    assert records.received_octets.values[:2].tolist() == [400, 800]


def test_sent_is_what_the_client_sent_whoever_spoke_first(given):
    """The server of conversation 3 sent its first packet: 9 of its packets are the client's."""
    records = records_of(given)
    assert records.sent_packets.values[2] == 9
    assert records.received_packets.values[2] == 7
    assert records.sent_octets.values[2] == 1800


def test_a_counter_that_is_not_known_is_no_zero(given):
    given.intervals = given.intervals.with_columns(
        octet_delta_count=pl.lit(None, pl.Int64), reverse_octet_delta_count=pl.lit(None, pl.Int64)
    )
    records = records_of(given)
    assert records.sent_octets.values.tolist() == pytest.approx([float("nan")] * 3, nan_ok=True)
    assert records.sent_packets.values.tolist() == [1, 3, 9]


def test_records_are_read_once(given):
    assert records_of(given) is records_of(given)
