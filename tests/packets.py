# SPDX-License-Identifier: Apache-2.0
"""Packets and captures as octets, written out by hand so that no library stands between.

Each builder wraps the octets of what it carries: ``ether(ipv4(A, B, 6, tcp(1, 2, b"x")))``.
A capture is a list of ``Frame``.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NS = 1_000_000_000
START = 1_600_000_000 * NS

A, B, C = "10.0.0.1", "198.51.100.7", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8:f::7"

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

ETHERNET, RAW, NULL, LOOP, PPP, SLL, SLL2, CISCO = 1, 101, 0, 108, 9, 113, 276, 104
IPV4, IPV6, VLAN, QINQ, MPLS, PPPOE, BRIDGED = 0x800, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8864, 0x6558


@dataclass(frozen=True)
class Frame:
    """What a capture records of one packet."""

    data: bytes
    time_ns: int = START
    wire: int | None = None
    """Octets on the wire, if more than were captured."""

    @property
    def length(self) -> int:
        return len(self.data) if self.wire is None else self.wire


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# Transport


def tcp(
    source: int,
    destination: int,
    payload: bytes = b"",
    flags: int = ACK,
    sequence: int = 1,
    options: bytes = b"",
    offset: int | None = None,
    acknowledged: int = 1,
) -> bytes:
    words = 5 + len(options) // 4 if offset is None else offset
    head = struct.pack(
        ">HHIIBBHHH",
        source,
        destination,
        sequence,
        acknowledged,
        words << 4,
        flags,
        64_240,
        0,
        0,
    )
    return head + options + payload


def udp(source: int, destination: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def sctp(source: int, destination: int, chunks: bytes = b"") -> bytes:
    return struct.pack(">HHII", source, destination, 7, 0) + chunks


def icmp(kind: int, code: int, payload: bytes = b"") -> bytes:
    return struct.pack(">BBHHH", kind, code, 0, 1, 1) + payload


# Network


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    body: bytes,
    *,
    identification: int = 1,
    more: bool = False,
    offset: int = 0,
    options: bytes = b"",
    total_length: int | None = None,
) -> bytes:
    """Return an IPv4 packet; ``offset`` in octets. A whole TCP, UDP or ICMP body is checksummed."""
    ends = ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    if not more and not offset:
        body = _summed(protocol, body, ends + struct.pack(">BBH", 0, protocol, len(body)))
    words = 5 + len(options) // 4
    length = words * 4 + len(body) if total_length is None else total_length
    field = (0x2000 if more else 0) | offset // 8
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, length, identification, field, 64, protocol, 0)
    head += ends + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def ipv6(
    source: str,
    destination: str,
    next_header: int,
    body: bytes,
    payload_length: int | None = None,
) -> bytes:
    ends = ipaddress.IPv6Address(source).packed + ipaddress.IPv6Address(destination).packed
    body = _summed(next_header, body, ends + struct.pack(">II", len(body), next_header))
    length = len(body) if payload_length is None else payload_length
    return struct.pack(">IHBB", 6 << 28, length, next_header, 64) + ends + body


def _summed(protocol: int, body: bytes, pseudo_header: bytes) -> bytes:
    at = {6: 16, 17: 6, 1: 2, 58: 2}.get(protocol)
    if at is None or len(body) < at + 2:
        return body
    covered = body if protocol == 1 else pseudo_header + body
    value = checksum(covered) or 0xFFFF
    return body[:at] + struct.pack(">H", value) + body[at + 2 :]


def extension(next_header: int, octets: int = 8) -> bytes:
    """Return a hop-by-hop, routing or destination header of ``octets`` (a multiple of 8)."""
    return bytes([next_header, octets // 8 - 1]) + bytes(octets - 2)


def authentication(next_header: int, octets: int = 24) -> bytes:
    return bytes([next_header, octets // 4 - 2]) + bytes(octets - 2)


def fragment6(next_header: int, offset: int, more: bool, identification: int) -> bytes:
    return struct.pack(">BBHI", next_header, 0, offset | more, identification)


# Link


def ether(body: bytes, ethertype: int = IPV4, minimum: int = 0) -> bytes:
    frame = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + struct.pack(">H", ethertype) + body
    return frame.ljust(minimum, b"\xee")


def tag(vlan: int, ethertype: int, body: bytes) -> bytes:
    return struct.pack(">HH", vlan, ethertype) + body


def snap(ethertype: int, body: bytes) -> bytes:
    return b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", ethertype) + body


def mpls(labels: Sequence[int], body: bytes) -> bytes:
    bottom = len(labels) - 1
    words = [label << 12 | (i == bottom) << 8 | 64 for i, label in enumerate(labels)]
    return struct.pack(f">{len(words)}I", *words) + body


def pppoe(protocol: int, body: bytes) -> bytes:
    return struct.pack(">BBHHH", 0x11, 0, 7, len(body) + 2, protocol) + body


def cooked(ethertype: int, body: bytes) -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, b"\x02" * 8, ethertype) + body


def cooked2(ethertype: int, body: bytes) -> bytes:
    return struct.pack(">HHIHBB8s", ethertype, 0, 2, 1, 0, 6, b"\x02" * 8) + body


# Tunnels


def vxlan(frame: bytes, vni: int = 42) -> bytes:
    return struct.pack(">II", 0x0800_0000, vni << 8) + frame


def geneve(body: bytes, ethertype: int = BRIDGED, options: bytes = b"") -> bytes:
    return struct.pack(">BBHI", len(options) // 4, 0, ethertype, 42 << 8) + options + body


def gre(
    body: bytes,
    ethertype: int = IPV4,
    *,
    checksummed: bool = False,
    key: int | None = None,
    sequence: int | None = None,
) -> bytes:
    bits = 0x8000 * checksummed | 0x2000 * (key is not None) | 0x1000 * (sequence is not None)
    head = struct.pack(">HH", bits, ethertype)
    if checksummed:
        head += bytes(4)
    if key is not None:
        head += struct.pack(">I", key)
    if sequence is not None:
        head += struct.pack(">I", sequence)
    return head + body


def erspan2(frame: bytes) -> bytes:
    return gre(struct.pack(">II", 0x1000_0001, 0) + frame, 0x88BE, sequence=1)


def erspan3(frame: bytes, *, subheader: bool = False) -> bytes:
    head = struct.pack(">III", 0x2000_0001, 0, int(subheader)) + bytes(8 * subheader)
    return gre(head + frame, 0x22EB, sequence=1)


# Captures


def pcap(
    frames: Iterable[Frame],
    *,
    link: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    kuznetzov: bool = False,
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2CD34 if kuznetzov else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, link)]
    for frame in frames:
        seconds, rest = divmod(frame.time_ns, NS)
        fraction = rest if nano else rest // 1000
        parts.append(
            struct.pack(order + "IIII", seconds, fraction, len(frame.data), frame.length)
            + bytes(8 * kuznetzov)
            + frame.data
        )
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    total = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + total + body + total


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(
    link: int = ETHERNET,
    *,
    order: str = "<",
    snap_length: int = 0,
    resolution: int | None = None,
    offset_s: int | None = None,
) -> bytes:
    body = struct.pack(order + "HHI", link, 0, snap_length) + option(2, b"eth0", order)
    if resolution is not None:
        body += option(9, bytes([resolution]), order)
    if offset_s is not None:
        body += option(14, struct.pack(order + "q", offset_s), order)
    return block(1, body + option(0, b"", order), order)


def enhanced(
    frame: Frame, *, interface: int = 0, order: str = "<", units: int = 1_000_000, offset_s: int = 0
) -> bytes:
    """Return an enhanced packet block on an interface of ``units`` ticks a second."""
    ticks = (frame.time_ns - offset_s * NS) * units // NS
    head = struct.pack(
        order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.length
    )
    return block(6, head + _padded(frame.data), order)


def simple(frame: Frame, *, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", frame.length) + _padded(frame.data), order)


def obsolete(frame: Frame, *, interface: int = 0, order: str = "<") -> bytes:
    ticks = frame.time_ns // 1000
    head = struct.pack(
        order + "HHIIII",
        interface,
        0xFFFF,
        ticks >> 32,
        ticks & 0xFFFFFFFF,
        len(frame.data),
        frame.length,
    )
    return block(2, head + _padded(frame.data), order)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def skipped_blocks(order: str = "<") -> dict[str, bytes]:
    """Return one of each block that holds no packet, by name."""
    return {
        "name resolution": block(4, struct.pack(order + "HH", 0, 0), order),
        "statistics": block(5, struct.pack(order + "III", 0, 1, 2), order),
        "secrets": block(10, struct.pack(order + "II", 0x544C534B, 8) + b"CLIENT_R", order),
        "journal": block(9, b"MESSAGE=no packet stands here\n_PID=1\n", order),
        "custom": block(0xBAD, struct.pack(order + "I", 32_473) + b"whatever", order),
        "unknown": block(0x7777, b"four" * 5, order),
    }


def pcapng(frames: Iterable[Frame], *, link: int = ETHERNET, order: str = "<") -> bytes:
    parts = [section(order), interface(link, order=order)]
    return b"".join([*parts, *(enhanced(frame, order=order) for frame in frames)])


def tcp_frame(
    *,
    time_s: float = 0,
    source: str = A,
    destination: str = B,
    sport: int = 40_000,
    dport: int = 3333,
    payload: bytes = b"",
    flags: int = ACK,
    sequence: int = 1,
) -> Frame:
    """Return an ordinary TCP packet in Ethernet, ``time_s`` after ``START``."""
    segment = tcp(sport, dport, payload, flags, sequence)
    return Frame(ether(ipv4(source, destination, 6, segment)), START + round(time_s * NS))
