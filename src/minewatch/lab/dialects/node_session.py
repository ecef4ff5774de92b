# SPDX-License-Identifier: Apache-2.0
"""Mining at a node over HTTP: what getblocktemplate and getwork have in common.

The miner asks for work at a steady pace, as cpuminer does every 5 s, and the node answers. It never
says anything unasked.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, Work
from minewatch.lab.dialects.http_messages import HttpMessage, HttpReader, post, respond
from minewatch.lab.dialects.miner_session import MAX_ASKED, CountingMiner
from minewatch.lab.dialects.pool_session import MALFORMED, SteeredPool
from minewatch.lab.dialects.stream import compact, read_object

POLL_S = 5.0
"""cpuminer's ``--scantime``."""
_UNKNOWN_METHOD = {"code": -32601, "message": "Method not found"}


class Node(SteeredPool):
    """The node's end."""

    _reader: HttpReader | None = None

    @abstractmethod
    def call(self, method: str, params: list[Any], work: Work, now_s: float) -> object:
        """Return the result of a method.

        Raises
        ------
        NotImplementedError : there is no such method.
        """

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return nothing: a node waits until it is asked."""
        return []

    def push(self, work: Work, now_s: float) -> list[bytes]:
        """Return nothing."""
        return []

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return whole responses."""
        self._reader = self._reader or HttpReader()
        return [self._respond(request, work, now_s) for request in self._reader.feed(octets)]

    def _respond(self, request: HttpMessage, work: Work, now_s: float) -> bytes:
        if not request.headers.get("authorization", "").startswith("Basic "):
            return respond(b"", now_s, "401 Unauthorized")
        self.is_logged_in = True
        message = read_object(request.body)
        number = message.get("id")
        if not isinstance(number, int | str | None):
            raise ValueError("an id is a number or a text")
        try:
            value = self.call(message["method"], message["params"], work, now_s)
        except NotImplementedError:
            answer = {"result": None, "error": _UNKNOWN_METHOD, "id": number}
            return respond(compact(answer), now_s, "404 Not Found")
        except MALFORMED as error:
            raise ValueError(f"not a miner's request: {request.body[:100]!r}") from error
        return respond(compact({"result": value, "error": None, "id": number}), now_s)


class NodeMiner(CountingMiner):
    """The miner's end.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces.
    """

    agent = "cpuminer/2.5.1"

    def __init__(self, settings: MinerSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._reader = HttpReader()
        self._pending: deque[str] = deque()
        self._poll_s = float(self.option("poll_s", str(POLL_S)))
        if not self._poll_s > 0:
            raise ValueError(f"poll_s must be above 0, not {self._poll_s}")

    @abstractmethod
    def poll(self) -> bytes:
        """Return the body that asks for work."""

    @abstractmethod
    def start(self, value: Any) -> None:
        """Take work."""

    @abstractmethod
    def found(self) -> bytes | None:
        """Return the body of a share; None without work."""

    @abstractmethod
    def is_good(self, value: Any) -> bool:
        """Tell whether the node's answer to a share accepts it."""

    def open(self, now_s: float) -> list[bytes]:
        """Return the first question for work."""
        self.next_tick_s = now_s + self._poll_s
        return [self._post("work", self.poll())]

    def _post(self, what: str, body: bytes) -> bytes:
        self._pending.append(what)
        return post(
            body,
            host=self.option("host", "127.0.0.1:8332"),
            login=self.settings.login,
            password=self.settings.password,
            agent=self.option("agent", self.agent),
        )

    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; responses come in the order of requests."""
        for response in self._reader.feed(octets):
            if not self._pending:
                raise ValueError("a response to nothing")
            status = response.first_line.split(" ")
            if status[1:2] != ["200"]:
                raise ValueError(f"the node refused: {response.first_line[:100]!r}")
            try:
                self._take(self._pending.popleft(), read_object(response.body)["result"])
            except MALFORMED as error:
                raise ValueError(f"not a node's answer: {response.body[:100]!r}") from error
        return []

    def _take(self, what: str, value: Any) -> None:
        if what == "work":
            self.start(value)
        else:
            self.count(is_accepted=self.is_good(value))

    def share(self, now_s: float) -> list[bytes]:
        """Return a share."""
        body = self.found()
        return (
            [] if body is None or len(self._pending) >= MAX_ASKED else [self._post("share", body)]
        )

    def tick(self, now_s: float) -> list[bytes]:
        """Return the next question for work, unless one is still unanswered."""
        if now_s < self.next_tick_s:
            return []
        self.next_tick_s = now_s + self._poll_s
        return [] if "work" in self._pending else [self._post("work", self.poll())]
