# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import os
import resource
import threading

import pytest

from minewatch.errors import ConfigError, SourceError
from minewatch.watching import checkpoint as checkpoints
from minewatch.watching.checkpoint import CheckpointFolder
from watched import batches, capture, finding, mining, new_watch, ticking


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return capture(tmp_path_factory.mktemp("kept") / "a.pcap", mining(0, 8), ticking(200))


@pytest.fixture
def folder(tmp_path):
    kept = CheckpointFolder(tmp_path / "kept", ["a.pcap", 1])
    yield kept
    kept.close()


def names(tmp_path):
    return sorted(one.name for one in (tmp_path / "kept").iterdir())


def watch_of(path, n=1, size=150):
    watch = new_watch()
    alerts = []
    for _, batch in zip(range(n), batches(path, [size]), strict=False):
        alerts += [one for part in watch.feed(batch) for one in part]
    return watch, alerts


def reopened(folder, tmp_path, origin=("a.pcap", 1)):
    folder.close()
    folder._lock = os.open(os.devnull, os.O_RDONLY)  # closed once more by the fixture
    other = CheckpointFolder(tmp_path / "kept", list(origin))
    watch = new_watch()
    try:
        return watch, *other.restore(watch), other.failures
    finally:
        other.close()


def test_a_new_folder_has_nothing_to_go_on_from(folder, tmp_path):
    assert folder.restore(new_watch()) == ([], False)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


def test_a_watch_goes_on_from_the_latest_checkpoint(folder, tmp_path, path):
    watch, _ = watch_of(path)
    assert folder.save(watch, wait=True)
    assert names(tmp_path) == ["checkpoint-0.state", "lock", "told-0.jsonl"]
    other, again, is_same, failures = reopened(folder, tmp_path)
    assert (again, is_same, failures) == ([], True, [])
    assert other.counters == watch.counters
    assert other.now_ns == watch.now_ns


@pytest.mark.parametrize("origin", [(), ("b.pcap", 1), ("a.pcap", 2)])
def test_packets_are_left_out_only_of_the_same_file(folder, tmp_path, path, origin):
    folder.save(watch_of(path)[0], wait=True)
    assert reopened(folder, tmp_path, origin)[2] is False


def test_what_was_told_since_is_given_again_and_known(folder, tmp_path, path):
    watch, alerts = watch_of(path, 1, 20)
    folder.save(watch, wait=True)
    watch, alerts = watch_of(path, 2, 150)
    assert alerts
    folder.tell(watch, alerts)
    other, again, _, _ = reopened(folder, tmp_path)
    assert [(one.id, one.revision) for one in again] == [(one.id, one.revision) for one in alerts]
    assert {case.id: case.revision for case in other.book.cases} == {
        alerts[-1].id: alerts[-1].revision
    }


def test_what_was_told_before_the_first_checkpoint_is_known_too(folder, tmp_path, path):
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    _, again, is_same, _ = reopened(folder, tmp_path)
    assert [one.id for one in again] == [one.id for one in alerts] != []
    assert not is_same


def test_a_checkpoint_that_is_not_whole_does_not_count(folder, tmp_path, path, monkeypatch):
    """Killed while it was written: what was told under it is not lost."""
    watch, _ = watch_of(path, 1, 20)
    folder.save(watch, wait=True)
    watch, alerts = watch_of(path, 2)

    def killed(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write_whole", killed)
    folder.save(watch, wait=True)
    folder.tell(watch, alerts)
    assert folder.failures == ["no checkpoint: No space left on device"]
    assert names(tmp_path) == ["checkpoint-0.state", "lock", "told-0.jsonl", "told-1.jsonl"]
    other, again, _, _ = reopened(folder, tmp_path)
    assert other.counters.packets == 20
    assert [one.id for one in again] == [one.id for one in alerts]


def test_two_are_kept_and_the_older_one_serves_when_the_disk_damaged_the_latest(
    folder, tmp_path, path
):
    for n in (1, 2, 3):
        folder.save(watch_of(path, n, 30)[0], wait=True)
    assert names(tmp_path) == [
        *("checkpoint-1.state", "checkpoint-2.state", "lock", "told-1.jsonl", "told-2.jsonl"),
    ]
    latest = tmp_path / "kept" / "checkpoint-2.state"
    latest.write_bytes(latest.read_bytes()[:-1] + b"x")
    other, _, is_same, failures = reopened(folder, tmp_path)
    assert other.counters.packets == watch_of(path, 2, 30)[0].counters.packets
    assert is_same
    assert len(failures) == 1
    assert (
        "is damaged: its checksum does not fit; remove it; the one before it is used" in failures[0]
    )


def test_when_none_can_be_used_nothing_is_begun_anew(folder, tmp_path, path):
    folder.save(watch_of(path)[0], wait=True)
    (tmp_path / "kept" / "checkpoint-0.state").write_bytes(b"minewatch checkpoint 99\n")
    with pytest.raises(SourceError, match=r"version 99, and this minewatch reads version 1"):
        reopened(folder, tmp_path)


def test_another_watch_of_the_folder_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match="another watch uses it"):
        CheckpointFolder(tmp_path / "kept")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="name a folder that may be written to"):
        CheckpointFolder(tmp_path / "file" / "kept")


def test_a_line_that_was_cut_was_given_to_nobody(folder, tmp_path, path):
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    told = tmp_path / "kept" / "told-0.jsonl"
    whole = told.read_bytes()
    told.write_bytes(whole + b'{"alert": {"id": "abc')
    assert len(reopened(folder, tmp_path)[1]) == len(alerts)
    other = CheckpointFolder(tmp_path / "kept")
    other.tell(watch, alerts)
    other.close()
    assert told.read_bytes() == whole + whole


