# SPDX-License-Identifier: Apache-2.0
"""LZO1X; vectors by hand after the Linux kernel's description of the format."""

import numpy as np
import pytest

from minewatch.metering.lzo import unpack_lzo

END = b"\x11\x00\x00"


def unpack(packed, room=70_000):
    out = np.zeros(room, np.uint8)
    size = unpack_lzo(np.frombuffer(packed, np.uint8), out)
    return size if size < 0 else out[:size].tobytes()


FIVE = b"\x16abcde"  # 17 + 5: five literals first


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (END, b""),
        (FIVE, b"abcde"),
        (b"\x12a", b"a"),
        (b"\x01wxyz", b"wxyz"),
        (b"\x00\x07" + b"q" * 25, b"q" * 25),
        (b"\x00\x00\x01" + b"r" * 274, b"r" * 274),
        (FIVE + b"\x48\x00", b"abcde" + b"cde"),  # 64..127: 3 octets from 3 back
        (FIVE + b"\x90\x00", b"abcde" + b"abcde"[:5]),  # 128..255: 5 octets from 5 back
        (FIVE + b"\x22\x10\x00", b"abcde" + b"abcd"),  # 32..63: 4 octets from 5 back
        (FIVE + b"\x20\x01\x00\x00", b"abcde" + b"e" * 34),  # long: 31 + 1 + 2
        (b"\x14xyz" + b"\x04\x00", b"xyzyz"),  # state 3: 2 octets from 2 back
        (FIVE + b"\x49\x00Z", b"abcde" + b"cde" + b"Z"),  # one literal follows the match
        (FIVE + b"\x49\x00Z" + b"\x00\x00", b"abcdecdeZZZ"),  # state 1: 2 octets from 1 back
    ],
)
def test_vectors(packed, expected):
    whole = packed if packed == END else packed + END
    assert unpack(whole) == expected


def test_far_matches():
    text = bytes(range(256)) * 100
    first = text[:17_000]
    literals = b"\x00" + b"\x00" * ((17_000 - 18 - 1) // 255)
    literals += bytes([17_000 - 18 - 255 * (len(literals) - 1)]) + first
    # After a run of literals 0..15 copies three octets from 2049 and more back.
    assert unpack(literals + b"\x00\x00" + END)[17_000:] == first[-2049 : -2049 + 3]
    # 16..31: from 16384 and more back; here 16384 + 500.
    far = b"\x13" + (500 << 2).to_bytes(2, "little")
    assert unpack(literals + far + END)[17_000:] == first[-16_884 : -16_884 + 5]


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        FIVE,
        b"\x16abc",
        b"\x00",
        b"\x00\x00",
        FIVE + b"\x54\x00" + END,
        FIVE + b"\x48",
        FIVE + b"\x20\x00",
        FIVE + b"\x22\x10",
        FIVE + b"\x49\x00",
        b"\x48\x00" + END,
    ],
)
def test_damage_is_told(packed):
    assert unpack(packed) == -1


def test_no_more_than_there_is_room_for():
    assert unpack(FIVE + END, room=4) == -1
    assert unpack(FIVE + b"\x20\x01\x00\x00" + END, room=38) == -1
    assert len(unpack(FIVE + b"\x20\x01\x00\x00" + END, room=39)) == 39


def test_any_octets_end_it(rng):
    for _ in range(3000):
        packed = rng.integers(0, 256, rng.integers(0, 60), np.uint8).tobytes()
        result = unpack(packed, room=300)
        assert result == -1 or len(result) <= 300
