# SPDX-License-Identifier: Apache-2.0
"""The oldest way to mine over HTTP: ``getwork`` gives a header, and takes it back with its nonce.

Options of a miner: ``poll_s``, ``agent`` and ``host``.
"""

from __future__ import annotations

from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.node_session import Node, NodeMiner
from minewatch.lab.dialects.pool_session import Verdict
from minewatch.lab.dialects.target import to_difficulty, to_target

DATA_OCTETS = 128
"""A header of 80 octets, padded to two blocks of SHA-256."""
PADDING = bytes.fromhex("00000080" + "00" * 40 + "80020000")
NONCE = slice(76, 80)

_BEFORE_TIME = slice(0, 136)
"""Version, previous hash and merkle root in hexadecimal: what a job is known by."""


class WorkNode(Node):
    """The node's end."""

    _offered: tuple[Work, float, bytes] | None = None

    def call(self, method: str, params: list[Any], work: Work, now_s: float) -> object:
        """Return work, or whether a share is taken."""
        if method != "getwork":
            raise NotImplementedError
        if params:
            data = str(params[0])
            is_whole = len(bytes.fromhex(data)) == DATA_OCTETS
            return self.judge(data[_BEFORE_TIME], lambda _: is_whole) is Verdict.ACCEPTED
        self.retarget.is_changed(now_s)
        data = self._data(work).hex()
        target = to_target(self.retarget.difficulty).to_bytes(32, "little").hex()
        hash1 = "00" * 32 + "00000080" + "00" * 24 + "00010000"
        midstate = self.rng.randbytes(32).hex()
        return {"midstate": midstate, "data": data, "hash1": hash1, "target": target}

    def _data(self, work: Work) -> bytes:
        difficulty = self.retarget.difficulty
        if self._offered is None or self._offered[:2] != (work, difficulty):
            header = b"\x00\x00\x00\x02" + work.previous_hash + self.rng.randbytes(32)
            header += work.time_s.to_bytes(4, "big") + bytes.fromhex("1b00f8d2") + bytes(4)
            if self._offered is None or self._offered[0].previous_hash != work.previous_hash:
                self.forget()
            self._offered = (work, difficulty, header + PADDING)
            self.remember(header.hex()[_BEFORE_TIME])
        return self._offered[2]


class WorkMiner(NodeMiner):
    """The miner's end."""

    _data = b""

    def poll(self) -> bytes:
        """Return the body of the question."""
        return b'{"method": "getwork", "params": [], "id":0}\n'

    def start(self, value: Any) -> None:
        """Take work; the same header again is no new job."""
        data, target = bytes.fromhex(value["data"]), bytes.fromhex(value["target"])
        if len(data) != DATA_OCTETS or len(target) != 32:
            raise ValueError("not work: data or target has another length")
        self.difficulty = to_difficulty(int.from_bytes(target, "little"))
        self.jobs += data != self._data
        self._data = data

    def found(self) -> bytes | None:
        """Return the body with the header and its nonce."""
        if not self._data:
            return None
        data = bytearray(self._data)
        data[NONCE] = self.rng.randbytes(4)
        return f'{{"method": "getwork", "params": [ "{data.hex()}" ], "id":1}}\r\n'.encode()

    def is_good(self, value: Any) -> bool:
        """Tell whether the node took the share."""
        return value is True


class GetWork:
    """Bitcoin's first way to mine at a node."""

    name = "getwork"
    decoded_as = "getwork"
    carrier = "http"

    def pool(self, settings: PoolSettings, rng: Random) -> WorkNode:
        """Return the node's end of a new connection."""
        return WorkNode(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> WorkMiner:
        """Return the miner's end of a new connection."""
        return WorkMiner(settings, rng)


DIALECTS = (GetWork(),)
