# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 requests and responses of one direction, as far as mining needs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_MESSAGES = 32
"""Requests or responses taken from one chunk."""
MAX_HEAD_OCTETS = 8 * 1024
MAX_BODY_OCTETS = 16 * 1024
_MAX_HEADERS = 64

_START = re.compile(
    rb"(?:(?P<method>GET|POST|PUT|CONNECT) (?P<target>[^ \r\n]{1,2048}) HTTP/1\.[01]"
    rb"|HTTP/1\.[01] (?P<status>\d{3})[^\r\n]{0,256})\r\n"
)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,7})[^\r\n]{0,64}\r\n")


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or a response.

    Parameters
    ----------
    offset : where its body begins in the chunk.
    method : of a request, empty for a response.
    status : of a response, 0 for a request.
    headers : by name in lower case; of a repeated one the last.
    body : decoded from chunks if need be, at most ``MAX_BODY_OCTETS``.
    """

    offset: int
    method: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for, or grants, a web socket."""
        return "websocket" in self.headers.get("upgrade", "").lower() and (
            self.status == 101 or self.method == "GET"
        )


def is_http(data: bytes) -> bool:
    """Return whether ``data`` begins as HTTP/1 does."""
    return _START.match(data) is not None


def parse_http(data: bytes) -> tuple[list[HttpMessage], int]:
    r"""Return the messages of one direction, and where frames of a web socket begin (-1: nowhere).

    A chunk that begins inside a body is read from the next start line.

    Examples
    --------
    >>> found, _ = parse_http(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    >>> found[0].method, found[0].body
    ('POST', b'{}')
    """
    found: list[HttpMessage] = []
    start = _START.search(data)
    while start is not None and len(found) < MAX_MESSAGES:
        headers, position = _headers(data, start.end())
        if position < 0:
            break
        body, end = _body(data, position, headers, is_request=start["method"] is not None)
        message = HttpMessage(
            position,
            (start["method"] or b"").decode("latin-1"),
            int(start["status"] or 0),
            headers,
            body,
        )
        found.append(message)
        if message.is_websocket:
            return found, position
        start = _START.search(data, end)
    return found, -1


def _headers(data: bytes, position: int) -> tuple[dict[str, str], int]:
    """Return the headers and where the body begins, -1 if the head does not end."""
    if data.startswith(b"\r\n", position):
        return {}, position + 2
    end = data.find(b"\r\n\r\n", position, position + MAX_HEAD_OCTETS)
    if end < 0:
        return {}, -1
    headers = {}
    for line in data[position:end].split(b"\r\n")[:_MAX_HEADERS]:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers, end + 4


def _body(
    data: bytes, position: int, headers: Mapping[str, str], *, is_request: bool
) -> tuple[bytes, int]:
    """Return the body and where the next message may begin."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _dechunked(data, position)
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 10:
        end = position + int(length)
    elif is_request:
        end = position
    else:
        following = _START.search(data, position)
        end = following.start() if following else len(data)
    return data[position : min(end, position + MAX_BODY_OCTETS)], min(end, len(data))


def _dechunked(data: bytes, position: int) -> tuple[bytes, int]:
    body = b""
    while size := _CHUNK_SIZE.match(data, position):
        length = int(size[1], 16)
        position = size.end()
        if length == 0 or len(body) >= MAX_BODY_OCTETS:
            break
        body += data[position : position + length]
        position += length + 2
    return body[:MAX_BODY_OCTETS], min(position, len(data))
