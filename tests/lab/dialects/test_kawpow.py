# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from minewatch.lab.dialects.kawpow import PROGRAMS


def mine(talk, **given):
    return talk("kawpow", **{"difficulty": 4e8, **given}).open().run(900.0, hash_rate=3e7)


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_sizes(talk, program):
    said = mine(talk, miner_options={"program": program}, reject_ratio=0.1)
    assert set(said.sizes(False, b"set_target")) == {119}
    assert set(said.sizes(False, b"mining.notify")) <= set(range(278, 284))
    assert set(said.sizes(True, b"mining.submit")) <= set(range(250, 273))
    assert set(said.sizes(False, b'"result":true')) <= {36, 37, 38}


def test_the_target_is_said_twice(talk):
    said = mine(talk)
    target = said.messages(False, b"set_target")[0]["params"][0]
    assert {job["params"][3] for job in said.messages(False, b"mining.notify")} == {target}
    assert target.startswith("0" * 7)


def test_a_share_answers_its_job_with_the_nonce_of_its_worker(talk):
    said = mine(talk)
    greeting = said.messages(False)[0]["result"]
    headers = {job["params"][0]: job["params"][1] for job in said.messages(False, b"mining.notify")}
    shares = said.messages(True, b"mining.submit")
    assert len(shares) > 40
    for share in shares:
        worker, job, nonce, header, mix = share["params"]
        assert worker.endswith(".vps0")
        assert header == "0x" + headers[job]
        assert nonce.startswith("0x" + greeting[1])
        assert (len(nonce), len(mix)) == (18, 66)


def test_a_foreign_nonce_is_refused(talk):
    said = talk("kawpow", difficulty=4e8).open()
    share = json.loads(said.miner.share(said.now_s)[0])
    share["params"][2] = "0xffff" + share["params"][2][6:]
    other = json.dumps(share).encode() + b"\n"
    assert b"Low difficulty" in said.pool.receive(other, said.work, said.now_s)[0]


def test_a_changed_target_counts_at_once(talk):
    said = talk("kawpow", difficulty=4e8, share_target_s=10.0).open()
    for _ in range(8):
        said.run(60.0, hash_rate=4e8)
    assert said.miner.difficulty > 1e9
    assert len({m["params"][0] for m in said.messages(False, b"set_target")}) > 2
