# SPDX-License-Identifier: Apache-2.0
"""Blocks written out by hand, as linux/if_packet.h lays them out."""

import struct

import numpy as np
import pytest

from minewatch.metering.framing import RECORD_WORDS
from minewatch.metering.ring_blocks import (
    C_AT,
    C_COALESCED,
    C_LEFT,
    C_SKIPPED,
    CURSOR_WORDS,
    ETHERNET,
    RAW,
    merge_blocks,
)
from packets import IPV4, NS, VLAN, A, B, ether, ipv4, tag

FRAME = ether(ipv4(A, B, 6, b"payload"))
TAGGED, TYPE_KNOWN, SENT = 1 << 4, 1 << 6, 4
SECONDS = 1_700_000_000


def packet(
    frame=FRAME,
    *,
    ns=0,
    wire=None,
    status=1,
    tag_of=0,
    tag_type=0,
    kind=0,
    protocol=IPV4,
    mac=82,
    following=True,
):
    """Return a packet of a block: tpacket3_hdr, sockaddr_ll, room, the frame, room."""
    wire = len(frame) if wire is None else wire
    size = -(-(mac + len(frame)) // 16) * 16
    head = struct.pack(
        "=6I2H2I2H8x",
        *(size if following else 0, SECONDS, ns, len(frame), wire, status, mac, mac + 14),
        *(0, tag_of, tag_type, 0),
    )
    address = struct.pack(">HHiHBB8x", 17, protocol, 2, 1, kind, 6)
    return (head + address).ljust(mac, b"\xee") + frame + bytes(size - mac - len(frame))


def merge(*blocks, rows=100, link=ETHERNET, longest=1518, skips=False, cut=0):
    """Return what the kernel makes of lists of packets: rows, cursors, data, count, damaged."""
    data, cursors = b"", []
    for block in blocks:
        octets = b"".join(block)
        end = len(data) + len(octets) - cut
        cursors.append((len(data), len(block), end, link, longest, skips, 0, 0))
        data += octets
    array = np.frombuffer(data, np.uint8).copy()
    table = np.array(cursors, np.int64).reshape(-1, CURSOR_WORDS)
    records = np.full((rows, RECORD_WORDS), -7, np.int64)
    n, not_ip, is_damaged = merge_blocks(array, table, np.zeros(len(blocks), np.int64), records)
    return records[:n].tolist(), table, array, not_ip, is_damaged


def test_a_block_becomes_rows():
    other = FRAME + b"more"
    rows, cursors, data, not_ip, is_damaged = merge(
        [packet(ns=5), packet(other, ns=999_999_999, wire=1500, following=False)]
    )
    assert [row[1:] for row in rows] == [
        [len(FRAME), len(FRAME), SECONDS * NS + 5, 1],
        [len(other), 1500, SECONDS * NS + 999_999_999, 1],
    ]
    assert [data[row[0] : row[0] + row[1]].tobytes() for row in rows] == [FRAME, other]
    assert (cursors[0, C_LEFT], not_ip, is_damaged) == (0, 0, False)


def test_blocks_are_merged_until_one_is_used_up():
    rows, cursors, _, _, _ = merge(
        [packet(ns=1), packet(ns=4), packet(ns=9, following=False)],
        [packet(ns=2), packet(ns=3), packet(ns=5, following=False)],
        [packet(ns=7, following=False)],
    )
    assert [row[3] - SECONDS * NS for row in rows] == [1, 2, 3, 4, 5]
    assert cursors[:, C_LEFT].tolist() == [1, 0, 1]
    # The rest of the first block goes on where its cursor stands.
    assert cursors[0, C_AT] == 2 * len(packet())


def test_equal_times_keep_the_order_of_interfaces():
    rows, _, _, _, _ = merge([packet(ns=1), packet(ns=1, following=False)], [packet(ns=1)])
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("status", "tag_type", "expected"),
    [(TAGGED | TYPE_KNOWN, 0x88A8, 0x88A8), (TAGGED, 0, VLAN), (TAGGED, 0x1234, VLAN)],
)
def test_a_tag_is_put_back(status, tag_type, expected):
    rows, _, data, _, _ = merge(
        [packet(status=status, tag_of=0x2005, tag_type=tag_type), packet(following=False)]
    )
    at, captured, wire, _, _ = rows[0]
    body = tag(0x2005, IPV4, ipv4(A, B, 6, b"payload"))
    assert data[at : at + captured].tobytes() == ether(body, expected)
    assert captured == wire == len(FRAME) + 4
    assert data[rows[1][0] : rows[1][0] + rows[1][1]].tobytes() == FRAME


