# SPDX-License-Identifier: Apache-2.0
"""Solo mining at a node: block templates over HTTP, a block when one is found (BIP 22).

The difficulty is the network's: a "share" is a whole block, and the node never eases it. The chain
is a small one with a few transactions; templates of the biggest chains have megabytes.

Options of a miner: ``poll_s``, ``agent`` and ``host``.
"""

from __future__ import annotations

from random import Random
from typing import Any

from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.lab.dialects.node_session import Node, NodeMiner
from minewatch.lab.dialects.pool_session import Verdict
from minewatch.lab.dialects.stream import Message
from minewatch.lab.dialects.target import read_target, target_text, to_target

MOST_TRANSACTIONS = 8

_REFUSALS = {Verdict.ACCEPTED: None, Verdict.STALE: "stale-prevblk", Verdict.LOW: "high-hash"}
_CAPABILITIES = '["coinbasetxn", "coinbasevalue", "longpoll"]'


def bits_text(difficulty: float) -> str:
    """Return the target in Bitcoin's short form.

    Examples
    --------
    >>> bits_text(2.0**32)
    '1d00ffff'
    """
    target = to_target(difficulty)
    octets = (target.bit_length() + 8) // 8  # one bit is the sign
    return f"{octets << 24 | target >> 8 * (octets - 3):08x}"


def transactions(work: Work) -> list[Message]:
    """Return what waits to be put into a block, the same for all who ask about `work`."""
    rng = Random(f"transactions {work.previous_hash.hex()} {work.time_s}")
    return [_transaction(rng) for _ in range(rng.randint(0, MOST_TRANSACTIONS))]


def _transaction(rng: Random) -> Message:
    octets = rng.randint(190, 480)
    return {
        "data": rng.randbytes(octets).hex(),
        "txid": rng.randbytes(32).hex(),
        "hash": rng.randbytes(32).hex(),
        "depends": [],
        "fee": rng.randint(200, 50_000),
        "sigops": rng.choice((0, 1, 4, 8)),
        "weight": 4 * octets,
    }


class TemplateNode(Node):
    """The node's end."""

    _offered: Work | None = None

    def call(self, method: str, params: list[Any], work: Work, now_s: float) -> object:
        """Return a template, or what is wrong with a block."""
        if method == "getblocktemplate":
            return self._template(work, now_s)
        if method != "submitblock":
            raise NotImplementedError
        block = bytes.fromhex(params[0])
        return _REFUSALS[self.judge(block[4:36].hex(), lambda _: len(block) > 80)]

    def _template(self, work: Work, now_s: float) -> Message:
        if self._offered is None or self._offered.previous_hash != work.previous_hash:
            self.forget()
            self.remember(work.previous_hash[::-1].hex())
        self._offered = work
        return {
            "capabilities": ["proposal"],
            "version": 0x20000000,
            "rules": ["csv", "!segwit", "taproot"],
            "vbavailable": {},
            "vbrequired": 0,
            "previousblockhash": work.previous_hash.hex(),
            "transactions": transactions(work),
            "coinbaseaux": {},
            "coinbasevalue": 312_500_000,
            "longpollid": f"{work.previous_hash.hex()}{work.time_s % 100_000}",
            "target": target_text(self.retarget.difficulty),
            "mintime": work.time_s - 3600,
            "mutable": ["time", "transactions", "prevblock"],
            "noncerange": "00000000ffffffff",
            "sigoplimit": 80_000,
            "sizelimit": 4_000_000,
            "weightlimit": 4_000_000,
            "curtime": int(now_s),
            "bits": bits_text(self.retarget.difficulty),
            "height": work.height,
            "default_witness_commitment": "6a24aa21a9ed" + work.previous_hash.hex(),
        }


class TemplateMiner(NodeMiner):
    """The miner's end."""

    _template: Message | None = None

    def poll(self) -> bytes:
        """Return the body of the question, as cpuminer writes it."""
        params = f'[{{"capabilities": {_CAPABILITIES}}}]'
        return f'{{"method": "getblocktemplate", "params": {params}, "id":0}}\r\n'.encode()

    def start(self, value: Any) -> None:
        """Take a template; only one with another id is a new job."""
        bytes.fromhex(value["previousblockhash"])
        self.difficulty = read_target(value["target"])
        if self._template is None or self._template["longpollid"] != value["longpollid"]:
            self.jobs += 1
        self._template = value

    def found(self) -> bytes | None:
        """Return the body with a block: header, coinbase and the template's transactions."""
        template = self._template
        if template is None:
            return None
        previous = bytes.fromhex(template["previousblockhash"])[::-1]
        header = b"\x00\x00\x00\x20" + previous + self.rng.randbytes(44)
        rest = "".join(str(transaction["data"]) for transaction in template["transactions"])
        count = bytes([1 + len(template["transactions"])])
        coinbase = self.rng.randbytes(self.rng.randint(150, 220))
        block = (header + count + coinbase).hex() + rest
        return f'{{"method": "submitblock", "params": ["{block}"], "id":1}}\r\n'.encode()

    def is_good(self, value: Any) -> bool:
        """Tell whether the node took the block: it says null."""
        return value is None


class GetBlockTemplate:
    """Bitcoin's way to mine at a node."""

    name = "getblocktemplate"
    decoded_as = "getblocktemplate"
    carrier = "http"

    def pool(self, settings: PoolSettings, rng: Random) -> TemplateNode:
        """Return the node's end of a new connection."""
        return TemplateNode(settings, rng)

    def miner(self, settings: MinerSettings, rng: Random) -> TemplateMiner:
        """Return the miner's end of a new connection."""
        return TemplateMiner(settings, rng)


DIALECTS = (GetBlockTemplate(),)
