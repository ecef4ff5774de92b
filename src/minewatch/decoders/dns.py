# SPDX-License-Identifier: Apache-2.0
"""DNS messages: the names asked for and the addresses given.

Blind spots: DNS over TLS and HTTPS, and messages that the capture cut.

References
----------
.. [1] RFC 1035; RFC 6762 (multicast).
"""

from __future__ import annotations

from dataclasses import dataclass

from minewatch.decoders.text import printable

_A, _CNAME, _AAAA = 1, 5, 28
_INTERNET = 1
_MAX_RECORDS = 64
_MAX_JUMPS = 16
_MAX_NAME = 255
_MAX_QUESTIONS = 8


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """One address that a name has.

    Parameters
    ----------
    name : the name that was asked for where the message tells, else the record's.
    address : 4 or 16 octets.
    ttl : how long the answer holds [s].
    """

    name: str
    address: bytes
    ttl: int


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """One DNS message.

    Parameters
    ----------
    is_response : False for a query.
    response_code : 0 where all is well, 3 where the name does not exist.
    names : the names asked for.
    answers : the addresses given.
    """

    is_response: bool
    response_code: int
    names: tuple[str, ...]
    answers: tuple[DnsAnswer, ...]


def parse_dns(data: bytes) -> DnsMessage | None:
    r"""Return one DNS message, None if the octets are not a whole and sound one.

    Examples
    --------
    >>> head = bytes.fromhex("beef01000001000000000000")
    >>> parse_dns(head + b"\x04pool\x07example\x00\x00\x01\x00\x01").names
    ('pool.example',)
    """
    if len(data) < 12:
        return None
    flags, *counts = (int.from_bytes(data[i : i + 2], "big") for i in range(2, 12, 2))
    # Opcodes above 6 and records by the thousand mean another protocol.
    if flags >> 11 & 15 > 6 or flags & 0x40 or counts[0] > _MAX_QUESTIONS or max(counts) > 512:
        return None
    names: list[str] = []
    position = 12
    for _ in range(counts[0]):
        name, position = _name(data, position)
        if name is None or position + 4 > len(data):
            return None
        names.append(name)
        position += 4
    answers = _answers(data, position, min(counts[1], _MAX_RECORDS), names)
    if answers is None or not (names or answers):
        return None
    return DnsMessage(bool(flags >> 15), flags & 15, tuple(names), tuple(answers))


def _answers(data: bytes, position: int, count: int, names: list[str]) -> list[DnsAnswer] | None:
    found: list[DnsAnswer] = []
    asked = set(names)
    aliases: dict[str, str] = {}
    for _ in range(count):
        name, position = _name(data, position)
        if name is None or position + 10 > len(data):
            return None
        kind = int.from_bytes(data[position : position + 2], "big")
        cls = int.from_bytes(data[position + 2 : position + 4], "big") & 0x7FFF
        ttl = int.from_bytes(data[position + 4 : position + 8], "big")
        start = position + 10
        position = start + int.from_bytes(data[position + 8 : position + 10], "big")
        if position > len(data):
            return None
        if kind == _CNAME:
            alias, _ = _name(data, start)
            # The address will stand behind the alias, but the user asked for the first name.
            if alias is not None:
                aliases[alias] = aliases.get(name, name)
        elif cls == _INTERNET and (kind, position - start) in ((_A, 4), (_AAAA, 16)):
            origin = aliases.get(name, name)
            given = origin if origin in asked or not asked else name
            found.append(DnsAnswer(given, data[start:position], ttl))
    return found


def _name(data: bytes, position: int) -> tuple[str | None, int]:
    """Return a name in lower case and what follows it; None if it is broken or goes in circles."""
    labels: list[str] = []
    end = -1
    length = jumps = 0
    while position < len(data):
        size = data[position]
        if size == 0:
            return ".".join(labels).lower() or ".", (position + 1 if end < 0 else end)
        if size >= 0xC0:
            jumps += 1
            if position + 2 > len(data) or jumps > _MAX_JUMPS:
                break
            end = position + 2 if end < 0 else end
            position = int.from_bytes(data[position : position + 2], "big") & 0x3FFF
            continue
        length += size + 1
        if size >= 0x40 or length > _MAX_NAME or position + 1 + size > len(data):
            break
        labels.append(
            printable(data[position + 1 : position + 1 + size].decode("latin-1"), 63) or "?"
        )
        position += 1 + size
    return None, -1
