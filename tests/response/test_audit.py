# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import multiprocessing
import os
import shutil
import stat
from pathlib import Path

import pytest

from changed_logs import CHANGES, deed, lines, rewrite
from dying import dies_at
from minewatch.errors import ResponseError
from minewatch.response import audit
from minewatch.response.audit import START, AuditLog, anchor_of
from minewatch.response.checking import check_log
from minewatch.response.entries import Action


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "audit.jsonl")


@pytest.fixture
def five(log, block):
    for number in range(5):
        log.append(deed(block(), number))
    return log


def test_each_line_holds_the_hash_of_the_one_before(five):
    previous = "0" * 64
    for number, line in enumerate(lines(five), 1):
        data = json.loads(line)
        assert (data["number"], data["previous"]) == (number, previous)
        previous = hashlib.sha256(line[:-1]).hexdigest()
    assert json.loads(five.anchor_path.read_text()) == {"number": 5, "hash": previous}
    found = check_log(five.path)
    assert (found.problems, found.notes) == ([], [])
    assert str(found.last) == f"5:{previous}"


def test_it_is_for_its_owner_alone_and_no_link_is_followed(five, tmp_path, block):
    for path in (five.path, five.anchor_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(five.path)
    with pytest.raises(ResponseError, match="cannot be written"):
        AuditLog(tmp_path / "link").append(deed(block()))


def test_it_is_on_the_disk_before_append_returns(log, block, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda file: (synced.append(os.readlink(f"/proc/self/fd/{file}")), real(file))
    )
    log.append(deed(block()))
    assert synced == [str(log.path), f"{log.anchor_path}.new", str(log.path.parent)]


def test_entries_are_read_and_read_on_from_where_one_was(five, block):
    first = list(five.read())
    assert [entry.deed.time_ns for _, entry in first] == [0, 1, 2, 3, 4]
    five.append(deed(block(), 9))
    assert [entry.deed.time_ns for _, entry in five.read(first[-1][0])] == [9]
    assert list(AuditLog(five.path.with_name("none")).read()) == []


@pytest.mark.parametrize(
    "name", ["last edited", "one cut off", "three cut off", "emptied", "cut within"]
)
def test_nothing_is_appended_to_a_log_whose_end_was_changed(five, name, block):
    rewrite(five, CHANGES[name](lines(five)))
    before = five.path.read_bytes()
    with pytest.raises(ResponseError, match="somebody changed the log"):
        five.append(deed(block()))
    assert five.path.read_bytes() == before


def test_an_anchor_that_is_gone_or_damaged_is_found(five, block):
    five.anchor_path.write_text("{")
    assert "no anchor" in check_log(five.path).problems[0]
    with pytest.raises(ResponseError, match="no anchor"):
        five.append(deed(block()))
    five.anchor_path.unlink()
    assert check_log(five.path).problems == ["the anchor is gone"]
    with pytest.raises(ResponseError, match="somebody changed"):
        five.append(deed(block()))


def _end_before_anchor(log, block):
    """A process that dies between the line and its anchor."""
    log._write_anchor = lambda anchor: os._exit(9)
    log.append(deed(block, 5))


def test_a_crash_between_line_and_anchor_goes_on(five, block):
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_end_before_anchor, args=(five, block()))
    child.start()
    child.join()
    assert child.exitcode == 9
    found = check_log(five.path)
    assert (found.problems, len(found.notes), found.last.number) == ([], 1, 6)
    five.append(deed(block(), 6))
    assert check_log(five.path).problems == check_log(five.path).notes == []


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_crash_within_a_line_is_recovered_and_told(five, block, kept):
    """-1: the whole line but for its end."""
    anchor = five.anchor_path.read_bytes()
    five.append(deed(block(), 5))
    whole = lines(five)
    rewrite(five, [*whole[:5], whole[5][:kept]])
    five.anchor_path.write_bytes(anchor)
    assert check_log(five.path).problems == []

    five.append(deed(block(), 6))
    found = check_log(five.path)
    assert found.problems == []
    told = [entry.deed for _, entry in five.read()]
    assert [one.action for one in told][-2:] == [Action.RECOVERED, Action.APPLIED]
    assert told[-1].time_ns == 6
    # What was torn is part of the chain like everything else.
    changed = five.path.read_bytes().replace(whole[5][:kept], b"?" * len(whole[5][:kept]))
    five.path.write_bytes(changed)
    assert check_log(five.path).problems


def _append_many(path: Path, block, n: int) -> None:
    for number in range(n):
        AuditLog(path).append(deed(block, number))


def test_several_processes_may_write(log, block):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(log.path, block(), 20)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = check_log(log.path)
    assert (found.problems, found.last.number) == ([], 80)


def test_a_full_disk_is_an_error(log, block, monkeypatch):
    log.append(deed(block()))

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit.os, "write", full)
    with pytest.raises(ResponseError, match="No space left on device"):
        log.append(deed(block()))
    monkeypatch.undo()
    log.append(deed(block()))
    assert check_log(log.path).problems == []


def test_what_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(ResponseError, match="cannot be read"):
        check_log(tmp_path / "none")
    with pytest.raises(ResponseError, match="cannot be read"):
        list(AuditLog(tmp_path).read())


@pytest.mark.parametrize("text", ["", "5", "5:abc", f"-1:{'0' * 64}", f"5:{'G' * 64}", "9" * 99])
def test_what_is_no_anchor_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        anchor_of(text)


def test_an_anchor_as_printed_is_read_again():
    assert anchor_of(str(START)) == START


def _dies_at(step, log, block):
    def work(say):
        log.append(deed(block, 1))
        say(1)

    return dies_at(step, work)


def test_death_at_any_step_leaves_a_log_that_goes_on(tmp_path, block):
    """And death again at any step of mending what the first one left."""
    n_steps, first, died = 0, 0, True
    while died:
        first += 1
        torn = tmp_path / f"{first}"
        torn.mkdir()
        told, died = _dies_at(first, AuditLog(torn / "log"), block())
        second, died_again = 0, True
        while died_again:
            second += 1
            folder = shutil.copytree(torn, tmp_path / f"{first}-{second}")
            log, place = AuditLog(folder / "log"), (first, second)
            again, died_again = _dies_at(second, log, block())
            if log.path.exists():
                assert check_log(log.path).problems == [], place
            log.append(deed(block(), 9))
            found = check_log(log.path)
            assert (found.problems, found.last.number > len(told + again)) == ([], True), place
            times = [e.deed.time_ns for _, e in log.read() if e.deed.action is Action.APPLIED]
            assert times[-1] == 9, place
            assert len(times) > len(told + again), place
            n_steps += 1
    assert n_steps > 100


def test_an_entry_that_nobody_could_read_again_is_not_written(five, block):
    before = five.path.read_bytes()
    with pytest.raises(ResponseError, match="nobody could read again"):
        five.append(deed(block(host="x" * 70_000)))
    assert five.path.read_bytes() == before
    five.append(deed(block()))
    assert check_log(five.path).problems == []


def test_what_root_writes_belongs_to_the_service(five, block, monkeypatch):
    """After `sudo minewatch respond undo` the service must be able to go on."""
    given = []
    owner = five.path.stat()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda file, user, group: given.append((user, group)))
    five.append(deed(block()))
    assert given == [(owner.st_uid, owner.st_gid)]
    AuditLog(five.path.with_name("new.jsonl")).append(deed(block()))
    folder = five.path.parent.stat()
    assert given[1] == (folder.st_uid, folder.st_gid)
    assert len(given) == 3
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    five.append(deed(block()))
    assert len(given) == 3
