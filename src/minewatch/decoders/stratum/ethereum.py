# SPDX-License-Identifier: Apache-2.0
"""Ethash over ``mining.*``: NiceHash's EthereumStratum/1.0.0, EIP-1571's 2.0.0, ethminer's first.

The last has no name of its own and is called ``eth-stratum`` here: a job is
``[job, header, seed, target, clean]``.
"""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import (
    is_hash,
    is_hex,
    is_hex_between,
    is_name,
    is_number,
    item,
)
from minewatch.decoders.stratum.sighting import (
    CERTAIN,
    HINT,
    Grammar,
    Role,
    Sighting,
    text_or_none,
)

ONE, TWO, SEEDED = "ethereumstratum1", "ethereumstratum2", "eth-stratum"
ALGORITHM = "ethash"


def subscribe_one(params: Any) -> Sighting | None:
    """``[agent, "EthereumStratum/1.0.0"]``; who means the second version says so here too."""
    protocol = item(params, 1) if isinstance(params, list) and len(params) <= 6 else None
    if not isinstance(protocol, str) or not protocol.startswith("EthereumStratum/"):
        return None
    dialect = TWO if protocol.startswith("EthereumStratum/2.") else ONE
    agent = text_or_none(params[0])
    return Sighting(Role.SUBSCRIBE, dialect, HINT, algorithm=ALGORITHM, agent=agent)


def greeting_one(pairs: list[Any]) -> Sighting | None:
    """``["mining.notify", id, "EthereumStratum/1.0.0"]`` among the topics."""
    for pair in pairs:
        name = item(pair, 2) if isinstance(pair, list) else None
        if isinstance(name, str) and name.startswith("EthereumStratum/1."):
            return Sighting(Role.GREETING, ONE, HINT, algorithm=ALGORITHM)
    return None


def notify_one(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, seed hash, header hash, clean]``."""
    fits = len(params) == 4 and all(map(is_hash, params[1:3])) and isinstance(params[3], bool)
    if fits and is_name(params[0], 256):
        return Sighting(Role.JOB, ONE, CERTAIN, algorithm=ALGORITHM)
    return None


def notify_seeded(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, header hash, seed hash, target, clean]``."""
    fits = len(params) == 5 and all(map(is_hash, params[1:4])) and isinstance(params[4], bool)
    if fits and is_name(params[0], 256):
        return Sighting(Role.JOB, SEEDED, CERTAIN, algorithm=ALGORITHM)
    return None


def notify_two(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, height, header hash, "0" or "1"]``."""
    fits = (
        len(params) == 4
        and is_name(params[0], 256)
        and isinstance(params[1], str)
        and 0 < len(params[1]) <= 16
        and is_hex(params[1], len(params[1]))
        and is_hash(params[2])
        and params[3] in ("0", "1")
    )
    return Sighting(Role.JOB, TWO, CERTAIN, algorithm=ALGORITHM) if fits else None


def submit_one(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[worker, job, nonce]``: the miner's part of the nonce, 2 to 8 octets."""
    if len(params) != 3 or not is_name(params[0], 1024) or not is_name(params[1], 256):
        return None
    nonce = params[2]
    digits = nonce.removeprefix("0x") if isinstance(nonce, str) else nonce
    return Sighting(Role.SUBMIT, ONE, HINT) if is_hex_between(digits, 4, 16) else None


def submit_two(message: JsonMessage, params: list[Any]) -> Sighting | None:
    """``[job, nonce, worker]``: the worker's short name that the pool gave out."""
    fits = (
        len(params) == 3
        and is_name(params[0], 64)
        and is_hex_between(params[1], 4, 16)
        and is_name(params[2], 64)
    )
    return Sighting(Role.SUBMIT, TWO, HINT) if fits else None


def _hello(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, dict):
        return None
    protocol = params.get("proto")
    if not isinstance(protocol, str) or not protocol.startswith("EthereumStratum/2."):
        return None
    agent = text_or_none(params.get("agent"))
    return Sighting(Role.SUBSCRIBE, TWO, CERTAIN, algorithm=ALGORITHM, agent=agent)


def _set(message: JsonMessage, params: Any) -> Sighting | None:
    """``{"epoch": "dc", "target": ..., "algo": "ethash", "extranonce": "af4c"}``, each optional."""
    if not isinstance(params, dict) or not params.keys() & {"target", "extranonce", "epoch"}:
        return None
    algorithm = text_or_none(params.get("algo")) or ALGORITHM
    return Sighting(Role.SETTING, TWO, CERTAIN, algorithm=algorithm)


def _hashrate(message: JsonMessage, params: Any) -> Sighting | None:
    if isinstance(params, list) and params and (is_name(params[0], 80) or is_number(params[0])):
        return Sighting(Role.HASHRATE, TWO, HINT, is_weak=True)
    return None


def _upkeep(message: JsonMessage, params: Any) -> Sighting | None:
    return Sighting(Role.UPKEEP, TWO, is_weak=True) if params in (None, [], {}) else None


METHODS: dict[str, Grammar] = {
    "mining.hello": _hello,
    "mining.set": _set,
    "mining.hashrate": _hashrate,
    "mining.noop": _upkeep,
}


def result(message: JsonMessage, value: Any) -> Sighting | None:
    """Recognise the answer to ``mining.hello``."""
    if not isinstance(value, dict):
        return None
    protocol = value.get("proto")
    if isinstance(protocol, str) and protocol.startswith("EthereumStratum/2."):
        return Sighting(Role.GREETING, TWO, CERTAIN, algorithm=ALGORITHM)
    return None
