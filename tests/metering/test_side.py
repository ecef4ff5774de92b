# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metered import Packet, at, batches_of, meter
from minewatch.metering import process as processing
from minewatch.metering.process import Meter
from minewatch.metering.side import (
    TALK_BLOCKS,
    TLS_BLOCKS,
    is_noise,
    payload_limit,
    take_free,
)
from minewatch.metering.state import (
    BLOCK_OCTETS,
    FIRST_PACKETS,
    LATEST_PACKETS,
    N_BLOCKS,
    N_FREE_BLOCKS,
    N_FREE_LATEST,
    N_FREE_SERIES,
    N_LATEST,
    N_SERIES,
    MeteringOptions,
)
from minewatch.schema import (
    KIND_DNS,
    KIND_HTTP,
    KIND_JSON,
    KIND_JSON_RPC,
    KIND_NOISE,
    KIND_TLS,
    KIND_WEBSOCKET,
)
from minewatch.types import Segment
from packets import ACK, RST, SYN

MINER, POOL = (0xFFFF_0A00_0001, 40_000), (0xFFFF_C633_6407, 3333)
DNS_RESPONSE = bytes.fromhex("beef8180000100010000000004706f6f6c0000010001c00c000100010000003c0004")


def said(i, octets, kind=0, protocol=6, source=MINER, destination=POOL, **changes):
    data = octets if isinstance(octets, bytes) else bytes([int(i) % 251]) * octets
    return Packet(at(i), source, destination, protocol, 40 + len(data), data, kind=kind, **changes)


# Series


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 448, 449, 900])
def test_the_first_64_and_the_latest_192_payload_packets_are_kept(n):
    packets = [said(i / 10, 1 + i) if i % 3 else said(i / 10, 1 + i).answer() for i in range(n)]
    packets.append(Packet(at(n / 10), MINER, POOL))  # no payload: not in the series
    result = meter(packets, sizes=[13])
    wanted = list(range(min(n, 64))) + list(range(max(64, n - LATEST_PACKETS), n))
    first = n > 0 and packets[0].source == MINER
    assert result.series(1) == [(at(i / 10), 1 + i, (i % 3 != 0) == first) for i in wanted]
    assert result.packets[1].n_first == min(n, FIRST_PACKETS)
    assert len(wanted) <= FIRST_PACKETS + LATEST_PACKETS


def test_direction_in_the_series_is_that_of_the_initiator_known_at_the_end():
    packets = [said(0, 5).answer(), Packet(at(1), POOL, MINER, flags=SYN | ACK), said(2, 6)]
    assert meter(packets).series(1) == [(at(0), 5, False), (at(2), 6, True)]


def test_sizes_on_the_wire_and_not_as_captured():
    result = meter([said(0, b"abc", payload_octets=1400)])
    assert result.series(1) == [(at(0), 1400, True)]


@pytest.mark.parametrize(
    ("sizes", "is_told"),
    [
        ([(64, 0), (170, 1)], True),
        ([(64, 0), (234, 1)], True),
        ([(64, 0), (235, 1)], False),
        ([(63, 0), (170, 1)], False),
        ([(64, 0), (170, 0)], False),
        ([(1, 0), (64, 0), (170, 1)], False),
    ],
)
def test_a_noise_handshake_is_told_by_its_sizes(sizes, is_told):
    packets = [
        said(i, size).answer() if side else said(i, size) for i, (size, side) in enumerate(sizes)
    ]
    (row,) = meter(packets).rows()
    assert row["payload_kinds"] == (KIND_NOISE if is_told else 0)
    if len(sizes) == 2:
        words = [size << 1 | side for size, side in sizes]
        assert is_noise(*words) is is_told


# Payload


def test_payload_is_kept_from_the_first_that_looks_like_a_protocol():
    packets = [
        said(0, b"hello"),
        said(1, b'{"id":1}', KIND_JSON, sequence=2**32 - 1),
        said(2, b"and so on", sequence=7).answer(payload=b"answer", sequence=9),
        said(3, b"more", sequence=8, payload_octets=900),
    ]
    result = meter(packets)
    assert result.segments[1] == [
        Segment(at(1), True, 2**32 - 1, 8, b'{"id":1}'),
        Segment(at(2), False, 9, 6, b"answer"),
        Segment(at(3), True, 8, 900, b"more"),
    ]


def test_no_payload_is_kept_of_what_looks_like_nothing():
    assert meter([said(0, b"hello"), said(1, b"GET", KIND_HTTP)]).segments == {1: []}


