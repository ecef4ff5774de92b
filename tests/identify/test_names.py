# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from minewatch.decoders.text import shortened
from minewatch.identify.names import (
    DIALECTS,
    FAMILIES,
    algorithm_family,
    dialect_name,
    payout_coin,
    pool_family,
)
from minewatch.lab.dialects import DIALECTS as SPOKEN
from minewatch.lab.dialects.economy import COINS
from minewatch.lab.logins import draw_login


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("rx/0", "randomx"),
        ("rx/wow", "randomx"),
        ("RandomX", "randomx"),
        ("cn/1", "cryptonight"),
        ("cn-heavy/xhv", "cryptonight"),
        ("cryptonight", "cryptonight"),
        ("sha256", "sha256d"),
        ("etchash", "ethash"),
        ("kawpow", "kawpow"),
        ("equihash_144_5", "equihash"),
        (" Scrypt ", "scrypt"),
        ("blake3", "blake3"),
    ],
)
def test_families_of_algorithms(name, family):
    assert algorithm_family(name) == family


def test_each_algorithm_of_the_lab_has_a_family_that_is_stable():
    families = {algorithm_family(coin.algorithm) for coin in COINS}
    assert families == {
        *("randomx", "cryptonight", "sha256d", "scrypt", "ethash", "equihash", "kawpow")
    }
    assert {algorithm_family(name) for name in families} == families


def test_fine_dialects_are_ones_of_the_lab():
    assert set(DIALECTS) | set(FAMILIES) <= {*SPOKEN, "eth-getwork"}
    assert {dialect_name(name) for name in SPOKEN} == {
        *("cryptonote", "bitcoin", "kawpow", "ethereumstratum1", "eth-proxy", "zcash"),
        *("getblocktemplate", "getwork", "coinhive", "stratum-v2"),
    }
    assert pool_family("kawpow") == "single-coin"


@pytest.mark.parametrize(
    ("hint", "login", "dialect", "coin"),
    [
        ("DOGE", "41ymEBmv…kcpu", "cryptonote", "DOGE"),
        (None, "41ymEBmv…kcpu", "cryptonote", "XMR"),
        (None, "888tNkZr…2xYt", "cryptonote", "XMR"),
        (None, "41ymEBmv…kcpu", "bitcoin", None),
        (None, "4horsemen", "cryptonote", None),
        (None, "bc1qar0s…rrt2", "bitcoin", "BTC"),
        (None, "ltc1qhyz…0w9a", "bitcoin", "LTC"),
        (None, "t1Rv4exT…Zr7b", "zcash", "ZEC"),
        (None, "t1Rv4exT…Zr7b", "bitcoin", None),
        (None, "0x79a1A3…655F", "eth-proxy", None),
        (None, None, None, None),
        ("", None, "cryptonote", None),
    ],
)
def test_the_coin_is_said_by_the_login_or_not_at_all(hint, login, dialect, coin):
    assert payout_coin(hint, login, dialect) == coin


def test_wallets_of_the_lab_are_known_by_their_form():
    for ticker, dialect in (("XMR", "cryptonote"), ("BTC", "bitcoin"), ("ZEC", "zcash")):
        login = shortened(draw_login(ticker, "", "rig", Random(1)))
        assert payout_coin(None, login, dialect) == ticker
