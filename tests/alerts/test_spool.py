# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from minewatch.alerts.segments import MAX_LINE
from minewatch.alerts.spool import MIB, Spool


@pytest.fixture
def full(monkeypatch):
    """Make the disk full: `full(True)`, and empty again."""
    real = os.write

    def turn(is_full):
        def write(file, data):
            if is_full:
                raise OSError(28, "No space left on device")
            return real(file, data)

        monkeypatch.setattr(os, "write", write)

    return turn


def everything(spool, first=0):
    found = []
    while batch := spool.read(first, 7):
        found += batch
        first = batch[-1][0] + 1
    return found


def numbered(start, stop, size=0):
    return [f"{i}".ljust(size, ".") for i in range(start, stop)]


def test_texts_come_back_from_memory_and_from_disk(tmp_path):
    spool = Spool(tmp_path, MIB, memory_octets=200)
    for start in range(0, 90, 9):
        spool.append(numbered(start, start + 9, 30))
    expected = list(enumerate(numbered(0, 90, 30)))
    assert everything(spool) == expected
    assert everything(spool, 85) == expected[85:]
    assert spool.unsaved == 0
    spool.close()
    again = Spool(tmp_path, MIB)
    assert (again.next, again.damaged) == (90, 0)
    assert everything(again) == expected


def test_a_new_run_goes_on_behind_what_others_know(tmp_path):
    spool = Spool(tmp_path, MIB, 1_000)
    spool.append(["a"])
    assert spool.read(3, 9) == [(1_000, "a")]


def test_a_full_spool_loses_the_oldest(tmp_path):
    spool = Spool(tmp_path, MIB, memory_octets=1_000)
    for start in range(0, 3_000, 100):
        spool.append(numbered(start, start + 100, 1_000))
    found = everything(spool)
    assert spool.octets <= MIB
    assert 700 < len(found) < 1_049
    assert found == list(enumerate(numbered(0, 3_000, 1_000)))[-len(found) :]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == spool.octets


def test_what_all_have_is_forgotten(tmp_path):
    spool = Spool(tmp_path, 8 * MIB)
    for start in range(0, 3_000, 100):
        spool.append(numbered(start, start + 100, 1_000))
    spool.forget(2_950)
    assert everything(spool, 2_950) == list(enumerate(numbered(0, 3_000, 1_000)))[2_950:]
    assert spool.octets < 2 * MIB
    spool.forget(3_000)
    assert list(tmp_path.iterdir()) == []
    spool.append(["more"])
    assert spool.read(0, 9) == [(3_000, "more")]


def test_a_full_disk_is_written_when_there_is_room(tmp_path, full):
    spool = Spool(tmp_path, MIB)
    spool.append(["0"])
    full(True)
    spool.append(["1", "2"])
    assert (spool.unsaved, spool.trouble) == (2, "No space left on device")
    assert everything(spool) == [(0, "0"), (1, "1"), (2, "2")]
    assert everything(Spool(tmp_path, MIB)) == [(0, "0")]
    full(False)
    spool.append(["3"])
    assert (spool.unsaved, spool.trouble) == (0, "")
    assert everything(Spool(tmp_path, MIB)) == [(0, "0"), (1, "1"), (2, "2"), (3, "3")]


def test_memory_is_bounded_when_the_disk_is_full(tmp_path, full):
    full(True)
    spool = Spool(tmp_path, MIB, memory_octets=1_000)
    for start in range(0, 1_000, 10):
        spool.append(numbered(start, start + 10, 100))
    assert everything(spool) == list(enumerate(numbered(0, 1_000, 100)))[-10:]
    assert spool.unsaved == 10
    full(False)
    spool.save()
    assert spool.unsaved == 0
    assert [number for number, _ in everything(Spool(tmp_path, MIB))] == list(range(990, 1_000))


def test_a_long_text_is_refused(tmp_path):
    spool = Spool(tmp_path, MIB)
    spool.append(["x" * MAX_LINE])
    with pytest.raises(ValueError, match="at most"):
        spool.append(["x" * (MAX_LINE + 1)])
    assert len(everything(spool)) == 1


def test_a_file_that_cannot_be_deleted_is_told(tmp_path, monkeypatch):
    spool = Spool(tmp_path, MIB)
    spool.append(["x" * 100_000])

    def refuse(self, missing_ok=False):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    spool.forget(1)
    assert spool.trouble == "Read-only file system"


def test_a_disk_that_can_only_be_read_stops_nobody(tmp_path, monkeypatch):
    """As after an error of a disk: neither writing nor deleting works from then on."""
    spool = Spool(tmp_path, MIB)

    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as broken:
        for name in ("write", "ftruncate", "unlink"):
            broken.setattr(os, name, refuse)
        spool.append(["0"])
        spool.append(["1"])
        assert (spool.unsaved, spool.trouble) == (2, "Read-only file system")
    spool.append(["2"])
    assert (spool.unsaved, spool.trouble) == (0, "")
    assert everything(Spool(tmp_path, MIB)) == [(0, "0"), (1, "1"), (2, "2")]


def test_a_file_that_somebody_deleted_is_lost_and_no_more(tmp_path):
    spool = Spool(tmp_path, MIB, memory_octets=1_000)
    for start in range(0, 300, 100):
        spool.append(numbered(start, start + 100, 1_000))
    segments = sorted(tmp_path.iterdir())
    assert len(segments) > 2
    segments[0].unlink()
    found = everything(spool)
    assert found == list(enumerate(numbered(0, 300, 1_000)))[-len(found) :]
    assert 100 < len(found) < 300
