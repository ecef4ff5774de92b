# SPDX-License-Identifier: Apache-2.0
import random
import shutil
import subprocess
from collections import Counter

import numpy as np
import polars as pl
import pytest

import packets as p
from metered import SEED, Packet, at, batches_of, meter
from minewatch import schema, types
from minewatch.address import with_text
from minewatch.conversations import merge_intervals
from minewatch.metering import state as st
from minewatch.metering.decode import write_key
from minewatch.metering.process import Meter, flow_table
from minewatch.metering.state import MeteringOptions
from minewatch.pipeline import PipelineOptions, meter_capture, open_capture
from minewatch.readers.source import Input
from minewatch.schema import KIND_JSON
from minewatch.types import BATCH_PACKETS, PacketBatch
from packets import NS, START, Frame

MINER, POOL = (0xFFFF_0A00_0001, 40_000), (0xFFFF_C633_6407, 3333)


def crowd(flows, times_ns, payload_octets=0, kind=0):
    """Yield batches of many packets at once: one of flow ``flows[i]`` at ``times_ns[i]``."""
    flows, times_ns = np.asarray(flows), np.asarray(times_ns)
    batch = PacketBatch()
    batch.data[:65_536] = ord("x")
    for start in range(0, len(flows), BATCH_PACKETS):
        part = flows[start : start + BATCH_PACKETS]
        n = batch.n_packets = len(part)
        columns = batch.columns[:n]
        columns[:] = 0
        columns[:, types.P_TIME] = times_ns[start : start + n]
        columns[:, types.P_SOURCE_LOW] = 0xFFFF_0A00_0000 + part // 60_000
        columns[:, types.P_SOURCE_PORT] = 1 + part % 60_000
        columns[:, types.P_DESTINATION_LOW] = POOL[0]
        columns[:, types.P_DESTINATION_PORT] = POOL[1]
        columns[:, types.P_PROTOCOL] = 6
        columns[:, types.P_OCTETS] = 40 + payload_octets
        columns[:, types.P_PAYLOAD_OCTETS] = payload_octets
        columns[:, types.P_PAYLOAD_CAPTURED] = payload_octets
        columns[:, types.P_KIND] = kind
        for i in range(n):
            write_key(columns, i, SEED)
        yield batch


def run(process, batches, look=None):
    """Return the interval records; ``look`` is called with each output."""
    tables = []
    for batch in batches:
        for output in process.feed(batch):
            tables.append(output.flows)
            if look:
                look(output)
    for output in process.finish():
        tables.append(output.flows)
        if look:
            look(output)
    return pl.concat(tables)


def n_packets(flows):
    return flows["packet_delta_count"].sum() + flows["reverse_packet_delta_count"].sum()


# The table


def test_a_flow_table_has_the_columns_and_types_of_the_schema():
    records = np.zeros((2, st.RECORD_WORDS), np.int64)
    records[0] = np.arange(st.RECORD_WORDS)
    records[1] = -1
    table = flow_table(records[:1])
    assert dict(table.schema) == schema.polars_schema(schema.FLOW)
    assert table.select(st.RECORD_COLUMNS).row(0)[:30] == tuple(range(30))
    assert dict(flow_table(records[:0]).schema) == dict(table.schema)


def test_addresses_are_unsigned_and_lengths_may_be_missing():
    records = np.zeros((1, st.RECORD_WORDS), np.int64)
    for name in ("source_address_high", "minimum_ip_total_length"):
        records[0, st.RECORD_COLUMNS.index(name)] = -1
    row = flow_table(records).row(0, named=True)
    assert row["source_address_high"] == 2**64 - 1
    assert row["minimum_ip_total_length"] is None
    assert row["maximum_ip_total_length"] == 0


def test_a_table_is_not_changed_by_what_follows():
    """The kernel's memory is used again; the table must not be a view of it."""
    process = Meter(MeteringOptions())
    packets = [Packet(at(0), (MINER[0], port), POOL) for port in range(1, 50)]
    (batch,) = batches_of(packets, [50])
    assert not list(process.feed(batch))
    tables = [output.flows for output in process.finish()]
    before = [table.rows() for table in tables]
    run(process, batches_of([Packet(at(900), POOL, (MINER[0], 9))], [50]))
    assert [table.rows() for table in tables] == before


# Outputs


def test_the_last_output_is_marked_and_comes_even_if_empty():
    process = Meter(MeteringOptions())
    outputs = list(process.finish())
    assert [(output.is_last, output.flows.height) for output in outputs] == [(True, 0)]
    assert dict(outputs[0].flows.schema) == schema.polars_schema(schema.FLOW)


