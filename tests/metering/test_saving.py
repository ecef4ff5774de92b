# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import polars as pl
import pytest

from metered import SEED, Packet, at, batches_of
from minewatch.metering import saving
from minewatch.metering import state as st
from minewatch.metering.process import Meter
from minewatch.metering.state import MeteringOptions
from minewatch.schema import KIND_DNS, KIND_JSON, KIND_TLS
from packets import ACK, FIN, PSH, RST, SYN

OPTIONS = MeteringOptions(payload_limit_octets=1 << 20)
DNS = bytes.fromhex("beef8180000100010000000004706f6f6c0000010001c00c000100010000003c0004c6336407")


def traffic(n=6_000, seed=5):
    """Connections that open, talk, close and fall silent, plaintext and TLS and names among it."""
    draw = random.Random(seed)
    packets, seconds = [], 0.0
    for _ in range(n):
        seconds += draw.choice([0.01, 0.1, 0.5])
        flow = draw.randrange(40)
        source, destination = (0xFFFF_0A00_0001 + flow % 5, 2_000 + flow), (0xFFFF_C633_6407, 443)
        if flow == 0:
            packets.append(
                Packet(at(seconds), (destination[0], 53), source, 17, 80, DNS, kind=KIND_DNS)
            )
            continue
        data = bytes([draw.randrange(256)]) * draw.choice([0, 1, 30, 900])
        kind = (KIND_JSON if flow % 3 == 0 else KIND_TLS) * (len(data) > 0)
        flags = draw.choice([ACK, ACK, ACK, PSH | ACK, PSH | ACK, SYN, FIN | ACK, RST])
        one = Packet(
            at(seconds), source, destination, 6, 40 + len(data), data, None, flags, 7 * flow, kind
        )
        packets.append(one if draw.random() < 0.5 else one.answer())
    return packets


def told(outputs):
    """All that outputs hold, as values that can be compared."""
    found = []
    for output in outputs:
        packets = output.packets(output.ended)
        payloads = output.payloads(output.ended, packets)
        found.append(
            (
                output.flows.rows(),
                output.ended.tolist(),
                [packets[i].time_ns.tolist() for i in packets],
                [(i, payloads[i].segments) for i in payloads],
            )
        )
    return found


def fed(process, packets):
    return [one for batch in batches_of(packets, [101]) for one in told(process.feed(batch))]


@pytest.mark.parametrize("n", [0, 1, 500, 3_000, 5_999])
def test_a_meter_that_was_saved_goes_on_as_if_nothing_had_been(n):
    packets = traffic()
    whole = Meter(OPTIONS)
    fed(whole, packets[:n])
    other = Meter(OPTIONS)
    other.restore(whole.save(), SEED)
    assert other.dns_log().octets == whole.dns_log().octets
    rest = [*fed(whole, packets[n:]), *told(whole.finish())]
    assert [*fed(other, packets[n:]), *told(other.finish())] == rest
    assert sum(len(flow_ids) for _, flow_ids, _, _ in rest) > 500


def test_the_copy_does_not_change_when_the_meter_goes_on():
    process = Meter(OPTIONS)
    fed(process, traffic(2_000))
    saved = process.save()
    copies = {name: array.copy() for name, array in saved.items()}
    fed(process, traffic(2_000, seed=9))
    assert all(np.array_equal(saved[name], copies[name]) for name in saved)


def test_another_seed_finds_the_same_biflows():
    """The hash of keys differs from process to process."""
    process = Meter(OPTIONS)
    fed(process, traffic(2_000))
    live = int(process._pools.counts[st.N_LIVE])
    other = Meter(OPTIONS)
    other.restore(process.save(), SEED)
    fed(other, [packet for packet in traffic(2_000) if packet.protocol == 17])
    assert int(other._pools.counts[st.N_LIVE]) == live


def test_pools_that_grew_are_as_large_again():
    process = Meter(OPTIONS)
    process._pools = process._pools._replace(
        rows=process._pools.rows[:8].copy(), free_rows=process._pools.free_rows[:8].copy()
    )
    process._grow_rows()
    process._grow_rows()
    fed(process, traffic(2_000))
    other = Meter(OPTIONS)
    other.restore(process.save(), SEED)
    assert other._pools.rows.shape == process._pools.rows.shape
    assert fed(other, traffic(500, seed=3)) == fed(process, traffic(500, seed=3))


def broken(name, change, packets=None):
    process = Meter(OPTIONS)
    fed(process, packets or traffic(3_000))
    arrays = process.save()
    arrays[name] = arrays[name].copy()
    change(arrays)
    return arrays


def put(name, row, word, value):
    def change(arrays):
        rows = np.flatnonzero(row(arrays)) if callable(row) else [row]
        arrays[name][rows[0], word] = value

    return name, change


