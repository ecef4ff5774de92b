# SPDX-License-Identifier: Apache-2.0
"""Where messages end that stand one after the other in a file, and what looks like one."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, TypeAlias

from minewatch.readers.netflow import ipfix, v5, v9
from minewatch.readers.netflow.template_sets import FIRST_DATA_SET
from minewatch.readers.netflow.templates import NANOSECONDS

MAX_MESSAGE_OCTETS: Final = 65_535
_PAIR: Final = Struct(">HH")
_WORDS: Final = Struct(">II")
_MAX_SAMPLES: Final = 2048
_MAX_SAMPLE_KIND: Final = 5
_SFLOW_HEADS: Final = {1: 28, 2: 40}
_V9_SETS: Final = (0, 1)
_IPFIX_SETS: Final = (2, 3)

Measure: TypeAlias = Callable[[memoryview], int]


def message_octets(data: memoryview) -> int:
    """Return the length of the message with which ``data`` begins; 0 if it is none.

    What is returned is more than ``len(data)`` if the message is cut.

    Parameters
    ----------
    data : the message and what follows it.

    Examples
    --------
    >>> message_octets(memoryview(b"GET / HTTP/1.1"))
    0
    """
    if len(data) < v9.HEADER_OCTETS:
        return 0
    measure = _MEASURES.get(bytes(data[:2]))
    return 0 if measure is None else measure(data)


def looks_like_messages(head: bytes) -> bool:
    """Return whether octets are messages of exporters, one after the other.

    Parameters
    ----------
    head : the first octets of a file, or a datagram.
    """
    data = memoryview(head)
    at = 0
    while at < len(data):
        octets = message_octets(data[at:])
        if octets == 0:
            # The next message may be too short to tell, or what is left is zeros.
            return at > 0 and (len(data) - at < v9.HEADER_OCTETS or not any(data[at:]))
        at += octets
    return at > 0


def _v5_octets(data: memoryview) -> int:
    n = int.from_bytes(data[2:4], "big")
    is_fraction = int.from_bytes(data[12:16], "big") < NANOSECONDS
    if not 0 < n <= v5.MAX_RECORDS or not is_fraction:
        return 0
    return v5.HEADER_OCTETS + n * v5.RECORD_OCTETS


def _v9_octets(data: memoryview) -> int:
    if not any(data[2:4]):
        return 0
    at = v9.HEADER_OCTETS
    while len(data) - at >= _PAIR.size:
        identifier, octets = _PAIR.unpack_from(data, at)
        is_set = identifier in _V9_SETS or identifier >= FIRST_DATA_SET
        if not is_set or octets < _PAIR.size:
            break
        if at + octets > MAX_MESSAGE_OCTETS:
            break
        at += octets
    return at if at > v9.HEADER_OCTETS else 0


def _ipfix_octets(data: memoryview) -> int:
    octets = int.from_bytes(data[2:4], "big")
    if octets < ipfix.HEADER_OCTETS:
        return 0
    if octets == ipfix.HEADER_OCTETS:
        return octets
    identifier, set_octets = _PAIR.unpack_from(data, ipfix.HEADER_OCTETS)
    is_set = identifier in _IPFIX_SETS or identifier >= FIRST_DATA_SET
    fits = _PAIR.size <= set_octets <= octets - ipfix.HEADER_OCTETS
    return octets if is_set and fits else 0


def _sflow_octets(data: memoryview) -> int:
    kind = _WORDS.unpack_from(data)
    at = _SFLOW_HEADS.get(kind[1], 0) if kind[0] == 5 else 0
    if not at or len(data) < at:
        return 0
    n = int.from_bytes(data[at - 4 : at], "big")
    if n > _MAX_SAMPLES:
        return 0
    for _ in range(n):
        if len(data) - at < _WORDS.size:
            return at + _WORDS.size
        kind = _WORDS.unpack_from(data, at)
        if not 0 < kind[0] & 0xFFF <= _MAX_SAMPLE_KIND or kind[1] > MAX_MESSAGE_OCTETS:
            return 0
        at += _WORDS.size + kind[1]
        if at > MAX_MESSAGE_OCTETS:
            return 0
    return at


_MEASURES: Final[dict[bytes, Measure]] = {
    b"\0\5": _v5_octets,
    b"\0\x09": _v9_octets,
    b"\0\x0a": _ipfix_octets,
    b"\0\0": _sflow_octets,
}
