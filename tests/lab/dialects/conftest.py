# SPDX-License-Identifier: Apache-2.0
"""Both ends of a dialect talk to each other in virtual time; what was said is kept."""

import json
from random import Random

import pytest

from minewatch.lab.chain import Chain, job_times
from minewatch.lab.dialects import DIALECTS
from minewatch.lab.dialects.contract import MinerSettings, PoolSettings, Work
from minewatch.testing import payload

START_S = 1_795_547_393.0
WALLETS = {
    "cryptonote-multicoin": "DOGE:DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
    "kawpow": "RVN5tGdkYhcJ2mfH8mq4rT6K6ugWn1Wdkq",
    "ethereumstratum1": "0x58c8419264fff151bd64ce4e6e468d9e696fde50",
    "eth-proxy": "0x58c8419264fff151bd64ce4e6e468d9e696fde50",
    "zcash": "t1UYsZVJkLPeMjxEtACvSxfWuNmddpWfxzs",
}
USUAL_WALLET = "4A" + ("MinewatchTestWa11etNotReaL" * 4)[:93]

UPGRADE = (
    b"GET /proxy HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Talk:
    """One connection of a miner to a pool.

    `said` holds (from miner?, one write, seconds after the start).
    """

    def __init__(self, name, *, seed=1, miner_options=None, login=None, **pool):
        self.dialect = DIALECTS[name]
        self.now_s = START_S
        login = login or WALLETS.get(name, USUAL_WALLET)
        self.miner = self.dialect.miner(
            MinerSettings(login, "vps0", hash_rate=1e4, options=miner_options or {}),
            Random(f"miner {seed}"),
        )
        self.pool = self.dialect.pool(
            PoolSettings(**{"reject_ratio": 0.0, **pool}), Random(f"pool {seed}")
        )
        self.times = job_times(
            Chain(seed), 30.0, (0.1, 0.9), Random(f"news {seed}"), start_s=START_S
        )
        _, self.work = next(self.times)
        self.said = []
        self.pieces = Random(f"pieces {seed}")
        self.clock = Random(f"clock {seed}")

    def open(self):
        self.from_miner(self.miner.open(self.now_s))
        return self

    def from_miner(self, messages):
        for message in messages:
            self.said.append((True, message, self.now_s - START_S))
            for piece in self._cut(message):
                self.from_pool(self.pool.receive(piece, self.work, self.now_s))

    def from_pool(self, messages):
        for message in messages:
            self.said.append((False, message, self.now_s - START_S))
            for piece in self._cut(message):
                self.from_miner(self.miner.receive(piece, self.now_s))

    def _cut(self, message):
        if self.dialect.carrier == "websocket":
            return [message]
        cuts = sorted(self.pieces.randrange(1, len(message) + 1) for _ in range(2))
        return [part for part in (message[: cuts[0]], message[cuts[0] :]) if part]

    def push(self):
        """Go on to the next piece of news."""
        offset_s, self.work = next(self.times)
        self.now_s = max(self.now_s, START_S + offset_s)
        self.from_pool(self.pool.push(self.work, self.now_s))

    def share(self):
        self.from_miner(self.miner.share(self.now_s))

    def tick(self):
        self.now_s = max(self.now_s, self.miner.next_tick_s)
        self.from_miner(self.miner.tick(self.now_s))

    def run(self, seconds, hash_rate=1e3, *, most=20_000):
        """Let news, shares and the miner's clock come at their times."""
        end_s = self.now_s + seconds
        offset_s, coming = next(self.times)
        while True:
            gap_s = self.clock.expovariate(hash_rate / (self.miner.difficulty or 1e4))
            share_s, news_s = self.now_s + gap_s, START_S + offset_s
            next_s = min(share_s, news_s, self.miner.next_tick_s)
            if next_s > end_s:
                self.now_s = end_s
                return self
            self.now_s = max(next_s, self.now_s)
            if next_s == news_s:
                self.work = coming
                self.from_pool(self.pool.push(self.work, self.now_s))
                offset_s, coming = next(self.times)
            elif next_s == self.miner.next_tick_s:
                self.from_miner(self.miner.tick(self.now_s))
            else:
                self.share()
            assert len(self.said) < most

    def sizes(self, from_miner, containing=b""):
        return [
            len(said)
            for is_miner, said, _ in self.said
            if is_miner == from_miner and containing in said
        ]

    def messages(self, from_miner, containing=b""):
        return [
            json.loads(line)
            for is_miner, said, _ in self.said
            if is_miner == from_miner
            for line in said.split(b"\n")
            if line and containing in line
        ]

    def payload(self, limit=60):
        """Return what a capture of the first writes holds."""
        said = [(is_miner, octets) for is_miner, octets, _ in self.said[:limit]]
        if self.dialect.carrier == "websocket":
            said = [
                (True, UPGRADE),
                (False, SWITCHED),
                *((m, _frame(octets, is_masked=m)) for m, octets in said),
            ]
        return payload(*said)


def _frame(data, *, is_masked):
    flag = 0x80 if is_masked else 0
    head = bytes([0x81])
    if len(data) < 126:
        head += bytes([flag | len(data)])
    else:
        head += bytes([flag | 126]) + len(data).to_bytes(2, "big")
    if not is_masked:
        return head + data
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(octet ^ mask[i % 4] for i, octet in enumerate(data))


@pytest.fixture(scope="session")
def talk():
    return Talk


@pytest.fixture
def work():
    return Work(3_206_964, bytes(range(32)), bytes(range(32, 64)), 1_795_547_393, True)
