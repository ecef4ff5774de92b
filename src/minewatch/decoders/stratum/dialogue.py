# SPDX-License-Identifier: Apache-2.0
"""From recognised messages to one verdict on the conversation, by what both sides did."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from minewatch.decoders.jsonlines import JsonMessage
from minewatch.decoders.stratum import bitcoin, coinhive, cryptonote, ethereum, ethproxy, getwork
from minewatch.decoders.stratum.shape import is_program
from minewatch.decoders.stratum.sighting import POOL_ROLES, Grammar, Role, Sighting
from minewatch.decoders.text import printable, shortened

METHODS: dict[str, Grammar] = {
    **bitcoin.METHODS,
    **ethereum.METHODS,
    **cryptonote.METHODS,
    **ethproxy.METHODS,
    **getwork.METHODS,
}
_RESULTS: tuple[Grammar, ...] = (
    cryptonote.result,
    bitcoin.result,
    ethproxy.result,
    ethereum.result,
    getwork.result,
)
_HTTP_RESULTS: tuple[Grammar, ...] = (ethproxy.result, getwork.result)
_POLLED = frozenset({getwork.WORK, getwork.TEMPLATE, ethproxy.GETWORK})
# What travels inside HTTP; the other dialects never do.
_HTTP_METHODS = getwork.METHODS.keys() | ethproxy.METHODS.keys()
_DECISIVE = frozenset({Role.JOB, Role.GREETING, Role.LOGIN, Role.SUBMIT})
_BACKED = frozenset({Role.JOB, Role.GREETING, Role.SETTING, Role.ALIVE})


class Dialogue:
    """The messages of one conversation that mean something in mining."""

    def __init__(self) -> None:
        self.sightings: list[tuple[JsonMessage, Sighting]] = []
        self.misfits = 0
        self.accepted = 0
        self.rejected = 0
        self._asked: dict[tuple[bool, int | str], tuple[Role, str]] = {}

    def add(self, message: JsonMessage) -> None:
        """Take the next message, in the order of capture."""
        value = message.value
        method = value.get("method")
        if isinstance(method, str):
            self._request(message, method)
        elif "result" in value or "error" in value:
            self._answer(message)
        elif found := coinhive.recognise(message):
            self.sightings.append((message, found))
            self.accepted += found.role is Role.ALIVE

    def _request(self, message: JsonMessage, method: str) -> None:
        grammar = METHODS.get(method)
        if message.carrier == "http" and method not in _HTTP_METHODS:
            grammar = None
        found = grammar(message, message.value.get("params")) if grammar else None
        if found:
            self.sightings.append((message, found))
        elif grammar and not message.is_cut:
            self.misfits += 1
        identifier = message.value.get("id")
        if isinstance(identifier, int | str):
            key = (message.from_initiator, identifier)
            self._asked[key] = (found.role, found.dialect) if found else (Role.MISFIT, "")

    def _answer(self, message: JsonMessage) -> None:
        identifier = message.value.get("id")
        role, dialect = None, ""
        if isinstance(identifier, int | str):
            asked = self._asked.get((not message.from_initiator, identifier))
            role, dialect = asked or (None, "")
        if role is Role.MISFIT:
            return  # an answer to something else
        result, error = message.value.get("result"), message.value.get("error")
        if role is Role.SUBMIT:
            is_refused = bool(error) or _says_no(result, dialect)
            self.rejected += is_refused
            self.accepted += not is_refused
        elif found := self._result(message, result, role):
            self.sightings.append((message, replace(found, is_weak=found.is_weak and not role)))
        elif role is Role.SUBSCRIBE and not error and not bitcoin.subscription_answer(result):
            self.misfits += 1

    def _result(self, message: JsonMessage, result: Any, role: Role | None) -> Sighting | None:
        for grammar in _HTTP_RESULTS if message.carrier == "http" else _RESULTS:
            if found := grammar(message, result):
                return found
        is_answer = role is Role.SUBSCRIBE and isinstance(result, list) and bool(result)
        if is_answer and bitcoin.subscription_answer(result):
            return Sighting(Role.GREETING, bitcoin.DIALECT)
        return None

    def verdict(self) -> dict[str, object] | None:
        """Return the values of the ``stratum_*`` columns, or None if this is not mining."""
        kept, is_miner_initiator = self._consistent()
        if not kept or not self._is_convincing(kept):
            return None
        roles = Counter(found.role for _, found in kept)
        dialect = _dialect(kept)
        agent = _first(found.agent for _, found in kept)
        state = self._state(roles, dialect, is_program(agent))
        if state is None:
            return None
        # A job tells better than a login what is really hashed.
        by_job = sorted(kept, key=lambda item: item[1].role is not Role.JOB)
        return {
            "stratum_dialect": dialect,
            "stratum_state": state,
            "stratum_algorithm": printable(_first(found.algorithm for _, found in by_job), 32),
            "stratum_coin_hint": _first(found.coin for _, found in kept),
            "stratum_agent": printable(agent, 64),
            "stratum_login": shortened(_first(found.login for _, found in kept)),
            "stratum_requests": sum(n for role, n in roles.items() if role not in POOL_ROLES),
            "stratum_jobs": roles[Role.JOB],
            "stratum_submits": roles[Role.SUBMIT],
            "stratum_results_ok": self.accepted,
            "stratum_results_error": self.rejected,
            "stratum_is_miner_initiator": is_miner_initiator,
            "stratum_first_seen_ns": min(message.time_ns for message, _ in kept),
        }

    def _consistent(self) -> tuple[list[tuple[JsonMessage, Sighting]], bool]:
        """Return the sightings that agree on who mines, and whether the initiator does.

        A side that sends both parts is no miner and no pool: a recording, or an echo.
        """
        messages = [message for message, _ in self.sightings]
        sightings = ethproxy.same_carrier([found for _, found in self.sightings])
        pairs = list(zip(messages, sightings, strict=True))
        votes = [message.from_initiator != (found.role in POOL_ROLES) for message, found in pairs]
        forth = sum(votes)
        back = len(votes) - forth
        if min(forth, back) * 4 >= max(forth, back) and back and forth:
            return [], False
        is_initiator = forth > back
        kept = [pair for pair, vote in zip(pairs, votes, strict=True) if vote == is_initiator]
        return kept, is_initiator

    def _is_convincing(self, kept: list[tuple[JsonMessage, Sighting]]) -> bool:
        """One strong message or weak ones of two kinds; more where others contradict."""
        strong = [found for _, found in kept if not found.is_weak]
        if self.misfits:
            return any(found.role in _DECISIVE or is_program(found.agent) for found in strong)
        return bool(strong) or len({found.role for _, found in kept}) > 1

    def _state(self, roles: Counter[Role], dialect: str, is_program: bool) -> str | None:
        asks = sum(n for role, n in roles.items() if role not in POOL_ROLES)
        if dialect in _POLLED and not roles.keys() & {Role.LOGIN, Role.HASHRATE}:
            shares = dialect == getwork.WORK and roles[Role.SUBMIT]
            if not is_program and not shares:
                return "poll"
            return "session" if roles[Role.JOB] or shares else "attempt"
        if asks and (roles.keys() & _BACKED or self.accepted or self.rejected):
            return "session"
        if asks:
            return "attempt"
        # One list of three hashes has other explanations.
        least = 2 if dialect in (ethproxy.PROXY, ethproxy.GETWORK) else 1
        return "jobs-only" if roles[Role.JOB] >= least else None


def _says_no(result: Any, dialect: str) -> bool:
    """Tell whether a result without an error refuses a share."""
    if dialect == getwork.TEMPLATE:
        return isinstance(result, str) and bool(result)  # BIP 22: null, or the reason
    return result is False or result is None


def _dialect(kept: list[tuple[JsonMessage, Sighting]]) -> str:
    weight: Counter[str] = Counter()
    for _, found in kept:
        weight[found.dialect] += found.rank
    return weight.most_common(1)[0][0]


def _first(values: Any) -> str | None:
    return next((value for value in values if value), None)
