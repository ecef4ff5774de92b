# SPDX-License-Identifier: Apache-2.0
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packets as p
from metered import read_file
from minewatch.metering.framing import RECORD_WORDS
from minewatch.readers.pcapng import PcapngState
from packets import NS, START, Frame, tcp_frame

FRAME = tcp_frame(time_s=0.5, payload=b"abc")


def read(tmp_path, *blocks):
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"".join(blocks))
    return read_file(path)


def times(rows):
    return [row["time"] for row in rows]


CLOCKS = [
    (resolution, units, offset_s)
    for resolution, units in {
        None: 10**6,
        0: 1,
        3: 10**3,
        6: 10**6,
        9: 10**9,
        12: 10**12,
        0x80: 1,
        0x81: 2,
        0x80 | 10: 1 << 10,
        0x80 | 20: 1 << 20,
        0x80 | 33: 1 << 33,
    }.items()
    for offset_s in (None, 0, 1_599_999_990, -5)
    # Ticks so fine need an offset: 64 bits would not hold them.
    if units <= 10**9 or offset_s == 1_599_999_990
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("resolution", "units", "offset_s"), CLOCKS)
def test_resolutions_and_offsets(tmp_path, order, resolution, units, offset_s):
    frame = Frame(FRAME.data, START + (NS // 2 if units > 1 else 0))
    rows, _ = read(
        tmp_path,
        p.section(order),
        p.interface(order=order, resolution=resolution, offset_s=offset_s),
        p.enhanced(frame, order=order, units=units, offset_s=offset_s or 0),
    )
    assert times(rows) == [frame.time_ns]


@pytest.mark.parametrize("resolution", [19, 127, 0x80 | 63, 0xFF])
def test_a_resolution_that_64_bits_cannot_hold_counts_as_absent(tmp_path, resolution):
    rows, _ = read(tmp_path, p.section(), p.interface(resolution=resolution), p.enhanced(FRAME))
    assert times(rows) == [FRAME.time_ns]


@pytest.mark.parametrize("offset_s", [2**62, -(2**62), -(2**31)])
def test_an_offset_that_no_clock_has_is_a_bad_time(tmp_path, offset_s):
    _, source = read(tmp_path, p.section(), p.interface(offset_s=offset_s), p.enhanced(FRAME))
    assert source.counters.by_outcome()["bad_time"] == 1


def test_interfaces_have_their_own_link_type_and_clock(tmp_path):
    raw = Frame(FRAME.data[14:], START + 7)
    cooked = Frame(p.cooked(p.IPV4, FRAME.data[14:]), START + NS)
    rows, _ = read(
        tmp_path,
        p.section(),
        p.interface(p.ETHERNET),
        p.interface(p.RAW, resolution=9),
        p.enhanced(FRAME, interface=0),
        p.enhanced(raw, interface=1, units=10**9),
        p.interface(p.SLL, resolution=3, offset_s=100),
        p.enhanced(cooked, interface=2, units=1000, offset_s=100),
        p.enhanced(FRAME, interface=0),
    )
    assert times(rows) == [FRAME.time_ns, START + 7, START + NS, FRAME.time_ns]
    assert {row["payload"] for row in rows} == {b"abc"}


def test_a_section_has_its_own_byte_order_and_interfaces(tmp_path):
    raw = Frame(FRAME.data[14:], START + NS)
    rows, source = read(
        tmp_path,
        p.pcapng([FRAME], order="<"),
        p.section(">"),
        p.interface(p.RAW, order=">"),
        p.enhanced(raw, order=">"),
        p.pcapng([FRAME], order="<"),
    )
    assert times(rows) == [FRAME.time_ns, START + NS, FRAME.time_ns]
    rows, source = read(tmp_path, p.pcapng([FRAME]), p.section(), p.enhanced(FRAME))
    assert len(rows) == 1
    assert "a packet block that contradicts itself" in source.counters.notes[0]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("name", p.skipped_blocks())
def test_blocks_without_packets_are_stepped_over(tmp_path, order, name):
    other = p.skipped_blocks(order)[name]
    rows, source = read(
        tmp_path,
        p.section(order),
        other,
        p.interface(order=order),
        other,
        p.enhanced(FRAME, order=order),
        other,
        p.enhanced(FRAME, order=order),
        other,
    )
    assert times(rows) == [FRAME.time_ns] * 2
    assert source.counters.notes == []
    assert source._pcapng.blocks_skipped == 4


@pytest.mark.parametrize("order", "<>")
def test_simple_and_obsolete_packets(tmp_path, order):
    rows, _ = read(
        tmp_path,
        p.section(order),
        p.interface(order=order),
        p.simple(FRAME, order=order),
        p.obsolete(FRAME, order=order),
    )
    assert [(row["time"], row["payload"]) for row in rows] == [
        (0, b"abc"),
        (START + NS // 2, b"abc"),
    ]


def test_a_block_longer_than_the_buffer_is_stepped_over(tmp_path):
    """Secrets and custom blocks may be of any length: they are never held in memory."""
    huge = p.block(10, bytes(3_000_000))
    rows, source = read(
        tmp_path, p.section(), p.interface(), huge, p.enhanced(FRAME), huge, p.enhanced(FRAME)
    )
    assert len(rows) == 2
    assert source.counters.notes == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (struct.pack("<II", 7, 8) + bytes(8), "a block of impossible length"),
        (struct.pack("<II", 7, 13) + bytes(8), "a block of impossible length"),
        (struct.pack("<II", 7, 0xFFFFFFFC) + bytes(8), "a block of impossible length"),
        (p.block(1, b""), "an interface block of impossible length"),
        (p.block(1, bytes(1 << 18)), "an interface block of impossible length"),
        (p.block(0x0A0D0D0A, b"nope"), "a section header without byte order"),
        (
            struct.pack("<III", 0x0A0D0D0A, 24, 0x1A2B3C4D) + bytes(12),
            "a section header that is too short",
        ),
    ],
)
def test_damaged_blocks(tmp_path, block, problem):
    before = p.pcapng([FRAME])
    rows, source = read(tmp_path, before, block, p.enhanced(FRAME))
    assert len(rows) == 1
    left = len(block) + len(p.enhanced(FRAME))
    assert source.counters.notes == [
        f"offset {len(before)}: {problem}; {left} octets from there on are not used, "
        "everything before is"
    ]
    assert source.counters.octets_skipped == left


def test_options_may_be_damaged(tmp_path):
    """An option that says it is longer than its block ends the options, not the capture."""
    body = struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 9, 60_000) + b"\x09\0\0\0"
    rows, _ = read(tmp_path, p.section(), p.block(1, body), p.enhanced(FRAME))
    assert times(rows) == [FRAME.time_ns]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [
                    p.section(),
                    p.section(">"),
                    p.interface(),
                    p.interface(order=">", offset_s=1),
                    p.enhanced(FRAME),
                    p.enhanced(FRAME, order=">"),
                    p.simple(FRAME),
                    *p.skipped_blocks().values(),
                ]
            ),
        ),
        max_size=8,
    ),
    st.lists(st.integers(1, 200), min_size=1, max_size=4),
)
def test_any_octets_in_any_pieces(parts, sizes):
    """Never raises, never goes back, and finds the same however the octets come."""
    data = p.section() + b"".join(parts)
    whole = _frames(data, [len(data)])
    assert _frames(data, sizes) == whole


def _frames(data, sizes):
    """Feed the octets in pieces, as a reader does; return the packets and the first problem."""
    state, rest, found, at = PcapngState(), b"", [], 0
    records = np.zeros((64, RECORD_WORDS), np.int64)
    turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        turn += 1
        piece = rest + data[at : at + size]
        at += size
        buffer = np.frombuffer(piece, np.uint8)
        n, stop, problem = state.frame(buffer, 0, len(piece), records)
        assert 0 <= stop <= len(piece)
        for offset, captured, *others in records[:n].tolist():
            assert 0 <= offset <= offset + captured <= len(piece)
            found.append((piece[offset : offset + captured], *others))
        if problem:
            return found, problem
        rest = piece[stop:]
    return found, ""
