# SPDX-License-Identifier: Apache-2.0
"""LZ4 blocks; vectors by hand after the block format description."""

import numpy as np
import pytest

from minewatch.metering.lz4 import unpack_lz4


def unpack(packed, room=1000):
    out = np.zeros(room, np.uint8)
    size = unpack_lz4(np.frombuffer(packed, np.uint8), out)
    return size if size < 0 else out[:size].tobytes()


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (b"\x00", b""),
        (b"\x30abc", b"abc"),
        (b"\xf0\x05" + b"x" * 20, b"x" * 20),
        (b"\xf0\xff\x02" + b"y" * 272, b"y" * 272),
        (b"\x20ab\x02\x00\x00", b"ababab"),
        (b"\x20ab\x02\x00\x10c", b"abababc"),
        (b"\x1fz\x01\x00\x03\x10e", b"z" * 23 + b"e"),
    ],
    ids=["empty", "literals", "15 and more", "270 and more", "no last literals", "match", "run"],
)
def test_vectors(packed, expected):
    assert unpack(packed) == expected


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x30ab",
        b"\xf0",
        b"\xf0\xff",
        b"\x10a\x02\x00\x00",
        b"\x10a\x00\x00\x00",
        b"\x10a\x01",
        b"\x1fa\x01\x00\xff",
    ],
)
def test_damage_is_told(packed):
    assert unpack(packed) == -1


def test_no_more_than_there_is_room_for():
    assert unpack(b"\x30abc", room=2) == -1
    assert unpack(b"\x1fz\x01\x00\x03\x10e", room=23) == -1
    assert unpack(b"\x1fz\x01\x00\x03\x10e", room=24) == b"z" * 23 + b"e"


def test_any_octets_end_it(rng):
    for _ in range(3000):
        packed = rng.integers(0, 256, rng.integers(0, 60), np.uint8).tobytes()
        result = unpack(packed, room=300)
        assert result == -1 or len(result) <= 300
