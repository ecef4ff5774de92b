# SPDX-License-Identifier: Apache-2.0
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.economy import COINS, ways_in, ways_to_earn


def test_every_dialect_earns_something_and_no_other_is_named():
    assert {name for coin in COINS for name in coin.dialects} == DIALECTS.keys()
    assert all(ways_in(name) for name in DIALECTS)


def test_the_papers_five_coins_are_there():
    for ticker in ("DOGE", "ETC", "ETH", "RVN", "XMR"):
        assert any(way.algorithm == "rx/0" for way in ways_to_earn(ticker)), ticker
    assert ways_to_earn("none") == ()


def test_ranges_make_sense():
    for coin in COINS:
        for low, high in (coin.refresh_s, coin.hash_rates, coin.share_gap_s):
            assert 0 < low <= high, coin
        assert coin.block_mean_s > 0
        assert coin.difficulty >= 1


def test_the_first_difficulty_suits_some_miner_of_the_way():
    """A share at the first difficulty takes as long as it shall for a rate within the range."""
    for coin in COINS:
        low, high = (coin.difficulty / gap_s for gap_s in reversed(coin.share_gap_s))
        assert low < coin.hash_rates[1], coin
        assert high > coin.hash_rates[0], coin


def test_multi_coin_logins_begin_with_the_ticker():
    for coin in ways_in("cryptonote-multicoin"):
        assert coin.prefix == f"{coin.ticker}:"
    assert all(not coin.prefix for coin in COINS if "cryptonote-multicoin" not in coin.dialects)
