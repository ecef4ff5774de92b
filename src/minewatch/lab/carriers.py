# SPDX-License-Identifier: Apache-2.0
"""What lies between a dialect's messages and the stream: nothing, or a web socket. No sockets here.

The web socket is that of the ``websockets`` package: a real HTTP upgrade, text frames, masks from
the client, pings answered, no compression (Coinhive's servers offered none).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from minewatch.errors import ConfigError
from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.server import ServerProtocol

PATH = "/proxy"
"""Where Coinhive's web sockets were."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"
"""What a page's miner runs in."""

_MISSING = 'web sockets need the package websockets: pip install "minewatch[lab]"'


class Carrier(Protocol):
    """One end of a stream, without the stream."""

    @property
    def is_open(self) -> bool:
        """True when messages may be sent."""
        ...

    def open(self) -> bytes:
        """Return the first octets; empty if this end does not begin."""
        ...

    def receive(self, octets: bytes) -> list[bytes]:
        """Take what arrived; return the messages in it.

        Raises
        ------
        ValueError : it is not this carrier, or the other end closed it.
        """
        ...

    def replies(self) -> bytes:
        """Return what the carrier itself answers; ask after each ``receive``, failed or not."""
        ...

    def wrap(self, message: bytes) -> bytes:
        """Return one message as the octets of one write.

        Raises
        ------
        ConnectionError : the carrier is closed.
        """
        ...


class BareStream:
    """Nothing: for ``lines`` and ``http``, whose sessions take octets in pieces of any size."""

    is_open = True

    def open(self) -> bytes:
        return b""

    def receive(self, octets: bytes) -> list[bytes]:
        return [octets]

    def replies(self) -> bytes:
        return b""

    def wrap(self, message: bytes) -> bytes:
        return message


class _WebSocket:
    """What both ends of a web socket share."""

    def __init__(self, protocol: ClientProtocol | ServerProtocol) -> None:
        self._protocol = protocol
        self._parts: list[bytes] = []

    @property
    def is_open(self) -> bool:
        from websockets.protocol import State

        return self._protocol.state is State.OPEN

    def open(self) -> bytes:
        return b""

    def receive(self, octets: bytes) -> list[bytes]:
        self._protocol.receive_data(octets)
        taken = [self._take(event) for event in self._protocol.events_received()]
        failure = self._protocol.handshake_exc or self._protocol.parser_exc
        if failure is not None:
            raise ValueError(f"not a web socket: {failure}")
        return [message for message in taken if message is not None]

    def replies(self) -> bytes:
        # An empty element stands for the end of the stream: the driver sees to that itself.
        return b"".join(self._protocol.data_to_send())

    def wrap(self, message: bytes) -> bytes:
        if not self.is_open:
            raise ConnectionError("the web socket is not open")
        self._protocol.send_text(message)
        return self.replies()

    def _take(self, event: object) -> bytes | None:
        """Return the message that a frame ends, if it does."""
        from websockets.frames import Frame, Opcode

        if not isinstance(event, Frame):
            return None
        if event.opcode is Opcode.CLOSE:
            raise ValueError("the web socket was closed")
        if event.opcode not in (Opcode.TEXT, Opcode.CONT):
            return None  # pings are answered by the protocol
        self._parts.append(bytes(event.data))
        if not event.fin:
            return None
        message = b"".join(self._parts)
        self._parts.clear()
        return message


class WebSocketClient(_WebSocket):
    """The end that asks for the upgrade."""

    def __init__(self, protocol: ClientProtocol) -> None:
        super().__init__(protocol)
        self._client = protocol

    def open(self) -> bytes:
        request = self._client.connect()
        request.headers["Origin"] = "http://news.example"
        request.headers["User-Agent"] = BROWSER
        self._client.send_request(request)
        return self.replies()


class WebSocketServer(_WebSocket):
    """The end that grants it."""

    def __init__(self, protocol: ServerProtocol) -> None:
        super().__init__(protocol)
        self._server = protocol

    def _take(self, event: object) -> bytes | None:
        from websockets.http11 import Request

        if isinstance(event, Request):
            self._server.send_response(self._server.accept(event))
            return None
        return super()._take(event)


def client_carrier(name: str, host: str, port: int) -> Carrier:
    """Return the miner's end of a carrier.

    Parameters
    ----------
    name : ``lines``, ``http`` or ``websocket``.
    host, port : the pool, as the upgrade names it.

    Raises
    ------
    ConfigError : there is no such carrier, or its package is missing.
    """
    if name != "websocket":
        return _bare(name)
    try:
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri
    except ImportError as error:
        raise ConfigError(_MISSING) from error
    address = parse_uri(f"ws://{host}:{port}{PATH}")
    return WebSocketClient(ClientProtocol(address, max_size=MAX_BUFFER_OCTETS))


def server_carrier(name: str) -> Carrier:
    """Return the pool's end of a carrier.

    Raises
    ------
    ConfigError : there is no such carrier, or its package is missing.
    """
    if name != "websocket":
        return _bare(name)
    try:
        from websockets.server import ServerProtocol
    except ImportError as error:
        raise ConfigError(_MISSING) from error
    return WebSocketServer(ServerProtocol(max_size=MAX_BUFFER_OCTETS))


def _bare(name: str) -> Carrier:
    if name not in ("lines", "http"):
        raise ConfigError(f"no carrier {name!r}: there are lines, http and websocket")
    return BareStream()
