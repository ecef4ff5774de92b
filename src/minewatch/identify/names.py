# SPDX-License-Identifier: Apache-2.0
"""Names of algorithms, dialects and families of pools, and what one says about another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

UNKNOWN: Final = "unknown"
"""Looked at, and not told: an answer, unlike null, which means not looked at."""
PAYLOAD: Final = "payload"
"""Source of an answer that the miner's or the pool's own messages give."""
SHAPE: Final = "shape"
"""Source of an answer that sizes and times of packets give."""

RANDOMX: Final = "randomx"
CRYPTONIGHT: Final = "cryptonight"

# The names that XMRig's `algo` list, pools and this project's decoder use, by their beginnings.
# https://xmrig.com/docs/algorithms
_BEGINNINGS: Final = (
    ("rx/", RANDOMX),
    ("randomx", RANDOMX),
    ("cn", CRYPTONIGHT),
    ("cryptonight", CRYPTONIGHT),
    ("sha256", "sha256d"),
    ("scrypt", "scrypt"),
    ("ethash", "ethash"),
    ("etchash", "ethash"),
    ("daggerhashimoto", "ethash"),
    ("equihash", "equihash"),
    ("kawpow", "kawpow"),
    ("progpow", "kawpow"),
)

DIALECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cryptonote-f2pool": "cryptonote",
        "cryptonote-multicoin": "cryptonote",
        "cryptonote-p2pool": "cryptonote",
        "cryptonote-proxy": "cryptonote",
        "bitcoin-scrypt": "bitcoin",
    }
)
"""The decoder's name of a dialect, where labels tell finer ones."""

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cryptonote": "single-coin",
        "cryptonote-f2pool": "f2pool",
        "cryptonote-multicoin": "multi-coin",
        "cryptonote-p2pool": "p2pool",
        "cryptonote-proxy": "proxy",
        "getwork": "node",
        "eth-getwork": "node",
        "getblocktemplate": "node",
        "coinhive": "browser-proxy",
    }
)
"""How the far end works, by the finest name of a dialect: whose clock its jobs follow."""
OTHER_FAMILY: Final = "single-coin"

ONLY_ALGORITHM: Final[Mapping[str, str]] = MappingProxyType(
    {"stratum-v2": "sha256d", "zcash": "equihash", "kawpow": "kawpow", "coinhive": CRYPTONIGHT}
)
"""Algorithm of dialects that have but one. Bitcoin's and the polled ones have several."""

_WALLETS: Final = (
    (re.compile(r"bc1[0-9a-z]{5}…"), None, "BTC"),
    (re.compile(r"ltc1[0-9a-z]{4}…"), None, "LTC"),
    (re.compile(r"(?:t1|t3|zs1|u1)[0-9A-Za-z]{5,6}…"), "zcash", "ZEC"),
    (re.compile(r"[48][1-9A-HJ-NP-Za-km-z]{7}…"), "cryptonote", "XMR"),
)


def algorithm_family(name: str) -> str:
    """Return the family of an algorithm; a name that is not known is a family of its own.

    Parameters
    ----------
    name : as a miner, a pool or a label calls it.

    Examples
    --------
    >>> algorithm_family("rx/0"), algorithm_family("cn/r"), algorithm_family("kHeavyHash")
    ('randomx', 'cryptonight', 'kheavyhash')
    """
    lower = name.strip().lower()
    return next((family for start, family in _BEGINNINGS if lower.startswith(start)), lower)


def dialect_name(fine: str) -> str:
    """Return the decoder's name of a dialect.

    Parameters
    ----------
    fine : a label's name, or the decoder's own.

    Examples
    --------
    >>> dialect_name("cryptonote-p2pool"), dialect_name("zcash")
    ('cryptonote', 'zcash')
    """
    return DIALECTS.get(fine, fine)


def pool_family(fine: str) -> str:
    """Return the family of the pools that speak a dialect by its finest name.

    Examples
    --------
    >>> pool_family("cryptonote-p2pool"), pool_family("zcash")
    ('p2pool', 'single-coin')
    """
    return FAMILIES.get(fine, OTHER_FAMILY)


def payout_coin(hint: str | None, login: str | None, dialect: str | None) -> str | None:
    """Return the coin that a miner is paid in, None if its login does not say.

    A prefix or password that names a coin is the miner's own word. Else the form of a wallet tells,
    for the few coins whose wallets are like no other's.

    Parameters
    ----------
    hint : ``stratum_coin_hint``.
    login : ``stratum_login``, shortened as the decoder does.
    dialect : ``stratum_dialect``.

    Examples
    --------
    >>> payout_coin("DOGE", "DOGE:D9x…kcpu", "cryptonote")
    'DOGE'
    >>> payout_coin(None, "41ymEBmv…kcpu", "cryptonote"), payout_coin(None, "joe.1", "bitcoin")
    ('XMR', None)
    """
    if hint:
        return hint
    for form, of_dialect, coin in _WALLETS:
        if login and of_dialect in (None, dialect) and form.match(login):
            return coin
    return None
