# SPDX-License-Identifier: Apache-2.0
"""Padding, the evasion: a message gets longer at random and still means the same.

It breaks detection by message sizes and asks nothing of the other end. JSON may be followed by
white space (RFC 8259, section 2), so spaces go between the object and its newline; HTTP gets one
more header, which a server ignores (RFC 9110, section 5.1). A binary message stays as it is:
a dialect with lengths and checksums has no room for more.
"""

from __future__ import annotations

from random import Random

MAX_PADDING_OCTETS = 256
"""More than most messages of a miner are long: sizes then overlap. Chosen, not measured."""


def pad(message: bytes, rng: Random, carrier: str = "lines") -> bytes:
    r"""Return `message`, up to 256 octets longer.

    Parameters
    ----------
    message : one whole message.
    rng : source of the length.
    carrier : of the dialect: ``lines``, ``http`` or ``websocket``.

    Examples
    --------
    >>> padded = pad(b'{"id":1}\n', Random(1))
    >>> len(padded), padded.startswith(b'{"id":1}'), padded.endswith(b"\n")
    (77, True, True)
    >>> pad(b"\x00\x01\x02", Random(1))
    b'\x00\x01\x02'
    """
    octets = rng.randint(0, MAX_PADDING_OCTETS)
    if carrier == "http":
        first, end, rest = message.partition(b"\r\n")
        if not end:
            return message
        return first + end + b"X-Request-Id: " + b"0" * octets + b"\r\n" + rest
    text = message.removesuffix(b"\n")
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return message
    return text + b" " * octets + message[len(text) :]
