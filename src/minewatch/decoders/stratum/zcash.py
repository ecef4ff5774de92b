# SPDX-License-Identifier: Apache-2.0
"""Zcash's Stratum (ZIP 301): jobs are headers, and shares carry an Equihash solution."""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import (
    is_hash,
    is_hex,
    is_hex_between,
    is_name,
    item,
)
from minewatch.decoders.stratum.sighting import CERTAIN, Role, Sighting

DIALECT = "zcash"
ALGORITHM = "equihash"

# Solutions: 36 octets (48,5) to 1344 (200,9), with a length in front of 1 or 3 octets.
_LEAST_SOLUTION, _MOST_SOLUTION = 72, 2 * 1347


def notify(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, version, previous hash, merkle root, reserved, time, bits, clean, ...]``."""
    fits = (
        8 <= len(params) <= 12
        and is_name(params[0], 256)
        and is_hex(params[1], 8)
        and all(map(is_hash, params[2:5]))
        and all(is_hex(word, 8) for word in params[5:7])
        and isinstance(params[7], bool)
    )
    return Sighting(Role.JOB, DIALECT, CERTAIN, algorithm=ALGORITHM) if fits else None


def submit(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[worker, job, time, second part of the nonce, solution]``."""
    solution = item(params, 4)
    is_solution = is_hex_between(solution, _LEAST_SOLUTION, _MOST_SOLUTION) or (
        message.is_cut and isinstance(solution, str) and len(solution) >= _LEAST_SOLUTION
    )
    fits = (
        len(params) == 5
        and is_name(params[0], 1024)
        and is_name(params[1], 256)
        and is_hex(params[2], 8)
        and is_hex_between(params[3], 2, 64)
        and is_solution
    )
    return Sighting(Role.SUBMIT, DIALECT, CERTAIN, algorithm=ALGORITHM) if fits else None
