# SPDX-License-Identifier: Apache-2.0
"""The whole of metering against a slow meter that was written from the rules."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metered import Packet, at, batches_of, meter
from minewatch.metering.kernel import (
    ROWS_A_PACKET,
    SWEEP_NS,
    is_sweep_due,
    rebuild_index,
    touch_rows,
)
from minewatch.metering.process import Meter
from minewatch.metering.state import (
    CLOCK_NS,
    MAX_ENDED,
    N_COUNTS,
    N_FLOWS,
    N_LIVE,
    N_PACKETS,
    N_PEAK,
    N_ROWS,
    SWEPT_NS,
    SWEPT_PACKETS,
    MeteringOptions,
)
from packets import ACK, FIN, NS, PSH, RST, START, SYN
from reference_meter import ReferenceMeter

TIMES = {
    "interval_s": 60.0,
    "idle_timeout_s": 120.0,
    "conversation_timeout_s": 600.0,
    "closed_linger_s": 5.0,
}
ADDRESSES = [0xFFFF_0A00_0001, 0xFFFF_0A00_0002, 0x2001_0DB8 << 96 | 1, (1 << 128) - 1]
# Gaps around every time-out and cut, to both sides.
GAPS = [0, 1, NS // 100, NS, 4 * NS, 5 * NS, 5 * NS + 1, 6 * NS, 29 * NS, 31 * NS, 59 * NS]
GAPS += [60 * NS - 1, 60 * NS, 61 * NS, 119 * NS, 120 * NS, 120 * NS + 1, 121 * NS, 300 * NS]
GAPS += [599 * NS, 600 * NS, 600 * NS + 1, 700 * NS, -1, -NS, -7 * NS, -70 * NS]


@st.composite
def sequences(draw):
    """Packets of a few conversations, mixed, some of them late."""
    time_ns, packets = START, []
    for _ in range(draw(st.integers(1, 60))):
        time_ns = max(0, time_ns + draw(st.sampled_from([0, 1, NS // 100, NS] * 8 + GAPS)))
        protocol = draw(st.sampled_from([6, 6, 6, 6, 17, 1, 58, 50]))
        ends = [
            (draw(st.sampled_from(ADDRESSES[:2])), draw(st.sampled_from([80, 40_000]))),
            (draw(st.sampled_from(ADDRESSES[1:])), draw(st.sampled_from([80, 3333]))),
        ]
        if protocol in (1, 58):
            ends = [(address, 0) for address, _ in ends]
            ends[1] = (ends[1][0], draw(st.sampled_from([0x0800, 0x0300])))
        if ends[0][0] == ends[1][0]:
            # A host that talks to itself from a port to the same port has no direction.
            ends[1] = (ADDRESSES[2], ends[1][1])
        if protocol not in (1, 58) and draw(st.booleans()):
            ends.reverse()
        flags = draw(st.sampled_from([0, ACK, PSH | ACK, SYN, SYN, SYN | ACK, FIN | ACK, RST]))
        length = draw(st.sampled_from([0, 0, 1, 10, 1400]))
        packets.append(
            Packet(
                time_ns,
                ends[0],
                ends[1],
                protocol,
                octets=40 + length,
                payload=bytes(min(length, 10)),
                payload_octets=length,
                flags=flags if protocol == 6 else 0,
                sequence=draw(st.sampled_from([7, 7, 8])) if protocol == 6 else 0,
                kind=draw(st.sampled_from([0, 0, 1, 4, 32])) if length else 0,
                vlan=draw(st.sampled_from([0, 5])),
            )
        )
    return packets


def reference(packets, **changes):
    result = ReferenceMeter(**{**TIMES, **changes})
    result.run(packets)
    return result


def ordered(rows):
    return sorted(rows, key=lambda row: (row["flow_id"], row["flow_start_nanoseconds"], repr(row)))


def without_noise(rows):
    """The bit for a handshake by its sizes has tests of its own."""
    return [{**row, "payload_kinds": row["payload_kinds"] & ~64} for row in rows]


@settings(max_examples=400, deadline=None)
@given(sequences(), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_records_are_those_of_the_rules(packets, sizes):
    expected = reference(packets)
    result = meter(packets, sizes=sizes, **TIMES)
    assert without_noise(ordered(result.rows())) == ordered(expected.records)
    assert result.meter.counters.out_of_order_packets == expected.out_of_order
    assert result.meter.counters.biflows == expected.count
    assert sorted(result.ended) == list(range(1, expected.count + 1))
    got = {flow_id: result.series(flow_id) for flow_id in result.packets}
    assert got == expected.series


@settings(max_examples=100, deadline=None)
@given(
    sequences(),
    st.sampled_from([1.0, 7.5, 60.0, 300.0]),
    st.sampled_from([1.0, 30.0, 120.0]),
    st.sampled_from([1.0, 120.0, 3600.0]),
    st.sampled_from([0.0, 5.0, 200.0]),
)
def test_other_time_outs(packets, interval, idle, conversation, linger):
    times = {
        "interval_s": interval,
        "idle_timeout_s": idle,
        "conversation_timeout_s": conversation,
        "closed_linger_s": linger,
    }
    expected = reference(packets, **times)
    result = meter(packets, **times)
    assert without_noise(ordered(result.rows())) == ordered(expected.records)


@settings(max_examples=100, deadline=None)
@given(sequences())
def test_batches_do_not_matter(packets):
    """Neither for records nor for what is kept beside them."""
    whole = meter(packets, sizes=[len(packets)], **TIMES)
    for sizes in ([1], [2], [7]):
        parts = meter(packets, sizes=sizes, **TIMES)
        assert ordered(parts.rows()) == ordered(whole.rows())
        assert parts.segments == whole.segments
        assert {i: parts.series(i) for i in parts.packets} == {
            i: whole.series(i) for i in whole.packets
        }


@settings(max_examples=100, deadline=None)
@given(sequences())
def test_without_side_data_the_records_are_the_same(packets):
    kept = meter(packets, **TIMES)
    bare = meter(packets, keep_packets=False, **TIMES)
    assert without_noise(ordered(bare.rows())) == without_noise(ordered(kept.rows()))
    assert bare.packets == bare.segments == {}


@settings(max_examples=50, deadline=None)
@given(sequences())
def test_equal_hashes_change_nothing(packets):
    """All packets in one slot of the index."""
    collided = [replace(packet, hashed=0xFFFF_FFFF) for packet in packets]
    assert ordered(meter(collided, **TIMES).rows()) == ordered(meter(packets, **TIMES).rows())


def crowd(rng, n=6000, n_flows=150):
    """More conversations than hypothesis would write, in the order of time."""
    times = START + np.cumsum(rng.integers(0, NS // 2, n))
    flags = rng.choice(
        [ACK, PSH | ACK, SYN, SYN | ACK, FIN | ACK, RST], n, p=[0.5, 0.3] + [0.05] * 4
    )
    packets = []
    for i, flow in enumerate(rng.integers(0, n_flows, n).tolist()):
        packet = Packet(
            int(times[i]) - int(rng.integers(0, 3 * NS)) * (i % 10 == 0),
            (ADDRESSES[0] + flow % 7, 1000 + flow),
            (ADDRESSES[2] if flow % 5 else 0xFFFF_C633_6407, 443),
            6 if flow % 3 else 17,
            octets=int(rng.integers(40, 1500)),
            payload=bytes(int(rng.integers(0, 30))),
            flags=int(flags[i]) if flow % 3 else 0,
            sequence=int(rng.integers(0, 3)),
        )
        packets.append(packet if rng.random() < 0.5 else packet.answer())
    return packets


@pytest.mark.parametrize("size", [1, 2, 7, 6000])
def test_a_crowd_of_conversations(rng, size):
    packets = crowd(rng)
    expected = reference(packets)
    result = meter(packets, sizes=[size], **TIMES)
    assert without_noise(ordered(result.rows())) == ordered(expected.records)
    assert {i: result.series(i) for i in result.packets} == expected.series


def test_nothing_is_lost_and_nothing_counted_twice(rng):
    packets = crowd(rng)
    flows = meter(packets, **TIMES).flows
    for name, value in {
        "packet_delta_count": lambda packet: 1,
        "octet_delta_count": lambda packet: packet.octets,
        "payload_octet_count": lambda packet: packet.length,
    }.items():
        total = flows[name].sum() + flows[f"reverse_{name}"].sum()
        assert total == sum(map(value, packets))


# The rules, one by one


def talk(*times_s, flags=ACK, payload=b"x"):
    """Payload in turns, at these seconds."""
    packets = []
    for i, time_s in enumerate(times_s):
        packet = Packet(at(time_s), payload=payload, octets=40 + len(payload), flags=flags)
        packets.append(packet.answer() if i % 2 else packet)
    return packets


def test_records_are_cut_at_the_interval_after_the_first_packet():
    rows = meter(talk(10, 69.9, 70, 129, 250), **TIMES).rows()
    assert [row["flow_start_nanoseconds"] for row in rows] == [at(10), at(70), at(250)]
    assert [row["flow_end_reason"] for row in rows] == [2, 1, 4]
    assert {row["flow_id"] for row in rows} == {1}


def test_a_miner_that_is_silent_keeps_its_conversation():
    """Payload both ways over TCP: 600 s; else the idle time-out ends it."""
    assert meter(talk(0, 1, 500, 1000), **TIMES).meter.counters.biflows == 1
    assert meter(talk(0, 1, 602), **TIMES).meter.counters.biflows == 2
    one_way = [Packet(at(0), payload=b"x"), Packet(at(130), payload=b"x")]
    assert meter(one_way, **TIMES).meter.counters.biflows == 2
    udp = [replace(packet, protocol=17) for packet in talk(0, 1, 130)]
    assert meter(udp, **TIMES).meter.counters.biflows == 2


def test_a_closed_connection_lingers():
    packets = talk(0, 1)
    packets += [replace(packets[0], time_ns=at(2), payload=b"", flags=FIN | ACK)]
    packets += [replace(packets[1], time_ns=at(3), payload=b"", flags=FIN | ACK)]
    late = replace(packets[0], time_ns=at(8), payload=b"", flags=ACK)
    rows = meter([*packets, late], **TIMES).rows()
    assert [(row["flow_id"], row["flow_end_reason"]) for row in rows] == [(1, 3)]
    rows = meter([*packets, replace(late, time_ns=at(8) + 1)], **TIMES).rows()
    assert [(row["flow_id"], row["flow_end_reason"]) for row in rows] == [(1, 3), (2, 4)]


@pytest.mark.parametrize(
    ("before", "sequence", "biflows"),
    [
        ([], 8, 1),
        ([Packet(at(0.1), payload=b"x")], 8, 2),
        ([Packet(at(0.1), payload=b"x")], 7, 1),
        ([Packet(at(0.1), flags=RST)], 8, 2),
        ([Packet(at(61), flags=ACK)], 8, 2),
        ([Packet(at(61), flags=ACK)], 7, 1),
    ],
    ids=["nothing", "payload", "payload, same SYN", "reset", "cut", "cut, same SYN"],
)
def test_a_syn_on_the_same_ports(before, sequence, biflows):
    packets = [Packet(at(0), flags=SYN, sequence=7), *before]
    packets.append(Packet(at(62), flags=SYN, sequence=sequence))
    rows = meter(packets, **TIMES).rows()
    assert len({row["flow_id"] for row in rows}) == biflows
    if biflows == 2:
        assert rows[-2]["flow_end_reason"] == 3


MINER, POOL = (0xFFFF_0A00_0001, 40_000), (0xFFFF_C633_6407, 3333)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("flags", "is_known"),
    [
        ([(0, SYN), (1, SYN | ACK), (0, ACK)], True),
        ([(1, SYN | ACK), (0, ACK)], True),
        ([(1, SYN | ACK), (0, SYN)], True),
        ([(1, ACK), (0, SYN)], True),
        ([(0, ACK), (1, ACK)], False),
        ([(0, RST)], False),
    ],
    ids=["SYN", "SYN-ACK", "SYN-ACK before SYN", "late SYN", "mid-stream", "reset"],
)
def test_who_opened(flags, is_known, flip):
    """The sender of a SYN, the receiver of a SYN-ACK, else the first sender."""
    ends = (POOL, MINER) if flip else (MINER, POOL)
    packets = [
        Packet(at(i), ends[side], ends[1 - side], flags=bits)
        for i, (side, bits) in enumerate(flags)
    ]
    (row,) = meter(packets, **TIMES).rows()
    assert row["is_initiator_known"] is is_known
    assert row["source_transport_port"] == ends[0][1]
    assert row["packet_delta_count"] == sum(side == 0 for side, _ in flags)


@pytest.mark.parametrize("flags", [SYN, SYN | ACK])
def test_the_direction_of_a_biflow_is_one_in_all_its_records(flags):
    """Else its totals would mix up who sent what."""
    packets = [
        Packet(at(0), POOL, MINER, flags=ACK),
        Packet(at(70), POOL, MINER, flags=ACK),
        Packet(at(71), *((MINER, POOL) if flags == SYN else (POOL, MINER)), flags=flags),
    ]
    rows = meter(packets, **TIMES).rows()
    for flow_id in {row["flow_id"] for row in rows}:
        ports = {row["source_transport_port"] for row in rows if row["flow_id"] == flow_id}
        assert len(ports) == 1


def test_out_of_order_packets_are_counted_and_never_restamped():
    packets = [Packet(at(10)), Packet(at(5)), Packet(at(11)), Packet(at(10.5)).answer()]
    result = meter(packets, **TIMES)
    (row,) = result.rows()
    assert result.meter.counters.out_of_order_packets == 2
    assert (row["flow_start_nanoseconds"], row["flow_end_nanoseconds"]) == (at(5), at(11))


# Sweeps


@pytest.mark.parametrize("size", [1, 3, 9])
def test_silence_is_noticed_without_another_packet_of_the_biflow(size):
    """The record of A is written before the end, as idle, though A was never heard of again."""
    other = [
        Packet(at(s), (MINER[0], 1), POOL, 17, payload=b"x") for s in (1, 100, 119, 140, 155, 160)
    ]
    process = Meter(MeteringOptions(**TIMES))
    for batch in batches_of([Packet(at(0)), *other], [size]):
        assert not list(process.feed(batch))
    records = [(row["flow_id"], row["flow_end_reason"]) for row in rest_of(process)]
    assert records == [(2, 2), (2, 2), (1, 1), (2, 4)]


def rest_of(process):
    return [row for output in process.finish() for row in output.flows.rows(named=True)]


def test_a_sweep_costs_no_more_than_so_many_rows_a_packet():
    counts = np.zeros(N_COUNTS, np.int64)
    counts[[CLOCK_NS, SWEPT_NS, N_PACKETS, SWEPT_PACKETS]] = [SWEEP_NS + NS, 0, 1000, 990]
    counts[N_FLOWS] = 10 * ROWS_A_PACKET
    assert is_sweep_due(counts)
    counts[N_FLOWS] += 1
    assert not is_sweep_due(counts)
    counts[[N_FLOWS, CLOCK_NS]] = [1, SWEEP_NS]
    assert not is_sweep_due(counts)
    # Rows are used again: of a million biflows, few at a time, not many rows were ever used.
    counts[[N_FLOWS, CLOCK_NS, N_PEAK]] = [1_000_000, SWEEP_NS + NS, ROWS_A_PACKET]
    counts[N_PACKETS] = 990 + 1 + MAX_ENDED // ROWS_A_PACKET
    assert is_sweep_due(counts)
    counts[N_PEAK] += 1
    assert not is_sweep_due(counts)


def test_no_more_rows_are_used_than_a_sweep_reckons_with(rng):
    for keep in (True, False):
        process = Meter(MeteringOptions(**TIMES, keep_packets=keep))
        for batch in batches_of(crowd(rng), [100]):
            for _ in process.feed(batch):
                pass
            counts = process._pools.counts
            assert counts[N_ROWS] <= min(counts[N_FLOWS], counts[N_PEAK] + MAX_ENDED)


def test_the_index_can_be_built_again():
    process = Meter(MeteringOptions())
    packets = [Packet(at(i / 100), (MINER[0], 1000 + i), POOL) for i in range(500)]
    for batch in batches_of(packets, [500]):
        assert not list(process.feed(batch))
    pools = process._pools
    index = np.zeros(1024, np.int64)
    rebuild_index(index, pools)
    assert np.count_nonzero(index) == pools.counts[N_LIVE] == 500
    process._pools = pools._replace(index=index)
    for batch in batches_of([packet.answer() for packet in packets], [500]):
        assert not list(process.feed(batch))
    assert len(rest_of(process)) == 500


def test_touching_rows_changes_nothing():
    process = Meter(MeteringOptions())
    packets = [Packet(at(i), (MINER[0], i), POOL, payload=b"x") for i in range(32)]
    (batch,) = batches_of(packets, [32])
    list(process.feed(batch))
    pools = process._pools
    before = (pools.rows.copy(), pools.index.copy(), pools.series.copy())
    touch_rows(batch.columns, 0, 32, pools.index, pools.rows, pools.series, True)
    for array, copy in zip((pools.rows, pools.index, pools.series), before, strict=True):
        assert (array == copy).all()
