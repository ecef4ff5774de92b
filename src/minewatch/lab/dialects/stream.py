# SPDX-License-Identifier: Apache-2.0
"""From a stream of octets to JSON objects, with a bound on what is kept, and back."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from minewatch.lab.dialects.contract import MAX_BUFFER_OCTETS

Message: TypeAlias = dict[str, Any]
"""One JSON object, members in wire order."""


class Lines:
    r"""Splits a stream into lines.

    Examples
    --------
    >>> lines = Lines()
    >>> lines.feed(b'{"id":'), lines.feed(b'1}\n{}\n{')
    ([], [b'{"id":1}', b'{}'])
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """Return the lines that `octets` complete, without their ends; empty lines are left out.

        Raises
        ------
        ValueError : a line is longer than ``MAX_BUFFER_OCTETS``.
        """
        searched = len(self._rest)
        self._rest += octets
        if (end := self._rest.rfind(b"\n", searched)) < 0:
            lines: list[bytes] = []
        else:
            lines = bytes(self._rest[:end]).split(b"\n")
            del self._rest[: end + 1]
        if max(map(len, [self._rest, *lines])) > MAX_BUFFER_OCTETS:
            raise ValueError(f"a line is longer than {MAX_BUFFER_OCTETS} octets")
        return [line for line in lines if line.strip()]


def compact(message: Message) -> bytes:
    r"""Return one line as pools and most newer miners write it.

    Examples
    --------
    >>> compact({"id": 1, "params": []})
    b'{"id":1,"params":[]}\n'
    """
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def spaced(message: Message) -> bytes:
    r"""Return one line as cgminer and its relatives write it, with a space after each mark.

    Examples
    --------
    >>> spaced({"id": 1, "params": []})
    b'{"id": 1, "params": []}\n'
    """
    return json.dumps(message).encode() + b"\n"


def read_object(text: bytes) -> Message:
    """Return the JSON object that `text` is.

    Raises
    ------
    ValueError : it is not JSON, not an object, or nested without end.
    """
    try:
        message = json.loads(text)
    except RecursionError as error:
        raise ValueError("a message is nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError(f"a message is an object, not {type(message).__name__}")
    return message


def method_of(message: Message) -> str | None:
    """Return the method that a JSON-RPC message calls; None for an answer.

    Raises
    ------
    ValueError : it is neither a call nor an answer.
    """
    method = message.get("method")
    if isinstance(method, str) or (method is None and message.keys() & {"result", "error"}):
        return method
    raise ValueError("neither a call nor an answer")
