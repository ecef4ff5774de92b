# SPDX-License-Identifier: Apache-2.0
"""Every dialect, both ends: it keeps the contract, and our decoders read it as what it is."""

import math
from itertools import pairwise
from random import Random

import pytest

from minewatch.decoders.stratum import StratumDecoder
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.contract import (
    MAX_BUFFER_OCTETS,
    MinerSettings,
    PoolSettings,
)

NAMES = [
    "cryptonote",
    "cryptonote-multicoin",
    "cryptonote-p2pool",
    "cryptonote-proxy",
    "cryptonote-f2pool",
    "bitcoin",
    "bitcoin-scrypt",
    "kawpow",
    "ethereumstratum1",
    "eth-proxy",
    "zcash",
    "getblocktemplate",
    "getwork",
    "coinhive",
    "stratum-v2",
]
POLLING = ("getblocktemplate", "getwork")
FIXED = ("getblocktemplate",)
"""Dialects whose difficulty is no business of the pool."""
SEEDS = range(6)

every = pytest.mark.parametrize("name", NAMES)


def run_for(talk, name, seconds=600.0, **given):
    """Let about 60 shares be found."""
    return talk(name, **{"difficulty": 1e4, **given}).open().run(seconds, hash_rate=1e3)


def test_the_registry_names_them():
    assert list(DIALECTS) == NAMES
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


@every
@pytest.mark.parametrize("seed", SEEDS)
def test_a_session_is_decoded_as_itself(talk, name, seed):
    said = run_for(talk, name, 300.0, seed=seed)
    row = StratumDecoder().decode(said.payload())
    assert row is not None
    assert (row["stratum_dialect"], row["stratum_state"]) == (said.dialect.decoded_as, "session")
    assert row["stratum_is_miner_initiator"] is True
    assert row["stratum_jobs"] > 0
    assert row["stratum_submits"] > 0


@every
def test_jobs_come_and_shares_are_accepted(talk, name):
    said = run_for(talk, name)
    assert said.pool.is_logged_in
    assert said.miner.jobs >= 10
    assert said.miner.accepted == said.pool.accepted > 20
    assert said.miner.rejected == said.pool.rejected


@every
def test_the_miner_knows_the_difficulty_in_hashes(talk, name):
    for difficulty in (300.0, 20_000.0, 5e9):
        said = talk(name, difficulty=difficulty).open()
        assert said.miner.difficulty == pytest.approx(difficulty, rel=0.004)


@every
def test_unlucky_shares_are_refused(talk, name):
    said = run_for(talk, name, reject_ratio=1.0)
    assert said.miner.accepted == said.pool.accepted == 0
    assert said.miner.rejected == said.pool.rejected > 20
    assert said.miner.difficulty == pytest.approx(1e4, rel=0.01)


@every
def test_the_share_of_refusals_is_as_set(talk, name):
    said = run_for(talk, name, 4_000.0, reject_ratio=0.25)
    total = said.miner.accepted + said.miner.rejected
    assert said.miner.rejected / total == pytest.approx(0.25, abs=0.09)


@every
def test_a_share_for_a_forgotten_job_is_refused(talk, name):
    said = talk(name, difficulty=1e4).open()
    share = said.miner.share(said.now_s)
    for _ in range(12):
        said.push()
        if name in POLLING:  # another connection asks
            said.pool.receive(said.said[0][1], said.work, said.now_s)
    said.from_miner(share)
    assert (said.pool.accepted, said.pool.rejected) == (0, 1)
    assert said.miner.rejected == 1


@every
@pytest.mark.parametrize(("difficulty", "grows"), [(1e3, True), (1e5, False)])
def test_the_difficulty_follows_the_hash_rate(talk, name, difficulty, grows):
    said = talk(name, difficulty=difficulty, share_target_s=10.0, retarget_s=90.0).open()
    seen = [said.miner.difficulty]
    for _ in range(120):
        said.run(30.0, hash_rate=1e3)
        if said.miner.difficulty != seen[-1]:
            seen.append(said.miner.difficulty)
    if name in FIXED:
        assert seen == [pytest.approx(difficulty, rel=0.01)]
        return
    # 1,000 hashes a second and a share every 10 s: 10,000, give or take what chance does.
    assert 4_000 < seen[-1] < 25_000
    assert (seen[1] > seen[0]) == grows
    assert all(0.45 < after / before < 2.2 for before, after in pairwise(seen))


@every
def test_no_share_before_there_is_work(talk, name):
    said = talk(name)
    assert said.miner.share(said.now_s) == []
    assert said.miner.difficulty is None
    assert said.miner.jobs == 0
    assert said.pool.push(said.work, said.now_s) == []
    assert not said.pool.is_logged_in


@every
def test_the_same_seed_says_the_same(talk, name):
    one, two = (run_for(talk, name, 200.0, seed=5).said for _ in range(2))
    assert one == two
    assert run_for(talk, name, 200.0, seed=6).said != one


@every
def test_the_clock_goes_on(talk, name):
    said = talk(name, difficulty=1e12).open()
    for _ in range(20):
        before_s = said.miner.next_tick_s
        if math.isinf(before_s):
            break
        said.tick()
        assert said.miner.next_tick_s > before_s


HOSTILE = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + b"\n" * 300,
    "noise": Random(3).randbytes(4_000) + b"\n",
    "a list": b"[1,2,3]\n" * 60,
    "no members": b"{}\n" * 200,
    "deep": b"[" * 30_000 + b"\n",
    "numbers": b'{"id":1,"method":1,"params":2,"result":3,"type":4}\n' * 20,
    "half": b'{"id":1,"method":"mining.submit","params":[]}\n{"id":[],"method":{}}\n' * 20,
    "infinite": b'{"id":1,"method":"mining.set_difficulty","params":[Infinity]}\n{}\n' * 5,
    "without end": b'{"id":' + b" " * (2 * MAX_BUFFER_OCTETS),
}


@every
@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("is_open", [False, True])
def test_what_is_not_the_dialect_is_refused(talk, name, octets, is_open):
    said = talk(name).open() if is_open else talk(name)
    with pytest.raises(ValueError):  # noqa: PT011  each dialect has its own words
        said.pool.receive(octets, said.work, said.now_s)
    said = talk(name)
    said.miner.open(said.now_s)
    if is_open:
        said = talk(name).open()
    with pytest.raises(ValueError):  # noqa: PT011
        said.miner.receive(octets, said.now_s)


@every
def test_changed_octets_never_do_worse_than_raise(talk, name):
    """Mutations of a real conversation end in ValueError, or are understood."""
    real = run_for(talk, name, 60.0).said
    rng = Random(f"mutations {name}")
    for _ in range(150):
        said = talk(name)
        said.miner.open(said.now_s)
        for is_miner, octets, _ in real[:12]:
            changed = bytearray(octets)
            if rng.random() < 0.4:
                place = rng.randrange(len(changed))
                changed[place : place + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
            try:
                if is_miner:
                    said.pool.receive(bytes(changed), said.work, said.now_s)
                else:
                    said.miner.receive(bytes(changed), said.now_s)
                said.miner.share(said.now_s)
            except ValueError:
                break


@every
def test_settings_that_make_no_sense_are_refused(name):
    with pytest.raises(ValueError, match="difficulty"):
        DIALECTS[name].pool(PoolSettings(difficulty=0.0), Random(1))


@every
def test_a_miner_needs_no_rig(talk, name):
    miner = DIALECTS[name].miner(MinerSettings("wallet", ""), Random(1))
    assert miner.open(0.0)
