# SPDX-License-Identifier: Apache-2.0
"""The pool's end of every dialect that speaks ``mining.*``; what differs is filled in by each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from minewatch.lab.dialects.contract import Work
from minewatch.lab.dialects.pool_session import LinePool, Verdict, request_id
from minewatch.lab.dialects.stream import Message, compact, method_of

UNKNOWN_METHOD = (20, "Method not found")
STALE = (21, "Job not found")
LOW = (23, "Low difficulty share")
UNAUTHORIZED = (24, "Unauthorized worker")
UNSUBSCRIBED = (25, "Not subscribed")

_REFUSALS = {Verdict.STALE: STALE, Verdict.LOW: LOW}


class MiningPool(LinePool):
    """Subscribe, authorize, then jobs, shares and difficulties."""

    _is_subscribed = False
    _last_job = 0

    @abstractmethod
    def greeting(self, params: list[Any]) -> object:
        """Return the result of a subscription."""

    @abstractmethod
    def difficulty_message(self) -> Message:
        """Return how the present difficulty is announced."""

    @abstractmethod
    def job(self, work: Work) -> list[Any]:
        """Return the parameters of a notify; the first is the job's id."""

    def is_met(self, params: list[Any], difficulty: float) -> bool:
        """Tell whether a share's hash meets a difficulty, where the dialect carries one."""
        return True

    def other(self, method: str, params: list[Any]) -> object:
        """Return the result of a method that only some miners use; None if it is unknown."""
        return True if method == "mining.extranonce.subscribe" else None

    def next_job_id(self) -> str:
        """Return the id of a new job: NOMP counts up, in hexadecimal."""
        if not self._last_job:
            self._last_job = self.rng.randrange(1, 0x8000)
        self._last_job += 1
        return f"{self._last_job:x}"

    def push(self, work: Work, now_s: float) -> list[bytes]:
        """Return what new work makes the pool send; a new block makes all older jobs stale."""
        if work.is_new_block:
            self.forget()
        return super().push(work, now_s)

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return a notify, with the difficulty in front if it changed."""
        params = self.job(work)
        self.remember(str(params[0]))
        notify = notification("mining.notify", params)
        return [compact(self.difficulty_message()), notify] if is_changed else [notify]

    def answer(self, message: Message, work: Work, now_s: float) -> list[bytes]:
        """Return the answers to one message."""
        number, method, params = request_id(message), method_of(message), message["params"]
        if method is None or not isinstance(params, list):
            raise ValueError("parameters of mining.* are a list")
        if method == "mining.subscribe":
            self._is_subscribed = True
            return [result(number, self.greeting(params))]
        if method == "mining.authorize":
            return self._authorize(number, params, work, now_s)
        if method == "mining.submit":
            return [self._judged(number, params), *self.steer(work, now_s)]
        value = self.other(method, params)
        return [result(number, value) if value is not None else refusal(number, UNKNOWN_METHOD)]

    def _authorize(
        self, number: int | str | None, params: list[Any], work: Work, now_s: float
    ) -> list[bytes]:
        if not self._is_subscribed:
            return [refusal(number, UNSUBSCRIBED)]
        if not isinstance(params[0], str) or not params[0]:
            return [result(number, False)]
        if self.is_logged_in:  # one more worker over the same connection
            return [result(number, True)]
        self.is_logged_in = True
        self.retarget.is_changed(now_s)  # starts its clock
        return [result(number, True), *self.announce(work, is_changed=True)]

    def _judged(self, number: int | str | None, params: list[Any]) -> bytes:
        if not self.is_logged_in:
            return refusal(number, UNAUTHORIZED)
        job_id = str(params[1])
        verdict = self.judge(job_id, lambda difficulty: self.is_met(params, difficulty))
        if verdict is Verdict.ACCEPTED:
            return result(number, True)
        return refusal(number, _REFUSALS[verdict])


def result(number: int | str | None, value: object) -> bytes:
    """Return the line of an answer."""
    return compact({"id": number, "result": value, "error": None})


def refusal(number: int | str | None, error: tuple[int, str]) -> bytes:
    """Return the line of a refusal."""
    return compact({"id": number, "result": None, "error": [*error, None]})


def notification(method: str, params: list[Any]) -> bytes:
    """Return the line of what the pool says unasked."""
    return compact({"id": None, "method": method, "params": params})
