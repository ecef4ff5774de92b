# SPDX-License-Identifier: Apache-2.0
import json
from random import Random

import pytest

from minewatch.lab.dialects.contract import MinerSettings
from minewatch.lab.dialects.mining_miner import MiningMiner, Program, choose_program
from minewatch.lab.dialects.stream import spaced


class Small(MiningMiner):
    """The least that a miner of ``mining.*`` can say."""

    def subscription(self):
        return [self.agent]

    def greet(self, greeting):
        self.greeting = greeting

    def read_difficulty(self, method, params):
        return float(params[0]) if method == "mining.set_difficulty" else None

    def solution(self, job):
        return [self.worker, job[0], job[1]]


def small(rig="rig", **program):
    return Small(MinerSettings("user", rig), Random(1), Program("small/1.0", **program))


def tell(miner, **message):
    return miner.receive(json.dumps(message).encode() + b"\n", 0.0)


def logged_in(**program):
    miner = small(**program)
    miner.open(0.0)
    tell(miner, id=1, result=[None], error=None)
    tell(miner, id=2, result=True, error=None)
    tell(miner, id=None, method="mining.set_difficulty", params=[100])
    tell(miner, id=None, method="mining.notify", params=["a", "b"])
    return miner


def test_one_question_after_the_other():
    miner = small(has_extranonce=True)
    assert miner.open(0.0) == [b'{"id":1,"method":"mining.subscribe","params":["small/1.0"]}\n']
    assert tell(miner, id=1, result=["hello"], error=None) == [
        b'{"id":2,"method":"mining.authorize","params":["user.rig","x"]}\n',
        b'{"id":3,"method":"mining.extranonce.subscribe","params":[]}\n',
    ]
    assert miner.greeting == ["hello"]


def test_programs_write_in_their_own_way():
    members = ("params", "id", "method")
    miner = logged_in(write=spaced, submit_members=members, submit_id=4)
    for _ in range(2):
        assert miner.share(0.0) == [
            b'{"params": ["user.rig", "a", "b"], "id": 4, "method": "mining.submit"}\n'
        ]
    configure, subscribe = small(has_version_rolling=True, first_id=5).open(0.0)
    assert json.loads(configure)["method"] == "mining.configure"
    assert [json.loads(line)["id"] for line in (configure, subscribe)] == [5, 6]


def test_difficulty_counts_from_the_next_job():
    miner = logged_in()
    assert (miner.jobs, miner.difficulty) == (1, 100.0)
    tell(miner, id=None, method="mining.set_difficulty", params=[200])
    assert miner.difficulty == 100.0
    tell(miner, id=None, method="mining.notify", params=["c", "d"])
    assert (miner.jobs, miner.difficulty) == (2, 200.0)


def test_no_share_before_login_job_and_difficulty():
    miner = small()
    miner.open(0.0)
    assert miner.share(0.0) == []
    tell(miner, id=1, result=[None], error=None)
    tell(miner, id=None, method="mining.notify", params=["a", "b"])
    assert miner.share(0.0) == []
    tell(miner, id=2, result=True, error=None)
    assert miner.share(0.0) == []  # the difficulty is unknown


def test_answers_are_counted_though_ids_are_the_same():
    miner = logged_in(submit_id=4)
    miner.share(0.0)
    miner.share(0.0)
    tell(miner, id=4, result=True, error=None)
    tell(miner, id=4, result=None, error=[23, "low", None])
    tell(miner, id=77, result=True, error=None)
    assert (miner.accepted, miner.rejected) == (1, 1)


@pytest.mark.parametrize("result", [False, None, "yes"])
def test_a_refused_login_ends_the_session(result):
    miner = small()
    miner.open(0.0)
    tell(miner, id=1, result=[None], error=None)
    with pytest.raises(ValueError, match="refused the login"):
        tell(miner, id=2, result=result, error=[24, "no", None])


def test_a_job_without_what_a_share_needs_is_refused():
    with pytest.raises(ValueError, match="not a pool's message"):
        tell(small(), id=None, method="mining.notify", params=["only"])
    with pytest.raises(ValueError, match="are a list"):
        tell(small(), id=None, method="mining.notify", params={})


def test_a_worker_without_a_rig():
    assert small(rig="").worker == "user"


def test_programs_are_drawn_or_named():
    programs = {"a": Program("a/1"), "b": Program("b/1")}
    drawn = {choose_program(programs, MinerSettings("x"), Random(i)).agent for i in range(9)}
    assert drawn == {"a/1", "b/1"}
    settings = MinerSettings("x", options={"program": "b"})
    assert {choose_program(programs, settings, Random(i)).agent for i in range(9)} == {"b/1"}
    with pytest.raises(ValueError, match="one of a, b, not 'c'"):
        choose_program(programs, MinerSettings("x", options={"program": "c"}), Random(1))