@pytest.mark.parametrize("keep", [True, False])
def test_outputs_come_before_memory_is_full(keep):
    """70,000 biflows end, more than there is room for records or for ended biflows."""
    n = 70_000
    process = Meter(MeteringOptions(keep_packets=keep))
    outputs, ended = [], []
    flows = run(
        process,
        crowd(np.arange(n), START + np.arange(n) * (NS // 100), 10),
        lambda output: (
            outputs.append(output.is_last),
            ended.extend(output.ended.tolist()),
            output.packets(output.ended),
        ),
    )
    assert len(outputs) > 2
    assert outputs == [False] * (len(outputs) - 1) + [True]
    assert sorted(flows["flow_id"].to_list()) == list(range(1, n + 1))
    assert sorted(ended) == (list(range(1, n + 1)) if keep else [])
    assert process.counters.biflows == n


def test_memory_is_used_again():
    """200,000 short biflows: what is taken of every pool is what a few thousand need."""
    n = 200_000
    flows = np.repeat(np.arange(n // 2), 2)
    process = Meter(MeteringOptions())
    sizes = {name: len(getattr(process._pools, name)) for name in process._pools._fields}
    table = run(process, crowd(flows, START + np.arange(n) * (NS // 100), 10, KIND_JSON))
    assert table.height == n // 2
    counts = process._pools.counts
    # 50 biflows a second, silent for 120 s, and up to 31 s between looks.
    live = (120 + 31) * 50
    assert counts[st.N_ROWS] <= live + sizes["ended"]
    assert counts[st.N_SERIES] <= live + sizes["ended"]
    assert counts[st.N_BLOCKS] <= 2 * (live + sizes["ended"])
    assert {name: len(getattr(process._pools, name)) for name in sizes} == sizes
    for used, free in [
        (st.N_ROWS, st.N_FREE_ROWS),
        (st.N_SERIES, st.N_FREE_SERIES),
        (st.N_BLOCKS, st.N_FREE_BLOCKS),
    ]:
        assert counts[used] == counts[free]
    assert counts[st.N_LIVE] == 0
    assert not process._pools.index.any()
    assert process.counters.payload_dropped_octets == 0


def small(process, **sizes):
    """Give a metering process smaller pools than it would choose, so that they must grow."""
    for name, size in sizes.items():
        array = getattr(process._pools, name)
        process._pools = process._pools._replace(**{name: array[:size].copy()})
    return process


def test_rows_and_index_grow_and_every_biflow_is_still_found():
    n = 5000
    process = small(Meter(MeteringOptions()), rows=1024, free_rows=1024, index=2048)
    times = START + np.arange(n) * 1000
    batches = [*crowd(np.arange(n), times)]
    table = run(process, [*batches, *crowd(np.arange(n)[::-1], times + NS)])
    assert table.height == n
    assert set(table["packet_delta_count"]) == {2}
    assert len(process._pools.rows) == 8192
    assert len(process._pools.index) == 16_384
    assert process.counters.evicted_biflows == 0


def test_series_and_rings_grow():
    n, each = 40, 300  # more than are kept
    process = small(Meter(MeteringOptions()), series=16, free_series=16, latest=4, free_latest=4)
    flows = np.tile(np.arange(n), each)
    times = START + np.arange(n * each) * 1000
    kept = {}

    def look(output):
        packets = output.packets(output.ended)
        kept.update({i: packets[i].time_ns.tolist() for i in packets})

    run(process, crowd(flows, times, 5), look)
    expected = {}
    for flow in range(n):
        mine = times[flows == flow].tolist()
        expected[flow + 1] = mine[:64] + mine[max(64, len(mine) - st.LATEST_PACKETS) :]
    assert kept == expected
    assert len(process._pools.series) >= n * 8
    assert len(process._pools.latest) >= n


# Too many biflows


def test_the_longest_silent_make_room_and_no_packet_is_lost():
    """3,000 biflows at a time where 1,024 may be, one of them busy all the time."""
    rng = np.random.default_rng(5)
    flows = np.concatenate([[0, 1 + k] for k in range(3000)] + [rng.integers(1, 3001, 3000)])
    process = Meter(MeteringOptions(max_biflows=1024))
    live = []
    table = run(
        process,
        crowd(flows, START + np.arange(len(flows)) * (NS // 1000), 5),
        lambda output: live.append(int(process._pools.counts[st.N_LIVE])),
    )
    assert n_packets(table) == len(flows)
    assert len(process._pools.rows) == 1024
    assert max(live) <= 1024
    reasons = Counter(table["flow_end_reason"].to_list())
    assert set(reasons) == {4, 5}
    assert process.counters.evicted_biflows == reasons[5]
    assert reasons[4] <= 1024
    busy = table.filter(pl.col("source_transport_port") == 1)
    assert busy.height == 1
    assert busy["packet_delta_count"].to_list() == [3000]


def test_biflows_that_all_spoke_just_now_make_room_too():
    process = Meter(MeteringOptions(max_biflows=1024))
    table = run(process, crowd(np.arange(5000), np.full(5000, START)))
    assert n_packets(table) == table.height == 5000
    assert process.counters.evicted_biflows >= 5000 - 1024
    assert process.counters.evicted_biflows == (table["flow_end_reason"] == 5).sum()


def test_biflows_that_ended_are_not_counted_as_evicted():
    """A pool full of biflows that are over but not fetched has room."""
    n = 10_000
    packets = crowd(np.arange(n), START + np.arange(n) * NS)
    process = Meter(MeteringOptions(max_biflows=1024))
    table = run(process, packets)
    assert process.counters.evicted_biflows == 0
    assert set(table["flow_end_reason"]) == {1, 4}


# A whole capture against tshark


def random_frames(n=3000):
    """Frames of every transport over both versions of IP, padded, tagged and with options."""
    draw = random.Random(11)
    frames, time_ns = [], START
    for _ in range(n):
        time_ns += draw.randrange(0, NS // 10) // 1000 * 1000
        flow = draw.randrange(60)
        sport, dport = 1000 + flow, 2000 + flow % 7
        forward = draw.random() < 0.5
        ports = (sport, dport) if forward else (dport, sport)
        payload = bytes(draw.choice([0, 0, 1, 100, 1400]))
        is_v6 = flow % 3 == 0
        ends = (p.A6, p.B6) if is_v6 else (p.A, p.B)
        ends = ends if forward else ends[::-1]
        if flow % 2:
            options = b"\1" * draw.choice([0, 12])
            protocol, body = 6, p.tcp(*ports, payload, p.ACK, 1, options)
        else:
            protocol, body = 17, p.udp(*ports, payload)
        if is_v6:
            packet, ethertype = p.ipv6(*ends, protocol, body), p.IPV6
        else:
            packet, ethertype = p.ipv4(*ends, protocol, body), p.IPV4
        if flow % 5 == 0:
            packet, ethertype = p.tag(7, ethertype, packet), p.VLAN
        frame = p.ether(packet, ethertype, minimum=60)
        kept = frame[: draw.choice([len(frame), len(frame), 128])]
        frames.append(Frame(kept, time_ns, len(frame)))
    return frames


def by_tshark(path):
    """Return packets, octets and payload octets by (source, port, destination, port)."""
    names = "ip.src ipv6.src ip.dst ipv6.dst tcp.srcport udp.srcport tcp.dstport udp.dstport"
    names += " ip.len ipv6.plen tcp.len udp.length"
    wanted = [part for name in names.split() for part in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", *wanted]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    totals = {}
    for line in text.splitlines():
        four, six, d4, d6, ts, us, td, ud, length, plen, tcp_len, udp_len = line.split("|")
        key = (four or six, int(ts or us), d4 or d6, int(td or ud))
        octets = int(length) if length else int(plen) + 40
        payload = int(tcp_len) if tcp_len else int(udp_len) - 8
        before = totals.get(key, (0, 0, 0))
        totals[key] = tuple(a + b for a, b in zip(before, (1, octets, payload), strict=True))
    return totals


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("write", [p.pcap, p.pcapng])
def test_totals_are_those_of_tshark(tmp_path, write):
    path = tmp_path / "a.pcap"
    path.write_bytes(write(random_frames()))
    options = PipelineOptions()
    source, process = open_capture(Input(str(path), str(path), None), options)
    tables = [output.flows for output in meter_capture(source, process, options)]
    table = with_text(merge_intervals(pl.concat(tables)))
    totals = {}
    for row in table.rows(named=True):
        ends = (row["source_address"], row["source_transport_port"])
        ends += (row["destination_address"], row["destination_transport_port"])
        for prefix, key in (("", ends), ("reverse_", ends[2:] + ends[:2])):
            names = ("packet_delta_count", "octet_delta_count", "payload_octet_count")
            values = tuple(row[prefix + name] for name in names)
            if values[0]:
                assert key not in totals
                totals[key] = values
    assert totals == by_tshark(path)
    assert sum(value[0] for value in totals.values()) == 3000


def test_counters_are_those_of_the_whole_input():
    packets = [Packet(at(1)), Packet(at(0)), Packet(at(2), POOL, (MINER[0], 9), 17)]
    counters = meter(packets).meter.counters
    assert (counters.biflows, counters.out_of_order_packets) == (2, 1)
    assert (counters.payload_dropped_octets, counters.evicted_biflows) == (0, 0)
