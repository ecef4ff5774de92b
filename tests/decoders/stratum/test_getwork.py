# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.decoders.stratum.getwork import METHODS, result
from minewatch.decoders.stratum.sighting import Role


def see(build, method, params, **more):
    return METHODS[method](build.message({}, **{"carrier": "http", **more}), params)


def test_getwork(build):
    assert see(build, "getwork", []).role is Role.POLL
    assert see(build, "getwork", ["00" * 128]).role is Role.SUBMIT
    for params in ({}, ["00"], [7], ["00" * 128] * 2):
        assert see(build, "getwork", params) is None


def test_templates(build):
    assert see(build, "getblocktemplate", []).dialect == "getblocktemplate"
    assert see(build, "getblocktemplate", [{"rules": ["segwit"]}]).role is Role.POLL
    monero = see(build, "get_block_template", {"wallet_address": build.WALLET, "reserve_size": 60})
    assert monero.login == build.WALLET
    for params in ({}, {"wallet_address": 7}, ["x"], [{}, {}, {}], "x"):
        assert see(build, "getblocktemplate", params) is None


def test_blocks(build):
    assert see(build, "submitblock", ["ab" * 100]).role is Role.SUBMIT
    assert see(build, "submitblock", ["ab" * 9], is_cut=True).role is Role.SUBMIT
    for params in (None, [], ["ab"], [7], {}):
        assert see(build, "submitblock", params) is None


def test_the_head_of_the_request_may_be_missing(build):
    for method, params in (
        ("getwork", []),
        ("getblocktemplate", []),
        ("submitblock", ["ab" * 100]),
    ):
        assert see(build, method, params, carrier="lines") is not None
    assert result(build.message({}), build.TEMPLATE).role is Role.JOB


def test_results(build):
    message = build.message({}, carrier="http")
    assert result(message, build.TEMPLATE).dialect == "getblocktemplate"
    monero = {"blocktemplate_blob": build.BLOB, "difficulty": 1, "height": 2}
    assert result(message, monero).dialect == "getblocktemplate"
    assert result(message, {"data": "00" * 128, "target": "ff" * 32}).dialect == "getwork"


@pytest.mark.parametrize(
    "value",
    [
        None, [], {}, {"previousblockhash": "ab" * 32, "bits": "1d00ffff", "confirmations": 3},
        {"data": "00", "target": "ff" * 32}, {"blocktemplate_blob": "ab"},
    ],
)  # fmt: skip
def test_other_answers_are_none(build, value):
    assert result(build.message({}, carrier="http"), value) is None


def test_a_cut_template(build):
    message = build.message({}, carrier="http", is_cut=True)
    assert result(message, {"previousblockhash": build.H}).role is Role.JOB
