# SPDX-License-Identifier: Apache-2.0
"""NiceHash's EthereumStratum/1.0.0: Ethash over ``mining.*``, sent by the shortest messages of all.

A share carries the miner's part of the nonce and nothing else, so its pool takes every share for a
job it knows. Difficulty 1 is 2**32 hashes.

Options of a miner: ``program`` (``ethminer`` or ``nicehash``; any if absent) and ``agent``.
"""

from __future__ import annotations

from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.mining_miner import MiningMiner, Program, choose_program
from minewatch.lab.dialects.mining_pool import MiningPool
from minewatch.lab.dialects.stream import Message
from minewatch.lab.dialects.target import BITCOIN_ONE, shown_difficulty

PROTOCOL = "EthereumStratum/1.0.0"

PROGRAMS = {
    "ethminer": Program("ethminer/0.18.0", submit_id=40, has_extranonce=True),
    "nicehash": Program("NiceHash/1.0.0", has_extranonce=True),
}


class EthereumPool(MiningPool):
    """The pool's end."""

    def __init__(self, settings: PoolSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        self._extranonce = rng.randbytes(2).hex()

    def greeting(self, params: list[Any]) -> object:
        """Return topic, protocol and the worker's part of the nonce."""
        return [["mining.notify", self.rng.randbytes(16).hex(), PROTOCOL], self._extranonce]

    def difficulty_message(self) -> Message:
        """Return ``mining.set_difficulty``."""
        shown = shown_difficulty(self.retarget.difficulty, BITCOIN_ONE)
        return {"id": None, "method": "mining.set_difficulty", "params": [shown]}

    def next_job_id(self) -> str:
        """Return eight random digits."""
        return self.rng.randbytes(4).hex()

    def job(self, work: Work) -> list[Any]:
        """Return job, seed hash, header hash and clean."""
        header = self.rng.randbytes(32).hex()
        return [self.next_job_id(), work.seed_hash.hex(), header, work.is_new_block]


class EthereumMiner(MiningMiner):
    """The miner's end."""

    _nonce_octets = 6

    def subscription(self) -> list[Any]:
        """Return the names of the program and the protocol."""
        return [self.agent, PROTOCOL]

    def greet(self, greeting: Any) -> None:
        """Take how many octets of the nonce are the miner's."""
        octets = len(bytes.fromhex(greeting[1]))
        if octets > 3:
            raise ValueError(f"an extranonce has at most 3 octets, not {octets}")
        self._nonce_octets = 8 - octets

    def read_difficulty(self, method: str, params: list[Any]) -> float | None:
        """Return the difficulty of ``mining.set_difficulty``."""
        if method != "mining.set_difficulty":
            return None
        difficulty = float(params[0]) * BITCOIN_ONE
        if not 0 < difficulty < 2.0**255:
            raise ValueError(f"not a difficulty: {params[0]!r:.32}")
        return difficulty

    def solution(self, job: list[Any]) -> list[Any]:
        """Return worker, job and nonce."""
        if len(bytes.fromhex(job[1])) != 32 or len(bytes.fromhex(job[2])) != 32:
            raise ValueError("not a job: no hashes")
        return [self.worker, str(job[0]), self.rng.randbytes(self._nonce_octets).hex()]


class EthereumStratum:
    """NiceHash's dialect."""

    name = "ethereumstratum1"
    decoded_as = "ethereumstratum1"
    carrier = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> EthereumPool:
        """Return the pool's end of a new connection."""
        return EthereumPool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> EthereumMiner:
        """Return the miner's end of a new connection."""
        return EthereumMiner(settings, rng, choose_program(PROGRAMS, settings, rng))


DIALECTS = (EthereumStratum(),)
