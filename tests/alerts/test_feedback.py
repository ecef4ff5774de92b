# SPDX-License-Identifier: Apache-2.0
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minewatch.alerts import feedback as module
from minewatch.alerts.feedback import (
    Judgement,
    Precision,
    add_judgement,
    labels_beside,
    precision_of,
    read_feedback,
)
from minewatch.errors import ConfigError, SinkError, SourceError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alerts.labels.jsonl"


def judgement(alert_id="a1", is_mining=True, **changed):
    values = {"reason": "xmrig in /tmp", "user": "alice", "time_ns": 5} | changed
    return Judgement(alert_id, is_mining, **values)


def test_what_was_said_is_kept_with_who_when_and_why(path):
    add_judgement(path, judgement())
    assert json.loads(path.read_text()) == {
        "version": 1,
        "alert_id": "a1",
        "is_mining": True,
        "reason": "xmrig in /tmp",
        "user": "alice",
        "time_ns": 5,
    }
    assert read_feedback(path).judgements == {"a1": judgement()}


def test_the_last_judgement_counts_and_all_stay(path):
    for is_mining in (True, False, True, False):
        add_judgement(path, judgement(is_mining=is_mining))
    add_judgement(path, judgement("b2"))
    found = read_feedback(path)
    assert {key: one.is_mining for key, one in found.judgements.items()} == {
        "a1": False,
        "b2": True,
    }
    assert len(path.read_text().splitlines()) == 5
    assert precision_of(found.judgements.values()) == Precision(right=1, wrong=1)


def test_no_file_is_no_judgement(path):
    assert read_feedback(path).judgements == {}


def test_lines_that_are_no_judgements_are_counted(path):
    add_judgement(path, judgement())
    good = json.loads(path.read_text())
    bad = [
        {"is_mining": 1}, {"version": 2}, {"alert_id": 5}, {"reason": ""}, {"time_ns": 1.5},
        {"reason": "x" * 9_999}, {"user": None},
    ]  # fmt: skip
    with open(path, "ab") as file:
        for change in bad:
            file.write(json.dumps(good | {"alert_id": "b2"} | change).encode() + b"\n")
        file.write(b"[]\n\xff\n" + b"[" * 9_000 + b"\n" + b"x" * 60_000 + b"\n")
        file.write(json.dumps(good).encode())  # torn: it has no end
    found = read_feedback(path)
    assert (list(found.judgements), found.n_damaged) == (["a1"], len(bad) + 5)
    add_judgement(path, judgement("c3"))
    assert list(read_feedback(path).judgements) == ["a1", "c3"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1_001, "a\nb", "a\x1b[2J"])
def test_a_reason_that_is_none(reason):
    with pytest.raises(ConfigError, match="--reason"):
        judgement(reason=reason)


def test_where_it_cannot_be_kept_or_read(tmp_path):
    with pytest.raises(SinkError, match="cannot be written"):
        add_judgement(tmp_path / "none" / "x", judgement())
    with pytest.raises(SourceError, match="cannot be read"):
        read_feedback(tmp_path)


def test_it_is_on_the_disk(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    add_judgement(path, judgement())
    assert len(synced) == 1


def test_more_than_fit(path, monkeypatch):
    monkeypatch.setattr(module, "MAX_JUDGEMENTS", 1)
    for name in ("a", "b"):
        add_judgement(path, judgement(name))
    with pytest.raises(SourceError, match="more than 1"):
        read_feedback(path)


@pytest.mark.parametrize(
    ("right", "wrong", "low", "high"),
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998)
    [
        (0, 10, 0.0, 0.2775328),
        (10, 0, 0.7224672, 1.0),
        (81, 182, 0.2552866, 0.3661943),
        (0, 0, 0, 1),
    ],
)
def test_the_interval_is_wilsons(right, wrong, low, high):
    assert Precision(right, wrong).interval() == pytest.approx((low, high), abs=5e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(right, wrong):
    low, high = Precision(right, wrong).interval()
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-9 <= right / (right + wrong) <= high + 1e-9
        # Wilson's bounds solve |p - share| = z sqrt(p (1 - p) / n).
        n, share = right + wrong, right / (right + wrong)
        for bound in (low, high):
            if 1e-6 < bound < 1 - 1e-6:
                assert abs(bound - share) == pytest.approx(
                    module.Z_95 * (bound * (1 - bound) / n) ** 0.5, rel=1e-6
                )


def test_nobody_said_anything_yet():
    assert precision_of([]).sentence() == "precision to date: no alert was judged yet"


@pytest.mark.parametrize(
    ("alerts", "labels"),
    [("a.jsonl", "a.labels.jsonl"), ("/x/a", "/x/a.labels.jsonl"), ("a.b.db", "a.b.labels.jsonl")],
)
def test_the_file_beside(alerts, labels):
    assert labels_beside(alerts) == Path(labels)


def test_a_link_of_the_watcher_leads_nowhere(path, tmp_path):
    (tmp_path / "precious").write_text("as it was\n")
    path.symlink_to(tmp_path / "precious")
    with pytest.raises(SinkError, match="cannot be written"):
        add_judgement(path, judgement())
    assert (tmp_path / "precious").read_text() == "as it was\n"


def test_what_root_writes_belongs_to_the_owner_of_the_folder(path, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda file, user, group: given.append((user, group)))
    add_judgement(path, judgement())
    add_judgement(path, judgement("b2"))
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    add_judgement(tmp_path / "other.labels.jsonl", judgement())
    assert len(given) == 1
