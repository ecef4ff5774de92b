# SPDX-License-Identifier: Apache-2.0
import io
import random

import pytest
import zstandard

from minewatch.readers.source import Input, UnpackError, open_input, read_fully
from minewatch.readers.zstd import ZstdFrames

NOISE = random.Random(7).randbytes(300_000)
SKIPPED = (0x184D2A5F).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"12345"
NOTHING_SKIPPED = (0x184D2A50).to_bytes(4, "little") + bytes(4)


def frame(data, *, size=True, checksum=False, streamed=False):
    compressor = zstandard.ZstdCompressor(
        write_content_size=size, write_checksum=checksum, write_dict_id=False
    )
    if not streamed:
        return compressor.compress(data)
    stream = compressor.compressobj()
    return stream.compress(data) + stream.flush()


FILES = {
    "content size of 1 octet": frame(b"abc"),
    "of 2": frame(NOISE[:1000]),
    "of 4": frame(NOISE),
    "no content size": frame(NOISE, size=False),
    "checksum": frame(NOISE, checksum=True),
    "streamed": frame(NOISE, streamed=True),
    "run of zeros": frame(bytes(1 << 20), checksum=True),
    "nothing in it": frame(b"", streamed=True),
    "two frames": frame(b"abc") + frame(NOISE),
    "frames to be skipped": frame(b"abc") + SKIPPED + NOTHING_SKIPPED + frame(b"def"),
}


def read_in_steps(stream, step):
    got = 0
    while part := stream.read(step):
        got += len(part)
    return got


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_whole(name):
    frames = ZstdFrames(io.BytesIO(FILES[name]))
    assert frames.read() == FILES[name]
    assert frames.read(1) == b""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_file_that_is_cut_is_told_wherever_it_is_cut(name, step):
    data = FILES[name]
    whole = {0, len(data)} | {
        end
        for end in range(len(data))
        if name in ("two frames", "frames to be skipped")
        and data[end : end + 4] in (frame(b"abc")[:4], SKIPPED[:4], NOTHING_SKIPPED[:4])
    }
    ends = [end for end in range(len(data)) if end < 60 or end > len(data) - 9]
    for end in ends:
        frames = ZstdFrames(io.BytesIO(data[:end]))
        if end in whole:
            assert read_in_steps(frames, step) == end
            continue
        with pytest.raises(EOFError, match="ends too early"):
            read_in_steps(frames, step)


def test_what_lies_before_the_cut_is_given(tmp_path):
    path = tmp_path / "a.zst"
    path.write_bytes(frame(NOISE)[:-1])
    with open_input(Input("a", str(path), None)) as stream:
        got = read_fully(stream, 1 << 17)
        assert got == NOISE[: 1 << 17]
        with pytest.raises(UnpackError, match="the zstd file ends too early"):
            read_fully(stream, len(NOISE))


def test_what_follows_and_is_no_zstd_is_an_error(tmp_path):
    path = tmp_path / "a.zst"
    path.write_bytes(frame(b"abc") + b"garbage")
    with open_input(Input("a", str(path), None)) as stream:
        assert stream.read(100) == b"abc"
        with pytest.raises(UnpackError):
            stream.read(1)
