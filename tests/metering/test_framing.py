# SPDX-License-Identifier: Apache-2.0
"""The loops over octets; whole captures are in `tests/readers`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packets as p
from minewatch.metering import framing
from minewatch.metering.framing import (
    BATCH_FULL,
    DAMAGED,
    MAX_RECORD_OCTETS,
    NEED_DATA,
    OTHER_BLOCK,
    frame_pcap,
    frame_pcapng,
    scale_time,
)
from packets import NS, START, Frame

FRAMES = [
    Frame(b"one", START + 1_001_000),
    Frame(b"twotwo", START + NS - 1000, wire=600),
    Frame(b"", START),
]
ROWS = [(3, 3, START + 1_001_000), (6, 600, START + NS - 1000), (0, 0, START)]
INTERFACES = np.array([[1, 0, 1_000_000, 0]], np.int64)


def pcap_rows(data, *, big=False, tick=1000, header=16, rows=9, start=24):
    array = np.frombuffer(data, np.uint8)
    records = np.zeros((rows, framing.RECORD_WORDS), np.int64)
    n, at, why = frame_pcap(array, start, len(data), big, tick, 1, header, records)
    return records[:n], at, why


def pcapng_rows(data, *, big=False, interfaces=INTERFACES, rows=9):
    array = np.frombuffer(data, np.uint8)
    records = np.zeros((rows, framing.RECORD_WORDS), np.int64)
    n, at, why = frame_pcapng(array, 0, len(data), big, interfaces, records)
    return records[:n], at, why


def shown(records):
    return [(r[framing.R_CAPTURED], r[framing.R_WIRE], r[framing.R_TIME]) for r in records.tolist()]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("variant", ["micro", "nano", "kuznetzov"])
def test_pcap_records(order, variant):
    data = p.pcap(
        FRAMES, order=order, nano=variant == "nano", kuznetzov=variant == "kuznetzov", link=101
    )
    records, at, why = pcap_rows(
        data,
        big=order == ">",
        tick=1 if variant == "nano" else 1000,
        header=24 if variant == "kuznetzov" else 16,
    )
    assert (shown(records), at, why) == (ROWS, len(data), NEED_DATA)
    offsets = records[:, framing.R_OFFSET]
    found = [data[o : o + len(f.data)] for o, f in zip(offsets, FRAMES, strict=True)]
    assert found == [frame.data for frame in FRAMES]


def test_pcap_stops_where_a_record_is_not_whole():
    data = p.pcap(FRAMES)
    ends = [24, 24 + 19, 24 + 19 + 22, len(data)]
    for cut in range(24, len(data) + 1):
        records, at, why = pcap_rows(data[:cut])
        whole = sum(end <= cut for end in ends) - 1
        assert (len(records), at, why) == (whole, ends[whole], NEED_DATA)


def test_a_full_batch_stops_pcap_and_pcapng():
    records, at, why = pcap_rows(p.pcap(FRAMES), rows=2)
    assert (len(records), at, why) == (2, 24 + 19 + 22, BATCH_FULL)
    data = b"".join(p.enhanced(frame) for frame in FRAMES)
    records, at, why = pcapng_rows(data, rows=2)
    assert (len(records), at, why) == (2, 36 + 40, BATCH_FULL)


@pytest.mark.parametrize(("captured", "why"), [(MAX_RECORD_OCTETS, NEED_DATA), (1 << 31, DAMAGED)])
def test_a_length_that_no_record_has_is_damage(captured, why):
    data = bytearray(p.pcap(FRAMES[:1]) * 1)
    data[32:36] = captured.to_bytes(4, "little")
    assert pcap_rows(bytes(data))[1:] == (24, why)
    data[32:36] = (MAX_RECORD_OCTETS + 1).to_bytes(4, "little")
    assert pcap_rows(bytes(data))[1:] == (24, DAMAGED)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("write", [p.enhanced, p.obsolete])
def test_packet_blocks(order, write):
    data = b"".join(write(frame, order=order) for frame in FRAMES)
    records, at, why = pcapng_rows(data, big=order == ">")
    assert (shown(records), at, why) == (ROWS, len(data), NEED_DATA)


def test_a_simple_packet_has_no_time_and_the_first_interface():
    data = p.simple(Frame(b"abcde", wire=5)) + p.simple(Frame(b"abcdefgh", wire=100))
    interfaces = np.array([[113, 0, 1, 0], [1, 0, 1, 0]], np.int64)
    records, _, _ = pcapng_rows(data, interfaces=interfaces)
    assert shown(records) == [(5, 5, 0), (8, 100, 0)]
    assert records[:, framing.R_LINK].tolist() == [113, 113]
    snapped = np.array([[113, 4, 1, 0]], np.int64)
    assert shown(pcapng_rows(data, interfaces=snapped)[0]) == [(4, 5, 0), (4, 100, 0)]


def test_other_blocks_stop_the_loop():
    data = p.enhanced(FRAMES[0]) + p.section() + p.enhanced(FRAMES[1])
    records, at, why = pcapng_rows(data)
    assert (len(records), at, why) == (1, 36, OTHER_BLOCK)


@pytest.mark.parametrize(
    ("at", "value"),
    [(4, 12), (4, 34), (4, 28), (4, MAX_RECORD_OCTETS + 4), (8, 1), (20, 5), (20, 1 << 31)],
    ids=["short", "odd", "shorter than its head", "long", "no interface", "captured", "negative"],
)
def test_a_block_that_contradicts_itself_is_damage(at, value):
    block = bytearray(p.enhanced(Frame(b"1234")))
    block[at : at + 4] = value.to_bytes(4, "little")
    assert pcapng_rows(p.enhanced(FRAMES[0]) + bytes(block))[1:] == (36, DAMAGED)


def test_a_packet_before_any_interface_is_damage():
    nothing = np.empty((0, 4), np.int64)
    for block in (p.simple(FRAMES[0]), p.enhanced(FRAMES[0]), p.obsolete(FRAMES[0])):
        assert pcapng_rows(block, interfaces=nothing)[1:] == (0, DAMAGED)


@settings(max_examples=300)
@given(
    st.integers(1000, (1 << 33) - 1000),
    st.integers(0, 999_999_999),
    st.sampled_from([10**n for n in range(10)] + [1 << n for n in range(30)]),
    st.integers(-1000, 1000),
)
def test_times_are_exact_up_to_nanoseconds(seconds, fraction_ns, units, offset_s):
    ticks = seconds * units + fraction_ns * units // NS
    expected = (seconds + offset_s) * NS + (ticks - seconds * units) * NS // units
    assert scale_time(ticks, units, offset_s) == expected


@pytest.mark.parametrize("units", [10**12, 10**15, 10**18, 1 << 33, 1 << 40, 1 << 62])
def test_finer_times_lose_less_than_2_nanoseconds(units):
    for fraction_ns in (0, 1, 123_456_789, 999_999_999):
        ticks = (
            3 * units + fraction_ns * units // NS if units < 1 << 60 else fraction_ns * units // NS
        )
        seconds = 3 if units < 1 << 60 else 0
        assert abs(scale_time(ticks, units, 0) - (seconds * NS + fraction_ns)) < 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans(), st.integers(0, 2))
def test_random_octets_never_lead_outside(data, big, kind):
    """A row lies inside the octets, and the loop stops inside them."""
    if kind == 1:
        data = (6).to_bytes(4, "big" if big else "little") + data
    if kind == 2:
        data = b"".join(p.enhanced(f, order=">" if big else "<") for f in FRAMES) + data
    for records, at, _ in (pcap_rows(data, big=big, start=0), pcapng_rows(data, big=big)):
        assert 0 <= at <= len(data)
        ends = records[:, framing.R_OFFSET] + records[:, framing.R_CAPTURED]
        assert (ends <= len(data)).all()
        assert (records[:, framing.R_CAPTURED] >= 0).all()


@pytest.mark.parametrize(
    ("ticks", "units", "offset_s"),
    [(5, 1, -6), (1 << 62, 1, 0), (10, 10, 1 << 33), (-1, 1_000_000, 0)],
)
def test_a_time_that_no_clock_says_is_none(ticks, units, offset_s):
    assert scale_time(ticks, units, offset_s) == -1
