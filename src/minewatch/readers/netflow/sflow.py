# SPDX-License-Identifier: Apache-2.0
"""sFlow version 5 (sflow.org, "sFlow Version 5", 2004): a record a sampled packet.

Counters of interfaces tell of no flow and are ignored. sFlow tells no time of day: a packet has
the time at which its datagram came, or else that of the agent's uptime.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from struct import Struct
from typing import Final

from minewatch.readers.flowlogs.observers import observation_point
from minewatch.readers.netflow.domain import Domain, Sent
from minewatch.readers.netflow.exporters import Exporters
from minewatch.readers.netflow.sampled import Sample

PROTOCOL: Final = ("sFlow v5", 5)
_WORD: Final = Struct(">I")
_PAIR: Final = Struct(">II")
_ADDRESS_OCTETS: Final = {1: 4, 2: 16}
_HEAD: Final = Struct(">IIII")  # sub-agent, sequence, uptime in ms, samples
_FLOW: Final = Struct(">IIIIIIII")
_EXPANDED_FLOW: Final = Struct(">IIIIIIIIIII")
_RAW: Final = Struct(">IIII")
_IPV4: Final = Struct(">II4s4sIII")
_IPV6: Final = Struct(">II16s16sIII")
FLOW_SAMPLE, COUNTER_SAMPLE, EXPANDED_FLOW_SAMPLE, EXPANDED_COUNTER_SAMPLE = 1, 2, 3, 4
RAW_HEADER, IPV4_PACKET, IPV6_PACKET = 1, 3, 4
_LINKS: Final = {1: 1, 7: 9, 11: 228, 12: 229}
"""sFlow's numbers of Ethernet, PPP, IPv4 and IPv6 as libpcap's."""
_RAW_IPV4, _RAW_IPV6 = 228, 229
_MAX_INTERVAL: Final = 0xFFFF_FFFF


def gather(
    exporters: Exporters, datagram: memoryview, exporter: str, place: str, received_ns: int | None
) -> None:
    """Gather the records of a datagram.

    Parameters
    ----------
    exporters : where they go.
    datagram : that begins with version 5 in four octets.
    exporter : its sender's address.
    place : where it stands in the input.
    received_ns : when it came, if that is known.
    """
    kind = _WORD.unpack_from(datagram, 4)[0] if len(datagram) >= 8 else 0
    address_octets = _ADDRESS_OCTETS.get(kind, 0)
    at = 8 + address_octets
    if not address_octets or len(datagram) < at + _HEAD.size:
        exporters.fault("datagram cut", place, f"{len(datagram)} octets are no header of sFlow v5")
        return
    agent = ipaddress.ip_address(bytes(datagram[8:at]))
    sub_agent, sequence, uptime_ms, n = _HEAD.unpack_from(datagram, at)
    if received_ns is None:
        exporters.note("sFlow tells no time of day: times are those of the agent's uptime")
    time_ns = uptime_ms * 1_000_000 if received_ns is None else received_ns
    sent = Sent(place, time_ns, uptime_ms, time_ns)
    domain = exporters.find(exporter, PROTOCOL, f"{agent}/{sub_agent}", sent)
    if domain is None:
        return
    domain.follow(sequence, 1)
    found = 0
    for kind, body in _structures(datagram, at + _HEAD.size, n):
        found += 1
        _gather_sample(exporters, domain, kind, body, sent)
    if found < n:
        exporters.fault(
            "datagram cut", place, f"{n} samples are told, {found} are there", min(n - found, 1)
        )


def _structures(data: memoryview, at: int, n: int) -> Iterator[tuple[int, memoryview]]:
    """Yield up to ``n`` structures, each with its format and length before it."""
    for _ in range(n):
        if len(data) - at < _PAIR.size:
            return
        kind, octets = _PAIR.unpack_from(data, at)
        at += _PAIR.size
        if octets > len(data) - at:
            return
        yield kind, data[at : at + octets]
        at += octets


def _gather_sample(
    exporters: Exporters, domain: Domain, kind: int, body: memoryview, sent: Sent
) -> None:
    domain.statistics.records += 1
    if kind not in (FLOW_SAMPLE, EXPANDED_FLOW_SAMPLE):
        is_counter = kind in (COUNTER_SAMPLE, EXPANDED_COUNTER_SAMPLE)
        _ignore(exporters, "counters" if is_counter else "sample of another kind")
        return
    head = _FLOW if kind == FLOW_SAMPLE else _EXPANDED_FLOW
    if len(body) < head.size:
        exporters.fault("sample cut", sent.place, f"{len(body)} octets are no flow sample")
        return
    fields = head.unpack_from(body)
    if kind == FLOW_SAMPLE:
        source, interval = f"{fields[1] >> 24}:{fields[1] & 0xFF_FFFF}", fields[2]
    else:
        source, interval = f"{fields[1]}:{fields[2]}", fields[3]
    point = observation_point(domain.statistics.exporter, domain.statistics.domain, source)
    domain.statistics.note_sampling((max(interval, 1),))
    sample = Sample(sent.now_ns, max(interval, 1), point, sent.place)
    _gather_packet(exporters, body[head.size :], fields[-1], sample)


def _gather_packet(exporters: Exporters, body: memoryview, n: int, sample: Sample) -> None:
    """Gather the packet of a flow sample, from the first of its records that tells of it."""
    found = 0
    best: tuple[int, memoryview] | None = None
    for kind, record in _structures(body, 0, n):
        found += 1
        is_packet = kind in (RAW_HEADER, IPV4_PACKET, IPV6_PACKET)
        if is_packet and (best is None or kind == RAW_HEADER):
            best = kind, record
    if best is None and found < n:
        exporters.fault("sample cut", sample.place, f"{n} records are told, {found} are there")
    elif best is None:
        _ignore(exporters, "no IP header")
    elif best[0] == RAW_HEADER:
        _gather_header(exporters, best[1], sample)
    else:
        _gather_address_pair(exporters, best[0], best[1], sample)


def _gather_header(exporters: Exporters, record: memoryview, sample: Sample) -> None:
    if len(record) < _RAW.size:
        exporters.fault("sample cut", sample.place, f"{len(record)} octets are no packet header")
        return
    protocol, frame_octets, _, octets = _RAW.unpack_from(record)
    link = _LINKS.get(protocol)
    if link is None:
        _ignore(exporters, "link type not known")
        return
    header = record[_RAW.size : _RAW.size + octets]
    if len(header) < octets or not octets:
        exporters.fault(
            "sample cut", sample.place, f"a header of {octets} octets, {len(header)} are there"
        )
        return
    exporters.gather_sampled(header, link, max(frame_octets, octets), sample)


def _gather_address_pair(
    exporters: Exporters, kind: int, record: memoryview, sample: Sample
) -> None:
    """Gather a packet of which only addresses and ports were kept, as the packet it was."""
    head = _IPV4 if kind == IPV4_PACKET else _IPV6
    if len(record) < head.size:
        exporters.fault("sample cut", sample.place, f"{len(record)} octets are no addresses")
        return
    octets, protocol, source, destination, source_port, port, flags = head.unpack_from(record)
    ports = (source_port & 0xFFFF) << 16 | port & 0xFFFF
    transport = ports.to_bytes(4, "big") + bytes(8) + bytes([0x50, flags & 0xFF]) + bytes(6)
    if kind == IPV4_PACKET:
        length = min(octets, 0xFFFF).to_bytes(2, "big")
        rest = bytes(5) + bytes([protocol & 0xFF]) + bytes(2)
        packet = b"\x45\0" + length + rest + source + destination + transport
        exporters.gather_sampled(memoryview(packet), _RAW_IPV4, octets, sample)
    else:
        length = min(max(octets - 40, 0), 0xFFFF).to_bytes(2, "big")
        packet = b"\x60\0\0\0" + length + bytes([protocol & 0xFF, 0]) + source + destination
        exporters.gather_sampled(memoryview(packet + transport), _RAW_IPV6, octets, sample)


def _ignore(exporters: Exporters, reason: str) -> None:
    exporters.counters.rows_seen += 1
    exporters.counters.ignored[reason] += 1
