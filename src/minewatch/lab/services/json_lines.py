# SPDX-License-Identifier: Apache-2.0
"""JSON values, one a line, over TCP: what an Electrum server and a job queue share with Stratum."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from minewatch.lab.services.actor import close

_MOST_OCTETS = 1 << 20

Message: TypeAlias = dict[str, Any]


class Lines:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    def send(self, message: Message) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    def call(self, method: str, params: object) -> None:
        """Send a request with the next number."""
        self._number += 1
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the other end sends, until it hangs up.

        Raises
        ------
        OSError : the connection broke, or a line is no JSON object.
        """
        while line := await self._reader.readline():
            try:
                message = json.loads(line)
            except ValueError as error:
                raise ConnectionError(f"not JSON: {error}") from error
            if not isinstance(message, dict):
                raise ConnectionError("not a JSON object")
            yield message


@asynccontextmanager
async def connect(address: str, port: int) -> AsyncIterator[Lines]:
    """Open a connection, and close it at the end."""
    reader, writer = await asyncio.open_connection(address, port, limit=_MOST_OCTETS)
    try:
        yield Lines(reader, writer)
    finally:
        await close(writer)


async def serve(address: str, port: int, attend: Callable[[Lines], Awaitable[None]]) -> None:
    """Serve until cancelled; ``attend`` has one connection, which is closed when it returns."""
    present: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            present.add(task)
            task.add_done_callback(present.discard)
        try:
            await attend(Lines(reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # The client is gone, or the lab ends.
        finally:
            writer.close()

    server = await asyncio.start_server(accept, address, port, limit=_MOST_OCTETS)
    try:
        async with server:
            await server.serve_forever()
    finally:
        for task in present:
            task.cancel()
