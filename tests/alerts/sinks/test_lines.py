# SPDX-License-Identifier: Apache-2.0
import json
import os
import resource
import signal

import pytest

from made_up_alerts import ALL, PLAIN, numbered
from minewatch.alerts.forms.named import FORMS
from minewatch.alerts.sinks.lines import LineSink
from minewatch.errors import SinkError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alerts.jsonl"


def sink(path, max_octets=1 << 20, keep=3):
    return LineSink("lines", str(path), FORMS["json"], max_octets, keep)


def ids(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def names(numbers):
    return [numbered(number).id for number in numbers]


def test_lines_are_appended(path):
    for alert in ALL:
        one = sink(path)
        one.send([alert])
        one.close()
    assert ids(path) == [alert.id for alert in ALL]
    assert path.read_bytes().endswith(b"\n")
    assert path.stat().st_mode & 0o007 == 0


def test_a_full_file_is_turned_over_and_the_oldest_goes(path):
    one = sink(path, max_octets=8_000)
    for number in range(60):
        one.send([numbered(number)])
    one.close()
    files = [path.with_name(f"{path.name}.{n}") for n in (3, 2, 1)] + [path]
    assert sorted(path.parent.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 8_000 for file in files)
    kept = [found for file in files for found in ids(file)]
    assert len(kept) > 15
    assert kept == names(range(60))[-len(kept) :]


def test_none_is_kept_if_asked(path):
    one = sink(path, max_octets=3_000, keep=0)
    for number in range(9):
        one.send([numbered(number)])
    assert list(path.parent.iterdir()) == [path]
    assert ids(path)[-1] == numbered(8).id


def test_a_batch_larger_than_a_file_stays_together(path):
    one = sink(path, max_octets=3_000)
    one.send([numbered(n) for n in range(9)])
    one.send([numbered(9)])
    assert ids(path.with_name("alerts.jsonl.1")) == names(range(9))
    assert ids(path) == names([9])


@pytest.mark.parametrize("torn", [b"{", b'{"id":"x', b'{"id":"' + b"x" * 200_000])
def test_what_a_crash_left_of_a_line_is_cut_off(path, torn):
    one = sink(path)
    one.send([numbered(1)])
    one.close()
    with path.open("ab") as file:
        file.write(torn)
    sink(path).send([numbered(2)])
    assert ids(path) == names([1, 2])


def test_a_crash_before_anything_else_was_written(path):
    path.write_bytes(b'{"alert_')
    sink(path).send([numbered(1)])
    assert ids(path) == names([1])


@pytest.mark.parametrize(
    "octets",
    [
        bytes(9 << 20),
        b"{" * (9 << 20),
        b"\xd4\xc3\xb2\xa1 a capture",
        b"[settings]\nname = value",
        b'{\n "a": 1\n}',
    ],
    ids=["zeros", "braces", "capture", "settings", "json"],
)
def test_a_file_of_another_kind_is_left_alone(path, octets):
    path.write_bytes(octets)
    with pytest.raises(SinkError, match="ends with no line of minewatch"):
        sink(path).send([PLAIN])
    assert path.read_bytes() == octets


def test_a_line_that_lacks_nothing_but_its_end_is_kept(path):
    path.write_bytes(b'{"id":"whole"}')
    sink(path).send([numbered(1)])
    assert ids(path) == ["whole", numbered(1).id]


def test_lines_and_names_of_new_files_are_seen_to_the_disk(path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (synced.append(os.readlink(f"/proc/self/fd/{file}")), real(file))
    )
    one = sink(path, max_octets=3_000)
    for number in range(4):
        one.send([numbered(number)])
    assert synced.count(str(path.parent)) == 1 + len(list(path.parent.glob("*.jsonl.*")))
    assert synced.count(str(path)) == 4


def test_a_file_that_was_moved_is_made_anew(path):
    one = sink(path)
    one.send([numbered(1)])
    path.rename(path.with_name("old"))
    one.send([numbered(2)])
    path.unlink()
    one.send([numbered(3)])
    assert ids(path.with_name("old")) == names([1])
    assert ids(path) == names([3])


def test_a_folder_that_is_gone_and_comes_back(tmp_path):
    folder = tmp_path / "mount"
    folder.mkdir()
    one = sink(folder / "a")
    one.send([numbered(1)])
    (folder / "a").unlink()
    folder.rmdir()
    with pytest.raises(SinkError, match="No such file"):
        one.send([numbered(2)])
    folder.mkdir()
    one.send([numbered(2)])
    assert ids(folder / "a") == names([2])


def test_a_write_that_fails_half_way_is_taken_back(path):
    one = sink(path)
    one.send([numbered(1)])
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(SinkError, match="lines: File too large"):
            one.send([numbered(2)])
        assert path.stat().st_size == size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    one.send([numbered(2)])
    assert ids(path) == names([1, 2])


def test_a_pipe_is_no_file_to_turn_over(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    one = sink(path, max_octets=1)
    with pytest.raises(SinkError, match="No such device"):
        one.send([numbered(1)])
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    one.send([numbered(1)])
    one.send([numbered(2)])
    got = os.read(reader, 1 << 16)
    assert [json.loads(line)["id"] for line in got.splitlines()] == names([1, 2])
    os.close(reader)
    with pytest.raises(SinkError, match="Broken pipe"):
        one.send([numbered(3)])
    one.close()


def test_standard_output(capfdbinary):
    one = sink("-")
    one.send([numbered(1)])
    one.close()
    assert json.loads(capfdbinary.readouterr().out)["id"] == numbered(1).id
