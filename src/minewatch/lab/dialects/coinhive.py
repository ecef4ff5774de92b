# SPDX-License-Identifier: Apache-2.0
"""Browser miners of Coinhive's kind: messages ``{"type": ..., "params": ...}`` over a web socket.

The driver frames the messages; a session gets and gives one whole text message at a time. Hashes
credited so far come back with every accepted share.
"""

from __future__ import annotations

import json
from random import Random

from minewatch.lab.dialects import cryptonote_messages as messages
from minewatch.lab.dialects.contract import (
    MAX_BUFFER_OCTETS,
    MinerSettings,
    PoolSettings,
    Work,
)
from minewatch.lab.dialects.cryptonote_messages import Job
from minewatch.lab.dialects.miner_session import CountingMiner
from minewatch.lab.dialects.pool_session import MALFORMED, SteeredPool, Verdict
from minewatch.lab.dialects.stream import Message, read_object

VERSION = 7
"""Of the script that a page loads."""


def text(kind: str, params: Message) -> bytes:
    """Return one text message.

    Examples
    --------
    >>> text("hash_accepted", {"hashes": 256})
    b'{"type":"hash_accepted","params":{"hashes":256}}'
    """
    return json.dumps({"type": kind, "params": params}, separators=(",", ":")).encode()


def _read(octets: bytes) -> Message:
    if len(octets) > MAX_BUFFER_OCTETS:
        raise ValueError(f"a message is longer than {MAX_BUFFER_OCTETS} octets")
    return read_object(octets)


class CoinhivePool(SteeredPool):
    """The pool's end."""

    _hashes = 0

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return a job; its target is how this dialect says a difficulty."""
        job = messages.make_job(
            work, self.retarget.difficulty, self.rng, algorithm=self.settings.algorithm
        )
        self.remember(job.job_id)
        return [text("job", {"job_id": job.job_id, "blob": job.blob, "target": job.target})]

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take one whole message; return the answers."""
        message = _read(octets)
        try:
            return self._answer(message["type"], message["params"], work, now_s)
        except MALFORMED as error:
            raise ValueError(f"not a miner's message: {octets[:100]!r}") from error

    def _answer(self, kind: object, params: Message, work: Work, now_s: float) -> list[bytes]:
        if kind == "auth":
            if not isinstance(params["site_key"], str) or not params["site_key"]:
                return [text("error", {"error": "invalid_site_key"})]
            self.is_logged_in = True
            self.retarget.is_changed(now_s)  # starts its clock
            return [
                text("authed", {"token": "", "hashes": 0}),
                *self.announce(work, is_changed=True),
            ]
        if kind != "submit" or not self.is_logged_in:
            raise ValueError(f"no message of a miner: {kind!r:.64}")
        return [self._judged(params), *self.steer(work, now_s)]

    def _judged(self, params: Message) -> bytes:
        result, job_id = str(params["result"]), str(params["job_id"])
        difficulty = round(self._jobs.get(job_id, 0))
        verdict = self.judge(job_id, lambda wanted: messages.meets(result, wanted))
        if verdict is not Verdict.ACCEPTED:
            return text("error", {"error": "invalid_share"})
        self._hashes += difficulty
        return text("hash_accepted", {"hashes": self._hashes})


class CoinhiveMiner(CountingMiner):
    """The miner's end: a page in a browser."""

    _job: Job | None = None
    _is_logged_in = False

    def open(self, now_s: float) -> list[bytes]:
        """Return the login with the site's key."""
        params = {
            "site_key": self.settings.login,
            "type": "anonymous",
            "user": None,
            "goal": 0,
            "version": VERSION,
        }
        return [text("auth", params)]

    def receive(self, octets: bytes, now_s: float) -> list[bytes]:
        """Take one whole message."""
        message = _read(octets)
        try:
            self._take(message["type"], message["params"])
        except MALFORMED as error:
            raise ValueError(f"not a pool's message: {octets[:100]!r}") from error
        return []

    def _take(self, kind: object, params: Message) -> None:
        if kind == "job":
            self._job = messages.parse_job(params)
            self.difficulty = self._job.difficulty
            self.jobs += 1
        elif kind == "authed":
            self._is_logged_in = True
        elif kind == "hash_accepted" or (kind == "error" and self._is_logged_in):
            self.count(is_accepted=kind == "hash_accepted")
        else:
            raise ValueError(f"the pool refused: {params.get('error', kind)!r:.64}")

    def share(self, now_s: float) -> list[bytes]:
        """Return a share."""
        job = self._job
        if job is None or not self._is_logged_in:
            return []
        params = {
            "version": VERSION,
            "job_id": job.job_id,
            "nonce": self.rng.randbytes(4).hex(),
            "result": messages.make_result(job.difficulty, self.rng),
        }
        return [text("submit", params)]


class Coinhive:
    """The dialect of browser miners."""

    name = "coinhive"
    decoded_as = "coinhive"
    carrier = "websocket"

    def pool(self, settings: PoolSettings, rng: Random) -> CoinhivePool:
        """Return the pool's end of a new connection."""
        return CoinhivePool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> CoinhiveMiner:
        """Return the miner's end of a new connection."""
        return CoinhiveMiner(settings, rng)


DIALECTS = (Coinhive(),)
