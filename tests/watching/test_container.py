# SPDX-License-Identifier: Apache-2.0
import hashlib
import os
import stat

import numpy as np
import pytest

from minewatch.errors import SourceError
from minewatch.watching.container import read_whole, write_whole

HEAD = {"a": [1, "é\udce9", None], "b": {"c": 0.5}}
ARRAYS = {
    "numbers": np.arange(12, dtype=np.int64).reshape(3, 4),
    "octets": np.frombuffer(b"hello", np.uint8),
    "none": np.zeros((0, 5), np.int64),
    "turned": np.arange(6, dtype=np.int64).reshape(2, 3).T,
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.state"
    write_whole(path, 3, HEAD, ARRAYS)
    return path


def signed(octets):
    return octets + hashlib.sha256(octets).digest()


def test_what_was_written_is_read(path):
    head, arrays = read_whole(path, 3)
    assert head == HEAD
    assert list(arrays) == list(ARRAYS)
    assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_there_stays_until_the_new_one_is_whole(path, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, 3, {}, {})
    monkeypatch.undo()
    assert read_whole(path, 3)[0] == HEAD
    assert [one.name for one in path.parent.iterdir()] == ["x.state"]


def test_it_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(tmp_path, monkeypatch):
    synced = []

    def fsync(number):
        is_folder = stat.S_ISDIR(os.fstat(number).st_mode)
        synced.append((is_folder, [one.name == "x.state" for one in tmp_path.iterdir()]))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "x.state", 3, HEAD, ARRAYS)
    assert synced == [(False, [False]), (True, [True])]


def test_another_version_is_refused_and_named(path):
    with pytest.raises(SourceError, match=r"checkpoint of version 3, and this minewatch reads ver"):
        read_whole(path, 4)


@pytest.mark.parametrize("octets", [b"", b"PK\x03\x04", b"minewatch checkpoint x\n", b"\x80\x04."])
def test_what_is_no_checkpoint_is_refused(tmp_path, octets):
    path = tmp_path / "y"
    path.write_bytes(octets)
    with pytest.raises(SourceError, match="is no checkpoint; name another folder"):
        read_whole(path, 3)


def test_one_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        read_whole(tmp_path / "y", 3)


def test_every_flipped_octet_and_every_cut_is_found(path):
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(SourceError):
            read_whole(path, 3)
        path.write_bytes(whole[:at])
        with pytest.raises(SourceError):
            read_whole(path, 3)


@pytest.mark.parametrize(
    "described",
    [
        b'{"head": 1, "arrays": [["a", "<i8", [9]]]}',
        b'{"head": 1, "arrays": [["a", "<i8", [-1]]]}',
        b'{"head": 1, "arrays": [["a", "|O", [1]]]}',
        b'{"head": 1, "arrays": [["a", "<i8", [9223372036854775807, 9223372036854775807]]]}',
        b'{"head": 1, "arrays": [["a", "<i8", [0, 1000000000000000000000000000000]]]}',
        b'{"head": 1, "arrays": [["a", "<i8", [0.0]]]}',
        b'{"head": 1, "arrays": [["a", ["<i8"], [1]]]}',
        b'{"head": 1, "arrays": [["a"]]}',
        b'{"head": 1}',
        b"[" * 100_000,
        b"{",
        b'{"head": 1, "arrays": []}',
    ],
)
def test_a_description_that_does_not_fit_is_refused_though_it_is_signed(tmp_path, described):
    body = b"minewatch checkpoint 3\n" + len(described).to_bytes(8, "little") + described
    path = tmp_path / "z"
    path.write_bytes(signed(body + b"12345678"))
    with pytest.raises(SourceError, match="is no checkpoint"):
        read_whole(path, 3)


def test_other_arrays_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="neither int64 nor uint8"):
        write_whole(tmp_path / "z", 3, 1, {"a": np.array([object()])})
    assert list(tmp_path.iterdir()) == []
