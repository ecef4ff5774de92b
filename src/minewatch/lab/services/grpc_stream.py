# SPDX-License-Identifier: Apache-2.0
"""A gRPC service that streams updates to each client, over one HTTP/2 connection each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying
from minewatch.lab.services.kind import Act, Kind

_METHOD = "/prices.Feed/Watch"
_MOST_WORDS = 60
_GRACE_S = 1.0


class GrpcStream(Kind):
    """Messages are octets that a protocol buffer could be: no compiler of protocols is needed."""

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        address = f"{plan.host(service.host).address}:{service.port}"
        return (_serve(address, self.number(service, "update_mean_s"), rng),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = f"{plan.host(service.host).address}:{service.port}"
        from grpc.aio import AioRpcError

        alive_s = self.number(service, "keepalive_s")
        return (keep_trying(lambda: _watch(address, alive_s, host), rng, (AioRpcError,)),)


async def _serve(address: str, mean_s: float, rng: Random) -> None:
    import grpc.aio

    closing = asyncio.Event()  # gRPC logs an error for a stream that is cut off

    async def watch(request: bytes, context: Any) -> AsyncIterator[bytes]:
        while not closing.is_set():
            yield _update(rng)
            with suppress(TimeoutError):
                wait_s = min(rng.expovariate(1 / mean_s), 4 * mean_s)
                await asyncio.wait_for(closing.wait(), wait_s)

    method = grpc.unary_stream_rpc_method_handler(watch)
    service, name = _METHOD.strip("/").split("/")
    handler = grpc.method_handlers_generic_handler(service, {name: method})
    server = grpc.aio.server(
        handlers=[handler],
        options=[
            ("grpc.so_reuseport", 0),
            # Pings more often than each 5 minutes would else be taken for an attack.
            ("grpc.http2.min_ping_interval_without_data_ms", 5000),
        ],
    )
    server.add_insecure_port(address)
    await server.start()
    try:
        await server.wait_for_termination()
    finally:
        closing.set()
        await server.stop(_GRACE_S)


async def _watch(address: str, alive_s: float, name: str) -> None:
    import grpc.aio

    options = [
        ("grpc.keepalive_time_ms", int(alive_s * 1000)),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.enable_http_proxy", 0),
    ]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        call = channel.unary_stream(_METHOD)
        async for _ in call(b"\x0a" + bytes([len(name)]) + name.encode()):
            pass


def _update(rng: Random) -> bytes:
    """Return a field of text and a packed field of numbers, as a protocol buffer has them."""
    numbers = rng.randbytes(4 * rng.randint(2, _MOST_WORDS // 2))
    symbol = f"item-{rng.randrange(1000)}".encode()
    return b"\x0a" + bytes([len(symbol)]) + symbol + b"\x12" + _varint(len(numbers)) + numbers


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


KINDS = (
    GrpcStream(
        "grpc-stream",
        (50051, 50052),
        {},
        {"grpc": "lab"},
        is_long_lived=True,
        options={"update_mean_s": 6.0, "keepalive_s": 30.0},
    ),
)
