# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum import ethereum
from minewatch.decoders.stratum.sighting import Role


def test_subscriptions():
    assert ethereum.subscribe_one(["a", "EthereumStratum/1.0.0"]).dialect == "ethereumstratum1"
    assert ethereum.subscribe_one(["a", "EthereumStratum/2.0.0"]).dialect == "ethereumstratum2"
    for params in (None, {}, [], ["a"], ["a", "x"], ["a", 7], ["a"] * 7):
        assert ethereum.subscribe_one(params) is None


def test_greetings():
    topics = ["mining.notify", "ae68", "EthereumStratum/1.0.0"]
    assert ethereum.greeting_one([topics]).role is Role.GREETING
    assert ethereum.greeting_one([["mining.notify", "ae68"], 7]) is None


@pytest.mark.parametrize(
    ("grammar", "tail", "dialect"),
    [
        (ethereum.notify_one, ["H", "H", True], "ethereumstratum1"),
        (ethereum.notify_seeded, ["X", "X", "X", False], "eth-stratum"),
        (ethereum.notify_two, ["6526d5", "H", "0"], "ethereumstratum2"),
    ],
)
def test_jobs(build, grammar, tail, dialect):
    message = build.message({})
    params = ["bf0488aa", *({"H": build.H, "X": build.X}.get(part, part) for part in tail)]
    found = grammar(message, params)
    assert (found.role, found.dialect, found.algorithm) == (Role.JOB, dialect, "ethash")
    for index in range(len(params)):
        for other in (None, "", 7.5, {}, *(["x y"] if index else [])):
            bad = [other if i == index else old for i, old in enumerate(params)]
            assert grammar(message, bad) is None
    assert grammar(message, params[:-1]) is None


def test_shares(build):
    message = build.message({})
    assert ethereum.submit_one(message, ["u", "bf", "6a909d9bbc0f"]).dialect == "ethereumstratum1"
    two = ["bf0488aa", "68765fccd712", "w-123"]
    assert ethereum.submit_one(message, two) is None
    assert ethereum.submit_two(message, two).dialect == "ethereumstratum2"
    for params in ([], ["u", "bf"], ["u", "bf", 7], ["u", "bf", "x"], ["", "bf", "6a90"]):
        assert ethereum.submit_one(message, params) is None
    for params in ([], ["j", "68"], ["j", 7, "w"], [7, "68765f", "w"]):
        assert ethereum.submit_two(message, params) is None


def see(build, method, params):
    return ethereum.METHODS[method](build.message({}), params)


def test_the_second_version(build):
    hello = {"agent": "ethminer-0.17", "proto": "EthereumStratum/2.0.0"}
    assert see(build, "mining.hello", hello).agent == "ethminer-0.17"
    assert see(build, "mining.set", {"epoch": "dc", "algo": "etchash"}).algorithm == "etchash"
    assert see(build, "mining.hashrate", ["500", "w-123"]).role is Role.HASHRATE
    assert see(build, "mining.noop", None).role is Role.UPKEEP
    assert (
        ethereum.result(build.message({}), {"proto": "EthereumStratum/2.0.0"}).role is Role.GREETING
    )


@pytest.mark.parametrize(
    "params", [7, [], {}, {"proto": 7}, {"proto": "MQTT"}, {"x": 1}, ["x" * 99]]
)
def test_other_structures_are_none(build, params):
    for method in ("mining.hello", "mining.set", "mining.hashrate"):
        assert see(build, method, params) is None
    assert ethereum.result(build.message({}), params) is None


def test_a_noop_says_nothing(build):
    assert see(build, "mining.noop", ["x"]) is None
