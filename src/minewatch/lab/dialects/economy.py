# SPDX-License-Identifier: Apache-2.0
"""Ways to mine on a server: what is paid, what is hashed, in which dialect, how fast and how often.

One row is one way; a ticker may have several, for DOGE is paid for RandomX by a multi-coin pool and
for scrypt by a pool of its own chain. Hash rates go from a container held back to some per cent of
one core to a rig of graphics cards, or to a big processor where cards do not help. Block gaps and
share gaps are those of chains and pools that were measured or whose source states them; rates of
processors and cards are orders of magnitude.

Examples
--------
>>> [way.algorithm for way in ways_to_earn("DOGE")]
['rx/0', 'scrypt']
>>> sorted({way.ticker for way in ways_in("zcash")})
['ZEC']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Range: TypeAlias = tuple[float, float]
"""Least and most; draw between them on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Coin:
    """One way to earn a coin."""

    ticker: str
    """What is paid out."""

    algorithm: str
    """Hash function, as the dialect names it: ``PoolSettings.algorithm``."""

    dialects: tuple[str, ...]
    """Names in ``minewatch.lab.dialects.DIALECTS``."""

    block_mean_s: float
    """Mean gap of blocks of the chain that is worked on, not of the coin paid [s]."""

    refresh_s: Range
    """A pool pushes a job at the latest this long after the last one [s]."""

    hash_rates: Range
    """Of one miner [1/s]."""

    difficulty: float
    """Hashes a share takes at first, where the pool does not know the miner."""

    share_gap_s: Range
    """Mean gap of shares that pools aim at, or that fixed difficulties end in [s]."""

    prefix: str = ""
    """What a multi-coin pool wants before the wallet in the login: ``DOGE:``."""


_RANDOMX: Final = (30.0, 20_000.0)
"""A tenth of a shared core to 64 cores; graphics cards do not help."""


def _multicoin(ticker: str) -> Coin:
    return Coin(
        ticker,
        "rx/0",
        ("cryptonote-multicoin",),
        120.0,
        (15.0, 60.0),
        _RANDOMX,
        10_000.0,
        (10.0, 40.0),
        prefix=f"{ticker}:",
    )


COINS: Final[tuple[Coin, ...]] = (
    Coin("XMR", "rx/0", ("cryptonote",), 120.0, (30.0, 120.0), _RANDOMX, 10_000.0, (8.0, 60.0)),
    # As one big pool wrote in 2019 to 2021, to XMRig 3 to 6.
    Coin("XMR", "rx/0", ("cryptonote-f2pool",), 120.0, (120.0, 120.0), _RANDOMX, 1e4, (8.0, 60.0)),
    # Blocks of the side chain come every 10 s; each makes a job.
    Coin(
        "XMR", "rx/0", ("cryptonote-p2pool",), 10.0, (30.0, 120.0), _RANDOMX, 20_000.0, (20.0, 60.0)
    ),
    # Many miners behind one connection: shares of all of them at a low difficulty.
    Coin(
        "XMR",
        "rx/0",
        ("cryptonote-proxy",),
        120.0,
        (30.0, 120.0),
        (1_000.0, 200_000.0),
        10_000.0,
        (2.0, 20.0),
    ),
    # A browser tab: the algorithm of 2018, at tens of hashes.
    Coin("XMR", "cn/1", ("coinhive",), 120.0, (30.0, 120.0), (3.0, 120.0), 256.0, (5.0, 40.0)),
    *(_multicoin(ticker) for ticker in ("DOGE", "ETC", "ETH", "RVN", "XMR")),
    Coin("RVN", "kawpow", ("kawpow",), 60.0, (20.0, 60.0), (2e6, 3e8), 4e8, (4.0, 30.0)),
    Coin(
        "ETC",
        "ethash",
        ("ethereumstratum1", "eth-proxy"),
        13.0,
        (5.0, 30.0),
        (2e6, 5e8),
        5e8,
        (4.0, 40.0),
    ),
    # Until September 2022; pools pushed every 1.6 to 14 s.
    Coin(
        "ETH",
        "ethash",
        ("ethereumstratum1", "eth-proxy"),
        13.0,
        (2.0, 14.0),
        (2e6, 5e8),
        5e8,
        (4.0, 40.0),
    ),
    Coin("ZEC", "equihash", ("zcash",), 75.0, (30.0, 60.0), (1.0, 3_000.0), 200.0, (5.0, 40.0)),
    Coin(
        "BTC",
        "sha256d",
        ("bitcoin", "stratum-v2", "getwork"),
        600.0,
        (25.0, 55.0),
        (1e6, 5e9),
        1e9,
        (3.0, 30.0),
    ),
    # Alone at a node of a small chain: what is found is a block.
    Coin(
        "BTC",
        "sha256d",
        ("getblocktemplate",),
        600.0,
        (10.0, 60.0),
        (1e6, 5e9),
        1e11,
        (300.0, 3_600.0),
    ),
    Coin("LTC", "scrypt", ("bitcoin-scrypt",), 150.0, (25.0, 55.0), (5e2, 5e6), 2e5, (4.0, 30.0)),
    Coin("DOGE", "scrypt", ("bitcoin-scrypt",), 60.0, (25.0, 55.0), (5e2, 5e6), 2e5, (4.0, 30.0)),
)


def ways_to_earn(ticker: str) -> tuple[Coin, ...]:
    """Return the rows that pay in one coin."""
    return tuple(coin for coin in COINS if coin.ticker == ticker)


def ways_in(dialect: str) -> tuple[Coin, ...]:
    """Return the rows of one dialect."""
    return tuple(coin for coin in COINS if dialect in coin.dialects)
