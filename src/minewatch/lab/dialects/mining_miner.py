# SPDX-License-Identifier: Apache-2.0
"""The miner's end of every dialect that speaks ``mining.*``; what differs is filled in by each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings
from minewatch.lab.dialects.miner_session import LineMiner
from minewatch.lab.dialects.stream import Message, compact, method_of

_USUAL = ("id", "method", "params")


@dataclass(frozen=True, slots=True)
class Program:
    """How one mining program writes."""

    agent: str
    write: Callable[[Message], bytes] = compact
    members: tuple[str, ...] = _USUAL
    """Of its requests, in wire order."""
    submit_members: tuple[str, ...] = _USUAL
    first_id: int = 1
    submit_id: int | None = None
    """The id of all its shares; None if ids count up."""
    has_extranonce: bool = False
    """True if it asks for ``mining.extranonce.subscribe``."""
    has_version_rolling: bool = False
    """True if it asks to roll the version (BIP 310)."""


def choose_program(
    programs: Mapping[str, Program], settings: MinerSettings, rng: Random
) -> Program:
    """Return the program named by the option ``program``, or any.

    Raises
    ------
    ValueError : there is no such program.
    """
    name = settings.options.get("program")
    chosen = rng.choice(list(programs.values()))
    if name is None:
        return chosen
    if name not in programs:
        raise ValueError(f"program must be one of {', '.join(programs)}, not {name!r}")
    return programs[str(name)]


class MiningMiner(LineMiner):
    """Subscribes, authorizes, then takes jobs and difficulties and sends shares.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces and results.
    program : how it writes.
    """

    def __init__(self, settings: MinerSettings, rng: Random, program: Program) -> None:
        super().__init__(settings, rng)
        self.program = program
        self.agent = self.option("agent", program.agent)
        self.worker = f"{settings.login}.{settings.rig}" if settings.rig else settings.login
        self._last_id = program.first_id - 1
        self._is_authorized = False
        self._announced: float | None = None
        self._job: list[Any] | None = None

    @abstractmethod
    def subscription(self) -> list[Any]:
        """Return the parameters of the first request."""

    @abstractmethod
    def greet(self, greeting: Any) -> None:
        """Take the pool's answer to the subscription."""

    @abstractmethod
    def read_difficulty(self, method: str, params: list[Any]) -> float | None:
        """Return the difficulty that a message sets; None if it sets none."""

    @abstractmethod
    def solution(self, job: list[Any]) -> list[Any]:
        """Return the parameters of a share."""

    def open(self, now_s: float) -> list[bytes]:
        """Return the subscription, behind a question for extensions if the program asks it."""
        first = []
        if self.program.has_version_rolling:
            extension = {"version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}
            first.append(self.request("mining.configure", [["version-rolling"], extension]))
        return [*first, self.request("mining.subscribe", self.subscription())]

    def request(self, method: str, params: list[Any]) -> bytes:
        """Return the line of a request and remember what it asks."""
        program = self.program
        is_submit = method == "mining.submit"
        if is_submit and program.submit_id is not None:
            number = program.submit_id
        else:
            self._last_id += 1
            number = self._last_id
        self.expect(number, method)
        values: Message = {
            "id": number,
            "jsonrpc": "2.0",
            "method": method,
            "params": params,
        }
        members = program.submit_members if is_submit else program.members
        return program.write({name: values[name] for name in members})

    def take(self, message: Message, now_s: float) -> list[bytes]:
        """Take a job, a setting or an answer."""
        if (method := method_of(message)) is not None:
            self._told(method, message["params"])
            return []
        number = message["id"]
        what = self.asked(number)
        if not what and number == self.program.submit_id:
            what = "mining.submit"  # more than one share was under way
        if what == "mining.subscribe":
            self.greet(message["result"])
            return self.authorization()
        if what == "mining.authorize":
            self._authorize(message)
        elif what == "mining.submit":
            self.count(is_accepted=message.get("result") is True)
        return []

    def authorization(self) -> list[bytes]:
        """Return what is sent when the pool has greeted."""
        lines = [self.request("mining.authorize", [self.worker, self.settings.password])]
        if self.program.has_extranonce:
            lines.append(self.request("mining.extranonce.subscribe", []))
        return lines

    def _authorize(self, message: Message) -> None:
        if message.get("result") is not True:
            raise ValueError(f"the pool refused the login: {message.get('error')}")
        self._is_authorized = True

    def _told(self, method: str, params: Any) -> None:
        if not isinstance(params, list):
            raise ValueError(f"parameters of {method[:64]} are a list")
        if method == "mining.notify":
            self.solution(params)  # a job on which no share can be built is none
            self._job = params
            self.jobs += 1
            self.difficulty = self.job_difficulty(params)
        elif (difficulty := self.read_difficulty(method, params)) is not None:
            self._announced = difficulty

    def job_difficulty(self, job: list[Any]) -> float | None:
        """Return the difficulty of a job: as was announced last, unless the job says it."""
        return self._announced

    def share(self, now_s: float) -> list[bytes]:
        """Return a share."""
        if self._job is None or not self._is_authorized or self.difficulty is None:
            return []
        return [self.request("mining.submit", self.solution(self._job))]
