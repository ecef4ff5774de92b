# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from minewatch.alerts.segments import MAX_LINE, Segment


@pytest.fixture
def path(tmp_path):
    return tmp_path / "0.alerts"


def written(path, records):
    segment = Segment(path)
    segment.create()
    segment.append(records)
    segment.finish()
    return path.read_bytes()


@pytest.fixture
def calls(monkeypatch):
    """Writes and synchronisations, in order, with the name of the file."""
    found = []
    for name in ("write", "fsync"):
        real = getattr(os, name)

        def call(file, *data, name=name, real=real):
            found.append((name, os.path.basename(os.readlink(f"/proc/self/fd/{file}"))))
            return real(file, *data)

        monkeypatch.setattr(os, name, call)
    return found


def scanned(path):
    segment = Segment(path)
    segment.scan()
    return segment


def test_records_come_back(path):
    records = [(3, "three"), (4, "a b  c"), (9, ""), (10, "x" * MAX_LINE)]
    written(path, records)
    segment = scanned(path)
    assert list(segment.read(0, 99)) == records
    assert list(segment.read(5, 1)) == [(9, "")]
    assert list(segment.read(11, 9)) == []
    assert (segment.last, segment.damaged, segment.size) == (10, 0, path.stat().st_size)


def test_it_is_on_the_disk_before_anybody_goes_on(path, calls):
    segment = Segment(path)
    segment.create()
    assert calls == [("fsync", path.parent.name)]
    segment.append([(1, "one"), (2, "two")])
    assert calls[1:] == [("write", path.name), ("fsync", path.name)]
    segment.finish()


def test_a_file_cut_anywhere_gives_what_lies_before(path):
    data = written(path, [(1, "one"), (2, "two"), (3, "three")])
    ends = [i + 1 for i, octet in enumerate(data) if octet == 10]
    for length in range(len(data)):
        path.write_bytes(data[:length])
        segment = scanned(path)
        assert len(list(segment.read(0, 9))) == sum(end <= length for end in ends)
        assert segment.damaged == (length not in (0, *ends))


@pytest.mark.parametrize("flip", [1, 0x20, 0x80])
def test_a_changed_octet_is_never_taken_for_a_record(path, flip):
    data = bytearray(written(path, [(1, "one"), (2, "two"), (3, "three")]))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= flip
        path.write_bytes(changed)
        segment = scanned(path)
        found = list(segment.read(0, 9))
        assert set(found) < {(1, "one"), (2, "two"), (3, "three")}
        assert segment.damaged


def test_numbers_must_rise(path):
    data = written(path, [(1, "one"), (2, "two")])
    path.write_bytes(data + data)
    segment = scanned(path)
    assert list(segment.read(0, 9)) == [(1, "one"), (2, "two")]
    assert segment.damaged == 2


def test_what_changed_on_disk_since_is_passed_over(path):
    written(path, [(1, "one"), (2, "two")])
    segment = scanned(path)
    path.write_bytes(path.read_bytes().replace(b"one", b"eno"))
    assert list(segment.read(0, 9)) == [(2, "two")]


def test_a_write_that_fails_leaves_nothing(path, monkeypatch):
    segment = Segment(path)
    segment.create()
    segment.append([(1, "one")])
    real = os.write

    def half(file, data):
        if len(data) > 5:
            return real(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        segment.append([(2, "two"), (3, "three")])
    monkeypatch.undo()
    assert list(segment.read(0, 9)) == [(1, "one")]
    segment.append([(2, "later")])
    segment.finish()
    assert list(scanned(path).read(0, 9)) == [(1, "one"), (2, "later")]


def test_garbage_is_read_in_bounded_memory(path):
    path.write_bytes(b"x" * (3 * MAX_LINE) + b"\n" + os.urandom(4096))
    assert scanned(path).last == -1