@pytest.mark.parametrize(
    ("kinds", "blocks"),
    [
        (0, 0),
        (KIND_HTTP, 0),
        (KIND_DNS, 0),
        (KIND_NOISE, 0),
        (KIND_TLS, TLS_BLOCKS),
        (KIND_JSON, TALK_BLOCKS),
        (KIND_HTTP | KIND_WEBSOCKET, TALK_BLOCKS),
        (KIND_HTTP | KIND_JSON_RPC, TALK_BLOCKS),
        (KIND_TLS | KIND_JSON, TALK_BLOCKS),
    ],
)
def test_budgets(kinds, blocks):
    assert payload_limit(kinds) == blocks
    packets = [said(i, 100 + i, kinds if i == 0 else 0) for i in range(40)]
    kept = meter(packets).segments[1]
    assert [segment.data for segment in kept] == [p.payload for p in packets[:blocks]]


@pytest.mark.parametrize("size", [1, 479, 480, 481, 960, 1000, 1448, 9000, 60_000])
def test_a_long_packet_takes_several_blocks_and_stays_one_segment(size, rng):
    data = rng.bytes(size)
    (segment,) = meter([said(0, data, KIND_JSON, sequence=5)]).segments[1]
    assert segment == Segment(at(0), True, 5, size, data[: TALK_BLOCKS * BLOCK_OCTETS])


def test_a_budget_that_ends_inside_a_packet():
    packets = [said(0, 480 * 23, KIND_JSON), said(1, 1000), said(2, 5)]
    kept = meter(packets).segments[1]
    assert [len(segment.data) for segment in kept] == [480 * 23, 480]
    assert kept[1].length == 1000


def test_a_full_pool_is_counted_and_no_error():
    """Room for eight blocks of all biflows together."""
    packets = [said(i, 400, KIND_JSON, source=(MINER[0], 1000 + i), sequence=i) for i in range(12)]
    result = meter(packets, payload_limit_octets=8 * 512)
    assert [len(kept) for kept in result.segments.values()] == [1] * 8 + [0] * 4
    assert result.meter.counters.payload_dropped_octets == 4 * 400
    assert len(result.packets) == 12  # sizes and times are kept all the same


def test_hellos_leave_half_of_the_pool_to_plaintext():
    """Room for eight blocks: whoever opens many TLS connections does not hide a login."""

    def kept(kind, n):
        return [said(i, 400, kind, source=(MINER[0], 1000 + kind * 100 + i)) for i in range(n)]

    result = meter([*kept(KIND_TLS, 12), *kept(KIND_JSON, 4)], payload_limit_octets=8 * 512)
    assert [len(kept) for kept in result.segments.values()] == [1] * 4 + [0] * 8 + [1] * 4
    assert result.meter.counters.payload_dropped_octets == 8 * 400