def test_a_frame_too_short_for_a_tag_stays():
    rows, _, _, _, _ = merge([packet(FRAME[:11], status=TAGGED, tag_of=5)])
    assert rows[0][1] == 11


def test_sent_packets_are_left_out_of_a_loopback_only():
    block = [packet(ns=1, kind=SENT), packet(ns=2), packet(ns=3, kind=SENT, following=False)]
    rows, cursors, _, _, _ = merge(block, skips=True)
    assert [row[3] - SECONDS * NS for row in rows] == [2]
    assert cursors[0, C_SKIPPED] == 2
    rows, cursors, _, _, _ = merge(block)
    assert len(rows) == 3
    assert cursors[0, C_SKIPPED] == 0


def test_frames_longer_than_the_wire_are_counted():
    block = [packet(wire=1518), packet(wire=1519), packet(wire=60_000, following=False)]
    assert merge(block)[1][0, C_COALESCED] == 2


def test_without_a_link_layer_only_ip_becomes_rows():
    body = ipv4(A, B, 6, b"payload")
    block = [
        packet(body, protocol=0x0806, mac=96),
        packet(body, mac=96),
        packet(body, protocol=0x86DD, mac=96, following=False),
    ]
    rows, _, data, not_ip, _ = merge(block, link=RAW)
    assert not_ip == 1
    assert [row[4] for row in rows] == [RAW, RAW]
    assert data[rows[0][0] :][: len(body)].tobytes() == body


def test_no_more_rows_than_there_is_room_for():
    block = [packet(ns=n) for n in range(5)]
    rows, cursors, _, _, is_damaged = merge(block, rows=3)
    assert len(rows) == 3
    assert (cursors[0, C_LEFT], is_damaged) == (2, False)


@pytest.mark.parametrize(
    ("block", "cut", "kept"),
    [
        ([packet()], len(packet()) - 60, 0),  # no room for its head
        ([packet()], 40, 0),  # nor for its octets
        ([packet(FRAME.ljust(62))], 1, 0),  # nor for the last of them
        ([packet(), packet(following=False), packet()], 0, 2),  # the next one is nowhere
        ([packet(), packet(mac=82)[:24] + struct.pack("=H", 40) + packet()[26:]], 0, 1),
        ([packet(), struct.pack("=I", 0xFFFF_FFF0) + packet()[4:], packet()], 0, 2),
        ([packet(), packet()[:12] + struct.pack("=I", 0xFFFF_FFFF) + packet()[16:]], 0, 1),
    ],
    ids=[
        "head",
        "octets",
        "last octet",
        "no next",
        "frame inside its head",
        "next far away",
        "endless frame",
    ],
)
def test_a_damage_ends_the_walk(block, cut, kept):
    rows, _, _, _, is_damaged = merge(block, cut=cut)
    assert is_damaged
    assert len(rows) == kept


def test_it_ends_on_any_octets(rng):
    for _ in range(300):
        octets = rng.integers(0, 256, int(rng.integers(1, 400)), np.uint8)
        octets[rng.random(len(octets)) < 0.6] = 0
        cursors = np.array([[0, int(rng.integers(1, 50)), len(octets), 1, 0, 0, 0, 0]], np.int64)
        records = np.zeros((20, RECORD_WORDS), np.int64)
        guarded = np.concatenate([octets, np.full(64, 0xAA, np.uint8)])
        n, _, _ = merge_blocks(guarded, cursors, np.zeros(1, np.int64), records)
        assert (records[:n, 0] + records[:n, 1] <= len(octets)).all()
        assert (guarded[len(octets) :] == 0xAA).all()
