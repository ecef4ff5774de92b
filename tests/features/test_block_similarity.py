# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from minewatch.features import block_similarity as module
from minewatch.features.block_similarity import block_similarity
from minewatch.testing import conversations
from minewatch.types import PacketSeries
from pushing import START_NS, blocks, heard, pushing

EVERY_100_S = START_NS + 10**9 * np.arange(0, 5000, 100)


def talk(*received_s, sent_s=(), n_first=None):
    """Return a conversation by when payload came and when it went [s after the start]."""
    times = np.r_[received_s, sent_s]
    order = np.argsort(times, kind="stable")
    sent = np.repeat([False, True], [len(received_s), len(sent_s)])[order]
    n = len(times)
    given = conversations()
    given.packets = {
        1: PacketSeries(
            START_NS + np.rint(times[order] * 1e9).astype(np.int64),
            np.full(n, 99),
            sent,
            n if n_first is None else n_first,
        )
    }
    return given


def test_one_arrival_after_each_block():
    """Half of the interval passes: the rank of one packet is 0.5, the similarity 0.25."""
    found = block_similarity(talk(*np.arange(50, 1200, 100)), EVERY_100_S)
    assert found.blocks.tolist() == [10]
    assert found.missed.tolist() == [0]
    assert found.similarity == pytest.approx([0.25])
    assert found.lag_s == pytest.approx([50.0])
    law = np.log(0.7 * 6 * 0.5**5 + 0.3)
    assert found.ratio == pytest.approx([10 * law])


def test_among_three_packets_an_early_one_is_less_of_a_surprise():
    starts = np.arange(0, 1200, 100)
    found = block_similarity(talk(*(starts + 10), *(starts + 30), *(starts + 60)), EVERY_100_S)
    assert found.similarity == pytest.approx([0.9 * 0.9**3])
    assert found.lag_s == pytest.approx([10.0])


def test_what_the_client_sends_does_not_count():
    starts = np.arange(0, 1200, 100)
    found = block_similarity(talk(*(starts + 50), sent_s=starts + 1), EVERY_100_S)
    assert found.similarity == pytest.approx([0.25])


def test_a_block_that_nothing_follows_costs_one():
    times = [t for t in np.arange(1, 1201, 100) if t not in {301, 501}]
    found = block_similarity(talk(*times), EVERY_100_S)
    assert found.blocks.tolist() == [10]
    assert found.missed.tolist() == [2]
    assert found.similarity == pytest.approx([(8 * 0.99 * 0.99 - 2) / 10])
    by_chance = np.exp(-10 / 1100 * 100)
    hit = np.log(0.7 * 6 * 0.99**5 + 0.3)
    assert found.ratio == pytest.approx([8 * hit + 2 * np.log(0.05 / by_chance)], rel=1e-2)


def test_few_blocks_say_nothing():
    assert np.isnan(block_similarity(talk(*np.arange(50, 900, 100)), EVERY_100_S).similarity[0])
    assert block_similarity(talk(*np.arange(50, 1000, 100)), EVERY_100_S).blocks.tolist() == [8]
    for none in (EVERY_100_S[:0], EVERY_100_S[:1], EVERY_100_S + 10**15):
        found = block_similarity(talk(*np.arange(50, 1200, 100)), none)
        assert np.isnan(found.ratio).all()
        assert found.blocks.tolist() == [0]
    assert np.isnan(block_similarity(conversations(2), EVERY_100_S).ratio).all()


def test_blocks_in_what_was_not_kept_are_passed_over():
    """Of 40 packets the first 10 and the last 15 are known; between them nothing is missed."""
    times = np.r_[np.arange(1, 1000, 100), np.arange(2501, 4000, 100)]
    found = block_similarity(talk(*times, n_first=10), EVERY_100_S)
    assert found.missed.tolist() == [0]
    assert found.blocks.tolist() == [8 + 13]


def test_only_the_latest_blocks_are_looked_at(monkeypatch):
    """The cost is bounded: so many blocks of a conversation, whatever the list."""
    monkeypatch.setattr(module, "MAX_BLOCKS", 9)
    late = [*np.arange(50, 1000, 100), *np.arange(1001, 2100, 100)]
    found = block_similarity(talk(*late), EVERY_100_S)
    assert found.blocks.tolist() == [9]
    assert found.lag_s == pytest.approx([1.0])


def test_a_miner_follows_and_a_stranger_does_not():
    chain = np.cumsum(np.random.default_rng(3).exponential(120.0, 40))
    block_ns = START_NS + np.rint(chain * 1e9).astype(np.int64)
    given = pushing(heard(chain, 1, 2.0), blocks(9, 80), np.arange(5.0, 4000, 60))
    found = block_similarity(given, block_ns)
    assert found.similarity[0] > 0.8
    assert found.ratio[0] > 20
    assert (found.similarity[1:] < 0.6).all()
    assert (found.ratio[1:] < 0).all()
    alone = block_similarity(given.filter(np.arange(3) == 0), block_ns)
    assert alone.ratio[0] == pytest.approx(found.ratio[0])
