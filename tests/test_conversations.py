# SPDX-License-Identifier: Apache-2.0
import numpy as np
import polars as pl
import pytest

from metered import Packet, at, batches_of
from minewatch import conversations as merging
from minewatch import schema
from minewatch.address import PRIVATE_NETWORKS, parse_networks
from minewatch.metering.process import Meter, flow_table
from minewatch.metering.state import RECORD_COLUMNS, MeteringOptions
from minewatch.testing import conversations

NS = 1_000_000_000
HOME = parse_networks(PRIVATE_NETWORKS)
TEN = 0xFFFF_0A00_0001
OUTSIDE = 0xFFFF_C633_6401


def records(flow_ids, **columns):
    """Interval records of 60 s, in the order of time."""
    n = len(flow_ids)
    starts = [i * 60 * NS for i in range(n)]
    frame = conversations(
        n,
        flow_id=flow_ids,
        flow_start_nanoseconds=starts,
        flow_end_nanoseconds=[start + 59 * NS for start in starts],
        **columns,
    ).frame
    return frame.select([column.name for column in schema.FLOW])


def ids(*numbers):
    return np.array(numbers, np.int64)


def test_totals_add_up_and_extremes_span_all_intervals():
    flows = records(
        [7, 8, 7],
        packet_delta_count=[1, 10, 100],
        reverse_octet_delta_count=[5, 50, 500],
        minimum_ip_total_length=[60, 1, None],
        maximum_ip_total_length=[60, 2, None],
        tcp_control_bits=[2, 4, 16],
        payload_kinds=[1, 0, 4],
        flow_end_reason=[2, 1, 3],
        is_initiator_known=[False, True, True],
    )
    merged = merging.merge_intervals(flows).sort("flow_id")
    assert merged.get_column("packet_delta_count").to_list() == [101, 10]
    assert merged.get_column("reverse_octet_delta_count").to_list() == [505, 50]
    assert merged.get_column("minimum_ip_total_length").to_list() == [60, 1]
    assert merged.get_column("tcp_control_bits").to_list() == [18, 4]
    assert merged.get_column("payload_kinds").to_list() == [5, 0]
    assert merged.get_column("flow_end_reason").to_list() == [3, 1]
    assert merged.get_column("is_initiator_known").to_list() == [True, True]
    assert merged.get_column("interval_count").to_list() == [2, 1]
    assert merged.get_column("flow_start_nanoseconds").to_list() == [0, 60 * NS]
    assert merged.get_column("flow_end_nanoseconds").to_list() == [179 * NS, 119 * NS]


def test_no_reverse_packet_stays_missing():
    flows = records([1, 1], reverse_minimum_ip_total_length=None)
    merged = merging.merge_intervals(flows)
    assert merged.get_column("reverse_minimum_ip_total_length").to_list() == [None]


def test_a_conversation_comes_out_when_it_ended_and_once():
    builder = merging.ConversationBuilder(HOME)
    done, _ = builder.add(records([1, 2, 1]), ids(2))
    assert done.get_column("flow_id").to_list() == [2]
    done, intervals = builder.add(records([1]), ids(1))
    assert done.select("flow_id", "interval_count").rows() == [(1, 3)]
    assert intervals.height == 3
    done, _ = builder.add(records([3]), ids())
    assert done.is_empty()
    assert builder.open_conversations().get_column("flow_id").to_list() == [3]


def test_intervals_are_bounded_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(merging, "MAX_INTERVALS", 5)
    monkeypatch.setattr(merging, "_COMPACT_AT", 10)
    builder = merging.ConversationBuilder(HOME)
    for _ in range(20):
        builder.add(records([1, 1, 2], packet_delta_count=[1, 2, 4]), ids())
    done, intervals = builder.add(records([1], packet_delta_count=[1000]), ids(1, 2))
    packets = done.sort("flow_id").get_column("packet_delta_count").to_list()
    assert packets == [1000 + 20 * 3, 20 * 4]
    assert done.sort("flow_id").get_column("interval_count").to_list() == [41, 20]
    assert intervals.height < 40


