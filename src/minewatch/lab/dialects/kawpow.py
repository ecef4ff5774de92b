# SPDX-License-Identifier: Apache-2.0
"""KawPow's Stratum (Ravencoin), as kawpowminer, T-Rex and NOMP's relatives speak it.

The pool gives each worker the first two octets of its nonce and says the target twice, in
``mining.set_target`` and in each job. A share carries the mix hash, not the hash that meets the
target, so its pool takes every share for a job it knows.

Options of a miner: ``program`` (``kawpowminer`` or ``t-rex``; any if absent) and ``agent``.
"""

from __future__ import annotations

from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.mining_miner import MiningMiner, Program, choose_program
from minewatch.lab.dialects.mining_pool import MiningPool
from minewatch.lab.dialects.stream import Message
from minewatch.lab.dialects.target import read_target, target_text

_WITH_VERSION = ("id", "jsonrpc", "method", "params")

PROGRAMS = {
    "kawpowminer": Program(
        "kawpowminer/1.2.4", members=_WITH_VERSION, submit_members=_WITH_VERSION, submit_id=40
    ),
    "t-rex": Program("t-rex/0.26.8", has_extranonce=True),
}


class KawpowPool(MiningPool):
    """The pool's end."""

    def __init__(self, settings: PoolSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._extranonce = rng.randbytes(2).hex()

    def greeting(self, params: list[Any]) -> object:
        """Return the worker's part of the nonce."""
        return [None, self._extranonce]

    def difficulty_message(self) -> Message:
        """Return ``mining.set_target``."""
        target = target_text(self.retarget.difficulty)
        return {"id": None, "method": "mining.set_target", "params": [target]}

    def job(self, work: Work) -> list[Any]:
        """Return job, header hash, seed hash, target, clean, height and bits."""
        return [
            self.next_job_id(),
            self.rng.randbytes(32).hex(),
            work.seed_hash.hex(),
            target_text(self.retarget.difficulty),
            work.is_new_block,
            work.height,
            "1b00f8d2",
        ]

    def is_met(self, params: list[Any], difficulty: float) -> bool:
        """Tell whether the nonce begins as the pool set it."""
        return str(params[2]).startswith("0x" + self._extranonce)


class KawpowMiner(MiningMiner):
    """The miner's end."""

    _extranonce = ""

    def subscription(self) -> list[Any]:
        """Return the name of the program."""
        return [self.agent]

    def greet(self, greeting: Any) -> None:
        """Take the first octets of the nonce."""
        self._extranonce = bytes.fromhex(greeting[1]).hex()[:8]

    def read_difficulty(self, method: str, params: list[Any]) -> float | None:
        """Return the difficulty of ``mining.set_target``."""
        return read_target(params[0]) if method == "mining.set_target" else None

    def job_difficulty(self, job: list[Any]) -> float | None:
        """Return the difficulty of the job's own target."""
        return read_target(job[3])

    def solution(self, job: list[Any]) -> list[Any]:
        """Return worker, job, nonce, header hash and mix hash."""
        header = bytes.fromhex(job[1]).hex()
        if len(header) != 64:
            raise ValueError("not a job: no header hash")
        rest = self.rng.randbytes(8).hex()[len(self._extranonce) :]
        mix = self.rng.randbytes(32).hex()
        nonce = f"0x{self._extranonce}{rest}"
        return [self.worker, str(job[0]), nonce, "0x" + header, "0x" + mix]


class Kawpow:
    """Ravencoin's dialect."""

    name = "kawpow"
    decoded_as = "kawpow"
    carrier = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> KawpowPool:
        """Return the pool's end of a new connection."""
        return KawpowPool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> KawpowMiner:
        """Return the miner's end of a new connection."""
        return KawpowMiner(settings, rng, choose_program(PROGRAMS, settings, rng))


DIALECTS = (Kawpow(),)
