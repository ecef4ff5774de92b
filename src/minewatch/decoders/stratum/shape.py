# SPDX-License-Identifier: Apache-2.0
"""Questions about the shape of one JSON value: the words of which the grammars are made."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEX = re.compile(r"[0-9a-fA-F]*")
_PREFIXED = re.compile(r"0[xX][0-9a-fA-F]+")
_COIN = re.compile(r"([A-Z][A-Z0-9]{1,7}):[0-9A-Za-z]{20}")
_PAYOUT = re.compile(r"(?:^|[,;])c=([A-Z][A-Z0-9]{1,7})(?:[,;]|$)")

# Names that mining programs send; of use only where a request alone must carry the verdict.
_PROGRAM = re.compile(
    r"\b(?:xmrig|xmr-stak|xmr-node-proxy|xmr/|cpuminer|cgminer|bfgminer|sgminer|bmminer|btcminer|"
    r"ccminer|ethminer|ethash|etcminer|claymore|phoenixminer|teamredminer|t-rex|trex|nbminer|"
    r"gminer|lolminer|miniz|nanominer|srbminer|bzminer|rigel|wildrig|onezerominer|equihashminer|"
    r"kawpowminer|nsfminer|progpow|nicehash|excavator|braiins|bosminer|whatsminer|avalon|bitaxe|"
    r"nerdminer|esp-miner|minerd|minergate|antminer|castxmr|jce|hellminer|x-mining-extensions|"
    r"poclbm|phoenix/|diablominer|ufasoft|\w{0,24}miner)",
    re.IGNORECASE,
)
_VERSIONED = re.compile(r"[A-Za-z][\w .+-]{0,40}/v?\d")


def is_hex(value: object, digits: int) -> bool:
    """Return whether ``value`` is text of exactly ``digits`` hexadecimal digits.

    Examples
    --------
    >>> is_hex("00ff", 4), is_hex("00fg", 4), is_hex(255, 4)
    (True, False, False)
    """
    return isinstance(value, str) and len(value) == digits and _HEX.fullmatch(value) is not None


def is_hex_between(value: object, least: int, most: int) -> bool:
    """Return whether ``value`` is whole octets in hexadecimal, ``least`` to ``most`` digits."""
    return (
        isinstance(value, str)
        and least <= len(value) <= most
        and len(value) % 2 == 0
        and _HEX.fullmatch(value) is not None
    )


def is_prefixed_hex(value: object, digits: int) -> bool:
    """Return whether ``value`` is ``0x`` and ``digits`` hexadecimal digits."""
    return (
        isinstance(value, str)
        and len(value) == digits + 2
        and _PREFIXED.fullmatch(value) is not None
    )


def is_hash(value: object) -> bool:
    """Return whether ``value`` is 32 octets in hexadecimal, with or without ``0x``."""
    return is_hex(value, 64) or is_prefixed_hex(value, 64)


def is_name(value: object, most: int = 512) -> bool:
    """Return whether ``value`` is text of 1 to ``most`` characters."""
    return isinstance(value, str) and 0 < len(value) <= most


def is_number(value: object) -> bool:
    """Return whether ``value`` is a JSON number (a truth value is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def are_hashes(values: object, most: int = 64) -> bool:
    """Return whether ``values`` is a list of 32-octet hexadecimal texts, perhaps empty."""
    return isinstance(values, list) and len(values) <= most and all(map(is_hash, values))


def item(values: Sequence[object], index: int) -> object:
    """Return one item, None where the list is too short."""
    return values[index] if index < len(values) else None


def is_program(agent: object) -> bool:
    """Return whether ``agent`` names a mining program.

    Examples
    --------
    >>> is_program("XMRig/6.26.0 (Linux x86_64)"), is_program("Mozilla/5.0"), is_program(None)
    (True, False, False)
    """
    return isinstance(agent, str) and _PROGRAM.search(agent[:256]) is not None


def is_versioned(agent: object) -> bool:
    """Return whether ``agent`` reads like a program and its version, a browser excepted."""
    return (
        isinstance(agent, str)
        and _VERSIONED.match(agent) is not None
        and not agent.startswith("Mozilla/")
    )


def coin_of(login: object, password: object = None) -> str | None:
    """Return the coin that a miner asks to be paid in, when it says so.

    Multi-coin pools read it before the wallet (``DOGE:D8...``) or in the password (``c=LTC``).

    Examples
    --------
    >>> coin_of("DOGE:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L.rig#abcd-1234")
    'DOGE'
    >>> coin_of("D8abc.rig", "x,c=LTC")
    'LTC'
    >>> coin_of("user.worker1") is None
    True
    """
    if isinstance(login, str) and (match := _COIN.match(login)):
        return match[1]
    if isinstance(password, str) and (match := _PAYOUT.search(password[:256])):
        return match[1]
    return None
