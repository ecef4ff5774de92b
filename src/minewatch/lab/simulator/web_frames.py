# SPDX-License-Identifier: Apache-2.0
"""A web socket as octets: the lab's upgrade and frames, with keys and masks drawn from a seed.

The package websockets, which the lab uses, takes both from the operating system and the date from
its clock; a simulated capture shall be the same each time.
"""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from random import Random
from typing import Final

from minewatch.lab.carriers import BROWSER, PATH

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT: Final = 0x81
_MASKED: Final = 0x80


def upgrade(host: str, port: int, now_s: float, rng: Random) -> tuple[bytes, bytes]:
    """Return the request for a web socket and the reply that grants it (RFC 6455, section 4).

    Parameters
    ----------
    host, port : the pool, as the request names it.
    now_s : date of the reply, seconds since 1970.
    rng : source of the key.
    """
    key = base64.b64encode(rng.randbytes(16))
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    place = host if port == 80 else f"{host}:{port}"
    request = (
        f"GET {PATH} HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: http://news.example\r\nUser-Agent: {BROWSER}\r\n\r\n"
    )
    reply = (
        f"HTTP/1.1 101 Switching Protocols\r\nDate: {formatdate(now_s, usegmt=True)}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept.decode()}\r\n\r\n"
    )
    return request.encode(), reply.encode()


def frame(message: bytes, rng: Random | None = None) -> bytes:
    r"""Return a text frame, masked if there is a source of masks: clients must.

    Examples
    --------
    >>> frame(b"{}"), len(frame(b"{}", Random(1))), len(frame(b"x" * 200))
    (b'\x81\x02{}', 8, 204)
    """
    flag, length = (0 if rng is None else _MASKED), len(message)
    if length < 126:
        head = bytes([_TEXT, flag | length])
    elif length < 1 << 16:
        head = bytes([_TEXT, flag | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([_TEXT, flag | 127]) + length.to_bytes(8, "big")
    if rng is None:
        return head + message
    mask = rng.randbytes(4)
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    masked = (int.from_bytes(message, "big") ^ key).to_bytes(length, "big")
    return head + mask + masked
