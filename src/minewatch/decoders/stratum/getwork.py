# SPDX-License-Identifier: Apache-2.0
"""Work asked of a node over HTTP: Bitcoin's ``getwork`` and the block templates of both families.

The head of a request may be missing, for it often fills a packet of its own: then the body comes as
a bare line. A pool asks its own node with the same calls as a solo miner; only the program's name,
or shares, tell them apart.
"""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import (
    is_hex,
    is_hex_between,
    is_name,
    is_number,
    is_program,
)
from minewatch.decoders.stratum.sighting import CERTAIN, Grammar, Role, Sighting

WORK, TEMPLATE = "getwork", "getblocktemplate"

_DATA_DIGITS = 256  # a block header padded to two blocks of SHA-256


def _agent(message: JsonMessage) -> str | None:
    return message.agent if is_program(message.agent) else None


def _work(message: JsonMessage, params: Any) -> Sighting | None:
    if params in (None, []):
        return Sighting(Role.POLL, WORK, CERTAIN, agent=_agent(message))
    if isinstance(params, list) and len(params) == 1 and is_hex(params[0], _DATA_DIGITS):
        return Sighting(Role.SUBMIT, WORK, CERTAIN, agent=_agent(message))
    return None


def _template(message: JsonMessage, params: Any) -> Sighting | None:
    login = None
    if isinstance(params, dict):  # CryptoNote
        login = params.get("wallet_address")
        if not is_name(login, 256):
            return None
    elif isinstance(params, list):
        if len(params) > 2 or not all(isinstance(value, dict) for value in params):
            return None
    elif params is not None:
        return None
    return Sighting(Role.POLL, TEMPLATE, CERTAIN, agent=_agent(message), login=login)


def _block(message: JsonMessage, params: Any) -> Sighting | None:
    fits = (
        isinstance(params, list)
        and 1 <= len(params) <= 2
        and (is_hex_between(params[0], 160, 16384) or message.is_cut)
    )
    return Sighting(Role.SUBMIT, TEMPLATE, CERTAIN, agent=_agent(message)) if fits else None


METHODS: dict[str, Grammar] = {
    "getwork": _work,
    "getblocktemplate": _template,
    "get_block_template": _template,
    "submitblock": _block,
    "submit_block": _block,
}


def result(message: JsonMessage, value: Any) -> Sighting | None:
    """Recognise work or a block template in an answer."""
    if not isinstance(value, dict):
        return None
    if is_hex(value.get("data"), _DATA_DIGITS) and is_hex(value.get("target"), 64):
        return Sighting(Role.JOB, WORK, CERTAIN)
    is_bitcoin = is_hex(value.get("previousblockhash"), 64) and (
        message.is_cut
        or (is_hex(value.get("bits"), 8) and value.keys() & {"coinbasevalue", "coinbasetxn"})
    )
    is_cryptonote = is_hex_between(value.get("blocktemplate_blob"), 152, 16384) and (
        message.is_cut or is_number(value.get("difficulty"))
    )
    if is_bitcoin or is_cryptonote:
        return Sighting(Role.JOB, TEMPLATE, CERTAIN)
    return None
