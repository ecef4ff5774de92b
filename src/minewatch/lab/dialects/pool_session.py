# SPDX-License-Identifier: Apache-2.0
"""What the pool's ends of all dialects have in common: shares are judged, difficulty is steered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from random import Random

from minewatch.lab.dialects.contract import PoolSettings, Work
from minewatch.lab.dialects.stream import Lines, Message, read_object
from minewatch.lab.dialects.vardiff import Retarget

JOBS_REMEMBERED = 4
"""Shares for the last few jobs are accepted, older ones are refused; as in nodejs-pool."""

MALFORMED = (LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading a message of the wrong shape raises."""


class Verdict(Enum):
    """What becomes of a share."""

    ACCEPTED = "accepted"
    STALE = "stale"
    LOW = "low difficulty"


class SteeredPool(ABC):
    """The pool's end of one connection, in any dialect.

    Parameters
    ----------
    settings : how it treats its workers.
    rng : source of ids and refusals.
    least : least difficulty that the dialect can say.
    """

    def __init__(self, settings: PoolSettings, rng: Random, least: float = 1.0) -> None:
        self.settings = settings
        self.rng = rng
        self.accepted = 0
        self.rejected = 0
        self.is_logged_in = False
        self.retarget = Retarget(settings, least)
        self._jobs: dict[str, float] = {}

    @abstractmethod
    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return the answers."""

    @abstractmethod
    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return a new job, with the new difficulty in front if it changed."""

    def push(self, work: Work, now_s: float) -> list[bytes]:
        """Return what new work makes the pool send."""
        if not self.is_logged_in:
            return []
        return self.announce(work, is_changed=self.retarget.is_changed(now_s))

    def steer(self, work: Work, now_s: float) -> list[bytes]:
        """Return what the pool sends because the shares so far want another difficulty."""
        if not self.retarget.is_changed(now_s):
            return []
        return self.announce(replace(work, is_new_block=False), is_changed=True)

    def remember(self, job_id: str) -> None:
        """Expect shares for a job of the present difficulty."""
        self._jobs[job_id] = self.retarget.difficulty
        while len(self._jobs) > JOBS_REMEMBERED:
            del self._jobs[next(iter(self._jobs))]

    def forget(self) -> None:
        """Take shares for no job given out so far."""
        self._jobs.clear()

    def judge(self, job_id: str, is_met: Callable[[float], bool] = lambda _: True) -> Verdict:
        """Judge and count a share.

        Parameters
        ----------
        job_id : what it was found for.
        is_met : tells whether its hash meets a difficulty, where the dialect carries it.
        """
        difficulty = self._jobs.get(job_id)
        is_unlucky = self.rng.random() < self.settings.reject_ratio
        if difficulty is not None and not is_unlucky and is_met(difficulty):
            self.accepted += 1
            self.retarget.count(difficulty)
            return Verdict.ACCEPTED
        self.rejected += 1
        return Verdict.STALE if difficulty is None else Verdict.LOW


class LinePool(SteeredPool):
    """A pool that speaks JSON lines."""

    def __init__(self, settings: PoolSettings, rng: Random, least: float = 1.0) -> None:
        super().__init__(settings, rng, least)
        self._lines = Lines()

    @abstractmethod
    def answer(self, message: Message, work: Work, now_s: float) -> list[bytes]:
        """Return the answers to one message."""

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return the answers."""
        answers: list[bytes] = []
        for line in self._lines.feed(octets):
            try:
                answers += self.answer(read_object(line), work, now_s)
            except MALFORMED as error:
                raise ValueError(f"not a miner's message: {line[:100]!r}") from error
        return answers


def request_id(message: Message) -> int | str | None:
    """Return the id of a request.

    Raises
    ------
    ValueError : it is neither number nor short text nor null.
    """
    value = message.get("id")
    if isinstance(value, int | None) or (isinstance(value, str) and len(value) <= 64):
        return value
    raise ValueError("an id is a number or a short text")
