# SPDX-License-Identifier: Apache-2.0
"""JSON messages of a conversation, whatever carries them: lines, HTTP/1 or a web socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from minewatch.decoders.http import HttpMessage, is_http, parse_http
from minewatch.decoders.jsonlines import JsonMessage, json_messages, json_values
from minewatch.decoders.stream import Chunk, reassemble
from minewatch.decoders.websocket import websocket_messages
from minewatch.types import Payload

MINING_EXTENSIONS = "(X-Mining-Extensions)"
"""Added to the User-Agent of a request with that header: only miners send it."""


def conversation_messages(payload: Payload) -> list[JsonMessage]:
    """Return the JSON objects of both directions, in the order of capture."""
    found: list[JsonMessage] = []
    for from_initiator in (True, False):
        is_web = False
        for chunk in reassemble(payload.segments, from_initiator=from_initiator):
            is_web = is_web or is_http(chunk.data)
            if is_web:
                found += _http_messages(chunk, from_initiator)
            else:
                found += json_messages(chunk, from_initiator=from_initiator)
    found.sort(key=lambda message: message.order)
    return found


def _http_messages(chunk: Chunk, from_initiator: bool) -> Iterator[JsonMessage]:
    messages, frames = parse_http(chunk.data)
    if messages and _is_tunnel(messages[0]):
        yield from json_messages(chunk, from_initiator=from_initiator)
        return
    for message in messages:
        if message.body:
            agent = message.headers.get("user-agent", "")
            if "x-mining-extensions" in message.headers:
                agent = f"{agent} {MINING_EXTENSIONS}".strip()
            values = list(_values(chunk, message.offset, message.body, from_initiator))
            for value in values if _is_one_value(message.body, len(values)) else ():
                yield replace(value, carrier="http", agent=agent[:256])
    if frames >= 0:
        for offset, octets in websocket_messages(chunk.data, frames):
            for found in _values(chunk, offset, octets, from_initiator):
                yield replace(found, carrier="websocket")


def _is_tunnel(message: HttpMessage) -> bool:
    """Whether this is a proxy's greeting, behind which another protocol speaks."""
    describes_body = message.headers.keys() & {
        "content-length",
        "content-type",
        "transfer-encoding",
    }
    return message.method == "CONNECT" or (message.status == 200 and not describes_body)


def _is_one_value(body: bytes, n_found: int) -> bool:
    """Whether a body is one message or one batch: a file of lines is no call."""
    return n_found == 1 or body.lstrip()[:1] == b"["


def _values(
    chunk: Chunk, offset: int, octets: bytes, from_initiator: bool
) -> Iterator[JsonMessage]:
    time_ns, order = chunk.origin(offset)
    if octets.lstrip()[:1] not in (b"{", b"["):
        return
    for _, value, is_cut in json_values(octets.decode("latin-1")):
        yield JsonMessage(order, time_ns, from_initiator, value, is_cut)
