# SPDX-License-Identifier: Apache-2.0
"""CryptoNote's Stratum, both ends: the plain pool, multi-coin pools, p2pool, xmrig-proxy, f2pool.

The miner behaves as XMRig 6 does. It says ``keepalived`` 60 s after it last sent anything, at the
next turn of its clock of 1 s, if the pool's login result offers it or the option ``keepalive`` is
true. It keeps the last octet of the nonce that a job sets, and names the algorithm in a submit
only where the pool offers ``algo``.

Options of a miner: ``agent`` and ``algorithms`` (names separated by spaces) of the login;
``keepalive``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from minewatch.lab.dialects import cryptonote_messages as messages
from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.cryptonote_messages import Flavour, Job
from minewatch.lab.dialects.miner_session import LineMiner
from minewatch.lab.dialects.pool_session import LinePool, Verdict, request_id
from minewatch.lab.dialects.stream import Message, compact, method_of

CLOCK_S = 1.0
"""XMRig looks at its timers once a second."""

_REFUSALS = {Verdict.STALE: "Block expired", Verdict.LOW: "Low difficulty share"}


def multicoin_flavour(login: str) -> Flavour:
    """Return how the pool writes: for ``DOGE:...`` as unMineable does, else as MoneroOcean does.

    Examples
    --------
    >>> multicoin_flavour("DOGE:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L.rig").job_members[-1]
    'id'
    """
    return messages.UNMINEABLE if _has_ticker(login) else messages.MONEROOCEAN


def _has_ticker(login: str) -> bool:
    ticker, colon, _ = login.partition(":")
    return bool(colon) and ticker.isalnum() and len(ticker) <= 8


class CryptonotePool(LinePool):
    """The pool's end.

    Parameters
    ----------
    settings : how it treats its workers.
    rng : source of ids and refusals.
    flavour_of : from a login to how the pool writes.
    """

    def __init__(
        self, settings: PoolSettings, rng: Random, flavour_of: Callable[[str], Flavour]
    ) -> None:
        super().__init__(settings, rng)
        self._flavour_of = flavour_of
        self._flavour = messages.PLAIN
        self._worker_id = ""
        self._fixed_nonce = 0

    def announce(self, work: Work, *, is_changed: bool) -> list[bytes]:
        """Return a job; its target is how this dialect says a difficulty."""
        return [compact(messages.job_push(self._make_job(work), self._flavour))]

    def _make_job(self, work: Work) -> Job:
        job = messages.make_job(
            work,
            self.retarget.difficulty,
            self.rng,
            flavour=self._flavour,
            algorithm=self.settings.algorithm,
            worker_id=self._worker_id,
            fixed_nonce=self._fixed_nonce,
        )
        self.remember(job.job_id)
        return job

    def answer(self, message: Message, work: Work, now_s: float) -> list[bytes]:
        """Return the answers to one message."""
        number, method, params = request_id(message), method_of(message), message["params"]
        if method == "login":
            return [self._log_in(number, str(params["login"]), work, now_s)]
        if not self.is_logged_in or params["id"] != self._worker_id:
            return [compact(messages.error_result(number, "Unauthenticated"))]
        if method == "keepalived":
            return [compact(messages.status_result(number, "KEEPALIVED", self._flavour))]
        if method == "submit":
            return [self._judged(number, params), *self.steer(work, now_s)]
        return [compact(messages.error_result(number, "Invalid method"))]

    def _log_in(self, number: int | str | None, login: str, work: Work, now_s: float) -> bytes:
        self._flavour = self._flavour_of(login)
        self._worker_id = self._flavour.worker_id(self.rng)
        if self._flavour.has_fixed_nonce:
            self._fixed_nonce = self.rng.randrange(256)
        self.is_logged_in = True
        self.retarget.is_changed(now_s)  # starts its clock
        job = self._make_job(work)
        return compact(messages.login_result(number, self._worker_id, job, self._flavour))

    def _judged(self, number: int | str | None, params: Message) -> bytes:
        result, nonce = str(params["result"]), bytes.fromhex(str(params["nonce"]))
        is_own = not self._flavour.has_fixed_nonce or nonce[3] == self._fixed_nonce
        verdict = self.judge(
            str(params["job_id"]), lambda difficulty: is_own and messages.meets(result, difficulty)
        )
        if verdict is Verdict.ACCEPTED:
            return compact(messages.status_result(number, flavour=self._flavour))
        return compact(messages.error_result(number, _REFUSALS[verdict]))


class CryptonoteMiner(LineMiner):
    """The miner's end.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces and results.
    is_rig_in_login : tells of a login whether the rig follows it behind a dot.
    agent : what the program calls itself.
    algorithms : what it offers, separated by spaces.
    """

    def __init__(
        self,
        settings: MinerSettings,
        rng: Random,
        *,
        is_rig_in_login: Callable[[str], bool] = lambda _: False,
        agent: str = messages.AGENT,
        algorithms: str = messages.ALGORITHMS,
    ) -> None:
        super().__init__(settings, rng)
        self._is_rig_in_login = is_rig_in_login
        self._agent = self.option("agent", agent)
        self._algorithms = self.option("algorithms", algorithms).split()
        self._last_id = 0
        self._worker_id = ""
        self._job: Job | None = None
        self._job_s = 0.0
        self._nonce = 0
        self._extensions: frozenset[str] = frozenset()
        self._clock_s = 0.0

    def open(self, now_s: float) -> list[bytes]:
        """Return the login."""
        self._clock_s = now_s + self.rng.random() * CLOCK_S
        login, rig = self.settings.login, self.settings.rig
        if self._is_rig_in_login(login):
            login, rig = login if "." in login or not rig else f"{login}.{rig}", ""
        message = messages.login(
            self._next_id("login"),
            login,
            rig,
            self.settings.password,
            agent=self._agent,
            algorithms=self._algorithms,
        )
        return [compact(message)]

    def _next_id(self, what: str) -> int:
        self._last_id += 1
        return self.expect(self._last_id, what)

    def take(self, message: Message, now_s: float) -> list[bytes]:
        """Take a job or an answer."""
        if (method := method_of(message)) is not None:
            if method == "job":
                self._start(messages.parse_job(message["params"]), now_s)
            return []
        what = self.asked(message.get("id"))
        if what == "login":
            self._log_in(message, now_s)
        elif what == "submit":
            self.count(is_accepted=message.get("error") is None)
        return []

    def _log_in(self, message: Message, now_s: float) -> None:
        result = message.get("result")
        if not isinstance(result, dict):
            raise ValueError(f"the pool refused the login: {message.get('error')}")
        self._worker_id = str(result["id"])
        self._extensions = frozenset(map(str, result.get("extensions") or ()))
        self._start(messages.parse_job(result["job"]), now_s)
        self._set_alarm(now_s)

    def _start(self, job: Job, now_s: float) -> None:
        self._job, self._job_s, self._nonce = job, now_s, 0
        self.difficulty = job.difficulty
        self.jobs += 1

    def _set_alarm(self, sent_s: float) -> None:
        if "keepalive" in self._extensions or self.settings.options.get("keepalive"):
            turns = math.ceil((sent_s + self.settings.keepalive_s - self._clock_s) / CLOCK_S)
            self.next_tick_s = self._clock_s + turns * CLOCK_S

    def share(self, now_s: float) -> list[bytes]:
        """Return a share; its nonce grows as hashing goes on."""
        job = self._job
        if job is None or not self._worker_id:
            return []
        hashed = int(max(now_s - self._job_s, 0) * self.settings.hash_rate)
        self._nonce = max(self._nonce + 1, hashed) % 2**24
        last = job.blob[2 * (messages.NONCE + 3) : 2 * (messages.NONCE + 4)] or "00"
        nonce = self._nonce | int(last, 16) << 24
        result = messages.make_result(job.difficulty, self.rng)
        number = self._next_id("submit")
        self._set_alarm(now_s)
        has_algo = "algo" in self._extensions
        return [
            compact(messages.submit(number, self._worker_id, job, nonce, result, has_algo=has_algo))
        ]

    def tick(self, now_s: float) -> list[bytes]:
        """Return a sign of life when one is due."""
        if now_s < self.next_tick_s or not self._worker_id:
            return []
        self._set_alarm(now_s)
        return [compact(messages.keepalived(self._next_id("keepalived"), self._worker_id))]


@dataclass(frozen=True, slots=True)
class Cryptonote:
    """One of the dialects of CryptoNote's family."""

    name: str
    flavour_of: Callable[[str], Flavour]
    is_rig_in_login: Callable[[str], bool] = lambda _: False
    agent: str = messages.AGENT
    algorithms: str = messages.ALGORITHMS
    decoded_as: str = "cryptonote"
    carrier: str = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> CryptonotePool:
        """Return the pool's end of a new connection."""
        return CryptonotePool(settings, rng, self.flavour_of)

    def miner(self, settings: MinerSettings, rng: Random) -> CryptonoteMiner:
        """Return the miner's end of a new connection."""
        return CryptonoteMiner(
            settings,
            rng,
            is_rig_in_login=self.is_rig_in_login,
            agent=self.agent,
            algorithms=self.algorithms,
        )


DIALECTS = (
    Cryptonote("cryptonote", lambda _: messages.PLAIN),
    Cryptonote("cryptonote-multicoin", multicoin_flavour, is_rig_in_login=_has_ticker),
    Cryptonote("cryptonote-p2pool", lambda _: messages.P2POOL),
    Cryptonote("cryptonote-proxy", lambda _: messages.PROXY),
    Cryptonote(
        "cryptonote-f2pool",
        lambda _: messages.F2POOL,
        is_rig_in_login=lambda _: True,
        agent=messages.OLD_AGENT,
        algorithms=messages.OLD_ALGORITHMS,
    ),
)
