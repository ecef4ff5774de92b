# SPDX-License-Identifier: Apache-2.0
import io
import lzma

import pytest

from minewatch.readers import xz
from minewatch.readers.source import Input, UnpackError, open_input, read_fully
from minewatch.readers.xz import XzReader

TEXT = bytes(range(256)) * 2_000


def unpacked(packed):
    return io.BufferedReader(XzReader(io.BytesIO(packed))).read()


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_streams_and_padding(monkeypatch, step):
    monkeypatch.setattr(xz, "_PACKED_OCTETS", step)
    one = lzma.compress(TEXT)
    assert unpacked(one) == TEXT
    assert unpacked(one + bytes(8) + lzma.compress(b"and more") + bytes(4)) == TEXT + b"and more"
    assert unpacked(lzma.compress(b"")) == b""
    assert unpacked(b"") == b""


def test_little_is_unpacked_at_a_time():
    reader = XzReader(io.BytesIO(lzma.compress(bytes(1 << 24))))
    room = bytearray(1000)
    assert 0 < reader.readinto(room) <= 1000
    assert reader.readinto(bytearray()) == 0


@pytest.mark.parametrize("cut", [6, 30, -1, -13])
def test_a_cut_file_says_so_after_what_it_held(cut):
    reader = XzReader(io.BytesIO(lzma.compress(TEXT)[:cut]))
    with pytest.raises(EOFError):
        list(iter(lambda: reader.read(1000), b""))


def test_damage_and_what_is_no_xz_are_refused():
    packed = bytearray(lzma.compress(TEXT))
    packed[len(packed) // 2] ^= 0xFF
    for wrong in (bytes(packed), lzma.compress(TEXT) + b"more" * 4, b"nonsense" * 4):
        with pytest.raises(lzma.LZMAError):
            unpacked(wrong)


def test_a_file_that_asks_for_much_memory_is_refused(tmp_path):
    large = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 << 20}]
    (tmp_path / "large.pcap.xz").write_bytes(lzma.compress(bytes(24), filters=large))
    path = str(tmp_path / "large.pcap.xz")
    with (
        open_input(Input(path, path, None)) as stream,
        pytest.raises(UnpackError, match=r"[Mm]emory"),
    ):
        read_fully(stream, 4)
