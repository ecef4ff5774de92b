# SPDX-License-Identifier: Apache-2.0
"""KawPow's Stratum (Ravencoin): jobs are a header hash, a seed and a target."""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import is_hash, is_hex, is_name, is_number, is_prefixed_hex
from minewatch.decoders.stratum.sighting import CERTAIN, HINT, Role, Sighting

DIALECT = "kawpow"
ALGORITHM = "kawpow"


def notify_kawpow(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, header hash, seed hash, target, clean, height, bits]``."""
    fits = (
        len(params) == 7
        and is_name(params[0], 256)
        and all(map(is_hash, params[1:4]))
        and isinstance(params[4], bool)
        and is_number(params[5])
        and is_hex(params[6], 8)
    )
    return Sighting(Role.JOB, DIALECT, CERTAIN, algorithm=ALGORITHM) if fits else None


def submit_kawpow(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[worker, job, nonce, header hash, mix hash]``, numbers behind ``0x``.

    Ethash over ``mining.*`` sends the same: only the job tells them apart.
    """
    fits = (
        len(params) == 5
        and is_name(params[0], 1024)
        and is_name(params[1], 256)
        and is_prefixed_hex(params[2], 16)
        and all(is_prefixed_hex(value, 64) for value in params[3:5])
    )
    return Sighting(Role.SUBMIT, DIALECT, HINT) if fits else None
