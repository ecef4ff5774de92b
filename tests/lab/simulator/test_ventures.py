# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from random import Random

import numpy as np

from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.economy import ways_in
from minewatch.lab.plan import EVASIONS
from minewatch.lab.simulator.normal import KINDS
from minewatch.lab.simulator.settings import Settings
from minewatch.lab.simulator.ventures import Venture, draw_ventures
from minewatch.lab.simulator.world import World


def drawn(**settings: object) -> list[Venture]:
    rng = np.random.default_rng(1)
    wanted = Settings(**settings)  # type: ignore[arg-type]
    world = World(wanted.servers, KINDS, rng)
    return draw_ventures(wanted, world, tuple(DIALECTS), rng, Random(1))


def test_the_wild_has_all_dialects_transports_and_evasions():
    ventures = drawn(mining=900, conversations=10_000, evasion=0.6)
    assert {v.dialect for v in ventures} == set(DIALECTS)
    assert {p.pool.transport for v in ventures for p in v.places} == {"tcp", "tls1.2", "tls1.3"}
    assert {e for v in ventures for e in v.miner.evasions} == set(EVASIONS)
    assert len({v.server for v in ventures}) == 7  # of ten: three never mine


def test_some_miners_share_a_pool_and_its_difficulty_fits_them():
    pools = Counter(v.places[0].pool.name for v in drawn(mining=300, conversations=10_000))
    assert max(pools.values()) > 1
    for venture in drawn(mining=300, conversations=10_000):
        pool = venture.places[0].pool
        low, high = ways_in(venture.dialect)[0].share_gap_s
        gap_s = pool.difficulty / venture.miner.hash_rate
        assert pool.difficulty == 1.0 or low / 4.1 < gap_s < high * 4.1


def test_a_server_knows_a_place_for_one_miner_only():
    """Labels are rules on pool and server: two miners there could not be told apart."""
    places = [
        (v.server, p.address, p.port)
        for v in drawn(mining=900, conversations=9_000)
        for p in v.places
    ]
    assert len(set(places)) == len(places)


def test_the_share_that_hides_is_what_was_asked_for():
    hiding = [bool(v.miner.evasions) for v in drawn(mining=1500, conversations=9_000, evasion=0.3)]
    assert 0.24 < np.mean(hiding) < 0.36
    assert not any(v.miner.evasions for v in drawn(evasion=0.0))


def test_the_paper_is_five_coins_by_randomx_in_the_clear():
    ventures = drawn(composition="paper")
    assert len(ventures) == 20
    coins = Counter(v.places[0].pool.coin for v in ventures)
    assert coins == dict.fromkeys(("DOGE", "ETC", "ETH", "RVN", "XMR"), 4)
    by_server = {(v.server, v.places[0].pool.coin) for v in ventures}
    assert len(by_server) == 10, "one coin a server"
    assert len({v.places[0].pool.name for v in ventures}) == 10
    assert {v.dialect for v in ventures} == {"cryptonote", "cryptonote-multicoin"}
    assert {p.pool.algorithm for v in ventures for p in v.places} == {"rx/0"}
    assert {p.pool.transport for v in ventures for p in v.places} == {"tcp"}
    assert {v.server for v in ventures} == set(range(10))
    assert all(v.miner.login.startswith("ETC:") for v in ventures if v.places[0].pool.coin == "ETC")


def test_hopping_needs_two_pools():
    ventures = drawn(mining=900, conversations=10_000, evasion=1.0)
    for venture in ventures:
        assert len(venture.places) == 1 + ("hopping" in venture.miner.evasions)
        if "tls" in venture.miner.evasions:
            assert venture.places[0].pool.transport != "tcp"
        if "socks5" in venture.miner.evasions:
            assert venture.places[0].address != venture.places[0].real_address
