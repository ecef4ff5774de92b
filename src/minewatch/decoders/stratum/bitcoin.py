# SPDX-License-Identifier: Apache-2.0
"""Bitcoin's Stratum and what every ``mining.*`` dialect shares with it.

Chains that kept the method names and changed the job (Ergo, Kaspa, Nervos) are recognised by
their subscription and by a job that carries at least one hash; they are called ``bitcoin`` too.
"""

from __future__ import annotations

from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum import zcash
from minewatch.decoders.stratum.ethereum import (
    greeting_one,
    notify_one,
    notify_seeded,
    notify_two,
    submit_one,
    submit_two,
    subscribe_one,
)
from minewatch.decoders.stratum.kawpow import notify_kawpow, submit_kawpow
from minewatch.decoders.stratum.shape import (
    are_hashes,
    coin_of,
    is_hash,
    is_hex,
    is_hex_between,
    is_name,
    is_number,
    is_program,
    is_versioned,
    item,
)
from minewatch.decoders.stratum.sighting import (
    CERTAIN,
    GENERIC,
    HINT,
    Grammar,
    Role,
    Sighting,
    text_or_none,
)

DIALECT = "bitcoin"

_MAX_COINBASE = 8192


def _subscribe(message: JsonMessage, params: Any) -> Sighting | None:
    if found := subscribe_one(params):
        return found
    if not isinstance(params, list) or len(params) > 6:
        return None
    if not all(value is None or isinstance(value, str | int) for value in params):
        return None
    agent = item(params, 0)
    is_strong = not params or is_program(agent) or is_versioned(agent)
    return Sighting(
        Role.SUBSCRIBE, DIALECT, GENERIC, is_weak=not is_strong, agent=text_or_none(agent)
    )


def _authorize(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, list) or not 1 <= len(params) <= 4 or not is_name(params[0], 1024):
        return None
    if not all(value is None or isinstance(value, str) for value in params):
        return None
    coin = coin_of(params[0], item(params, 1))
    return Sighting(Role.AUTHORIZE, DIALECT, is_weak=coin is None, coin=coin, login=params[0])


def _notify(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, list) or len(params) > 16:
        return None
    if _is_bitcoin_job(params, is_cut=message.is_cut):
        return Sighting(Role.JOB, DIALECT, CERTAIN)
    for grammar in (zcash.notify, notify_kawpow, notify_seeded, notify_one, notify_two):
        if found := grammar(message, params):
            return found
    if len(params) >= 2 and (any(map(is_hash, params)) or _is_number_list(item(params, 1))):
        return Sighting(Role.JOB, DIALECT, GENERIC, is_weak=True)
    return None


def _is_bitcoin_job(params: list[Any], *, is_cut: bool) -> bool:
    """``[job, previous hash, (more hashes,) two coinbase parts, branch, three words, clean]``."""
    branch = next((i for i, value in enumerate(params) if isinstance(value, list)), len(params))
    if not is_hash(item(params, 1)) or not is_name(str(params[0]), 256):
        return False
    if is_cut and branch + 4 >= len(params):
        return all(isinstance(value, str) for value in params[:branch])
    if branch not in (4, 5) or len(params) < branch + 5:
        return False
    words = params[branch + 1 : branch + 4]
    coinbase = params[branch - 2 : branch]
    return (
        are_hashes(params[branch])
        and all(is_hex_between(part, 0, _MAX_COINBASE) for part in coinbase)
        and len(coinbase[0]) > 0
        and all(is_hex(word, 8) for word in words)
        and isinstance(params[branch + 4], bool)
    )


def _is_number_list(value: object) -> bool:
    """Kaspa writes the header hash as four numbers of 64 bits."""
    return isinstance(value, list) and len(value) == 4 and all(map(is_number, value))