@pytest.mark.parametrize(
    ("source", "destination", "wanted"),
    [
        (TEN, OUTSIDE, True),
        (OUTSIDE, TEN, False),
        (TEN, TEN + 1, True),
        (OUTSIDE, OUTSIDE + 1, True),
    ],
)
def test_who_is_at_home(source, destination, wanted):
    frame = conversations(source_address_low=source, destination_address_low=destination).frame
    assert frame.select(merging.is_source_home(HOME)).item() is wanted


def test_the_user_says_where_home_is():
    home = parse_networks(["198.51.100.0/24"])
    frame = conversations(source_address_low=TEN, destination_address_low=OUTSIDE).frame
    assert frame.select(merging.is_source_home(home)).item() is False


def test_a_single_record_is_not_overwritten_by_the_next():
    memory = np.zeros((2, len(RECORD_COLUMNS)), np.int64)
    memory[:, 0] = 7
    flows = flow_table(memory[:1])
    builder = merging.ConversationBuilder(HOME)
    builder.add(flows, ids())
    memory[:, 0] = 8
    assert flows.get_column("flow_id").to_list() == [7]
    assert builder.open_conversations().get_column("flow_id").to_list() == [7]


def test_an_empty_table_merges_to_an_empty_table():
    empty = pl.DataFrame(schema=schema.polars_schema(schema.FLOW))
    assert merging.merge_intervals(empty).is_empty()


def test_too_many_records_altogether_leave_fewer_of_each(monkeypatch):
    monkeypatch.setattr(merging, "_COMPACT_AT", 50)
    monkeypatch.setattr(merging, "_MOST_RECORDS", 20)
    monkeypatch.setattr(merging, "MAX_INTERVALS", 12)
    builder = merging.ConversationBuilder(HOME)
    builder.add(records([1, 2, 3, 4] * 15, packet_delta_count=list(range(60))), ids())
    # Twelve of each are 52 records, six are 28, three are 16.
    assert builder._open.height == 16
    _, intervals = builder.add(records([]), ids(4))
    assert intervals.get_column("packet_delta_count").to_list() == [
        sum(range(3, 48, 4)),
        *(51, 55, 59),
    ]
    assert intervals.get_column("interval_count").to_list() == [12, 1, 1, 1]


@pytest.mark.parametrize("compact_at", [10, 500_000])
def test_conversations_are_the_sums_of_what_was_metered(monkeypatch, rng, compact_at):
    """Metered in small outputs, with and without compaction: nothing lost, one row a biflow."""
    monkeypatch.setattr(merging, "_COMPACT_AT", compact_at)
    monkeypatch.setattr(merging, "MAX_INTERVALS", 3)
    packets = [
        Packet(
            at(i / 2),
            (TEN, 1000 + int(rng.integers(20))),
            (OUTSIDE, 443),
            octets=int(rng.integers(40, 1500)),
            payload=b"x",
        )
        for i in range(2000)
    ]
    packets = [packet if rng.random() < 0.5 else packet.answer() for packet in packets]
    meter = Meter(MeteringOptions(conversation_timeout_s=60, idle_timeout_s=30))
    builder = merging.ConversationBuilder(HOME)
    done = []
    for batch in batches_of(packets, [50]):
        for output in (*meter.feed(batch), *meter._output()):
            done.append(builder.add(output.flows, output.ended)[0])
    for output in meter.finish():
        done.append(builder.add(output.flows, output.ended)[0])
    conversations = pl.concat(done)
    assert conversations["flow_id"].n_unique() == conversations.height == meter.counters.biflows
    assert builder.open_conversations().is_empty()
    for name, value in (
        ("packet_delta_count", lambda packet: 1),
        ("octet_delta_count", lambda packet: packet.octets),
    ):
        outbound = sum(value(packet) for packet in packets if packet.source[0] == TEN)
        total = sum(map(value, packets))
        assert conversations[name].sum() + conversations[f"reverse_{name}"].sum() == total
        home = conversations.filter(pl.col("is_source_home"))
        away = conversations.filter(~pl.col("is_source_home"))
        assert home[name].sum() + away[f"reverse_{name}"].sum() == outbound
