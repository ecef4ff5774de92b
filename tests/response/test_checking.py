# SPDX-License-Identifier: Apache-2.0
import os
from dataclasses import replace

import pytest

from changed_logs import CHANGES, deed, lines, rewrite
from minewatch.response.audit import Anchor, AuditLog, anchor_of, digest_of
from minewatch.response.checking import MAX_PROBLEMS, check_log
from minewatch.response.entries import Action, Entry


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path / "audit.jsonl")


@pytest.fixture
def five(log, block):
    for number in range(5):
        log.append(deed(block(), number))
    return log


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_found(five, name):
    rewrite(five, CHANGES[name](lines(five)))
    assert check_log(five.path).problems, name


def test_a_log_made_anew_is_found_by_an_anchor_kept_elsewhere_only(five, tmp_path, block):
    kept = check_log(five.path).last
    five.path.unlink()
    five.anchor_path.unlink()
    for number in range(6):
        five.append(deed(block(host="10.0.0.99"), number))
    assert check_log(five.path).problems == []
    found = check_log(five.path, anchor_of(str(kept)))
    assert found.problems == ["line 5: not the line that was expected: the log was made anew"]


def test_a_kept_anchor_still_fits_after_more_lines(five, block):
    kept = check_log(five.path).last
    five.append(deed(block(), 6))
    assert check_log(five.path, kept).problems == []
    rewrite(five, lines(five)[:3])
    assert any("line 5: not the line" in one for one in check_log(five.path, kept).problems)


def test_lines_behind_the_anchor_are_not_ours(five, block):
    anchor = five.anchor_path.read_bytes()
    for number in (5, 6):
        five.append(deed(block(), number))
    five.anchor_path.write_bytes(anchor)
    assert check_log(five.path).problems == [
        "lines after 5 are unknown to the anchor: not written by us"
    ]


def test_endless_lines_and_many_faults_are_bounded(tmp_path):
    path = tmp_path / "hostile"
    path.write_bytes(b"x" * 3_000_000 + b"\n" + b"{}\n" * 1000)
    found = check_log(path)
    assert len(found.problems) == MAX_PROBLEMS
    assert found.last.number > 1000


def test_lines_that_are_no_entries_need_an_entry_that_tells_of_a_crash(five, block):
    """Written anew with right hashes: what stands between is garbage all the same."""
    five.path.write_bytes(five.path.read_bytes() + b"?\n??\n")
    found = check_log(five.path)
    assert "line 6: no entry, and nothing tells of a crash" in found.problems
    for action, problems in ((Action.RECOVERED, 0), (Action.APPLIED, 2)):
        log = AuditLog(five.path.with_name(action.value))
        log.path.write_bytes(b"?\n??\n")
        anchor = Anchor(2, digest_of(b"??"))
        log._write(
            os.open(log.path, os.O_RDWR | os.O_APPEND),
            Entry(3, anchor.digest, replace(deed(block()), action=action)),
        )
        found = check_log(log.path)
        assert len(found.problems) == problems, found
        assert len(found.notes) == 2 - problems


def test_an_octet_behind_the_end_is_told_as_what_a_crash_leaves(five):
    rewrite(five, [*lines(five), b"x"])
    found = check_log(five.path)
    assert found.problems == []
    assert found.notes[0] == "line 6: cut off while it was written"
