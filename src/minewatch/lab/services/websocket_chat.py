# SPDX-License-Identifier: Apache-2.0
"""A chat over web sockets: what one says, all hear; pings keep connections open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.kind import Act, Kind

_WORDS = (
    "the a to of in is on we it deploy build meeting lunch ticket server review merge broken fixed"
    " today tomorrow thanks yes no maybe looks good please check again release branch"
).split()
_MOST_OCTETS = 1 << 14


class WebSocketChat(Kind):
    """The server is the library's own; each client says something now and then."""

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        address, ping_s = plan.host(service.host).address, self.number(service, "ping_s")
        return (_serve(address, service.port, ping_s),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        from websockets.exceptions import WebSocketException

        place = f"ws://{plan.host(service.host).address}:{service.port}/chat"
        mean_s = self.number(service, "say_mean_s")
        return (keep_trying(lambda: _chat(place, host, mean_s, rng), rng, (WebSocketException,)),)


async def _serve(address: str, port: int, ping_s: float) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve
    from websockets.exceptions import ConnectionClosed

    present: set[ServerConnection] = set()

    async def attend(connection: ServerConnection) -> None:
        present.add(connection)
        try:
            with suppress(ConnectionClosed):
                async for said in connection:
                    broadcast(present, said)
        finally:
            present.discard(connection)

    async with serve(attend, address, port, ping_interval=ping_s, max_size=_MOST_OCTETS) as server:
        await server.serve_forever()


async def _chat(place: str, name: str, mean_s: float, rng: Random) -> None:
    from websockets.asyncio.client import connect

    # Only the server pings, as a browser's end never does.
    async with connect(place, ping_interval=None, proxy=None, max_size=_MOST_OCTETS) as connection:

        async def listen() -> None:
            async for _ in connection:
                pass

        listening = asyncio.create_task(listen())
        try:
            while not listening.done():
                text = " ".join(rng.choices(_WORDS, k=rng.randint(1, 20)))
                await connection.send(json.dumps({"from": name, "text": text}))
                await wait_about(mean_s, rng)
            await listening
        finally:
            listening.cancel()


KINDS = (
    WebSocketChat(
        "websocket-chat",
        (8765, 8766),
        {},
        {"websockets": "lab"},
        is_long_lived=True,
        options={"ping_s": 20.0, "say_mean_s": 15.0},
    ),
)
