# SPDX-License-Identifier: Apache-2.0
"""Bitcoin's Stratum, version 1, as cgminer, cpuminer and pools of NOMP's kind speak it.

A share carries no hash, so its pool takes every share for a job it knows. Coinbase and merkle
branch are random octets of the lengths that blocks have: the branch has one hash for each doubling
of the transactions, about the same number for all pools on one chain.

``bitcoin`` counts difficulty for SHA-256d (1 is 2**32 hashes), ``bitcoin-scrypt`` as pools of
scrypt do (1 is 2**16 hashes); nothing else differs.

Options of a miner: ``program`` (``cgminer``, ``cpuminer`` or ``bmminer``; any if absent) and
``agent``.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.mining_miner import MiningMiner, Program, choose_program
from minewatch.lab.dialects.mining_pool import MiningPool
from minewatch.lab.dialects.stream import Message, spaced
from minewatch.lab.dialects.target import BITCOIN_ONE, SCRYPT_ONE, shown_difficulty

MASK = "1fffe000"
"""Bits of the version that a miner may roll (BIP 320)."""

_PARAMS_FIRST = ("params", "id", "method")

PROGRAMS = {
    "cgminer": Program("cgminer/4.10.0", spaced, submit_members=_PARAMS_FIRST),
    "cpuminer": Program(
        "cpuminer/2.5.1",
        spaced,
        submit_members=("method", "params", "id"),
        submit_id=4,
        has_extranonce=True,
    ),
    "bmminer": Program(
        "bmminer/2.0.0", spaced, submit_members=_PARAMS_FIRST, has_version_rolling=True
    ),
}

_MOST_BRANCH = 12
"""4,096 transactions; more fit in no block."""


def coinbase(rng: Random, height: int) -> tuple[str, str]:
    """Return what stands before and behind the extranonces in the coinbase transaction."""
    tag = rng.randbytes(rng.randint(4, 30))
    script = b"\x03" + (height % 2**24).to_bytes(3, "little") + tag
    head = bytes.fromhex("0100000001" + "00" * 32 + "ffffffff")
    before = head + bytes([len(script) + 8]) + script
    outputs = rng.randint(1, 3)
    paid = b"".join(rng.randbytes(8) + b"\x19" + rng.randbytes(25) for _ in range(outputs))
    return before.hex(), (b"\xff" * 4 + bytes([outputs]) + paid + bytes(4)).hex()


def branch_length(work: Work) -> int:
    """Return how many hashes lead from the coinbase to the root, as for all pools on the chain."""
    usual = Random(f"traffic {work.seed_hash.hex()}").randint(2, _MOST_BRANCH - 1)
    now = Random(f"template {work.previous_hash.hex()} {work.time_s // 30}")
    return usual + now.choice((-1, 0, 0, 1))


class BitcoinPool(MiningPool):
    """The pool's end.

    Parameters
    ----------
    settings : how it treats its workers.
    rng : source of ids and refusals.
    one : hashes at difficulty 1.
    """

    def __init__(self, settings: PoolSettings, rng: Random, one: float) -> None:
        super().__init__(settings, rng)
        self._one = one
        self._extranonce = rng.randbytes(4).hex()
        self._coinbase_seed = rng.getrandbits(64)

    def greeting(self, params: list[Any]) -> object:
        """Return topics, extranonce and the length of the miner's part of it."""
        topic = "deadbeefcafebabe" + self.rng.randbytes(8).hex()
        return [
            [["mining.set_difficulty", topic], ["mining.notify", topic]],
            self._extranonce,
            4,
        ]

    def difficulty_message(self) -> Message:
        """Return ``mining.set_difficulty``."""
        shown = shown_difficulty(self.retarget.difficulty, self._one)
        return {"id": None, "method": "mining.set_difficulty", "params": [shown]}

    def other(self, method: str, params: list[Any]) -> object:
        """Return the answer to BIP 310's question."""
        if method == "mining.configure":
            return {"version-rolling": True, "version-rolling.mask": MASK}
        return super().other(method, params)

    def job(self, work: Work) -> list[Any]:
        """Return job, previous hash, coinbase in two parts, branch, version, bits, time, clean."""
        before, behind = coinbase(Random(self._coinbase_seed), work.height)
        branch = [self.rng.randbytes(32).hex() for _ in range(branch_length(work))]
        return [
            self.next_job_id(),
            work.previous_hash[:24].hex() + "00" * 8,
            before,
            behind,
            branch,
            "20000000",
            "1702c4e4",
            f"{work.time_s:08x}",
            work.is_new_block,
        ]


class BitcoinMiner(MiningMiner):
    """The miner's end.

    Parameters
    ----------
    settings : who it says it is.
    rng : source of nonces.
    program : how it writes.
    one : hashes at difficulty 1.
    """

    def __init__(self, settings: MinerSettings, rng: Random, program: Program, one: float) -> None:
        super().__init__(settings, rng, program)
        self._one = one
        self._extranonce_octets = 4
        self._extranonce = 0

    def subscription(self) -> list[Any]:
        """Return the name of the program."""
        return [self.agent]

    def greet(self, greeting: Any) -> None:
        """Take the length of the second extranonce."""
        octets = greeting[2]
        if not isinstance(octets, int) or not 1 <= octets <= 16:
            raise ValueError(f"an extranonce has 1 to 16 octets, not {octets!r:.32}")
        self._extranonce_octets = octets

    def read_difficulty(self, method: str, params: list[Any]) -> float | None:
        """Return the difficulty of ``mining.set_difficulty``."""
        if method != "mining.set_difficulty":
            return None
        difficulty = float(params[0]) * self._one
        if not 0 < difficulty < 2.0**255:
            raise ValueError(f"not a difficulty: {params[0]!r:.32}")
        return difficulty

    def solution(self, job: list[Any]) -> list[Any]:
        """Return worker, job, second extranonce, time, nonce, and rolled bits of the version."""
        time = job[7]
        if not isinstance(time, str) or len(time) != 8:
            raise ValueError("not a job: no time")
        self._extranonce += 1
        second = (self._extranonce % 256**self._extranonce_octets).to_bytes(
            self._extranonce_octets, "little"
        )
        shares = [self.worker, str(job[0]), second.hex(), time, self.rng.randbytes(4).hex()]
        if self.program.has_version_rolling:
            shares.append(f"{self.rng.getrandbits(32) & int(MASK, 16):08x}")
        return shares


@dataclass(frozen=True, slots=True)
class Bitcoin:
    """Bitcoin's dialect for one hash function."""

    name: str
    one: float
    decoded_as: str = "bitcoin"
    carrier: str = "lines"

    def pool(self, settings: PoolSettings, rng: Random) -> BitcoinPool:
        """Return the pool's end of a new connection."""
        return BitcoinPool(settings, rng, self.one)

    def miner(self, settings: MinerSettings, rng: Random) -> BitcoinMiner:
        """Return the miner's end of a new connection."""
        return BitcoinMiner(settings, rng, choose_program(PROGRAMS, settings, rng), self.one)


DIALECTS = (Bitcoin("bitcoin", BITCOIN_ONE), Bitcoin("bitcoin-scrypt", SCRYPT_ONE))
