# SPDX-License-Identifier: Apache-2.0
"""The one connection to a pool that a mining proxy holds, in CryptoNote's Stratum. No sockets here.

It looks like a miner that finds a lot: shares of all its workers, one login.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from minewatch.lab.dialects.stream import Lines, Message, compact, read_object

Answer: TypeAlias = Callable[[object], None]
"""Takes the error of a submit; None if the share was accepted."""

AGENT = "xmrig-proxy/6.24.0 (Linux x86_64) libuv/1.51.0 gcc/13.3.0"
ALGORITHMS = (
    "cn/1 cn/2 cn/r cn/fast cn/half cn/xao cn/rto cn/rwz cn/zls cn/double cn/ccx cn-lite/1 "
    "cn-heavy/0 cn-heavy/tube cn-heavy/xhv cn-pico rx/0 rx/wow rx/arq rx/graft rx/sfx argon2/chukwa"
)
"""What the proxy would take, as one text; only its length matters."""

KEEPALIVE_S = 60.0
"""Silence after which a sign of life is sent [s]."""

MAX_PENDING = 1024
"""Submits that may await the pool's answer."""

LOST = {"code": -1, "message": "Bad gateway"}
"""What workers are told of shares that got lost on the way; xmrig-proxy's text."""


class Upstream:
    """The proxy's end of the connection.

    Parameters
    ----------
    login : wallet or account at the pool.
    rig : name of the machine.
    take_job : called with each new job, the members as the pool sent them.

    Attributes
    ----------
    jobs, accepted, rejected : so far.
    """

    def __init__(self, login: str, rig: str, take_job: Callable[[Message], None]) -> None:
        self.jobs = 0
        self.accepted = 0
        self.rejected = 0
        self._login = login
        self._rig = rig
        self._take_job = take_job
        self._lines = Lines()
        self._worker_id = ""
        self._extensions: Sequence[str] = ()
        self._last_id = 1
        self._pending: dict[int, Answer] = {}
        self._sent_s = 0.0

    @property
    def next_tick_s(self) -> float:
        """When ``tick`` wants to be called next, seconds since 1970."""
        return self._sent_s + KEEPALIVE_S

    def open(self, now_s: float) -> bytes:
        """Return the login."""
        params = {
            "login": self._login,
            "pass": "x",
            "agent": AGENT,
            "rigid": self._rig,
            "algo": ALGORITHMS.split(),
        }
        return self._request(1, "login", params, now_s)

    def receive(self, octets: bytes) -> None:
        """Take what the pool sent.

        Raises
        ------
        ValueError : the login was refused, or it is no CryptoNote pool.
        """
        for line in self._lines.feed(octets):
            message = read_object(line)
            if message.get("method") == "job":
                self._new_job(message.get("params"))
            elif message.get("id") == 1:
                self._log_in(message)
            else:
                self._settle(message)

    def submit(self, params: Message, answer: Answer, now_s: float) -> bytes:
        """Return a worker's share as the proxy's own; `answer` is called once, now or later."""
        if not self._worker_id or len(self._pending) >= MAX_PENDING:
            answer(LOST)
            return b""
        self._last_id += 1
        self._pending[self._last_id] = answer
        own = {**params, "id": self._worker_id}
        if "algo" not in self._extensions:
            own.pop("algo", None)
        return self._request(self._last_id, "submit", own, now_s)

    def tick(self, now_s: float) -> bytes:
        """Return a sign of life."""
        self._last_id += 1
        return self._request(self._last_id, "keepalived", {"id": self._worker_id}, now_s)

    def close(self) -> None:
        """Answer what the pool will not answer any more."""
        for answer in self._pending.values():
            answer(LOST)
        self._pending.clear()

    def _log_in(self, message: Message) -> None:
        result = message.get("result")
        if not isinstance(result, dict):
            raise ValueError(f"the pool refused the login: {message.get('error')}")
        self._worker_id = str(result.get("id"))
        self._extensions = result.get("extensions") or []
        self._new_job(result.get("job"))

    def _new_job(self, job: object) -> None:
        if not isinstance(job, dict) or not isinstance(job.get("blob"), str):
            raise ValueError("not a job of CryptoNote")
        self.jobs += 1
        self._take_job(job)

    def _settle(self, message: Message) -> None:
        request_id = message.get("id")
        answer = self._pending.pop(request_id, None) if isinstance(request_id, int) else None
        if answer is None:
            return  # a sign of life was answered
        error = message.get("error")
        if error is None:
            self.accepted += 1
        else:
            self.rejected += 1
        answer(error)

    def _request(self, request_id: int, method: str, params: Message, now_s: float) -> bytes:
        self._sent_s = now_s
        return compact({"id": request_id, "jsonrpc": "2.0", "method": method, "params": params})
