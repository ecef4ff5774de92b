# SPDX-License-Identifier: Apache-2.0
"""What miners log in with: names that look like wallets and are none (wrong check sums)."""

from __future__ import annotations

from random import Random
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_HEX: Final = "0123456789abcdef"

_SHAPES: Final[dict[str, tuple[str, int, str]]] = {
    "XMR": ("4", 94, _BASE58),
    "BTC": ("bc1q", 38, _BECH32),
    "LTC": ("ltc1q", 38, _BECH32),
    "DOGE": ("D", 33, _BASE58),
    "RVN": ("R", 33, _BASE58),
    "ZEC": ("t1", 33, _BASE58),
    "ETC": ("0x", 40, _HEX),
    "ETH": ("0x", 40, _HEX),
}
"""Beginning, further characters and alphabet of the addresses of each coin."""


def draw_login(ticker: str, prefix: str, rig: str, rng: Random) -> str:
    """Return a login: wallet and rig, with the coin before it where a multi-coin pool wants that.

    Parameters
    ----------
    ticker : of the coin that is paid.
    prefix : ``DOGE:``, or nothing.
    rig : name of the machine.
    rng : source of the wallet.

    Examples
    --------
    >>> draw_login("ETH", "ETH:", "web1", Random(1))
    'ETH:0x2dc477ac10d6c07b3fe008f6360377333740d8a2.web1'
    """
    first, length, alphabet = _SHAPES.get(ticker, ("", 12, _BASE58))
    return f"{prefix}{first}{''.join(rng.choices(alphabet, k=length))}.{rig}"