def test_the_pool_is_used_again():
    """A thousand biflows one after the other, in a pool for eight blocks."""
    packets = []
    for i in range(1000):
        source = (MINER[0], 1000 + i)
        packets.append(said(i / 10, b"%d" % i * 150, KIND_JSON, source=source))
        packets.append(said(i / 10, 0, source=source, flags=RST))
    process = Meter(MeteringOptions(payload_limit_octets=40_960, closed_linger_s=0.01))
    dropped = 0
    for batch in batches_of(packets, [20]):
        for output in process.feed(batch):
            dropped += len(output.ended)
        for output in process._output():
            dropped += len(output.ended)
    assert dropped > 0
    assert process._pools.counts[N_BLOCKS] <= 80


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_side_data_of_many_biflows_that_come_and_go(data):
    """What is fetched is exactly what each biflow said, while memory is used again and again."""
    n = data.draw(st.integers(1, 25))
    flows = [
        (data.draw(st.sampled_from([0, KIND_JSON, KIND_TLS])), data.draw(st.integers(1, 120)))
        for _ in range(n)
    ]
    sizes = data.draw(st.lists(st.integers(0, 1500), min_size=1, max_size=9))
    packets, expected = [], {}
    for i, (kind, count) in enumerate(flows):
        source = (MINER[0], 1000 + i % 3)
        said_here = [
            said(i * 200 + k / 10, bytes([i, k % 256]) * (sizes[(i + k) % len(sizes)] // 2 + 1),
                 kind, source=source)
            for k in range(count)
        ]  # fmt: skip
        packets += said_here
        budget, kept = payload_limit(kind), []
        for packet in said_here:
            part = packet.payload[: budget * BLOCK_OCTETS]
            budget -= -(-len(part) // BLOCK_OCTETS)
            if part:
                kept.append(part)
        expected[i + 1] = kept
    process = Meter(MeteringOptions())
    got = {}
    for batch in batches_of(packets, [17]):
        for output in [*_all(process.feed(batch), got), *_all(process._output(), got)]:
            raise AssertionError(output)
    list(_all(process.finish(), got))
    assert {i: [s.data for s in segments] for i, (segments, _) in got.items()} == expected
    assert {i: series for i, (_, series) in got.items()} == {
        i + 1: min(count, 64) + min(max(count - 64, 0), LATEST_PACKETS)
        for i, (_, count) in enumerate(flows)
    }
    counts = process._pools.counts
    assert counts[N_BLOCKS] == counts[N_FREE_BLOCKS]
    assert counts[N_SERIES] == counts[N_FREE_SERIES]
    assert counts[N_LATEST] == counts[N_FREE_LATEST]


def _all(outputs, got):
    for output in outputs:
        packets = output.packets(output.ended)
        payloads = output.payloads(output.ended, packets)
        for i in output.ended.tolist():
            got[i] = (list(payloads[i].segments), len(packets[i].time_ns))
    return ()


def test_only_what_is_asked_for_is_fetched():
    packets = [said(i, b"{}", KIND_JSON, source=(MINER[0], 1000 + i)) for i in range(5)]
    process = Meter(MeteringOptions())
    (batch,) = batches_of(packets, [5])
    assert not list(process.feed(batch))
    for output in process.finish():
        table = output.packets(np.array([2, 4, 99]))
        assert list(table) == [2, 4]
        assert list(output.payloads(np.array([4]), table)) == [4]
        assert len(output.packets(np.array([], np.int64))) == 0


# DNS


def dns(i, data=DNS_RESPONSE, **changes):
    return said(i, data, KIND_DNS, 17, (0xFFFF_0808_0808, 53), (MINER[0], 5000), **changes)


def log_of(packets, process=None):
    process = Meter(MeteringOptions()) if process is None else process
    for batch in batches_of(packets, [7]):
        for _ in process.feed(batch):
            pass
    return process.dns_log()


def test_responses_with_answers_are_kept():
    no_answer = DNS_RESPONSE[:6] + b"\0\0" + DNS_RESPONSE[8:]
    query = DNS_RESPONSE[:2] + b"\1\0" + DNS_RESPONSE[4:]
    log = log_of([dns(0), dns(1, no_answer), dns(2, query), dns(3, b"short"), dns(4)])
    assert list(log.messages()) == [DNS_RESPONSE] * 2
    assert log.records[:, 0].tolist() == [at(0), at(4)]


def test_a_long_datagram_is_no_response():
    whole = DNS_RESPONSE.ljust(4096, b"x")
    assert list(log_of([dns(0, whole), dns(1, whole + b"x")]).messages()) == [whole]


def test_only_what_was_captured_of_a_response_is_kept():
    log = log_of([dns(0, DNS_RESPONSE[:20], payload_octets=500)])
    assert list(log.messages()) == [DNS_RESPONSE[:20]]


@pytest.mark.parametrize("limit", ["octets", "records"])
def test_a_full_log_begins_again(limit):
    process = Meter(MeteringOptions())
    room = (
        {"dns": np.zeros(5 * 34 + 10, np.uint8)}
        if limit == "octets"
        else {"dns_records": np.zeros((5, 3), np.int64)}
    )
    process._pools = process._pools._replace(**room)
    packets = [dns(i, DNS_RESPONSE[:-1] + bytes([i])) for i in range(12)]
    log = log_of(packets, process)
    assert [message[-1] for message in log.messages()] == [10, 11]
    assert log.records[:, 1].tolist() == [0, 34]


def test_the_log_is_a_copy():
    process = Meter(MeteringOptions())
    log = log_of([dns(0)], process)
    log_of([dns(1)], process)
    assert isinstance(log, processing.DnsLog)
    assert len(list(log.messages())) == 1


def test_take_free():
    counts = np.array([2, 5], np.int64)
    free = np.array([7, 3], np.int64)
    taken = [take_free(counts, free, 0, 1, 7) for _ in range(5)]
    assert taken == [3, 7, 5, 6, -1]
