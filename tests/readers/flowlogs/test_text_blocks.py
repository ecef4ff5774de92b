# SPDX-License-Identifier: Apache-2.0
"""Lines in blocks, whatever the sizes in which they come."""

import io

import pytest

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.text_blocks import TextBlocks, count_of
from minewatch.readers.source import UnpackError
from minewatch.records import RecordCounters


class Damaged(io.RawIOBase):
    """Gives some octets, and then an error."""

    def __init__(self, octets, error):
        super().__init__()
        self.octets = octets
        self.error = error

    def read(self, size=-1):
        if not self.octets:
            raise self.error
        part, self.octets = self.octets[:3], self.octets[3:]
        return part


def read(octets, *, strict=False, **sizes):
    stream = octets if isinstance(octets, io.IOBase) else io.BytesIO(octets)
    counters = RecordCounters()
    blocks = list(TextBlocks("a.log", stream, counters, strict=strict, **sizes).read())
    return blocks, counters


def numbered(blocks):
    """Each line with its number."""
    return [
        (block.first_line + at, line)
        for block in blocks
        for at, line in enumerate(block.octets.split(b"\n")[:-1])
    ]


TEXT = b"one\n\ntwo\r\nthree is longer\nfour\n"
LINES = [(1, b"one"), (2, b""), (3, b"two"), (4, b"three is longer"), (5, b"four")]


@pytest.mark.parametrize("size", range(1, 34))
def test_the_same_lines_for_any_size_of_block(size):
    blocks, counters = read(TEXT, block_octets=size)
    assert numbered(blocks) == LINES
    assert all(block.octets.endswith(b"\n") for block in blocks)
    assert counters.octets_read == len(TEXT)
    assert counters.rows_seen == 0


@pytest.mark.parametrize("size", range(1, 34))
def test_a_line_that_is_too_long_is_told_and_the_rest_is_given(size):
    blocks, counters = read(TEXT, block_octets=size, max_line_octets=6)
    assert numbered(blocks) == [line for line in LINES if line[0] != 4]
    assert counters.faulty == {"a line is too long": 1}
    assert counters.rows_seen == 1
    assert counters.examples == ["a.log:4: a line is too long; at most 6 octets are read; cut it"]


def test_a_long_line_without_end():
    blocks, counters = read(b"a\n" + b"x" * 100, block_octets=8, max_line_octets=20)
    assert numbered(blocks) == [(1, b"a")]
    assert counters.faulty == {"a line is too long": 1}


def test_the_last_line_needs_no_line_feed():
    assert numbered(read(b"one\ntwo\r")[0]) == [(1, b"one"), (2, b"two")]


def test_a_byte_order_mark_is_no_text():
    assert numbered(read(b"\xef\xbb\xbfone\n")[0]) == [(1, b"one")]


def test_nothing():
    assert read(b"")[0] == []


def test_damage_cuts_the_last_line():
    blocks, counters = read(Damaged(b"one\ntwo\nthr", UnpackError("crc")))
    assert numbered(blocks) == [(1, b"one"), (2, b"two")]
    assert counters.notes == ["cannot be unpacked any further: crc"]
    assert counters.faulty == {"the last line is cut": 1}
    assert counters.examples[0].startswith("a.log:3: the last line is cut; ")
    assert counters.octets_read == 11


def test_damage_between_lines_is_no_fault_of_a_line():
    blocks, counters = read(Damaged(b"one\ntwo\n", OSError(5, "Input/output error")))
    assert numbered(blocks) == [(1, b"one"), (2, b"two")]
    assert counters.notes == ["cannot be read any further: Input/output error"]
    assert not counters.faulty


def test_strict_stops():
    with pytest.raises(SourceError, match=r"a\.log: cannot be unpacked any further: crc"):
        read(Damaged(b"one\ntwo\nthr", UnpackError("crc")), strict=True)
    with pytest.raises(SourceError, match=r"a\.log:4: a line is too long"):
        read(TEXT, strict=True, max_line_octets=6)


def test_count_of():
    assert count_of(10, b"") == 0
    assert count_of(10, b"\n\n\x0b") == 2
