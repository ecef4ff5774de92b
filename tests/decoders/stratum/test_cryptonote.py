# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.cryptonote import METHODS, is_job, result
from minewatch.decoders.stratum.sighting import Role


def see(build, method, params, **more):
    return METHODS[method](build.message({"method": method}, **more), params)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"target": "711b0d0000000000"},
        {"algo": None, "seed_hash": "cd" * 32},
        {"id": "3dce749b"},
        {"algo": "kawpow", "blob": "ab" * 40},
    ],
)
def test_jobs(build, change):
    assert is_job({**build.JOB, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"blob": "ab" * 75},
        {"blob": "zz" * 76},
        {"blob": 7},
        {"job_id": ""},
        {"job_id": 7},
        {"target": "ff"},
        {"target": None},
        {"blob": "ab" * 5000},
    ],
)
def test_what_is_no_job(build, change):
    assert not is_job({**build.JOB, **change})
    assert not is_job([build.JOB])


def test_the_beginning_of_a_cut_job(build):
    cut = {"blob": build.BLOB[:60]}
    assert see(build, "job", cut, is_cut=True).role is Role.JOB
    assert see(build, "job", cut) is None


@pytest.mark.parametrize(
    ("job", "algorithm"),
    [
        ({"algo": "rx/wow"}, "rx/wow"),
        ({"algo": None, "seed_hash": "cd" * 32}, "randomx"),
        ({"algo": None}, None),
    ],
)
def test_the_algorithm(build, job, algorithm):
    assert see(build, "job", {**build.JOB, **job}).algorithm == algorithm


@pytest.mark.parametrize(
    ("params", "is_weak"),
    [
        ({"login": "bob", "pass": "x"}, True),
        ({"login": "bob", "pass": "x", "agent": "Mozilla/5.0"}, True),
        ({"login": "bob", "pass": "x", "agent": "xmr/1.0"}, False),
        ({"login": "bob", "pass": "x", "algo": ["rx/0"]}, False),
        ({"login": "4" + "A" * 94, "pass": "x"}, False),
        ({"login": "4" + "A" * 94 + ".rig", "pass": "x"}, False),
        ({"login": "DOGE:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L", "pass": "x"}, False),
    ],
)
def test_a_login_is_weak_unless_a_miner_speaks(build, params, is_weak):
    assert see(build, "login", params).is_weak is is_weak


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        ["bob", "x"],
        {},
        {"login": "bob"},
        {"login": 7, "pass": "x"},
        {"login": "bob", "pass": 7},
    ],
)
def test_what_is_no_login(build, params):
    assert see(build, "login", params) is None


def test_a_cut_login_may_lack_its_password(build):
    assert see(build, "login", {"login": build.WALLET}, is_cut=True).login == build.WALLET


def test_the_only_algorithm_of_a_login(build):
    assert see(build, "login", {"login": "b", "pass": "", "algo": ["rx/0"]}).algorithm == "rx/0"
    assert see(build, "login", {"login": "b", "pass": "", "algo": ["rx/0", "a"]}).algorithm is None


def test_submit(build):
    share = {"id": "a", "job_id": "b", "nonce": "5a000000", "result": build.H}
    assert see(build, "submit", share).role is Role.SUBMIT
    for change in ({"nonce": 7}, {"nonce": "5a"}, {"result": "ab"}, {"result": {}}):
        assert see(build, "submit", {**share, **change}) is None
    assert see(build, "submit", {"nonce": "5a000000", "result": build.H}) is None
    assert see(build, "submit", {"job_id": "b", "nonce": "5a"}, is_cut=True).role is Role.SUBMIT


def test_keepalive(build):
    assert see(build, "keepalived", {"id": "a"}).is_weak
    assert see(build, "keepalived", []) is None


def test_results(build):
    message = build.message({})
    assert result(message, {"id": "a", "job": build.JOB, "status": "OK"}).role is Role.JOB
    assert result(message, build.JOB).role is Role.JOB
    assert result(message, {"status": "KEEPALIVED"}).role is Role.ALIVE
    for other in ({"status": "OK"}, {"job": {"id": 7}}, {"job": "x"}, [], True, None):
        assert result(message, other) is None