def test_a_damaged_line_is_told(folder, tmp_path, path):
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    told = tmp_path / "kept" / "told-0.jsonl"
    told.write_bytes(b"{]\n" + told.read_bytes())
    with pytest.raises(SourceError, match="is damaged"):
        reopened(folder, tmp_path)
    told.write_bytes(b'{"alert": 7}\n')
    with pytest.raises(SourceError, match="is damaged"):
        reopened(folder, tmp_path)


def test_nobody_waits_for_a_checkpoint_that_is_being_written(folder, path, monkeypatch):
    may_go_on = threading.Event()
    monkeypatch.setattr(checkpoints, "write_whole", lambda *_: may_go_on.wait(60))
    watch, _ = watch_of(path)
    assert folder.save(watch)
    assert not folder.save(watch)
    may_go_on.set()
    assert folder.save(watch, wait=True)
    assert folder.written == 2


def test_a_full_disk_stops_no_telling(folder, path, monkeypatch):
    watch, alerts = watch_of(path, 2)

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    folder.tell(watch, alerts)
    assert not folder.save(watch)
    assert len(folder.failures) == 2
    monkeypatch.undo()
    folder.tell(watch, alerts)
    assert folder.save(watch, wait=True)


@contextlib.contextmanager
def files_of_at_most(octets):
    """Let no file of this process grow beyond: what does not fit is cut, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("saves", [False, True])
def test_a_line_that_a_full_disk_cut_in_two_spoils_nothing(folder, tmp_path, path, saves):
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    told = tmp_path / "kept" / "told-0.jsonl"
    whole = told.read_bytes()
    with files_of_at_most(len(whole) + 100):
        folder.tell(watch, alerts)
        assert len(told.read_bytes()) == len(whole) + 100
        if saves:
            folder.save(watch, wait=True)
    assert folder.failures[0] == "what was told cannot be written: File too large"
    assert folder.failures[1:] == ["no checkpoint: File too large"] * saves
    folder.tell(watch, alerts)
    # The telling that was cut is the only one that is not there.
    if saves:
        assert (tmp_path / "kept" / "told-1.jsonl").read_bytes() == whole
    else:
        assert told.read_bytes() == whole + whole
    assert folder.save(watch, wait=True)
    folder.tell(watch, alerts)
    assert len(reopened(folder, tmp_path)[1]) == len(alerts)


def test_the_name_of_a_file_is_there_before_anything_is_told(folder, tmp_path, path, monkeypatch):
    """A folder that is synced before the file is made forgets it when power is lost."""
    synced = []
    monkeypatch.setattr(checkpoints, "sync_folder", lambda at: synced.append(names(tmp_path)))
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    assert synced == [["lock", "told-0.jsonl"]]


def test_what_is_told_is_on_the_disk_before_anybody_has_it(folder, tmp_path, path, monkeypatch):
    watch, alerts = watch_of(path, 2)
    folder.tell(watch, alerts)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number)))
    folder.tell(watch, alerts)
    told = (tmp_path / "kept" / "told-0.jsonl").stat()
    assert [(one.st_ino, one.st_size) for one in synced] == [(told.st_ino, told.st_size)]


def test_a_damaged_checkpoint_does_not_push_out_a_good_one(folder, tmp_path, path):
    for n in (1, 2):
        folder.save(watch_of(path, n, 30)[0], wait=True)
    (tmp_path / "kept" / "checkpoint-1.state").write_bytes(b"")
    folder.close()
    folder._lock = os.open(os.devnull, os.O_RDONLY)  # closed once more by the fixture
    other = CheckpointFolder(tmp_path / "kept", ["a.pcap", 1])
    watch = new_watch()
    other.restore(watch)
    other.save(watch, wait=True)
    (tmp_path / "kept" / "checkpoint-2.state").write_bytes(b"")
    other.close()
    last = CheckpointFolder(tmp_path / "kept", ["a.pcap", 1])
    watch = new_watch()
    last.restore(watch)
    last.close()
    assert watch.counters.packets == watch_of(path, 1, 30)[0].counters.packets


def test_other_files_in_the_folder_are_left_alone(folder, tmp_path, path):
    for name in ("checkpoint-\u00b2.state", "checkpoint-7.txt", "told-8", "checkpoint-9.state.old"):
        (tmp_path / "kept" / name).write_bytes(b"x")
    folder.save(watch_of(path)[0], wait=True)
    assert {"checkpoint-0.state", "told-0.jsonl", "told-8"} < set(names(tmp_path))
    watch, _, is_same, failures = reopened(folder, tmp_path)
    assert (is_same, failures) == (True, [])
    assert watch.counters.packets > 0


def test_what_cannot_be_read_of_what_was_told_is_an_error(folder, tmp_path):
    (tmp_path / "kept" / "told-0.jsonl").mkdir()
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        reopened(folder, tmp_path)


def test_a_line_without_end_is_an_error(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_LINE_OCTETS", 100)
    (tmp_path / "kept" / "told-0.jsonl").write_bytes(b"[" * 101)
    with pytest.raises(SourceError, match="is damaged: a line without end"):
        reopened(folder, tmp_path)


def test_what_is_written_is_json_lines(folder, tmp_path):
    watch = new_watch()
    watch.book.add(finding())
    folder.tell(watch, watch.book.tell(finding().end_ns))
    (line,) = (tmp_path / "kept" / "told-0.jsonl").read_text().splitlines()
    assert json.loads(line)["alert"]["host"] == finding().host
