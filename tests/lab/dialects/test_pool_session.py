# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.lab.dialects.contract import PoolSettings
from minewatch.lab.dialects.pool_session import (
    JOBS_REMEMBERED,
    LinePool,
    Verdict,
    request_id,
)


class Echo(LinePool):
    """Answers each message with its name, and announces by number."""

    def answer(self, message, work, now_s):
        self.is_logged_in = True
        return [message["name"].encode()]

    def announce(self, work, *, is_changed):
        self.last_was_new_block = work.is_new_block
        return [f"{self.retarget.difficulty:g} {is_changed}".encode()]


def echo(**settings):
    return Echo(PoolSettings(**{"difficulty": 100.0, "reject_ratio": 0.0, **settings}), Random(1))


def test_shares_are_judged_and_counted():
    pool = echo()
    pool.remember("a")
    assert pool.judge("a") is Verdict.ACCEPTED
    assert pool.judge("a", lambda difficulty: difficulty > 100) is Verdict.LOW
    assert pool.judge("b") is Verdict.STALE
    assert (pool.accepted, pool.rejected) == (1, 2)


def test_a_share_is_judged_by_the_difficulty_of_its_job():
    pool = echo()
    pool.remember("old")
    pool.retarget.difficulty = 1e6
    pool.remember("new")
    asked = []
    for job in ("old", "new"):
        pool.judge(job, lambda difficulty: bool(asked.append(difficulty)) or True)
    assert asked == [100.0, 1e6]


def test_only_the_last_jobs_are_remembered():
    pool = echo()
    for job in range(JOBS_REMEMBERED + 1):
        pool.remember(str(job))
    assert pool.judge("0") is Verdict.STALE
    assert pool.judge("1") is Verdict.ACCEPTED
    pool.forget()
    assert pool.judge("1") is Verdict.STALE


def test_good_shares_are_refused_by_chance():
    pool = echo(reject_ratio=0.3)
    pool.remember("a")
    verdicts = [pool.judge("a") for _ in range(1000)]
    assert verdicts.count(Verdict.LOW) == pytest.approx(300, abs=50)


def test_nothing_is_pushed_before_the_login(work):
    pool = echo()
    assert pool.push(work, 0.0) == []
    assert pool.receive(b'{"name":"a"}\n{"na', work, 0.0) == [b"a"]
    assert pool.receive(b'me":"b"}\n', work, 0.0) == [b"b"]
    assert pool.push(work, 0.0) == [b"100 False"]


def test_a_push_brings_a_new_difficulty_when_one_is_due(work):
    pool = echo(share_target_s=10.0, retarget_s=60.0)
    pool.receive(b'{"name":"a"}\n', work, 0.0)
    assert pool.push(work, 0.0) == [b"100 False"]
    pool.remember("a")
    for _ in range(60):
        pool.judge("a")
    assert pool.steer(work, 30.0) == []
    assert pool.last_was_new_block
    assert pool.steer(work, 60.0) == [b"200 True"]
    assert not pool.last_was_new_block
    assert pool.push(work, 121.0) == [b"100 True"]


def test_a_message_of_the_wrong_shape_is_refused(work):
    for line in (b"{}\n", b'{"name":1}\n', b"[]\n"):
        with pytest.raises(ValueError):  # noqa: PT011
            echo().receive(line, work, 0.0)


def test_ids():
    assert [request_id({"id": value}) for value in (3, "auth", None)] == [3, "auth", None]
    for value in ([], {}, 1.5, "x" * 65):
        with pytest.raises(ValueError, match="an id is"):
            request_id({"id": value})
