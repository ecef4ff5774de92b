# SPDX-License-Identifier: Apache-2.0
from itertools import islice, pairwise
from random import Random

import pytest

from minewatch.lab.chain import SEED_BLOCKS, SEED_LAG, Chain, job_times

START_S = 1_800_000_000.0


def pushes(n, *, seed=1, refresh_s=30.0, mean_s=60.0, pool=1, late_s=(0.1, 0.9)):
    chain = Chain(seed, block_mean_s=mean_s)
    rng = Random(f"pool {pool}")
    return list(islice(job_times(chain, refresh_s, late_s, rng, start_s=START_S), n))


def test_blocks_come_at_exponential_gaps():
    arrivals, blocks = zip(*islice(Chain(3, 120.0).blocks(), 4000), strict=True)
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert arrivals[0] == 0.0
    assert mean == pytest.approx(120.0, rel=0.05)
    assert deviation / mean == pytest.approx(1.0, rel=0.06)
    assert [block.height for block in blocks[:3]] == [3_300_000, 3_300_001, 3_300_002]
    assert len({block.previous_hash for block in blocks}) == 4000


def test_the_seed_hash_lasts_an_epoch():
    start = 5 * SEED_BLOCKS + SEED_LAG - 1
    seeds = [block.seed_hash for _, block in islice(Chain(1, height=start).blocks(), 6)]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[5]


def test_one_seed_is_one_chain():
    assert list(islice(Chain(7).blocks(), 20)) == list(islice(Chain(7).blocks(), 20))
    assert next(Chain(7).blocks())[1] != next(Chain(8).blocks())[1]


def test_a_pool_pushes_blocks_late_and_refreshes_in_between():
    said = pushes(3000)
    offsets = [offset_s for offset_s, _ in said]
    gaps = [later - earlier for earlier, later in pairwise(offsets)]
    assert said[0][0] == 0.0
    assert said[0][1].is_new_block
    assert min(gaps) >= 0
    assert max(gaps) <= 30.0 + 1e-6
    # min(Exp(60), 30) is 30 in exp(-1/2) of all cases, and 60 (1 - exp(-1/2)) on average.
    full = sum(gap > 29.999 for gap in gaps) / len(gaps)
    assert full == pytest.approx(0.6065, abs=0.03)
    assert sum(gaps) / len(gaps) == pytest.approx(23.6, rel=0.03)


def test_news_is_late_by_the_propagation():
    arrivals = {block.height: at_s for at_s, block in islice(Chain(1, 60.0).blocks(), 400)}
    late = [
        offset_s - arrivals[work.height]
        for offset_s, work in pushes(900)[1:]
        if work.is_new_block and work.height in arrivals
    ]
    assert len(late) > 200
    assert min(late) >= 0.1
    assert max(late) < 1.8  # one hidden behind the one before it
    assert sum(late) / len(late) == pytest.approx(0.5, abs=0.05)


def test_work_follows_the_chain():
    said = [work for _, work in pushes(200)]
    for before, after in pairwise(said):
        assert (after.height, after.previous_hash) == (
            (before.height, before.previous_hash)
            if not after.is_new_block
            else (before.height + 1, after.previous_hash)
        )
    assert all(work.time_s == int(START_S + offset_s) for offset_s, work in pushes(200))


def test_pools_of_one_chain_hear_of_the_same_blocks():
    one, other = (
        {work.previous_hash: at_s for at_s, work in pushes(900, pool=pool) if work.is_new_block}
        for pool in (1, 2)
    )
    common = one.keys() & other.keys()
    assert len(common) > 300
    assert all(abs(one[block] - other[block]) < 2 for block in common)
    assert any(one[block] != other[block] for block in common)


def test_gaps_must_be_positive():
    with pytest.raises(ValueError, match="mean gap"):
        Chain(1, block_mean_s=0.0)
    with pytest.raises(ValueError, match="template"):
        pushes(1, refresh_s=0.0)


def test_the_next_seed_hash_is_announced_for_64_blocks_and_then_in_force():
    """As a real pool's job of height 2,344,961 = 1,145 * 2,048 + 1 did first."""
    chain = Chain(5, 1.0, height=2_344_950)
    made = [block for _, block in islice(chain.blocks(), 90)]
    announced = [block.height for block in made if block.next_seed_hash]
    assert announced == list(range(2_344_961, 2_344_961 + 64))
    by_height = {block.height: block for block in made}
    assert by_height[2_345_025].seed_hash == by_height[2_345_024].next_seed_hash
    assert by_height[2_345_024].seed_hash == by_height[2_344_950].seed_hash
