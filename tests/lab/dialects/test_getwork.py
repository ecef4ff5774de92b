# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.dialects.getwork import NONCE


def mine(talk, seconds=600.0, **given):
    return talk("getwork", **{"difficulty": 1e5, **given}).open().run(seconds, hash_rate=1e4)


def bodies(said, from_miner):
    return [
        octets.partition(b"\r\n\r\n")[2]
        for is_miner, octets, _ in said.said
        if is_miner == from_miner
    ]


def test_sizes(talk):
    said = mine(talk)
    assert {len(body) for body in bodies(said, True)} == {44, 305}
    assert {len(body) for body in bodies(said, False) if b"midstate" in body} == {592}


def test_work_and_shares(talk):
    said = mine(talk)
    given = {json.loads(b)["result"]["data"] for b in bodies(said, False) if b"midstate" in b}
    assert said.miner.jobs == len(given)
    shares = [json.loads(b)["params"][0] for b in bodies(said, True) if len(b) > 100]
    assert len(shares) == said.miner.accepted > 30
    for share in shares:
        octets = bytearray(bytes.fromhex(share))
        octets[NONCE] = bytes(4)
        assert octets.hex() in given


def test_a_new_target_comes_with_new_work(talk):
    said = talk("getwork", difficulty=1e3, share_target_s=10.0, retarget_s=60.0).open()
    said.run(600.0, hash_rate=1e4)
    targets = {json.loads(b)["result"]["target"] for b in bodies(said, False) if b"midstate" in b}
    assert len(targets) > 3
    assert said.miner.difficulty > 3e4


@pytest.mark.parametrize("data", ["00", "zz" * 128, 5])
def test_work_of_another_length_is_refused(talk, data):
    said = talk("getwork").open()
    value = {"data": data, "target": "ff" * 32}
    with pytest.raises((ValueError, TypeError)):
        said.miner.start(value)
