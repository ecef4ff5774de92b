# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.dialects.ethereumstratum import PROGRAMS


def mine(talk, **given):
    given = {"difficulty": 4e9, **given}
    return talk("ethereumstratum1", **given).open().run(900.0, hash_rate=4e8)


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_sizes(talk, program):
    said = mine(talk, miner_options={"program": program})
    assert said.sizes(True, b"subscribe")[0] in (89, 90, 91)
    assert said.sizes(False)[0] == 117
    assert set(said.sizes(False, b"set_difficulty")) <= set(range(58, 70))
    assert set(said.sizes(False, b'"method":"mining.notify"')) == {198, 199}
    assert set(said.sizes(True, b"mining.submit")) <= set(range(84, 124))
    assert set(said.sizes(False, b'"result":true')) <= {36, 37, 38}


def test_the_miner_sends_its_part_of_the_nonce(talk):
    said = mine(talk)
    assert len(said.messages(False)[0]["result"][1]) == 4
    shares = said.messages(True, b"mining.submit")
    assert len(shares) > 40
    assert {len(share["params"][2]) for share in shares} == {12}
    assert len({share["params"][2] for share in shares}) == len(shares)


def test_half_a_difficulty(talk):
    said = talk("ethereumstratum1", difficulty=2.0**31).open()
    assert said.messages(False, b"set_difficulty")[0]["params"] == [0.5]
    assert said.sizes(False, b"set_difficulty") == [60]
    assert said.miner.difficulty == 2.0**31


@pytest.mark.parametrize("extranonce", ["00" * 4, "zz", None])
def test_a_nonce_of_the_wrong_length_is_refused(talk, extranonce):
    said = talk("ethereumstratum1")
    said.miner.open(said.now_s)
    greeting = {"id": 1, "result": [["mining.notify", "a", "b"], extranonce], "error": None}
    with pytest.raises(ValueError):  # noqa: PT011
        said.miner.receive(json.dumps(greeting).encode() + b"\n", said.now_s)
