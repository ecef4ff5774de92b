# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.lab import cryptonote
from minewatch.lab.cryptonote import Block, Job

BLOCK = Block(3_206_964, bytes(range(32)), bytes(range(32, 64)))
WORKER = "06a3fa3487231a05ebfbc85171fceab3"


@pytest.fixture
def job() -> Job:
    return cryptonote.make_job(BLOCK, 20_000, 1_795_547_393, Random(1))


def test_messages_are_as_long_as_those_of_xmrig(job):
    result = cryptonote.make_result(job.difficulty, Random(2))
    messages = {
        "login": cryptonote.login(1, cryptonote.FAKE_WALLET, "vps0"),
        "login result": cryptonote.login_result(1, WORKER, job),
        "job": cryptonote.job_push(job),
        "submit": cryptonote.submit(2, WORKER, job, 90, result),
        "submit result": cryptonote.status_result(2),
        "keepalived": cryptonote.keepalived(3, WORKER),
        "keepalived result": cryptonote.status_result(3, "KEEPALIVED"),
    }
    assert {name: len(cryptonote.encode(message)) for name, message in messages.items()} == {
        "login": 568,
        "login result": 504,
        "job": 376,
        "submit": 243,
        "submit result": 63,
        "keepalived": 98,
        "keepalived result": 71,
    }


def test_members_stand_in_wire_order(job):
    submit = cryptonote.submit(11, WORKER, job, 0x5A, "00" * 32)
    assert cryptonote.encode(submit).decode() == (
        f'{{"id":11,"jsonrpc":"2.0","method":"submit","params":{{"id":"{WORKER}",'
        f'"job_id":"{job.job_id}","nonce":"5a000000","result":"{"00" * 32}","algo":"rx/0"}}}}\n'
    )
    push = cryptonote.job_push(job)
    assert list(push) == ["jsonrpc", "method", "params"]
    assert list(push["params"]) == ["blob", "job_id", "target", "algo", "height", "seed_hash"]
    refusal = cryptonote.error_result(4, "Block expired")
    assert refusal["error"] == {"code": -1, "message": "Block expired"}


def test_a_job_is_built_on_its_block(job):
    blob = bytes.fromhex(job.blob)
    assert len(blob) == 76
    assert blob[7:39] == BLOCK.previous_hash
    assert blob[39:43] == bytes(4)
    assert (job.height, job.seed_hash) == (BLOCK.height, BLOCK.seed_hash.hex())
    other = cryptonote.make_job(BLOCK, 20_000, 1_795_547_393, Random(2))
    assert other.job_id != job.job_id
    assert other.blob != job.blob


@pytest.mark.parametrize("difficulty", [1, 400, 20_000, 1_000_000])
def test_the_target_holds_the_difficulty(difficulty):
    job = cryptonote.make_job(BLOCK, difficulty, 1, Random(1))
    assert job.difficulty == pytest.approx(difficulty, rel=0.001)


def test_a_target_of_eight_octets_is_read(job):
    members = cryptonote.job_push(job)["params"]
    wide = cryptonote.parse_job(members | {"target": "00000000" + job.target})
    assert wide.difficulty == job.difficulty


@pytest.mark.parametrize("difficulty", [0, -1, 2**32])
def test_a_difficulty_that_does_not_fit_is_refused(difficulty):
    with pytest.raises(ValueError, match="difficulty must be"):
        cryptonote.make_job(BLOCK, difficulty, 1, Random(1))


def test_a_random_result_meets_its_difficulty():
    rng = Random(3)
    results = [cryptonote.make_result(20_000, rng) for _ in range(200)]
    assert all(cryptonote.meets(result, 20_000) for result in results)
    assert not all(cryptonote.meets(result, 40_000) for result in results)
    assert len(set(results)) == 200


def test_a_job_is_read_from_a_push(job):
    members = cryptonote.job_push(job)["params"]
    assert cryptonote.parse_job(members | {"next_seed_hash": ""}) == job


HALF = {"blob": "", "job_id": ""}


@pytest.mark.parametrize("members", [{}, HALF, [], HALF | {"target": "00000000"}])
def test_half_a_job_is_refused(members):
    with pytest.raises(ValueError, match="not a job"):
        cryptonote.parse_job(members)


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"[1]\n", b"\xff\n", b"null\n"])
def test_a_line_that_is_no_object_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011  json's own words
        cryptonote.decode(line)


def test_the_wallet_has_the_shape_of_an_address():
    base58 = set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    assert len(cryptonote.FAKE_WALLET) == 95
    assert cryptonote.FAKE_WALLET[0] == "4"
    assert set(cryptonote.FAKE_WALLET) <= base58
