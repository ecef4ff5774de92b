# SPDX-License-Identifier: Apache-2.0
"""Frames of a web socket (RFC 6455), of one direction."""

from __future__ import annotations

from collections.abc import Iterator

MAX_FRAMES = 128
"""Frames taken from one chunk."""
MAX_MESSAGE_OCTETS = 16 * 1024

_CONTINUATION, _TEXT, _BINARY = 0, 1, 2


def websocket_messages(data: bytes, position: int = 0) -> Iterator[tuple[int, bytes]]:
    r"""Yield where each text or binary message begins, and its octets without the mask.

    Fragments are joined; control frames and messages in an extension (compressed) are passed
    over; the last message may lack its end.

    Examples
    --------
    >>> list(websocket_messages(b"\x81\x02{}\x89\x00\x81\x82\x01\x02\x03\x04\x7a\x7f"))
    [(0, b'{}'), (6, b'{}')]
    """
    begin, joined = -1, b""
    for _ in range(MAX_FRAMES):
        head = _head(data, position)
        if head is None:
            return
        payload, length, mask = head
        octets = _unmasked(data[payload : payload + min(length, MAX_MESSAGE_OCTETS)], mask)
        first = data[position]
        code = first & 0x0F
        if code in (_TEXT, _BINARY):
            # RSV1 set: compressed by an extension.
            begin, joined = (position, octets) if not first & 0x70 else (-1, b"")
        elif code == _CONTINUATION and begin >= 0:
            joined += octets[: MAX_MESSAGE_OCTETS - len(joined)]
        position = payload + length
        if code <= _BINARY and begin >= 0 and (first & 0x80 or position >= len(data)):
            yield begin, joined
            begin, joined = -1, b""


def _head(data: bytes, position: int) -> tuple[int, int, bytes] | None:
    """Return where the payload begins, its length and its mask; None if this is no frame."""
    if position + 2 > len(data) or data[position] & 0x0F not in (0, 1, 2, 8, 9, 10):
        return None
    length = data[position + 1] & 0x7F
    is_masked = data[position + 1] & 0x80
    position += 2
    extra = {126: 2, 127: 8}.get(length, 0)
    if extra:
        length = int.from_bytes(data[position : position + extra], "big")
        position += extra
    mask = data[position : position + 4] if is_masked else b""
    position += 4 if is_masked else 0
    if position > len(data):
        return None
    return position, length, mask


def _unmasked(octets: bytes, mask: bytes) -> bytes:
    if not mask:
        return octets
    key = (mask * (len(octets) // 4 + 1))[: len(octets)]
    joined = int.from_bytes(octets, "big") ^ int.from_bytes(key, "big")
    return joined.to_bytes(len(octets), "big")
