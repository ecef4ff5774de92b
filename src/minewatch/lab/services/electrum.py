# SPDX-License-Identifier: Apache-2.0
"""An Electrum-like server: JSON-RPC by lines with block notifications, and no mining."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services import json_lines
from minewatch.lab.services.actor import keep_trying
from minewatch.lab.services.json_lines import Lines, Message
from minewatch.lab.services.kind import Act, Kind

_HEADERS = "blockchain.headers.subscribe"
_HEADER_OCTETS = 80


class Electrum(Kind):
    """Wallets subscribe to headers and to some scripts, and ping the server each minute."""

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        address, port = plan.host(service.host).address, service.port
        return (_Server(rng).run(address, port, self.number(service, "block_mean_s")),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address, port = plan.host(service.host).address, service.port
        ping_s = self.number(service, "ping_s")
        return (keep_trying(lambda: _wallet(address, port, ping_s, rng), rng),)


class _Server:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._height = 850_000 + rng.randrange(10_000)
        self._header = rng.randbytes(_HEADER_OCTETS).hex()
        self._subscribed: set[Lines] = set()

    async def run(self, address: str, port: int, block_mean_s: float) -> None:
        blocks = asyncio.create_task(self._find_blocks(block_mean_s))
        try:
            await json_lines.serve(address, port, self._attend)
        finally:
            blocks.cancel()

    async def _find_blocks(self, mean_s: float) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / mean_s))
            self._height += 1
            self._header = self._rng.randbytes(_HEADER_OCTETS).hex()
            for wallet in self._subscribed:
                wallet.send({"jsonrpc": "2.0", "method": _HEADERS, "params": [self._tip()]})

    async def _attend(self, wallet: Lines) -> None:
        try:
            async for request in wallet.messages():
                if request.get("method") == _HEADERS:
                    self._subscribed.add(wallet)
                result = self._result(request)
                wallet.send({"jsonrpc": "2.0", "result": result, "id": request.get("id")})
        finally:
            self._subscribed.discard(wallet)

    def _result(self, request: Message) -> object:
        match request.get("method"):
            case "server.version":
                return ["ElectrumX 1.16.0", "1.4"]
            case "blockchain.headers.subscribe":
                return self._tip()
            case "blockchain.scripthash.subscribe":
                return self._rng.randbytes(32).hex()
            case "blockchain.scripthash.get_history":
                rng = self._rng
                return [
                    {
                        "height": self._height - rng.randrange(50_000),
                        "tx_hash": rng.randbytes(32).hex(),
                    }
                    for _ in range(rng.randrange(12))
                ]
            case "blockchain.estimatefee":
                return round(self._rng.uniform(1e-5, 4e-4), 8)
        return None

    def _tip(self) -> dict[str, object]:
        return {"hex": self._header, "height": self._height}


async def _wallet(address: str, port: int, ping_s: float, rng: Random) -> None:
    async with json_lines.connect(address, port) as server:
        server.call("server.version", ["electrum/4.5.8", "1.4"])
        server.call(_HEADERS, [])
        for _ in range(rng.randint(2, 20)):
            script = rng.randbytes(32).hex()
            server.call("blockchain.scripthash.subscribe", [script])
            server.call("blockchain.scripthash.get_history", [script])
        pinging = asyncio.create_task(_ping(server, ping_s, rng))
        try:
            async for message in server.messages():
                if message.get("method") == _HEADERS:
                    server.call("blockchain.estimatefee", [rng.choice([2, 5, 10])])
        finally:
            pinging.cancel()


async def _ping(server: Lines, every_s: float, rng: Random) -> None:
    while True:
        await asyncio.sleep(every_s)
        server.call("server.ping", [])
        if rng.random() < 0.2:
            server.call("blockchain.estimatefee", [rng.choice([2, 5, 10])])


KINDS = (
    Electrum(
        "electrum",
        (50001, 50003),
        is_long_lived=True,
        options={"ping_s": 60.0, "block_mean_s": 120.0},
    ),
)
