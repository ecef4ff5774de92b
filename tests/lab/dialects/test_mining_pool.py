# SPDX-License-Identifier: Apache-2.0
import json
from random import Random

import pytest

from minewatch.lab.dialects.contract import PoolSettings
from minewatch.lab.dialects.mining_pool import MiningPool


class Small(MiningPool):
    """The least that a pool of ``mining.*`` can say."""

    def greeting(self, params):
        return [None, "00"]

    def difficulty_message(self):
        return {"id": None, "method": "mining.set_difficulty", "params": [1]}

    def job(self, work):
        return [self.next_job_id(), work.is_new_block]

    def is_met(self, params, difficulty):
        return params[2] == "good"


class Worker:
    def __init__(self, work):
        self.work = work
        self.pool = Small(PoolSettings(difficulty=5.0, reject_ratio=0.0), Random(1))

    def ask(self, number, method, *params):
        line = json.dumps({"id": number, "method": method, "params": params}).encode()
        return [json.loads(said) for said in self.pool.receive(line + b"\n", self.work, 0.0)]

    def login(self):
        self.ask(1, "mining.subscribe", "miner/1.0")
        return self.ask(2, "mining.authorize", "user.rig", "x")


@pytest.fixture
def worker(work):
    return Worker(work)


def test_login_difficulty_and_job(worker):
    assert worker.ask(1, "mining.subscribe") == [{"id": 1, "result": [None, "00"], "error": None}]
    answer, difficulty, job = worker.ask("auth", "mining.authorize", "user", "x")
    assert answer == {"id": "auth", "result": True, "error": None}
    assert difficulty["method"] == "mining.set_difficulty"
    assert (job["id"], job["method"], job["params"][1]) == (None, "mining.notify", True)


def test_the_order_is_kept(worker):
    assert worker.ask(1, "mining.authorize", "user", "x")[0]["error"][1] == "Not subscribed"
    assert worker.ask(2, "mining.submit", "user", "1")[0]["error"][1] == "Unauthorized worker"
    assert not worker.pool.is_logged_in
    worker.ask(3, "mining.subscribe")
    assert worker.ask(4, "mining.authorize", "")[0]["result"] is False
    assert not worker.pool.is_logged_in


def test_a_second_worker_gets_no_second_job(worker):
    assert len(worker.login()) == 3
    assert worker.ask(9, "mining.authorize", "other", "x") == [
        {"id": 9, "result": True, "error": None}
    ]


def test_shares(worker):
    job_id = worker.login()[-1]["params"][0]
    assert worker.ask(4, "mining.submit", "user", job_id, "good")[0]["result"] is True
    low = worker.ask(5, "mining.submit", "user", job_id, "bad")[0]
    assert low == {"id": 5, "result": None, "error": [23, "Low difficulty share", None]}
    stale = worker.ask(6, "mining.submit", "user", "fff", "good")[0]
    assert stale["error"] == [21, "Job not found", None]
    assert (worker.pool.accepted, worker.pool.rejected) == (1, 2)


def test_a_new_block_makes_older_jobs_stale_and_a_refresh_does_not(worker, work):
    first = worker.login()[-1]["params"][0]
    refresh = type(work)(work.height, work.previous_hash, work.seed_hash, work.time_s + 30, False)
    (second,) = worker.pool.push(refresh, 30.0)
    assert json.loads(second)["params"][0] == f"{int(first, 16) + 1:x}"
    assert worker.ask(4, "mining.submit", "user", first, "good")[0]["result"] is True
    worker.pool.push(work, 60.0)
    assert worker.ask(5, "mining.submit", "user", first, "good")[0]["error"][0] == 21


def test_other_methods(worker):
    assert worker.ask(3, "mining.extranonce.subscribe")[0]["result"] is True
    assert worker.ask(4, "mining.get_transactions")[0]["error"] == [20, "Method not found", None]
