# SPDX-License-Identifier: Apache-2.0
r"""Zcash's Stratum (ZIP 301): a share carries an Equihash solution of 1,344 octets, 2.8 KB in all.

Written as nheqminer and a public pool wrote it in 2017: the pool's target, job and answer to the
login leave in one write, and so do the login and the question for extranonces.

Options of a miner: ``program`` (``equihashminer`` or ``gminer``; any if absent), ``agent``, and
``host`` and ``port`` that it says it connected to.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.mining_miner import MiningMiner, Program, choose_program
from minewatch.lab.dialects.mining_pool import MiningPool
from minewatch.lab.dialects.stream import Message, spaced
from minewatch.lab.dialects.target import read_target, target_text

SOLUTION_OCTETS = 1344
"""Equihash (200, 9)."""
SIZE = bytes.fromhex("fd4005")
"""Its length, as Bitcoin writes it."""


def half_spaced(message: Message) -> bytes:
    r"""Return a line as nheqminer writes it: spaces between members, none between parameters.

    Examples
    --------
    >>> half_spaced({"id": 4, "params": ["a", "b"]})
    b'{"id": 4, "params": ["a","b"]}\n'
    """
    if message["params"][1:2] == [None]:  # the subscription has them everywhere
        return spaced(message)
    members = ", ".join(
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
        for name, value in message.items()
    )
    return f"{{{members}}}\n".encode()


PROGRAMS = {
    "equihashminer": Program("equihashminer", half_spaced, submit_id=4, has_extranonce=True),
    "gminer": Program("gminer/2.44", has_extranonce=True),
}


class ZcashPool(MiningPool):
    """The pool's end."""

    def __init__(self, settings: PoolSettings, rng: Random) -> None:
        super().__init__(settings, rng)
        key = rng.randbytes(4)
        self._extranonce = (key + bytes(8) + key[::-1]).hex()

    def greeting(self, params: list[Any]) -> object:
        """Return no session, and the first half of the nonce."""
        return [None, self._extranonce]

    def difficulty_message(self) -> Message:
        """Return ``mining.set_target``."""
        target = target_text(self.retarget.difficulty)
        return {"id": None, "method": "mining.set_target", "params": [target]}

    def job(self, work: Work) -> list[Any]:
        """Return job, version, previous hash, merkle root, reserved, time, bits and clean."""
        return [
            self.next_job_id(),
            "04000000",
            work.previous_hash[:28].hex() + "00" * 4,
            self.rng.randbytes(32).hex(),
            "00" * 32,
            work.time_s.to_bytes(4, "little").hex(),
            "83837b1c",
            work.is_new_block,
        ]

    def is_met(self, params: list[Any], difficulty: float) -> bool:
        """Tell whether the solution is as long as one."""
        solution = bytes.fromhex(params[4])
        return solution.startswith(SIZE) and len(solution) == len(SIZE) + SOLUTION_OCTETS

    def receive(self, octets: bytes, work: Work, now_s: float) -> list[bytes]:
        """Take octets in pieces of any size; return the answers, those to the login in one."""
        was_logged_in = self.is_logged_in
        answers = super().receive(octets, work, now_s)
        if was_logged_in or not self.is_logged_in:
            return answers
        return [b"".join(answers)]


class ZcashMiner(MiningMiner):
    """The miner's end."""

    _nonce_octets = 16
    _found = 0

    def subscription(self) -> list[Any]:
        """Return program, no session, and the pool's name and port."""
        return [
            self.agent,
            None,
            self.option("host", "zec.pool.example"),
            self.option("port", "2142"),
        ]

    def greet(self, greeting: Any) -> None:
        """Take how long the miner's part of the nonce is."""
        octets = len(bytes.fromhex(greeting[1]))
        if octets > 28:
            raise ValueError(f"a nonce has 32 octets; the pool took {octets}")
        self._nonce_octets = 32 - octets

    def authorization(self) -> list[bytes]:
        """Return login and question for extranonces, in one write."""
        return [b"".join(super().authorization())]

    def read_difficulty(self, method: str, params: list[Any]) -> float | None:
        """Return the difficulty of ``mining.set_target``."""
        return read_target(params[0]) if method == "mining.set_target" else None

    def solution(self, job: list[Any]) -> list[Any]:
        """Return worker, job, time, second half of the nonce, and the solution."""
        time = job[5]
        if not isinstance(time, str) or len(time) != 8:
            raise ValueError("not a job: no time")
        # Each try has its own nonce and yields two solutions on average.
        self._found += self.rng.randint(1, 1000)
        nonce = (self._found % 2**32).to_bytes(self._nonce_octets, "little")
        solution = SIZE + self.rng.randbytes(SOLUTION_OCTETS)
        return [self.worker, str(job[0]), time, nonce.hex(), solution.hex()]


class Zcash:
    """Zcash's dialect."""

    name = "zcash"
    decoded_as = "zcash"
    carrier = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> ZcashPool:
        """Return the pool's end of a new connection."""
        return ZcashPool(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> ZcashMiner:
        """Return the miner's end of a new connection."""
        return ZcashMiner(settings, rng, choose_program(PROGRAMS, settings, rng))


DIALECTS = (Zcash(),)
