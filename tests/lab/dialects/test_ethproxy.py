# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import pytest


def mine(talk, program, seconds=600.0, **given):
    options = {"program": program, **given.pop("miner_options", {})}
    given = {"difficulty": 4e9, **given}
    said = talk("eth-proxy", miner_options=options, **given)
    return said.open().run(seconds, hash_rate=4e8)


def times(said, containing):
    return [at_s for is_miner, octets, at_s in said.said if is_miner and containing in octets]


def test_claymore_asks_every_10_s_and_reports_every_20_s(talk):
    said = mine(talk, "claymore")
    asked, reported = times(said, b"getWork"), times(said, b"submitHashrate")
    assert [round(b - a, 3) for a, b in pairwise(asked)] == [10.0] * 60
    assert [round(b - a, 3) for a, b in pairwise(reported)] == [20.0] * 29
    assert said.sizes(True)[:2] == [145, 81]
    assert set(said.sizes(True, b"submitWork")) == {205}
    assert set(said.sizes(True, b"submitHashrate")) <= {145, 146, 147, 148}
    # Its question is answered as a push is: under id 0.
    assert {answer["id"] for answer in said.messages(False, b'["0x')} == {0}


def test_ethminer_asks_once_and_reports_every_minute(talk):
    said = mine(talk, "ethminer")
    assert len(times(said, b"getWork")) == 1
    assert [round(b - a, 3) for a, b in pairwise(times(said, b"submitHashrate"))] == [60.0] * 9
    assert said.sizes(True)[1] == 44
    assert set(said.sizes(True, b"submitWork")) == {206}
    assert [answer["id"] for answer in said.messages(False, b'["0x')][:3] == [5, 0, 0]


@pytest.mark.parametrize("program", ["claymore", "ethminer"])
def test_what_the_pool_says(talk, program):
    said = mine(talk, program)
    assert set(said.sizes(False, b'["0x')) == {243}
    assert set(said.sizes(False, b'"result":true')) <= {39, 40}
    assert said.miner.accepted > 40
    tall = mine(talk, program, options={"has_height": True})
    assert {len(m["result"]) for m in tall.messages(False, b'["0x')} == {4}


def test_asked_again_the_pool_says_the_same(talk):
    said = mine(talk, "claymore")
    headers = [answer["result"][0] for answer in said.messages(False, b'["0x')]
    assert said.miner.jobs == len(set(headers)) < len(headers)


def test_reports_say_the_rate(talk):
    reports = mine(talk, "claymore").messages(True, b"submitHashrate")
    assert all(9_900 <= int(report["params"][0], 16) <= 10_100 for report in reports)
    assert len({report["params"][1] for report in reports}) == 1
    quiet = mine(talk, "ethminer", miner_options={"hashrate_s": 0})
    assert times(quiet, b"submitHashrate") == []


def test_nothing_before_the_login(talk):
    said = talk("eth-proxy")
    line = b'{"id":5,"method":"eth_getWork","params":[]}\n'
    assert b"Not authorized" in said.pool.receive(line, said.work, 0.0)[0]
    login = b'{"id":1,"method":"eth_submitLogin","params":[""]}\n'
    assert b"Invalid login" in said.pool.receive(login, said.work, 0.0)[0]
    assert not said.pool.is_logged_in
    said.miner.open(0.0)
    refusal = b'{"jsonrpc":"2.0","id":%d,"result":false}\n'
    numbers = [refusal % number for number in (1, 2)]
    with pytest.raises(ValueError, match="refused the login"):
        said.miner.receive(b"".join(numbers), 0.0)


def test_an_unknown_program_is_named(talk):
    with pytest.raises(ValueError, match="one of claymore, ethminer, not 'other'"):
        talk("eth-proxy", miner_options={"program": "other"})
