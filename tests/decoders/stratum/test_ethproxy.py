# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.ethproxy import METHODS, result
from minewatch.decoders.stratum.sighting import Role


def see(build, method, params, **more):
    return METHODS[method](build.message({"method": method}, **more), params)


def test_the_carrier_names_the_dialect(build):
    assert see(build, "eth_getWork", []).dialect == "eth-proxy"
    found = see(build, "eth_getWork", [], carrier="http", agent="ethminer/0.18")
    assert (found.dialect, found.role, found.agent) == ("eth-getwork", Role.POLL, "ethminer/0.18")
    assert see(build, "eth_getWork", [], carrier="http", agent="Go-http-client/1.1").agent is None


def test_login(build):
    found = see(build, "eth_submitLogin", ["ETC:0x58c8419264fff151bd64.rig", "x"])
    assert (found.role, found.coin) == (Role.LOGIN, "ETC")
    for params in (None, {}, [], [7], [""], ["a"] * 5):
        assert see(build, "eth_submitLogin", params) is None


def test_work_and_shares(build):
    share = ["0x16b6c7d8e9f00112", build.X, build.X]
    assert see(build, "eth_submitWork", share).role is Role.SUBMIT
    assert see(build, "eth_submitHashrate", ["0x1d08a61", build.X]).role is Role.HASHRATE
    for params in (
        None,
        [],
        share[:2],
        ["0x16", build.X, build.X],
        [*share[:2], build.H],
        share * 2,
    ):
        assert see(build, "eth_submitWork", params) is None
    for params in (None, [], ["0x1"], [1, 2], ["1", "2"]):
        assert see(build, "eth_submitHashrate", params) is None
    assert see(build, "eth_getWork", ["latest"]) is None


@pytest.mark.parametrize(
    ("target", "is_weak"), [("0x00000000" + "db" * 28, False), ("0x" + "ab" * 32, True)]
)
def test_a_target_is_small(build, target, is_weak):
    found = result(build.message({}), [build.X, build.X, target])
    assert (found.role, found.is_weak) == (Role.JOB, is_weak)


def test_what_is_no_work(build):
    for value in (
        None,
        True,
        [],
        [build.X] * 2,
        [build.X] * 6,
        [build.H] * 3,
        [build.X, build.X, 7],
    ):
        assert result(build.message({}), value) is None
