# SPDX-License-Identifier: Apache-2.0
"""What the miner's ends of all dialects have in common: questions asked, shares counted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from random import Random

from minewatch.lab.dialects.contract import MinerSettings
from minewatch.lab.dialects.pool_session import MALFORMED
from minewatch.lab.dialects.stream import Lines, Message, read_object

MAX_ASKED = 256
"""Questions that await an answer; the oldest are given up."""


class CountingMiner(ABC):
    """The miner's end of one connection, in any dialect.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces and results.
    """

    def __init__(self, settings: MinerSettings, rng: Random) -> None:
        self.settings = settings
        self.rng = rng
        self.accepted = 0
        self.rejected = 0
        self.jobs = 0
        self.difficulty: float | None = None
        self.next_tick_s = math.inf
        self._asked: dict[int, str] = {}

    @abstractmethod
    def open(self, now_s: float) -> list[bytes]:
        """Return the first messages."""

    @abstractmethod
    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return what is sent at once because of them."""

    @abstractmethod
    def share(self, now_s: float) -> list[bytes]:
        """Return a found share; empty without a job."""

    def tick(self, now_s: float) -> list[bytes]:
        """Return what is due by the clock."""
        return []

    def option(self, name: str, default: str) -> str:
        """Return a text among the options."""
        return str(self.settings.options.get(name, default))

    def expect(self, request_id: int, what: str) -> int:
        """Remember what a request asked; return its id."""
        self._asked[request_id] = what
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        return request_id

    def asked(self, request_id: object) -> str:
        """Return what an answer answers; empty if nothing was asked."""
        return self._asked.pop(request_id, "") if isinstance(request_id, int) else ""

    def count(self, *, is_accepted: bool) -> None:
        """Count the answer to a share."""
        if is_accepted:
            self.accepted += 1
        else:
            self.rejected += 1


class LineMiner(CountingMiner):
    """A miner that speaks JSON lines."""

    def __init__(self, settings: MinerSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._lines = Lines()

    @abstractmethod
    def take(self, message: Message, now_s: float) -> list[bytes]:
        """Take one message; return what is sent at once because of it."""

    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return what is sent at once because of them."""
        sent: list[bytes] = []
        for line in self._lines.feed(octets):
            try:
                sent += self.take(read_object(line), now_s)
            except MALFORMED as error:
                raise ValueError(f"not a pool's message: {line[:100]!r}") from error
        return sent
