# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.bitcoin import METHODS, result, subscription_answer
from minewatch.decoders.stratum.sighting import Role


def see(build, method, params, **more):
    return METHODS[method](build.message({"method": method}, **more), params)


def changed(build, index, value):
    return [value if i == index else old for i, old in enumerate(build.NOTIFY)]


def test_a_job_of_bitcoin(build):
    found = see(build, "mining.notify", build.NOTIFY)
    assert (found.role, found.dialect, found.is_weak) == (Role.JOB, "bitcoin", False)
    assert found.algorithm is None
    assert not see(build, "mining.notify", changed(build, 4, [])).is_weak
    claim = [*build.NOTIFY[:2], build.H, *build.NOTIFY[2:]]
    assert not see(build, "mining.notify", claim).is_weak


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (2, "zz"),
        (2, ""),
        (3, 7),
        (4, ["ab"]),
        (5, "2"),
        (6, 7),
        (7, "5b64647cab"),
        (8, "true"),
        (8, None),
    ],
)
def test_another_structure_is_at_most_weak(build, index, value):
    found = see(build, "mining.notify", changed(build, index, value))
    assert found is None or found.is_weak


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"ore": "gold"},
        [],
        ["news"],
        ["a", "b", "c"],
        [["mining.notify"]],
        [None] * 9,
        ["x"] * 17,
        "ab" * 32,
    ],
)
def test_what_is_no_job(build, params):
    assert see(build, "mining.notify", params) is None


@pytest.mark.parametrize(
    "params",
    [
        ["4e", 830_000, "ab" * 32, "", "", 3, "7067", "", True],  # Ergo
        ["4e", [2**63, 1, 2, 3], 1_700_000_000_000],  # Kaspa
        ["4e", "ab" * 32, 123, "cd" * 32, True],  # Nervos
    ],
)
def test_jobs_of_derived_chains_are_weak(build, params):
    found = see(build, "mining.notify", params)
    assert (found.role, found.is_weak) == (Role.JOB, True)


def test_a_cut_job_is_known_by_its_beginning(build):
    assert not see(build, "mining.notify", build.NOTIFY[:3], is_cut=True).is_weak
    assert see(build, "mining.notify", ["a"], is_cut=True) is None


@pytest.mark.parametrize(
    ("params", "is_weak"),
    [
        (["cgminer/4.10.0"], False),
        ([], False),
        (["equihashminer", None, "h", "2142"], False),
        (["bmw/2"], False),
        (["news"], True),
        ([None], True),
    ],
)
def test_a_subscription(build, params, is_weak):
    assert see(build, "mining.subscribe", params).is_weak is is_weak


@pytest.mark.parametrize("params", [None, {}, "cgminer", [{}], [["a"]], ["a"] * 7])
def test_what_is_no_subscription(build, params):
    assert see(build, "mining.subscribe", params) is None


def test_authorisation(build):
    found = see(build, "mining.authorize", ["user.w", "c=LTC"])
    assert (found.login, found.coin, found.is_weak) == ("user.w", "LTC", False)
    assert see(build, "mining.authorize", ["user.w", "x"]).is_weak
    for params in (None, [], [""], [7, "x"], ["a", {}], ["a"] * 5, {"user": "a"}):
        assert see(build, "mining.authorize", params) is None


def test_shares(build):
    share = ["w", "274a-1", "00000001", "5b64647c", "b2957c02"]
    assert not see(build, "mining.submit", share).is_weak
    assert not see(build, "mining.submit", [*share, "1fffe000"]).is_weak
    assert see(build, "mining.submit", ["w", "j", "abcdef", "0xabcd"]).is_weak
    for params in (None, {}, [], ["w"], ["w", "j"], ["w", "j", "x y"], ["w", "j", {}], ["a"] * 11):
        assert see(build, "mining.submit", params) is None


def test_what_the_pool_sets(build):
    assert see(build, "mining.set_difficulty", [0.5]).role is Role.SETTING
    assert see(build, "mining.set_target", ["00" * 32]).role is Role.SETTING
    assert see(build, "mining.set_extranonce", ["af4c", 4]).role is Role.SETTING
    assert see(build, "client.show_message", ["hello"]).role is Role.SETTING
    for method in ("mining.set_difficulty", "mining.set_target", "mining.set_extranonce"):
        for params in (None, [], ["x y"], [True], {}):
            assert see(build, method, params) is None
    assert see(build, "client.get_version", {}) is None


def test_capabilities(build):
    assert see(build, "mining.configure", [["version-rolling"], {}]).role is Role.UPKEEP
    assert see(build, "mining.extranonce.subscribe", []).role is Role.UPKEEP
    assert see(build, "mining.configure", ["version-rolling"]) is None
    assert see(build, "mining.extranonce.subscribe", {}) is None


def test_answers_to_a_subscription(build):
    message = build.message({})
    topics = [["mining.set_difficulty", "1"], ["mining.notify", "1"]]
    assert result(message, [topics, "00b61738", 4]).role is Role.GREETING
    assert result(message, [["mining.notify", "1"], "00b61738", 4]).role is Role.GREETING
    for other in (
        None,
        True,
        [],
        [topics],
        [[], "00"],
        [["mining.notify"], 7],
        [[["x"]], "00"],
        [7, "00"],
    ):
        assert result(message, other) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (None, True),
        ([], True),
        ([None, "c208ec77"], True),
        (["s", "0x1a"], True),
        ("sub-17", False),
        ({"status": "OK"}, True),
        (["a", "b c"], False),
        (17, False),
    ],
)
def test_what_may_answer_a_subscription(value, expected):
    assert subscription_answer(value) is expected
