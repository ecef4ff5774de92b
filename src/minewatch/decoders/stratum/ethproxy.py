# SPDX-License-Identifier: Apache-2.0
"""Ethash in Ethereum's own JSON-RPC: eth-proxy over a plain stream, getwork over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import (
    coin_of,
    is_name,
    is_prefixed_hex,
    is_program,
    item,
)
from minewatch.decoders.stratum.sighting import CERTAIN, Grammar, Role, Sighting

PROXY, GETWORK = "eth-proxy", "eth-getwork"
ALGORITHM = "ethash"


def _dialect(message: JsonMessage) -> str:
    return GETWORK if message.carrier == "http" else PROXY


def _agent(message: JsonMessage) -> str | None:
    return message.agent if is_program(message.agent) else None


def _login(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, list) or not 1 <= len(params) <= 4 or not is_name(params[0], 1024):
        return None
    return Sighting(
        Role.LOGIN,
        _dialect(message),
        CERTAIN,
        algorithm=ALGORITHM,
        coin=coin_of(params[0], item(params, 1)),
        agent=_agent(message),
        login=params[0],
    )


def _get_work(message: JsonMessage, params: Any) -> Sighting | None:
    if params not in (None, []):
        return None
    # Over HTTP a pool asks its own node with the very same call.
    role = Role.POLL if message.carrier == "http" else Role.UPKEEP
    agent = _agent(message)
    return Sighting(role, _dialect(message), CERTAIN, algorithm=ALGORITHM, agent=agent)


def _submit_work(message: JsonMessage, params: Any) -> Sighting | None:
    fits = (
        isinstance(params, list)
        and 3 <= len(params) <= 4
        and is_prefixed_hex(params[0], 16)
        and all(is_prefixed_hex(value, 64) for value in params[1:3])
    )
    if not fits:
        return None
    agent = _agent(message)
    return Sighting(Role.SUBMIT, _dialect(message), CERTAIN, algorithm=ALGORITHM, agent=agent)


def _hashrate(message: JsonMessage, params: Any) -> Sighting | None:
    fits = isinstance(params, list) and len(params) == 2
    fits = fits and all(isinstance(value, str) and value[:2] == "0x" for value in params)
    if not fits:
        return None
    agent = _agent(message)
    return Sighting(Role.HASHRATE, _dialect(message), CERTAIN, algorithm=ALGORITHM, agent=agent)


METHODS: dict[str, Grammar] = {
    "eth_submitLogin": _login,
    "eth_login": _login,
    "eth_getWork": _get_work,
    "eth_submitWork": _submit_work,
    "eth_submitHashrate": _hashrate,
}


def result(message: JsonMessage, value: Any) -> Sighting | None:
    """Recognise work: ``[header hash, seed hash, target]``, perhaps with the block's number.

    Other calls answer with lists of hashes too; that the third is small makes it a target.
    """
    fits = (
        isinstance(value, list)
        and 3 <= len(value) <= 5
        and all(is_prefixed_hex(part, 64) for part in value[:3])
    )
    if not fits:
        return None
    is_weak = not value[2].startswith("0x000000")
    return Sighting(Role.JOB, _dialect(message), CERTAIN, is_weak=is_weak, algorithm=ALGORITHM)


def same_carrier(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return the sightings, all of them as over HTTP where one was.

    A request whose head was not kept looks like a line, and a poll like a miner's request.
    """
    if not any(found.dialect == GETWORK for found in sightings):
        return list(sightings)
    return [_over_http(found) if found.dialect == PROXY else found for found in sightings]


def _over_http(found: Sighting) -> Sighting:
    role = Role.POLL if found.role is Role.UPKEEP else found.role
    return replace(found, dialect=GETWORK, role=role)