def has_payload(arrays):
    return arrays["rows"][:, st.PAYLOAD_BLOCKS] > 1


def has_series(arrays):
    return arrays["rows"][:, st.SERIES_COUNT] > 20


def is_open(arrays):
    return arrays["rows"][:, st.STATUS] & st.ENDED == 0


def has_none(arrays):
    return arrays["rows"][:, st.SERIES_COUNT] == 0


def has_ring(arrays):
    return arrays["rows"][:, st.SERIES_COUNT] > st.FIRST_PACKETS


@pytest.mark.parametrize(
    ("name", "change"),
    [
        put("rows", has_series, st.SERIES_HEAD, 1 << 40),
        put("rows", has_series, st.SERIES_HEAD, -1),
        put("rows", has_series, st.SERIES_TAIL, 0),
        put("rows", has_ring, st.LATEST_BLOCK, 1 << 30),
        put("rows", has_payload, st.PAYLOAD_HEAD, 1 << 30),
        put("rows", has_payload, st.PAYLOAD_BLOCKS, 1 << 30),
        put("rows", has_payload, st.PAYLOAD_BLOCKS, 1),
        ("ended", lambda arrays: arrays["ended"].put(0, arrays["ended"][1])),
        put("series", 0, 2 * st.SERIES_CHUNK, 1 << 30),
        put("heads", 0, st.BLOCK_CAPTURED, 1 << 30),
        ("counts", lambda arrays: arrays["counts"].put(st.N_SERIES, 1 << 40)),
        put("rows", has_series, st.SERIES_COUNT, -5),
        put("rows", is_open, st.VLAN, 1 << 40),
        put("rows", 0, st.FLOW_ID, 1 << 40),
        put("records", 0, 5, 1 << 40),
        ("records", lambda arrays: arrays["records"].put([0, 5], 1 << 40)),  # of no biflow
        put("rows", has_none, st.SERIES_TAIL, 1 << 40),
        ("counts", lambda arrays: arrays["counts"].put(st.N_RECORDS, -5)),
        ("counts", lambda arrays: arrays["counts"].put(st.SWEEP_AT, -(1 << 40))),
        ("counts", lambda arrays: arrays["counts"].put(st.SWEEP_AT, 1 << 40)),
        ("counts", lambda arrays: arrays["counts"].put(st.N_LOOKED, -(1 << 40))),
        ("counts", lambda arrays: arrays["counts"].put(st.N_LOOKED, 1 << 40)),
        ("counts", lambda arrays: arrays.update(counts=arrays["counts"][:5])),
        ("sizes", lambda arrays: arrays["sizes"].put(0, 1 << 50)),
        ("row_numbers", lambda arrays: arrays["row_numbers"].put(0, 1)),
        ("rows", lambda arrays: arrays.update(rows=arrays["rows"][:, :-1])),
        ("dns", lambda arrays: arrays.update(dns=arrays["dns"][:-1])),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name, change):
    arrays = broken(name, change)
    process = Meter(OPTIONS)
    before = process._pools
    with pytest.raises(ValueError, match=r"."):
        process.restore(arrays, SEED)
    assert process._pools is before


def test_two_biflows_with_one_chain_are_refused():
    def change(arrays):
        rows = np.flatnonzero(arrays["rows"][:, st.SERIES_COUNT] == 1)[:2]
        words = [st.SERIES_HEAD, st.SERIES_TAIL]
        arrays["rows"][rows[1], words] = arrays["rows"][rows[0], words]

    with pytest.raises(ValueError, match="an element of two chains"):
        Meter(OPTIONS).restore(broken("rows", change), SEED)


def test_two_biflows_with_one_ring_are_refused():
    def change(arrays):
        rows = np.flatnonzero(has_ring(arrays))[:2]
        arrays["rows"][rows[1], st.LATEST_BLOCK] = arrays["rows"][rows[0], st.LATEST_BLOCK]

    ends = [((0xFFFF_0A00_0001, 2_000 + i), (0xFFFF_C633_6407, 443)) for i in (0, 1)]
    talks = [Packet(at(i), *ends[i % 2], octets=70, payload=b"x" * 30) for i in range(160)]
    with pytest.raises(ValueError, match="a ring of two"):
        Meter(OPTIONS).restore(broken("rows", change, talks), SEED)


def test_what_is_saved_is_only_what_is_in_use():
    process = Meter(OPTIONS)
    fed(process, traffic(3_000))
    saved = saving.saved(process._pools)
    assert sum(array.nbytes for array in saved.values()) < 2 << 20
    in_use = process._pools.counts[[st.N_LIVE, st.N_ENDED]].sum()
    assert len(saved["rows"]) == in_use < len(process._pools.rows) / 100
    assert pl.Series(saved["series_numbers"]).is_sorted()
