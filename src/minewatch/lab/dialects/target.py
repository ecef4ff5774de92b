# SPDX-License-Identifier: Apache-2.0
"""Between "hashes a share takes on average" and the forms in which dialects say it."""

from __future__ import annotations

from random import Random

HASHES = 1 << 256
"""Values that a hash can have."""

BITCOIN_ONE = float(1 << 32)
"""Hashes at difficulty 1 in Bitcoin, and in Ethash as NiceHash counts."""
SCRYPT_ONE = float(1 << 16)
"""Hashes at difficulty 1 at pools of scrypt."""


def to_target(difficulty: float) -> int:
    """Return the number below which one hash of `difficulty` lies.

    Examples
    --------
    >>> hex(to_target(2**32))[:6], to_difficulty(to_target(5e9))
    ('0xffff', 5000000000.0)
    """
    if not 1 <= difficulty < HASHES:
        raise ValueError(f"a share takes 1 to 2**256 hashes, not {difficulty}")
    # In whole numbers, for a float would lose all but the first 53 bits.
    return (HASHES - 1) * 1000 // round(difficulty * 1000)


def to_difficulty(target: int) -> float:
    """Return how many hashes it takes on average to get below `target`."""
    if not 0 < target < HASHES:
        raise ValueError(f"not a target: {target}")
    return HASHES / target


def target_text(difficulty: float) -> str:
    """Return the target as 64 hexadecimal digits, the most significant first."""
    return f"{to_target(difficulty):064x}"


def read_target(text: object) -> float:
    """Return the difficulty behind 64 hexadecimal digits, with or without ``0x``.

    Raises
    ------
    ValueError : it is no target.
    """
    digits = str(text).removeprefix("0x")
    if len(digits) != 64:
        raise ValueError(f"a target has 64 digits, not {len(digits)}")
    return to_difficulty(int(digits, 16))


def shown_difficulty(difficulty: float, one: float) -> float | int:
    """Return the number that a pool writes, in units of `one` hashes: whole ones without a point.

    Examples
    --------
    >>> shown_difficulty(2.0**33, BITCOIN_ONE), shown_difficulty(5e7, BITCOIN_ONE)
    (2, 0.01164153)
    """
    value = difficulty / one
    return round(value) if value >= 16 or value == round(value) else float(f"{value:.7g}")


def random_hash(difficulty: float, rng: Random) -> bytes:
    """Return a hash, most significant octet first, that meets `difficulty` as mining would find."""
    return rng.randrange(to_target(difficulty)).to_bytes(32, "big")


def meets(octets: bytes, difficulty: float) -> bool:
    """Tell whether a hash, most significant octet first, lies below the target."""
    return len(octets) == 32 and int.from_bytes(octets, "big") <= to_target(difficulty)
