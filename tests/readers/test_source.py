# SPDX-License-Identifier: Apache-2.0
"""Opening inputs; what can be read from them is in `test_capture.py`."""

import gzip
import io
import os
import threading

import polars as pl
import pytest

import packets as p
from minewatch.errors import SourceError
from minewatch.readers import source
from minewatch.readers.finding import find_inputs
from minewatch.readers.source import (
    Input,
    UnpackError,
    is_capture_magic,
    open_counted,
    open_input,
    read_fully,
    reason_of,
)

CAPTURE = p.pcap([p.tcp_frame()])


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    """The tests may run as root, who may read everything."""

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", path)

    path = tmp_path / "a.pcap"
    path.write_bytes(CAPTURE)
    (found,), _ = find_inputs([str(path)])
    monkeypatch.setattr(source.io, "FileIO", refuse)
    with pytest.raises(SourceError, match=r"a\.pcap: cannot be opened: Permission denied"):
        open_input(found)
    _, (error,) = find_inputs([str(tmp_path)])
    assert str(error) == f"{path}: cannot be opened: Permission denied"


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(source.sys, "stdin", None)
    with pytest.raises(SourceError, match="standard input: cannot be read: it is closed"):
        open_input(Input("standard input", "-", None))


def test_standard_input_that_is_a_folder(tmp_path, monkeypatch):
    class Folder:
        def fileno(self):
            return folder

    folder = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(source.sys, "stdin", Folder())
    with pytest.raises(SourceError, match="standard input: cannot be read: Is a directory"):
        open_input(Input("standard input", "-", None))
    os.close(folder)


@pytest.mark.parametrize("octets", [b"", b"\xd4\xc3\xb2", b"\xd4\xc3\xb2\xa2", b"\x1f\x8b\x08\x00"])
def test_what_is_no_capture(octets):
    assert not is_capture_magic(octets)


def test_every_magic():
    for order in "<>":
        for options in ({}, {"nano": True}, {"kuznetzov": True}):
            assert is_capture_magic(p.pcap([], order=order, **options))
        assert is_capture_magic(p.pcapng([], order=order))


def found(path):
    return Input(str(path), str(path), None)


@pytest.mark.parametrize("packer", [bytes, gzip.compress])
def test_whoever_reads_on_gets_what_was_peeked_at(tmp_path, packer):
    path = tmp_path / "a"
    path.write_bytes(packer(CAPTURE))
    with open_counted(found(path)) as opened:
        assert opened.peek(10) == CAPTURE[:10]
        assert opened.peek(1 << 20) == CAPTURE
        assert opened.stream.seekable() == (packer is bytes)
        assert read_fully(opened.stream, 1 << 20) == CAPTURE
        assert opened.packed.octets == len(packer(CAPTURE))
    assert opened.stream.closed
    assert opened.packed.closed


def test_a_pipe_is_peeked_at_too(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CAPTURE,))
    writer.start()
    with open_counted(found(path)) as opened:
        assert opened.peek(4) == CAPTURE[:4]
        assert read_fully(opened.stream, 1 << 20) == CAPTURE
    writer.join()


def test_what_is_open_is_not_opened_again(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CAPTURE)
    with open_counted(found(path)) as opened:
        again = Input("a", str(tmp_path / "gone"), None, opened=opened)
        assert open_counted(again) is opened
        assert open_input(again) is opened.stream
        assert again == Input("a", str(tmp_path / "gone"), None)


def test_a_peek_at_what_is_damaged(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(CAPTURE)[:-10])
    with open_counted(found(path)) as opened:
        head = opened.peek(1 << 16)
        assert CAPTURE.startswith(head)
        assert read_fully(opened.stream, len(head)) == head
        with pytest.raises(UnpackError):
            opened.stream.read(1)


def parquet(names):
    frame = pl.DataFrame({name: ["x" * 1000] for name in names})
    file = io.BytesIO()
    frame.write_parquet(file, compression="uncompressed")
    return file.getvalue()


def test_what_parquet_says_at_its_end_is_of_its_head(tmp_path):
    path = tmp_path / "a"
    data = parquet([f"column-{i}" for i in range(200)])
    path.write_bytes(data)
    assert data.index(b"column-150") > 1 << 16
    with open_counted(found(path)) as opened:
        head = opened.peek(1 << 16)
        assert head.startswith(data[: 1 << 16])
        assert head.endswith(b"PAR1")
        assert b"column-150" in head
        assert opened.packed.octets == 0
        assert read_fully(opened.stream, len(data)) == data


@pytest.mark.parametrize(
    "data", [b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1" + bytes(100_000)]
)
def test_what_only_begins_like_parquet(tmp_path, data):
    path = tmp_path / "a"
    path.write_bytes(data)
    with open_counted(found(path)) as opened:
        assert opened.peek(1 << 16).startswith(data[: 1 << 16])
        assert read_fully(opened.stream, len(data) + 1) == data


def test_packed_parquet_has_no_end_that_one_could_go_to(tmp_path):
    path = tmp_path / "a"
    data = parquet(["a"])
    path.write_bytes(gzip.compress(data))
    with open_counted(found(path)) as opened:
        assert opened.is_packed
        assert opened.peek(1 << 16) == data


def test_the_reason_of_an_error():
    assert reason_of(OSError(5, "Input/output error", "a")) == "Input/output error"
    assert reason_of(ValueError("embedded null byte")) == "embedded null byte"


@pytest.mark.parametrize("octets", [24, 4000])
def test_of_a_capture_in_a_pipe_no_more_is_waited_for_than_there_is(octets):
    """Whoever watches a slow pipe would wait for ever: its writer never closes it here."""
    reading, writing = os.pipe()
    written = bytes.fromhex("d4c3b2a1") + bytes(octets - 4)
    os.write(writing, written)
    try:
        with open_counted(Input("pipe", f"/dev/fd/{reading}", None)) as opened:
            assert opened.peek(1 << 16) == written
            assert read_fully(opened.stream, 10) == written[:10]
    finally:
        os.close(writing)
        os.close(reading)
