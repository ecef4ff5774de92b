# SPDX-License-Identifier: Apache-2.0
"""JSON objects out of a stream that may begin in the middle and end too early.

Messages may follow each other with a newline, with nothing between, or be printed over several
lines. What precedes the first message must be the rest of another JSON message, or a proxy's
greeting: a protocol of another kind that carries JSON somewhere inside is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from minewatch.decoders.stream import Chunk

JsonObject: TypeAlias = dict[str, Any]

MAX_MESSAGE_OCTETS = 16 * 1024
"""Longest message that is read; Zcash solutions need 3 KiB."""
MAX_MESSAGES = 64
"""Messages taken from one chunk."""
MAX_BATCH = 16
"""Messages taken from one JSON-RPC batch."""
_MAX_FAILURES = 8

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
# A closing bracket followed by an opening one, without a comma: only between two messages.
_BOUNDARY = re.compile(r"[}\]][ \t\r\n]*(?=[\[{])")
_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_GREETING = re.compile(
    r"(?:[\x04\x05][^{]{1,600}?"  # SOCKS: at most two texts of 255 octets
    r"|(?:PROXY |CONNECT |HTTP/1\.[01] 200)[^{]{1,1000}?\r\n"
    r")(?=\{\s*\")",
    re.DOTALL,
)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*("?)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonMessage:
    """One JSON object of a conversation.

    Parameters
    ----------
    order : place of its first octet in capture order.
    time_ns : when its first octet was captured [ns].
    from_initiator : who sent it.
    value : the object.
    is_cut : True if the end is missing; ``value`` holds the members that were there.
    carrier : ``lines``, ``http`` or ``websocket``.
    agent : HTTP's User-Agent, empty elsewhere.
    """

    order: int
    time_ns: int
    from_initiator: bool
    value: JsonObject
    is_cut: bool = False
    carrier: str = "lines"
    agent: str = ""


def json_messages(chunk: Chunk, *, from_initiator: bool) -> list[JsonMessage]:
    r"""Return the JSON objects of one chunk, in order.

    Examples
    --------
    >>> chunk = Chunk(b'1}}\n{"id": 1}{"id":\n 2}\n{"id": 3, "met', [0], [(7, 0)])
    >>> [(m.value, m.is_cut) for m in json_messages(chunk, from_initiator=True)]
    [({'id': 1}, False), ({'id': 2}, False), ({'id': 3}, True)]
    """
    found = []
    for offset, value, is_cut in json_values(chunk.data.decode("latin-1")):
        time_ns, order = chunk.origin(offset)
        found.append(JsonMessage(order, time_ns, from_initiator, value, is_cut))
    return found


def json_values(text: str) -> Iterator[tuple[int, JsonObject, bool]]:
    """Yield offset, object and whether its end is missing; never more than ``MAX_MESSAGES``."""
    position = _first_message(text)
    seen = failures = 0
    while 0 <= position < len(text) and seen < MAX_MESSAGES and failures < _MAX_FAILURES:
        value, end = _value_at(text, position)
        if end < 0:
            failures += 1
            boundary = _BOUNDARY.search(text, position + 1)
            if boundary is None:
                yield from _flat(position, _salvaged(text[position:][:MAX_MESSAGE_OCTETS]), True)
                return
            position = boundary.end()
            continue
        yield from _flat(position, value, False)
        seen += 1
        position = _next_message(text, end)
        if position < 0 and seen == 1 and text[end : end + 1] in ("}", "]", ","):
            position = _behind_rest(text, end)  # that was the inside of a longer message


def _first_message(text: str) -> int:
    start = _next_message(text, 0)
    if start >= 0:
        return start
    if greeting := _GREETING.match(text):
        return greeting.end()
    return _behind_rest(text, 0)


def _behind_rest(text: str, position: int) -> int:
    """Return where the next message opens behind the rest of one, -1 if that is no text."""
    boundary = _BOUNDARY.search(text, position)
    if boundary is None or _BINARY.search(text, position, boundary.end()):
        return -1
    return boundary.end()


def _next_message(text: str, position: int) -> int:
    """Return where the next message opens, or -1 if something else follows."""
    space = _SPACE.match(text, position)
    start = space.end() if space else position
    return start if text[start : start + 1] in ("{", "[") else -1


def _value_at(text: str, position: int) -> tuple[object, int]:
    try:
        value, end = _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):  # the latter: brackets nested by the thousand
        return None, -1
    return (value, end) if end - position <= MAX_MESSAGE_OCTETS else (None, end)


def _flat(offset: int, value: object, is_cut: bool) -> Iterator[tuple[int, JsonObject, bool]]:
    """Yield an object, or the objects of a JSON-RPC batch."""
    if isinstance(value, dict):
        yield offset, value, is_cut
    elif isinstance(value, list):
        for item in value[:MAX_BATCH]:
            if isinstance(item, dict):
                yield offset, item, is_cut


def _salvaged(text: str) -> object:
    """Return what can be read of a message without its end, or None."""
    closing, comma = _closing(text)
    value, end = _value_at(text + closing, 0)
    if end < 0:
        text = text[:comma]
        value, end = _value_at(text + _closing(text)[0], 0)
    return value if end >= 0 else None


def _closing(text: str) -> tuple[str, int]:
    """Return what closes all that is open at the end, and where the last comma stands."""
    stack: list[str] = []
    comma = 0
    in_string = False
    for token in _TOKEN.finditer(text):
        mark = token[0][0]
        if mark == '"':
            in_string = len(token[0]) < 2 or not token[1]
        elif mark in "[{":
            stack.append("]" if mark == "[" else "}")
        elif mark == ",":
            comma = token.start()
        elif stack:
            stack.pop()
    return '"' * in_string + "".join(reversed(stack)), comma
