# SPDX-License-Identifier: Apache-2.0
"""CryptoNote's Stratum: ``login``, ``job``, ``submit``, ``keepalived`` (XMRig and its pools)."""

from __future__ import annotations

import re
from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum.shape import (
    coin_of,
    is_hash,
    is_hex,
    is_hex_between,
    is_name,
    is_program,
)
from minewatch.decoders.stratum.sighting import (
    CERTAIN,
    Grammar,
    Role,
    Sighting,
    text_or_none,
)

DIALECT = "cryptonote"

_BLOB_DIGITS = 152  # a block header with its nonce: 76 octets in every CryptoNote chain
_WALLET = re.compile(r"[0-9A-Za-z]{90,110}(?:[.+#/].{0,200})?$")


def is_job(job: object, *, is_cut: bool = False) -> bool:
    """Return whether ``job`` is a CryptoNote job; of a cut message the beginning must fit."""
    if not isinstance(job, dict):
        return False
    if is_cut and is_hex_between(str(job.get("blob", ""))[:16], 16, 16):
        return True
    # A KawPow job travels in the same members; its blob is the bare header hash.
    least = 64 if job.get("algo") == "kawpow" else _BLOB_DIGITS
    return (
        is_hex_between(job.get("blob"), least, 4096)
        and is_name(job.get("job_id"), 256)
        and (is_hex(job.get("target"), 8) or is_hex_between(job.get("target"), 16, 64))
    )


def _job_sighting(job: dict[str, Any]) -> Sighting:
    algorithm = text_or_none(job.get("algo"))
    if algorithm is None and is_hex(job.get("seed_hash"), 64):
        algorithm = "randomx"  # only RandomX has a seed; which variant, the job does not say
    return Sighting(Role.JOB, DIALECT, CERTAIN, algorithm=algorithm)


def _login(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, dict) or not is_name(params.get("login"), 1024):
        return None
    login: str = params["login"]
    password, agent = params.get("pass"), params.get("agent")
    algorithms = params.get("algo")
    if not (password is None or isinstance(password, str)) or not (
        isinstance(password, str) or message.is_cut
    ):
        return None
    offers = isinstance(algorithms, list) and all(is_name(name, 64) for name in algorithms)
    is_strong = offers or is_program(agent) or _WALLET.match(login) or coin_of(login)
    only = algorithms[0] if isinstance(algorithms, list) and len(algorithms) == 1 else None
    return Sighting(
        Role.LOGIN,
        DIALECT,
        CERTAIN,
        is_weak=not is_strong,
        algorithm=text_or_none(only),
        coin=coin_of(login, password),
        agent=text_or_none(agent),
        login=login,
    )


def _job(message: JsonMessage, params: Any) -> Sighting | None:
    return _job_sighting(params) if is_job(params, is_cut=message.is_cut) else None


def _submit(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, dict) or "job_id" not in params:
        return None
    nonce, result = params.get("nonce"), params.get("result")
    fits = is_hex_between(nonce, 8, 16) and is_hash(result)
    if not (fits or (message.is_cut and isinstance(nonce, str))):
        return None
    return Sighting(Role.SUBMIT, DIALECT, CERTAIN)


def _upkeep(message: JsonMessage, params: Any) -> Sighting | None:
    if isinstance(params, dict) and is_name(params.get("id"), 256):
        return Sighting(Role.UPKEEP, DIALECT, CERTAIN, is_weak=True)
    return None


METHODS: dict[str, Grammar] = {
    "login": _login,
    "job": _job,
    "submit": _submit,
    "keepalived": _upkeep,
    "getjob": _upkeep,
}


def result(message: JsonMessage, value: Any) -> Sighting | None:
    """Recognise the answer to a login, to ``getjob`` or to a keepalive."""
    if not isinstance(value, dict):
        return None
    for job in (value.get("job"), value):
        if isinstance(job, dict) and is_job(job, is_cut=message.is_cut):
            return _job_sighting(job)
    if value.get("status") == "KEEPALIVED":
        return Sighting(Role.ALIVE, DIALECT, CERTAIN)
    return None
