# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from itertools import islice
from random import Random

import pytest

from minewatch.lab.chain import Chain, job_times
from minewatch.lab.dialects.bitcoin import MASK, PROGRAMS, branch_length, coinbase

WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
NOTIFY = b'"method":"mining.notify"'
SET_DIFFICULTY = b'"method":"mining.set_difficulty"'
programs = pytest.mark.parametrize("program", list(PROGRAMS))


def mine(talk, program="cgminer", name="bitcoin", **given):
    given = {"difficulty": 1e9, **given}
    said = talk(name, login=WALLET, miner_options={"program": program}, **given)
    return said.open().run(900.0, hash_rate=1e8)


@programs
@pytest.mark.parametrize("seed", range(4))
def test_sizes(talk, program, seed):
    said = mine(talk, program, seed=seed)
    assert 54 <= said.sizes(True, b"mining.subscribe")[0] <= 108
    assert said.sizes(True, b"mining.authorize")[0] == 100  # a longer name than 68 to 71 had
    assert all(52 <= size <= 89 for size in said.sizes(False, SET_DIFFICULTY))
    notifies = said.sizes(False, NOTIFY)
    assert all(267 <= size <= 1360 for size in notifies)
    assert all(120 <= size <= 150 for size in said.sizes(True, b"mining.submit"))
    assert all(36 <= size <= 66 for size in said.sizes(False, b'"result":true'))


def test_the_shortest_notifies_and_the_longest_differ_by_the_branch(talk):
    sizes = {size for seed in range(12) for size in mine(talk, seed=seed).sizes(False, NOTIFY)}
    assert min(sizes) < 620
    assert max(sizes) > 1_050


@programs
def test_a_conversation(talk, program):
    said = mine(talk, program)
    methods = Counter(message["method"] for message in said.messages(True))
    assert methods["mining.submit"] == said.miner.accepted > 50
    assert methods["mining.extranonce.subscribe"] == (program == "cpuminer")
    assert methods["mining.configure"] == (program == "bmminer")
    ids = [message["id"] for message in said.messages(True)]
    submits = [m for m in said.messages(True) if m["method"] == "mining.submit"]
    if program == "cpuminer":
        assert {share["id"] for share in submits} == {4}
    else:
        assert ids == list(range(1, len(ids) + 1))
    for share in submits:
        assert share["params"][0] == f"{WALLET}.vps0"
        assert [len(part) for part in share["params"][2:5]] == [8, 8, 8]
        assert len(share["params"]) == 5 + (program == "bmminer")
    assert len({tuple(share["params"]) for share in submits}) == len(submits)


def test_rolled_bits_lie_in_the_mask(talk):
    for share in mine(talk, "bmminer").messages(True, b"mining.submit"):
        assert int(share["params"][5], 16) & ~int(MASK, 16) == 0


def test_cgminer_writes_parameters_first(talk):
    line = next(said for _, said, _ in mine(talk).said if b"mining.submit" in said)
    assert line.startswith(b'{"params": ["1Boat')
    assert line.endswith(b'"method": "mining.submit"}\n')


@pytest.mark.parametrize(("name", "shown"), [("bitcoin", 4), ("bitcoin-scrypt", 4 * 65536)])
def test_difficulty_one_depends_on_the_hash_function(talk, name, shown):
    said = talk(name, difficulty=4 * 2.0**32).open()
    assert said.messages(False, SET_DIFFICULTY)[0]["params"] == [shown]
    assert said.miner.difficulty == 4 * 2.0**32


def test_a_notify_is_a_job(talk):
    said = mine(talk, seed=3)
    for job in said.messages(False, NOTIFY):
        name, previous, before, behind, branch, *words, is_clean = job["params"]
        assert int(name, 16) > 0
        assert len(previous) == 64
        assert previous.endswith("0" * 16)
        assert bytes.fromhex(before)[:5] == bytes.fromhex("0100000001")
        assert bytes.fromhex(behind)[-4:] == bytes(4)
        assert all(len(hash_) == 64 for hash_ in branch)
        assert [len(word) for word in words] == [8, 8, 8]
        assert isinstance(is_clean, bool)


def test_the_coinbase_script_is_as_long_as_it_says():
    rng = Random(1)
    for height in (1, 70_000, 866_000):
        before, behind = map(bytes.fromhex, coinbase(rng, height))
        script = before[42:]
        assert before[41] == len(script) + 8  # and the two extranonces
        assert int.from_bytes(script[1:4], "little") == height
        outputs = behind[4]
        assert len(behind) == 4 + 1 + outputs * 34 + 4


def test_the_branch_is_the_chains_and_not_the_pools():
    def lengths(pool, seed=1):
        times = job_times(Chain(seed), 30.0, (0.1, 0.1), Random(pool), start_s=1.8e9)
        return [branch_length(work) for _, work in islice(times, 50)]

    assert lengths(1) == lengths(2)
    assert all(1 <= length <= 12 for seed in range(40) for length in lengths(1, seed))
    assert max(lengths(1)) - min(lengths(1)) == 2
    assert len({round(sum(lengths(1, seed)) / 50) for seed in range(20)}) > 5
