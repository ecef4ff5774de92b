# SPDX-License-Identifier: Apache-2.0
import re
from random import Random

import pytest

from minewatch.lab.dialects.economy import COINS
from minewatch.lab.logins import draw_login


@pytest.mark.parametrize(
    ("ticker", "shape"),
    [
        ("XMR", r"4[1-9A-HJ-NP-Za-km-z]{94}\.rig"),
        ("BTC", r"bc1q[a-z0-9]{38}\.rig"),
        ("LTC", r"ltc1q[a-z0-9]{38}\.rig"),
        ("DOGE", r"D[1-9A-HJ-NP-Za-km-z]{33}\.rig"),
        ("RVN", r"R[1-9A-HJ-NP-Za-km-z]{33}\.rig"),
        ("ZEC", r"t1[1-9A-HJ-NP-Za-km-z]{33}\.rig"),
        ("ETC", r"0x[0-9a-f]{40}\.rig"),
        ("ETH", r"0x[0-9a-f]{40}\.rig"),
    ],
)
def test_it_looks_like_the_coins_wallet(ticker, shape):
    assert re.fullmatch(shape, draw_login(ticker, "", "rig", Random(1)))


def test_every_coin_of_the_economy_has_a_shape():
    for coin in COINS:
        login = draw_login(coin.ticker, coin.prefix, "rig", Random(1))
        assert len(login) > 35
        assert login.startswith(coin.prefix)


def test_a_multi_coin_pool_is_told_the_coin():
    assert draw_login("DOGE", "DOGE:", "rig", Random(1)).startswith("DOGE:D")
