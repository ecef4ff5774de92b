# SPDX-License-Identifier: Apache-2.0
"""Browser miners over a web socket: Coinhive's ``type``/``params`` and webminerpool's form."""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.cryptonote import is_job
from minewatch.decoders.stratum.shape import is_hex, is_hex_between, is_name, is_number
from minewatch.decoders.stratum.sighting import (
    CERTAIN,
    HINT,
    Role,
    Sighting,
    text_or_none,
)

DIALECT = "coinhive"


def recognise(message: JsonMessage) -> Sighting | None:
    """Recognise a message of a browser miner or its pool; only a web socket carries them."""
    if message.carrier != "websocket":
        return None
    value = message.value
    kind = value.get("type")
    if isinstance(kind, str):
        return _typed(message, kind, value.get("params"))
    identifier = value.get("identifier")
    if isinstance(identifier, str):
        return _identified(message, identifier, value)
    return None


def _typed(message: JsonMessage, kind: str, params: Any) -> Sighting | None:
    if not isinstance(params, dict):
        return None
    if kind == "auth" and is_name(params.get("site_key"), 256):
        return Sighting(Role.LOGIN, DIALECT, CERTAIN, login=params["site_key"])
    if kind == "authed" and "token" in params and is_number(params.get("hashes")):
        return Sighting(Role.GREETING, DIALECT, CERTAIN)
    if kind == "hash_accepted" and is_number(params.get("hashes")):
        return Sighting(Role.ALIVE, DIALECT, CERTAIN)
    return _work(message, kind, params)


def _identified(message: JsonMessage, kind: str, value: dict[str, Any]) -> Sighting | None:
    if kind == "handshake" and is_name(value.get("login"), 256) and "pool" in value:
        return Sighting(Role.LOGIN, DIALECT, CERTAIN, login=value["login"])
    if kind == "hashsolved":
        return Sighting(Role.ALIVE, DIALECT, HINT)
    return _work(message, "submit" if kind == "solved" else kind, value)


def _work(message: JsonMessage, kind: str, work: dict[str, Any]) -> Sighting | None:
    if kind == "job" and is_job(work, is_cut=message.is_cut):
        return Sighting(Role.JOB, DIALECT, CERTAIN, algorithm=text_or_none(work.get("algo")))
    is_share = (
        kind == "submit"
        and is_name(str(work.get("job_id", "")), 256)
        and is_hex_between(work.get("nonce"), 8, 16)
        and is_hex(work.get("result"), 64)
    )
    return Sighting(Role.SUBMIT, DIALECT, CERTAIN) if is_share else None
