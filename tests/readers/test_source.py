# SPDX-License-Identifier: Apache-2.0
"""Finding inputs; what can be read from them is in `test_capture.py`."""

import gzip
import io
import os

import pytest
import zstandard

import packets as p
from minewatch.errors import SourceError
from minewatch.readers import source
from minewatch.readers.finding import find_inputs
from minewatch.readers.source import Input, is_capture_magic, open_input, read_fully

CAPTURE = p.pcap([p.tcp_frame()])


@pytest.fixture
def tree(tmp_path):
    """Captures and other files, some of them packed, in folders."""
    files = {
        "b.pcap": CAPTURE,
        "a.pcap": CAPTURE,
        "deep/er/c.pcapng": p.pcapng([p.tcp_frame()]),
        "deep/d.bin": gzip.compress(CAPTURE),
        "deep/e.zst": zstandard.compress(CAPTURE),
        "deep/notes.pcap": b"not a capture, in spite of its name",
        "deep/text.gz": gzip.compress(b"text"),
        "deep/broken.gz": b"\x1f\x8b",
        "deep/empty": b"",
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.mkfifo(tmp_path / "deep" / "pipe")
    (tmp_path / "deep" / "dangling").symlink_to(tmp_path / "nowhere")
    return tmp_path


def names(inputs, root):
    return [os.path.relpath(i.name, root) for i in inputs]


def test_files_in_the_order_given(tree):
    inputs, errors = find_inputs([str(tree / "b.pcap"), str(tree / "a.pcap")])
    assert errors == []
    assert inputs == [
        Input(str(tree / "b.pcap"), str(tree / "b.pcap"), len(CAPTURE)),
        Input(str(tree / "a.pcap"), str(tree / "a.pcap"), len(CAPTURE)),
    ]


def test_a_folder_stands_for_the_captures_below_it(tree):
    inputs, (error,) = find_inputs([str(tree)])
    assert str(error).startswith(f"{tree}/deep/broken.gz: cannot be unpacked: ")
    assert names(inputs, tree) == [
        "a.pcap",
        "b.pcap",
        "deep/d.bin",
        "deep/e.zst",
        "deep/er/c.pcapng",
    ]


def test_patterns(tree):
    inputs, errors = find_inputs([str(tree / "*.pcap"), str(tree / "**/*.pcapng")])
    assert errors == []
    assert names(inputs, tree) == ["a.pcap", "b.pcap", "deep/er/c.pcapng"]
    _, (error,) = find_inputs([str(tree / "*.cap")])
    assert str(error) == f"{tree}/*.cap: the pattern matches no file"


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    path = tmp_path / "a[1].pcap"
    path.write_bytes(CAPTURE)
    inputs, errors = find_inputs([str(path)])
    assert (names(inputs, tmp_path), errors) == (["a[1].pcap"], [])


def test_standard_input():
    assert find_inputs(["-"]) == ([Input("standard input", "-", None)], [])


def test_a_pipe_has_no_size(tree):
    (found,), _ = find_inputs([str(tree / "deep" / "pipe")])
    assert found.octets is None


def test_errors_do_not_stop_the_others(tree):
    empty = tree / "none"
    empty.mkdir()
    arguments = [str(tree / "missing"), str(tree / "a.pcap"), str(empty), "\0", "x" * 5000, ""]
    inputs, errors = find_inputs(arguments)
    assert names(inputs, tree) == ["a.pcap"]
    assert [str(error) for error in errors] == [
        f"{tree}/missing: no such file; check the name, or give a folder or a pattern",
        f"{empty}: no capture in this folder; name a file, or a folder with pcap or pcapng",
        "\0: cannot be read: embedded null byte",
        f"{'x' * 5000}: cannot be read: File name too long",
        "'': an empty name; check what was to stand there",
    ]


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
