# SPDX-License-Identifier: Apache-2.0
"""Unpacking of blocks; LZO and LZ4 themselves are in `tests/metering`."""

import bz2

import pytest
import zstandard

from minewatch.readers.nfcapd import compression as c
from minewatch.readers.nfcapd.compression import MAX_BLOCK_OCTETS, Unpacker
from minewatch.readers.unpack import UnpackError

TEXT = b"abcde"
PACKED = {
    c.PLAIN: TEXT,
    c.LZO: b"\x16abcde\x11\x00\x00",
    c.BZIP2: bz2.compress(TEXT),
    c.LZ4: b"\x50abcde",
    c.ZSTD: zstandard.compress(TEXT),
}


@pytest.mark.parametrize("compression", list(PACKED))
def test_each(compression):
    unpacker = Unpacker()
    for _ in range(2):
        assert unpacker.unpack(PACKED[compression], compression).tobytes() == TEXT


@pytest.mark.parametrize(
    ("compression", "packed", "reason"),
    [
        (c.LZO, b"\x16abc", "LZO data is damaged"),
        (c.LZ4, b"\x50abc", "LZ4 data is damaged"),
        (c.BZIP2, b"BZh9 no", "bzip2 data is damaged"),
        (c.BZIP2, PACKED[c.BZIP2][:-4], "bzip2 data is cut"),
        (c.ZSTD, b"no", "zstd data is"),
        (c.ZSTD, PACKED[c.ZSTD][:4] + b"\xff" * 12, "zstd data is damaged"),
        (c.ZSTD, zstandard.compress(bytes(range(256)))[:-9], "zstd data is cut"),
    ],
)
def test_damage_is_told(compression, packed, reason):
    with pytest.raises(UnpackError, match=reason):
        Unpacker().unpack(packed, compression)


@pytest.mark.parametrize("pack", [bz2.compress, zstandard.compress])
def test_no_more_than_a_block_may_have(pack):
    kind = c.BZIP2 if pack is bz2.compress else c.ZSTD
    whole = pack(bytes(MAX_BLOCK_OCTETS))
    assert Unpacker().unpack(whole, kind).size == MAX_BLOCK_OCTETS
    with pytest.raises(UnpackError, match="too much"):
        Unpacker().unpack(pack(bytes(MAX_BLOCK_OCTETS + 1)), kind)
