# SPDX-License-Identifier: Apache-2.0
"""Connections of pools and miners: TCP, TLS and SOCKS5 below, a dialect's messages above.

One message is one write, without Nagle's delay (asyncio sets TCP_NODELAY): what a dialect says is
what a capture shows. Miners send no server name in TLS, and ask for TCP keep-alive, as XMRig does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Self

from minewatch.lab import socks
from minewatch.lab.carriers import Carrier, client_carrier, server_carrier

CONNECT_TIMEOUT_S = 20.0
"""XMRig's; it covers SOCKS5, TLS and the upgrade too."""

CLOSE_TIMEOUT_S = 2.0
"""How long the end of TLS may take before the connection is cut."""

READ_OCTETS = 16 * 1024
MAX_UNSENT_OCTETS = 1024 * 1024
"""The other end that leaves so much unread is cut off."""

MAX_CONNECTIONS = 4096
"""Of one listener; one more is cut off at once."""


class Connection:
    """Messages over one stream."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, carrier: Carrier
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._carrier = carrier

    def send(self, messages: Iterable[bytes]) -> None:
        """Write each message in one go.

        Raises
        ------
        ConnectionError : the other end reads too little.
        """
        for message in messages:
            self._writer.write(self._carrier.wrap(message))
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_OCTETS:
            self._writer.transport.abort()
            raise ConnectionError("the other end does not read")

    async def open(self) -> None:
        """Do what the carrier wants before the first message."""
        opening = self._carrier.open()
        if opening:
            self._writer.write(opening)
        while not self._carrier.is_open:
            if await self._take():
                raise ConnectionError("a message came before the upgrade")

    async def receive(self) -> list[bytes]:
        """Wait for messages (or pieces, where the carrier is bare); cancelling loses none.

        Raises
        ------
        ConnectionError : the other end hung up.
        ValueError : it does not speak this carrier.
        """
        while not (messages := await self._take()):
            pass
        return messages

    async def _take(self) -> list[bytes]:
        octets = await self._reader.read(READ_OCTETS)
        if not octets:
            raise ConnectionError("the other end hung up")
        try:
            return self._carrier.receive(octets)
        finally:
            replies = self._carrier.replies()
            if replies:
                self._writer.write(replies)

    def hang_up(self) -> None:
        """Begin to close: both ends find the stream ended."""
        self._writer.close()

    async def close(self) -> None:
        """Close, and wait until it is done or takes too long."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._writer.wait_closed()
        except OSError:  # a timeout is one too
            self._writer.transport.abort()


class Listener:
    """A listening socket whose connections are each handled by a coroutine.

    Parameters
    ----------
    handle : what to do with a connection, until the other end is gone. OSError and ValueError end
        that connection only; any other error is a defect of ours, and ``wait`` raises it.
    carrier : ``lines``, ``http`` or ``websocket``.
    context : TLS context of a server, or None for plain TCP.
    """

    def __init__(
        self,
        handle: Callable[[Connection], Awaitable[None]],
        carrier: str,
        context: ssl.SSLContext | None,
    ) -> None:
        self.port = 0
        self._handle = handle
        self._carrier = carrier
        self._context = context
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] | None = None

    async def start(self, address: str, port: int) -> Self:
        """Listen; port 0 takes a free one."""
        server_carrier(self._carrier)  # what is missing shall show now
        self._failure = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(
            self._serve,
            address,
            port,
            ssl=self._context,
            ssl_shutdown_timeout=None if self._context is None else CLOSE_TIMEOUT_S,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def wait(self) -> None:
        """Wait for ever, or until serving a connection failed in a way that is our fault."""
        assert self._failure is not None, "start it first"
        await asyncio.shield(self._failure)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self._failure is not None and not self._failure.done():
            self._failure.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._tasks.add(task)
        connection = Connection(reader, writer, server_carrier(self._carrier))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.open()
            await self._handle(connection)
        except (OSError, ValueError):
            pass  # gone, or not speaking this dialect: a pool hangs up on both
        except asyncio.CancelledError:
            pass  # the listener closes; asyncio would report a cancelled handler as an error
        except Exception as error:  # noqa: BLE001 - passed on by wait()
            self._fail(error)
        finally:
            await self._drop(connection)
            self._tasks.discard(task)

    async def _drop(self, connection: Connection) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await connection.close()

    def _fail(self, error: Exception) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)


async def connect(
    host: str,
    port: int,
    *,
    carrier: str = "lines",
    context: ssl.SSLContext | None = None,
    proxy: tuple[str, int] | None = None,
    through: tuple[str, int] | None = None,
) -> Connection:
    """Connect as a miner does.

    Parameters
    ----------
    host, port : the pool.
    carrier : ``lines``, ``http`` or ``websocket``.
    context : TLS context of a miner, or None for plain TCP.
    proxy : host and port of a SOCKS5 server to ask for the connection, or None.
    through : host and port that stand for the pool (the mouth of a tunnel), or None.

    Raises
    ------
    OSError : there is no connection in time, or TLS or the SOCKS5 server refused.
    ValueError : the other end does not speak the carrier.
    """
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        sock = await _connect_socket(*(proxy or through or (host, port)))
        try:
            if proxy is not None:
                await socks.ask(sock, host, port)
            reader, writer = await asyncio.open_connection(
                sock=sock,
                ssl=context,
                # The empty name is how asyncio is told to send none (no SNI), as XMRig does.
                server_hostname=None if context is None else "",
                ssl_shutdown_timeout=None if context is None else CLOSE_TIMEOUT_S,
            )
        except BaseException:
            sock.close()
            raise
        connection = Connection(reader, writer, client_carrier(carrier, host, port))
        try:
            await connection.open()
        except BaseException:
            connection.hang_up()
            raise
    return connection


async def _connect_socket(host: str, port: int) -> socket.socket:
    """Return a connected socket that does not block."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        _set_keepalive(sock)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_keepalive(sock: socket.socket) -> None:
    """Ask for TCP keep-alive as libuv does for XMRig: after 60 s, then every second, ten times."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 10)