def _submit(message: JsonMessage, params: Any) -> Sighting | None:
    if not isinstance(params, list) or len(params) > 10:
        return None
    for grammar in (submit_kawpow, zcash.submit, submit_one, submit_two):
        if found := grammar(message, params):
            return found
    if len(params) < 3 or not is_name(params[0], 1024) or not is_name(str(params[1]), 256):
        return None
    numbers = params[2:]
    if len(numbers) >= 3 and is_hex(numbers[1], 8) and is_hex_between(numbers[2], 8, 16):
        return Sighting(Role.SUBMIT, DIALECT, HINT)
    if all(is_hex_between(str(part).removeprefix("0x"), 2, 8192) for part in numbers):
        return Sighting(Role.SUBMIT, DIALECT, is_weak=True)
    return Sighting(Role.SUBMIT, DIALECT, is_weak=True) if message.is_cut else None


def _upkeep(message: JsonMessage, params: Any) -> Sighting | None:
    return Sighting(Role.UPKEEP, DIALECT, is_weak=True) if isinstance(params, list) else None


def _configure(message: JsonMessage, params: Any) -> Sighting | None:
    """BIP 310: ``[["version-rolling"], {"version-rolling.mask": ...}]``."""
    fits = isinstance(params, list) and len(params) == 2 and isinstance(params[0], list)
    fits = fits and bool(params[0]) and isinstance(params[1], dict)
    return Sighting(Role.UPKEEP, DIALECT, HINT) if fits else None


def _difficulty(message: JsonMessage, params: Any) -> Sighting | None:
    if isinstance(params, list) and params and is_number(params[0]):
        return Sighting(Role.SETTING, DIALECT, is_weak=True)
    return None


def _target(message: JsonMessage, params: Any) -> Sighting | None:
    if isinstance(params, list) and params and is_hash(params[0]):
        return Sighting(Role.SETTING, DIALECT, is_weak=True)
    return None


def _extranonce(message: JsonMessage, params: Any) -> Sighting | None:
    fits = isinstance(params, list) and bool(params)
    fits = fits and is_hex_between(str(params[0]).removeprefix("0x"), 0, 64)
    return Sighting(Role.SETTING, DIALECT, is_weak=True) if fits else None


def _from_pool(message: JsonMessage, params: Any) -> Sighting | None:
    fits = params is None or isinstance(params, list)
    return Sighting(Role.SETTING, DIALECT, is_weak=True) if fits else None


METHODS: dict[str, Grammar] = {
    "mining.subscribe": _subscribe,
    "mining.authorize": _authorize,
    "mining.notify": _notify,
    "mining.submit": _submit,
    "mining.configure": _configure,
    "mining.extranonce.subscribe": _upkeep,
    "mining.get_transactions": _upkeep,
    "mining.multi_version": _upkeep,
    "mining.suggest_difficulty": _upkeep,
    "mining.suggest_target": _upkeep,
    "mining.set_difficulty": _difficulty,
    "mining.set_target": _target,
    "mining.set_extranonce": _extranonce,
    "mining.set_version_mask": _from_pool,
    "client.show_message": _from_pool,
    "client.get_version": _from_pool,
    "client.reconnect": _from_pool,
}


def result(message: JsonMessage, value: Any) -> Sighting | None:
    """Recognise the answer to a subscription: ``[[["mining.notify", id], ...], extranonce, n]``."""
    if not isinstance(value, list) or not 2 <= len(value) <= 4:
        return None
    topics = value[0]
    if isinstance(topics, list) and topics:
        pairs = topics if isinstance(topics[0], list) else [topics]
        names = [pair[0] for pair in pairs if isinstance(pair, list) and pair]
        if "mining.notify" not in names or not isinstance(value[1], str):
            return None
        return greeting_one(pairs) or Sighting(Role.GREETING, DIALECT, GENERIC)
    return None


def subscription_answer(value: Any) -> bool:
    """Return whether ``value`` may answer ``mining.subscribe`` in one of the dialects."""
    if value is None or isinstance(value, bool):
        return True
    if not isinstance(value, list):
        # CryptoNote pools say so to whatever they do not know (80 of 688 probes of nesfit's).
        return bool(value == {"status": "OK"})
    # Zcash and derived: [session or null, first part of the nonce]
    return not value or any(
        isinstance(part, str) and is_hex_between(part.removeprefix("0x"), 0, 64)
        for part in value[1:3]
    )
