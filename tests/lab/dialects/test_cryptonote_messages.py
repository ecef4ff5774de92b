# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.lab.dialects import cryptonote_messages as cryptonote
from minewatch.lab.dialects.contract import Work
from minewatch.lab.dialects.stream import compact

WORK = Work(3_206_964, bytes(range(32)), bytes(range(32, 64)), 1_795_547_393, True)
WORKER = "06a3fa3487231a05ebfbc85171fceab3"


@pytest.fixture
def job():
    return cryptonote.make_job(WORK, 20_000, Random(1))


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
    assert {name: len(compact(message)) for name, message in messages.items()} == {
        "login": 568,
        "login result": 504,
        "job": 376,
        "submit": 243,
        "submit result": 63,
        "keepalived": 98,
        "keepalived result": 71,
    }


@pytest.mark.parametrize(
    ("flavour", "login_result", "push", "submit"),
    [
        (cryptonote.PLAIN, {504}, {376}, {243}),
        (cryptonote.PROXY, {504}, {376}, {243}),
        (cryptonote.MONEROOCEAN, {564}, {436}, {243}),
        (cryptonote.UNMINEABLE, {531}, {403}, {230}),
        (cryptonote.P2POOL, {407}, {364}, {193}),
        (cryptonote.F2POOL, {416, 417, 418}, {378}, {182, 183, 184}),
    ],
)
def test_other_pools_messages_are_as_long_as_theirs(flavour, login_result, push, submit):
    """Lengths of captures of the real XMRig at pools of each kind."""
    rng = Random(4)
    for _ in range(50):
        worker = flavour.worker_id(rng)
        job = cryptonote.make_job(WORK, 20_000, rng, flavour=flavour, worker_id=worker)
        answer = cryptonote.login_result(1, worker, job, flavour)
        share = cryptonote.submit(
            2, worker, job, 7, "00" * 32, has_algo="algo" in flavour.extensions
        )
        assert len(compact(answer)) in login_result
        assert len(compact(cryptonote.job_push(job, flavour))) in push
        assert len(compact(share)) in submit


def test_members_stand_in_wire_order(job):
    submit = cryptonote.submit(11, WORKER, job, 0x5A, "00" * 32)
    assert compact(submit).decode() == (
        f'{{"id":11,"jsonrpc":"2.0","method":"submit","params":{{"id":"{WORKER}",'
        f'"job_id":"{job.job_id}","nonce":"5a000000","result":"{"00" * 32}","algo":"rx/0"}}}}\n'
    )
    push = cryptonote.job_push(job)
    assert list(push) == ["jsonrpc", "method", "params"]
    assert list(push["params"]) == ["blob", "job_id", "target", "algo", "height", "seed_hash"]
    assert cryptonote.error_result(4, "Block expired")["error"] == {
        "code": -1,
        "message": "Block expired",
    }
    assert list(cryptonote.status_result(1)) == ["id", "jsonrpc", "error", "result"]
    f2pool = cryptonote.status_result(1, flavour=cryptonote.F2POOL)
    assert list(f2pool) == ["id", "jsonrpc", "result", "error"]


def test_a_login_without_a_rig_names_none():
    assert "rigid" not in cryptonote.login(1, "wallet")["params"]
    assert cryptonote.login(1, "wallet", "a", algorithms=["rx/0"])["params"]["algo"] == ["rx/0"]


def test_a_job_is_built_on_its_block(job):
    blob = bytes.fromhex(job.blob)
    assert len(blob) == 76
    assert blob[7:39] == WORK.previous_hash
    assert blob[39:43] == bytes(4)
    assert (job.height, job.seed_hash) == (WORK.height, WORK.seed_hash.hex())
    other = cryptonote.make_job(WORK, 20_000, Random(2))
    assert other.job_id != job.job_id
    assert other.blob != job.blob


def test_a_proxy_sets_the_last_octet_of_the_nonce():
    job = cryptonote.make_job(WORK, 20_000, Random(1), fixed_nonce=0x9A)
    assert bytes.fromhex(job.blob)[39:43] == b"\x00\x00\x00\x9a"


@pytest.mark.parametrize("difficulty", [1, 400, 20_000, 1_000_000, 5e9, 1e13])
def test_the_target_holds_the_difficulty(difficulty):
    job = cryptonote.make_job(WORK, difficulty, Random(1))
    assert job.difficulty == pytest.approx(difficulty, rel=0.001)
    assert len(job.target) == (8 if difficulty < 2**32 else 16)


def test_a_target_of_eight_octets_is_read(job):
    members = cryptonote.job_push(job)["params"]
    wide = cryptonote.parse_job(members | {"target": "00000000" + job.target})
    assert wide.difficulty == job.difficulty


@pytest.mark.parametrize("difficulty", [0, -1, 2**64])
def test_a_difficulty_that_does_not_fit_is_refused(difficulty):
    with pytest.raises(ValueError, match="difficulty must be"):
        cryptonote.make_job(WORK, difficulty, Random(1))


def test_a_random_result_meets_its_difficulty():
    rng = Random(3)
    results = [cryptonote.make_result(20_000, rng) for _ in range(200)]
    assert all(cryptonote.meets(result, 20_000) for result in results)
    assert not all(cryptonote.meets(result, 40_000) for result in results)
    assert len(set(results)) == 200


def test_a_job_is_read_from_a_push(job):
    members = cryptonote.job_push(job)["params"]
    assert cryptonote.parse_job(members | {"next_seed_hash": "", "x": 1}) == job


HALF = {"blob": "", "job_id": ""}


@pytest.mark.parametrize(
    "members", [{}, HALF, [], HALF | {"target": "00000000"}, HALF | {"target": "01" * 9}]
)
def test_half_a_job_is_refused(members):
    with pytest.raises(ValueError, match="not a job"):
        cryptonote.parse_job(members)


def test_the_wallet_has_the_shape_of_an_address():
    base58 = set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    assert len(cryptonote.FAKE_WALLET) == 95
    assert cryptonote.FAKE_WALLET[0] == "4"
    assert set(cryptonote.FAKE_WALLET) <= base58
