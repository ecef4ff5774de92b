# SPDX-License-Identifier: Apache-2.0
"""Datagrams of exporters as octets, written out by hand so that no library stands between.

A template is a list of (number, octets); IPFIX fields of an enterprise are (number, octets,
enterprise). A record is a list of values: numbers, octets as they are, or addresses as text.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.templates import DecoderLimits
from minewatch.records import RecordCounters

SECOND = 1_000_000_000
SENT_S = 1_700_000_000
SENT = SENT_S * SECOND
UPTIME_MS = 60_000
EXPORTER = "192.0.2.9"
PLACE = "a.pcap: datagram 1"

Fields = Sequence[tuple[int, ...]]

PLAIN: Fields = [
    *((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1)),
    *((2, 4), (1, 4), (22, 4), (21, 4)),
]
"""What most routers send."""
PLAIN_VALUES: list[Any] = [
    *("10.0.0.1", "198.51.100.7", 40_000, 3333, 6, 0x1B),
    *(7, 700, 50_000, 59_000),
]


def value(one: Any, octets: int) -> bytes:
    if isinstance(one, bytes):
        return one
    if isinstance(one, str):
        return ipaddress.ip_address(one).packed
    return int(one).to_bytes(octets, "big")


def record(fields: Fields, values: Sequence[Any]) -> bytes:
    """One record; a variable field is given as octets and gets its length before it."""
    parts = []
    for (_, octets, *_), one in zip(fields, values, strict=True):
        if octets == 65535:
            data = value(one, 0)
            head = bytes([len(data)]) if len(data) < 255 else b"\xff" + struct.pack(">H", len(data))
            parts.append(head + data)
        else:
            parts.append(value(one, octets))
    return b"".join(parts)


def a_set(number: int, body: bytes, octets: int | None = None) -> bytes:
    return struct.pack(">HH", number, 4 + len(body) if octets is None else octets) + body


def field_octets(fields: Fields) -> bytes:
    parts = []
    for number, octets, *enterprise in fields:
        if enterprise:
            parts.append(struct.pack(">HHI", number | 0x8000, octets, enterprise[0]))
        else:
            parts.append(struct.pack(">HH", number, octets))
    return b"".join(parts)


def template(number: int, fields: Fields, n: int | None = None) -> bytes:
    """A template record."""
    return struct.pack(">HH", number, len(fields) if n is None else n) + field_octets(fields)


def v9_options(number: int, scopes: Fields, fields: Fields) -> bytes:
    head = struct.pack(">HHH", number, 4 * len(scopes), 4 * len(fields))
    return head + field_octets(scopes) + field_octets(fields)


def ipfix_options(number: int, scopes: Fields, fields: Fields, n: int | None = None) -> bytes:
    total = len(scopes) + len(fields)
    head = struct.pack(">HHH", number, total, len(scopes) if n is None else n)
    return head + field_octets(scopes) + field_octets(fields)


def v9(
    *sets: bytes,
    sequence: int = 0,
    source: int = 1,
    uptime_ms: int = UPTIME_MS,
    seconds: int = SENT_S,
) -> bytes:
    head = struct.pack(">HHIIII", 9, len(sets), uptime_ms, seconds, sequence, source)
    return head + b"".join(sets)


def ipfix(
    *sets: bytes,
    sequence: int = 0,
    domain: int = 1,
    seconds: int = SENT_S,
    octets: int | None = None,
) -> bytes:
    body = b"".join(sets)
    length = 16 + len(body) if octets is None else octets
    return struct.pack(">HHIII", 10, length, seconds, sequence, domain) + body


def v9_flows(fields: Fields, *records: Sequence[Any], **head: Any) -> bytes:
    """A v9 datagram with a template, and records of it."""
    data = b"".join(record(fields, one) for one in records)
    return v9(a_set(0, template(256, fields)), a_set(256, data), **head)


def ipfix_flows(fields: Fields, *records: Sequence[Any], **head: Any) -> bytes:
    """An IPFIX message with a template, and records of it."""
    data = b"".join(record(fields, one) for one in records)
    return ipfix(a_set(2, template(256, fields)), a_set(256, data), **head)


def v5(
    *records: bytes,
    n: int | None = None,
    sequence: int = 0,
    sampling: int = 0,
    uptime_ms: int = UPTIME_MS,
    engine: tuple[int, int] = (0, 0),
) -> bytes:
    count = len(records) if n is None else n
    times = (uptime_ms, SENT_S, SECOND // 2, sequence)
    return struct.pack(">HHIIIIBBH", 5, count, *times, *engine, sampling) + b"".join(records)


def v5_record(
    first: int = 50_000,
    last: int = 59_000,
    flags: int = 0x1B,
    protocol: int = 6,
    ports: tuple[int, int] = (40_000, 3333),
) -> bytes:
    head = (0x0A000001, 0xC6336407, 0x0A0000FE, 1, 2, 7, 700, first, last)
    tail = (*ports, 0, flags, protocol, 0, 0, 0, 24, 16, 0)
    return struct.pack(">IIIHHIIIIHHBBBBHHBBH", *head, *tail)


def sflow(
    *samples: bytes,
    n: int | None = None,
    sequence: int = 1,
    agent: str = "192.0.2.1",
    sub_agent: int = 0,
    uptime_ms: int = UPTIME_MS,
) -> bytes:
    address = ipaddress.ip_address(agent)
    head = struct.pack(">II", 5, 1 if address.version == 4 else 2) + address.packed
    counts = (sub_agent, sequence, uptime_ms, len(samples) if n is None else n)
    return head + struct.pack(">IIII", *counts) + b"".join(samples)


def structure(kind: int, body: bytes, octets: int | None = None) -> bytes:
    return struct.pack(">II", kind, len(body) if octets is None else octets) + body


def flow_sample(*records: bytes, interval: int = 1000, source: int = 3, n: int = -1) -> bytes:
    count = len(records) if n < 0 else n
    head = struct.pack(">IIIIIIII", 1, source, interval, 5000, 0, 3, 4, count)
    return structure(1, head + b"".join(records))


def expanded_sample(*records: bytes, interval: int = 1000, source: int = 3) -> bytes:
    head = struct.pack(">IIIIIIIIIII", 1, 0, source, interval, 5000, 0, 0, 3, 0, 4, len(records))
    return structure(3, head + b"".join(records))


def raw_header(header: bytes, protocol: int = 1, wire: int | None = None) -> bytes:
    octets = len(header) if wire is None else wire
    padding = bytes(-len(header) % 4)
    return structure(1, struct.pack(">IIII", protocol, octets, 4, len(header)) + header + padding)


class Heard:
    """What a decoder made of datagrams, all records in one list."""

    def __init__(
        self,
        *datagrams: bytes,
        strict: bool = False,
        limits: DecoderLimits = DecoderLimits(),  # noqa: B008
        received_ns: int | None = None,
    ) -> None:
        self.counters = RecordCounters()
        self.decoder = ExportDecoder(self.counters, strict, limits)
        self.records: list[Any] = []
        self.hear(*datagrams, received_ns=received_ns)

    def hear(
        self, *datagrams: bytes, exporter: str = EXPORTER, received_ns: int | None = None
    ) -> Heard:
        for data in datagrams:
            self._keep(self.decoder.decode(data, exporter, PLACE, received_ns))
        return self

    def finish(self) -> Heard:
        self._keep(self.decoder.finish())
        return self

    def _keep(self, found: Iterable[Any]) -> None:
        self.records += [one for records in found for one in records]
        assert len(self.records) == self.counters.rows_parsed

    @property
    def one(self) -> Any:
        (only,) = self.records
        return only

    def of(self, name: str) -> list[int]:
        """One field of all records."""
        return [int(one[name]) for one in self.records]
