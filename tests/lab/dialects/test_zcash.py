# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.dialects.zcash import PROGRAMS, half_spaced

NAMES = list(PROGRAMS)


def mine(talk, program, **given):
    said = talk("zcash", **{"difficulty": 300.0, "miner_options": {"program": program}, **given})
    return said.open().run(600.0, hash_rate=30.0)


@pytest.mark.parametrize("program", NAMES)
def test_sizes(talk, program):
    said = mine(talk, program)
    assert 93 <= said.sizes(True, b"subscribe")[0] <= 105
    assert set(said.sizes(True, b"mining.submit")) <= set(range(2_830, 2_881))
    assert set(said.sizes(False, b"mining.notify")[1:]) <= set(range(290, 311))
    assert set(said.sizes(False, b'"result":true')[1:]) <= {36, 37, 38}
    assert said.sizes(False)[0] == 73


def test_what_leaves_in_one_write(talk):
    said = mine(talk, "equihashminer")
    kinds = [
        [message.get("method", "answer") for message in map(json.loads, octets.splitlines())]
        for _, octets, _ in said.said[:5]
    ]
    assert kinds == [
        ["mining.subscribe"],
        ["answer"],
        ["mining.authorize", "mining.extranonce.subscribe"],
        ["answer", "mining.set_target", "mining.notify", "answer"],
        ["mining.submit"],
    ] or kinds[:4] == [
        ["mining.subscribe"],
        ["answer"],
        ["mining.authorize", "mining.extranonce.subscribe"],
        ["answer", "mining.set_target", "mining.notify"],
    ]


def test_equihashminer_writes_as_it_was_captured(talk):
    said = mine(talk, "equihashminer")
    first = said.said[0][1]
    assert first == (
        b'{"id": 1, "method": "mining.subscribe", "params": ["equihashminer", null, '
        b'"zec.pool.example", "2142"]}\n'
    )
    share = next(octets for _, octets, _ in said.said if b"mining.submit" in octets)
    assert share.startswith(b'{"id": 4, "method": "mining.submit", "params": ["t1UYsZVJkLPeM')
    assert b"," in share
    assert half_spaced({"id": 1, "params": []}) == b'{"id": 1, "params": []}\n'


def test_a_share_carries_a_solution(talk):
    said = mine(talk, "gminer")
    job = said.messages(False, b"mining.notify")[0]["params"]
    share = said.messages(True, b"mining.submit")[0]["params"]
    assert share[1:3] == [job[0], job[5]]
    assert len(share[3]) == 32
    assert share[4].startswith("fd4005")
    assert len(share[4]) == 2 * 1347
    shares = said.messages(True, b"mining.submit")
    assert len({m["params"][3] for m in shares}) == len(shares) > 30


def test_half_a_solution_is_refused(talk):
    said = talk("zcash").open()
    share = json.loads(said.miner.share(said.now_s)[0])
    share["params"][4] = share["params"][4][:200]
    line = json.dumps(share).encode() + b"\n"
    assert b"Low difficulty" in said.pool.receive(line, said.work, said.now_s)[0]
