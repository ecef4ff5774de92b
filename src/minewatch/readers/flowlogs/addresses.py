# SPDX-License-Identifier: Apache-2.0
"""Many addresses from text, each different one parsed once."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from minewatch.address import halves_of

_KNOWN_ADDRESSES: Final = 1 << 16
"""Addresses that are remembered; a log names the same ones again and again."""


MAX_CHARACTERS: Final = 64
"""Of an address; the scope of an IPv6 one may be as long as whoever wrote it likes."""


def address_halves(text: str) -> tuple[int, int]:
    """Return the two halves of an address, IPv4 mapped, as ``minewatch.address.halves_of``.

    Raises
    ------
    ValueError : it is no address, or longer than one with a real scope.

    Examples
    --------
    >>> hex(address_halves("10.0.0.1")[1])
    '0xffff0a000001'
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError("too long for an address")  # and for what is remembered
    return _remembered(text)


_remembered: Final = lru_cache(_KNOWN_ADDRESSES)(halves_of)
