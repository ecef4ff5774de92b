# SPDX-License-Identifier: Apache-2.0
"""As much of HTTP/1.1 as a miner and a node need: POST, a body with its length, an answer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from email.utils import formatdate

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS

MAX_HEAD_OCTETS = 8 * 1024

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or a response."""

    first_line: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


class HttpReader:
    r"""Splits a stream into messages.

    Examples
    --------
    >>> reader = HttpReader()
    >>> reader.feed(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{")
    []
    >>> [message.body for message in reader.feed(b"}")]
    [b'{}']
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._head: tuple[str, dict[str, str], int] | None = None

    def feed(self, octets: bytes) -> list[HttpMessage]:
        """Return the messages that `octets` complete.

        Raises
        ------
        ValueError : it is not HTTP/1, or longer than we take.
        """
        self._rest += octets
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        if len(self._rest) > MAX_BUFFER_OCTETS:
            raise ValueError(f"a message is longer than {MAX_BUFFER_OCTETS} octets")
        return found

    def _next(self) -> HttpMessage | None:
        if self._head is None:
            end = self._rest.find(_END, 0, MAX_HEAD_OCTETS)
            if not self._is_plausible() or (end < 0 and len(self._rest) >= MAX_HEAD_OCTETS):
                raise ValueError("not HTTP/1.1")
            if end < 0:
                return None
            self._head = _read_head(bytes(self._rest[:end]))
            del self._rest[: end + len(_END)]
        first_line, headers, length = self._head
        if len(self._rest) < length:
            return None
        body = bytes(self._rest[:length])
        del self._rest[:length]
        self._head = None
        return HttpMessage(first_line, headers, body)

    def _is_plausible(self) -> bool:
        start = bytes(self._rest[:5])
        return b"POST ".startswith(start) or b"HTTP/".startswith(start)


def _read_head(head: bytes) -> tuple[str, dict[str, str], int]:
    first_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("not HTTP/1.1: a header without a colon")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 9:
        raise ValueError(f"not HTTP/1.1: a body of {length[:32]!r} octets")
    if int(length) > MAX_BUFFER_OCTETS:
        raise ValueError(f"a body is longer than {MAX_BUFFER_OCTETS} octets")
    return first_line, headers, int(length)


def post(body: bytes, *, host: str, login: str, password: str, agent: str) -> bytes:
    """Return a request as libcurl writes it for cpuminer and its relatives."""
    account = b64encode(f"{login}:{password}".encode()).decode()
    head = (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {account}\r\nAccept: */*\r\n"
        f"Accept-Encoding: deflate, gzip\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nUser-Agent: {agent}\r\n"
        "X-Mining-Extensions: longpoll midstate reject-reason\r\n\r\n"
    )
    return head.encode() + body


def respond(body: bytes, now_s: float, status: str = "200 OK") -> bytes:
    """Return a response as bitcoind writes it."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Date: {formatdate(now_s, usegmt=True)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
