# SPDX-License-Identifier: Apache-2.0
"""Heads and counts; what can be unpacked is in `test_capture.py` and `test_xz.py`."""

import bz2
import gzip
import io
import lzma
import os
import random

import pytest
import zstandard

from minewatch.readers.unpack import (
    Counted,
    Rejoined,
    UnpackError,
    read_fully,
    read_head,
    unpack,
    with_head,
)

DATA = random.Random(5).randbytes(300_000)
PACKERS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def counted(tmp_path, data):
    path = tmp_path / "a"
    path.write_bytes(data)
    return Counted(io.FileIO(path))


def in_a_pipe(data):
    """The reading end of a pipe that holds the data, which must be short."""
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    return Counted(io.FileIO(read_end))


class Drops(io.RawIOBase):
    """Gives one octet at a time."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def read(self, size=-1):
        head, self.data = self.data[:1], self.data[1:]
        return head


def test_read_fully():
    assert read_fully(Drops(b"abcdef"), 4) == b"abcd"
    assert read_fully(Drops(b"ab"), 4) == b"ab"
    assert read_fully(Drops(b""), 4) == b""


@pytest.mark.parametrize("packer", PACKERS)
def test_all_octets_of_the_file_are_counted(tmp_path, packer):
    packed = PACKERS[packer](DATA)
    file = counted(tmp_path, packed)
    with unpack(file) as stream:
        assert read_fully(stream, 1000) == DATA[:1000]
        assert 0 < file.octets <= len(packed)
        assert read_fully(stream, len(DATA)) == DATA[1000:]
        assert stream.read(1) == b""
        assert file.octets == len(packed)
    assert file.closed


@pytest.mark.parametrize("packer", PACKERS)
def test_a_pipe_is_counted_too(packer):
    packed = PACKERS[packer](DATA[:20_000])
    file = in_a_pipe(packed)
    with unpack(file) as stream:
        assert read_fully(stream, len(DATA)) == DATA[:20_000]
        assert file.octets == len(packed)
    assert file.closed


def test_what_is_not_packed_can_be_sought(tmp_path):
    file = counted(tmp_path, DATA)
    with unpack(file) as stream:
        assert stream is file
        assert stream.seekable()
        assert stream.seek(-10, io.SEEK_END) == len(DATA) - 10 == stream.tell()
        assert stream.read() == DATA[-10:]
        file.rewind()
        assert (file.tell(), file.octets) == (0, 0)


def test_a_head_is_given_back():
    rest = io.BytesIO(b"cdef")
    stream = Rejoined(b"ab", rest)
    assert not stream.seekable()
    assert stream.read(1) == b"a"
    assert read_fully(stream, 100) == b"bcdef"
    stream.close()
    assert rest.closed


def test_a_head_is_looked_at_and_read_again():
    stream = io.BytesIO(DATA)
    head, whole = with_head(stream, 10)
    assert head == DATA[:10]
    assert read_fully(whole, len(DATA) + 1) == DATA
    whole.close()
    assert stream.closed


@pytest.mark.parametrize("packer", [name for name in PACKERS if name not in ("plain", "bzip2")])
def test_the_head_of_what_is_damaged_is_what_lies_before(tmp_path, packer):
    packed = PACKERS[packer](DATA)
    stream = unpack(counted(tmp_path, packed[: len(packed) // 2]))
    head = read_head(stream, len(DATA))
    assert DATA.startswith(head)
    assert len(head) > 100_000
    # The error is not lost by it.
    with pytest.raises(UnpackError):
        stream.read(1)
    stream.close()


def test_nothing_can_be_said_of_what_is_damaged_at_the_start(tmp_path):
    stream = unpack(counted(tmp_path, b"\x1f\x8b\x08"))
    with pytest.raises(UnpackError):
        read_head(stream, 10)
    stream.close()
