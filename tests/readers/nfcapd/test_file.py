# SPDX-License-Identifier: Apache-2.0
"""Heads and blocks of nfdump's files."""

import io

import pytest

import nfcapd_files as f
from minewatch.errors import SourceError
from minewatch.readers.nfcapd import compression as c
from minewatch.readers.nfcapd.file import NfcapdFile
from minewatch.readers.unpack import UnpackError


def opened(octets):
    file = NfcapdFile("a.nf", io.BytesIO(octets))
    file.read_head()
    return file


def blocks(octets):
    file = opened(octets)
    return [(b.number, b.kind, b.records, bytes(b.octets)) for b in file.blocks()], file.notes


@pytest.mark.parametrize("layout", [f.layout_1, f.layout_2])
def test_blocks_of_both_layouts(layout):
    whole = layout(f.block(b"12345678", kind=2), f.block(b"abcd", b"efgh"))
    assert blocks(whole) == ([(1, 2, 1, b"12345678"), (2, 3, 2, b"abcdefgh")], [])
    file = opened(whole)
    assert file.layout == (1 if layout is f.layout_1 else 2)
    assert sum(1 for _ in file.blocks()) == 2
    assert file.octets_read == len(whole)


@pytest.mark.parametrize(
    ("octets", "compression"),
    [
        (f.layout_1(), c.PLAIN),
        (f.layout_1(flags=1), c.LZO),
        (f.layout_1(flags=8), c.BZIP2),
        (f.layout_1(flags=0x10), c.LZ4),
        (f.layout_1(flags=2), c.PLAIN),  # anonymised
        (f.layout_2(compression=4), c.ZSTD),
    ],
)
def test_compression_by_layout(octets, compression):
    assert opened(octets).compression == compression


def test_a_block_that_is_not_compressed_in_a_file_that_is():
    packed = f.block(b"12345678", pack=lambda octets: b"\x19" + octets + b"\x11\x00\x00")
    plain = f.block(b"plain!!!", flags=1)
    found, notes = blocks(f.layout_2(packed, plain, compression=c.LZO))
    assert [octets for *_, octets in found] == [b"12345678", b"plain!!!"]
    assert notes == []


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no file of nfdump"),
        (b"\x0c\xa5\x02", "no file of nfdump"),
        (b"\xa5\x0c\x00\x01", "big-endian"),
        (b"\x0c\xa5\x03\x00", "layout 3"),
        (f.layout_1()[:200], "ends in its head"),
        (f.layout_2()[:30], "ends in its head"),
        (f.layout_2(compression=9), "compression 9 is unknown"),
        (f.layout_2(encryption=1), "encrypted"),
    ],
)
def test_what_is_not_read_is_refused(octets, reason):
    with pytest.raises(SourceError, match=reason):
        opened(octets)


def test_a_file_that_is_cut():
    whole = f.layout_2(f.block(b"12345678"), f.block(b"abcdefgh"))
    found, notes = blocks(whole[:-3])
    assert [octets for *_, octets in found] == [b"12345678", b"abcde"]
    assert notes == ["ends in block 2"]
    assert blocks(whole[:-15]) == (found[:1], ["ends in the head of block 2"])
    assert blocks(whole[:-20]) == (found[:1], ["has 1 of 2 blocks"])


def test_a_compressed_block_that_is_cut():
    whole = f.layout_2(f.block(b"1234", pack=lambda _: b"\x12a\x11\x00\x00"), compression=c.LZO)
    file = opened(whole[:-1])
    (block,) = file.blocks()
    assert (block.damage, block.is_cut, block.octets.size) == ("cut in a compressed block", True, 0)


def test_a_damaged_block_does_not_hide_the_next():
    bad = f.block(b"1234", pack=lambda _: b"\x16a")
    good = f.block(b"1234", pack=lambda _: b"\x12a\x11\x00\x00")
    first, second = opened(f.layout_2(bad, good, compression=c.LZO)).blocks()
    assert first.damage == "LZO data is damaged"
    assert bytes(second.octets) == b"a"


def test_a_size_that_no_block_has():
    lie = bytearray(f.block(b"1234"))
    lie[4:8] = b"\xff\xff\xff\x7f"
    found, (note,) = blocks(f.layout_2(bytes(lie)))
    assert found == []
    assert note.startswith("block 1 is said to have 2147483647 octets")


def test_a_packed_stream_that_breaks():
    class Breaks(io.BytesIO):
        def read(self, size=-1):
            part = super().read(min(size, 20))
            if not part:
                raise UnpackError("it is cut")
            return part

    file = NfcapdFile("a.nf.gz", Breaks(f.layout_2(f.block(b"12345678"))[:-2]))
    file.read_head()
    assert [bytes(b.octets) for b in file.blocks()] == [b"123456"]
    assert file.notes == ["cannot be unpacked further: it is cut", "ends in block 1"]
