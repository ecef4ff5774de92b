# SPDX-License-Identifier: Apache-2.0
"""Compiled decoding of frames into the columns of ``PacketBatch``.

Link layers, VLAN tags, MPLS, PPPoE, IPv4 with options and fragments, IPv6 with extension
headers, TCP, UDP, SCTP, ICMP; VXLAN, Geneve, GRE, ERSPAN and IP-in-IP are unwrapped, because
clouds mirror traffic in them. Every frame ends in exactly one counter of ``Outcome``.

Numbers without a name are offsets of the protocols' own headers: RFC 791, 8200, 9293, 768,
2784 (GRE), 7348 (VXLAN), 8926 (Geneve).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numba

from minewatch.metering.framing import R_CAPTURED, R_LINK, R_OFFSET, R_TIME, R_WIRE
from minewatch.metering.index import hash_key
from minewatch.metering.octets import be16, be32, be64, octet
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_HASH,
    P_IS_SWAPPED,
    P_KEY_TAIL,
    P_KIND,
    P_OCTETS,
    P_PAYLOAD_CAPTURED,
    P_PAYLOAD_OCTETS,
    P_PAYLOAD_OFFSET,
    P_PROTOCOL,
    P_SEQUENCE,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_SOURCE_PORT,
    P_TCP_FLAGS,
    P_TIME,
    P_VLAN,
    ByteArray,
    Int64Array,
)


class Outcome(IntEnum):
    """What became of a frame; the value is the index of its counter."""

    METERED = 0
    """Decoded to a flow key."""
    NOT_IP = 1
    """ARP, spanning tree, LLDP and the like."""
    TRUNCATED = 2
    """The capture cut the frame before its headers end."""
    MALFORMED = 3
    """A header contradicts itself."""
    UNKNOWN_LINK_TYPE = 4
    """No decoder for the interface's link type."""
    FRAGMENT_WITHOUT_FIRST = 5
    """A later IP fragment whose first one (with the ports) was not seen."""
    TOO_DEEP = 6
    """More tunnels inside each other than ``MAX_DEPTH``."""
    BAD_TIME = 7
    """A time before 1970 or after 2116: no clock says that, and sums of it would overflow."""


MAX_DEPTH: Final = 6
"""Headers of network layer in one frame; deeper ones are hostile."""
MAX_TIME_NS: Final = 1 << 62
FRAGMENT_SLOTS: Final = 4096
"""Direct-mapped memory of first fragments; a slot is eight words."""
FRAGMENT_LIFE_NS: Final = 60 * 1_000_000_000
"""RFC 791 and 8200 give up reassembly after 15 to 120 s; Linux after 30 s."""

JSON: Final = 1
HTTP: Final = 2
TLS: Final = 4
DNS: Final = 8
WEBSOCKET: Final = 16
JSON_RPC: Final = 32

_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD
_BRIDGED: Final = 0x6558
_MAPPED: Final = 0xFFFF << 32
_HTTP_SCAN_OCTETS: Final = 1024


@numba.njit(cache=True, nogil=True)
def skip_tags(data: ByteArray, at: int, end: int, ethertype: int) -> tuple[int, int, int]:
    """Step over VLAN tags, MPLS labels, PPPoE and SNAP; return (offset, type, vlan).

    ``at`` is the first octet after the type field. The type is -1 when the frame ends too early.
    """
    vlan = 0
    for _ in range(8):
        if ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100:
            if at + 4 > end:
                return at, -1, vlan
            if vlan == 0:
                vlan = be16(data, at) & 0x0FFF
            ethertype = be16(data, at + 2)
            at += 4
        elif ethertype == 0x8847 or ethertype == 0x8848:
            if at + 5 > end:
                return at, -1, vlan
            bottom = octet(data, at + 2) & 1
            at += 4
            if bottom:
                version = octet(data, at) >> 4
                ethertype = _IPV4 if version == 4 else _IPV6 if version == 6 else 0
        elif ethertype == 0x8864:
            if at + 8 > end:
                return at, -1, vlan
            inner = be16(data, at + 6)
            ethertype = _IPV4 if inner == 0x21 else _IPV6 if inner == 0x57 else 0
            at += 8
        elif ethertype < 1536 and at + 8 <= end and be16(data, at) == 0xAAAA:
            ethertype = be16(data, at + 6)
            at += 8
            if ethertype < 1536:
                return at, 0, vlan
        else:
            return at, ethertype, vlan
    return at, 0, vlan


@numba.njit(cache=True, nogil=True)
def by_version(data: ByteArray, at: int, end: int) -> int:
    """Return the Ethernet type for the IP version at ``at``; -1 if nothing is there."""
    if at >= end:
        return -1
    version = octet(data, at) >> 4
    return _IPV4 if version == 4 else _IPV6 if version == 6 else 0


@numba.njit(cache=True, nogil=True)
def link_layer(data: ByteArray, at: int, end: int, link: int) -> tuple[int, int, int]:
    """Return (offset of the network header, Ethernet type, vlan).

    Types below zero: -1 truncated, -2 a link type that is not known.
    """
    if link == 1:  # Ethernet
        if at + 14 > end:
            return at, -1, 0
        return skip_tags(data, at + 14, end, be16(data, at + 12))
    if link == 113:  # Linux cooked, version 1
        if at + 16 > end:
            return at, -1, 0
        return skip_tags(data, at + 16, end, be16(data, at + 14))
    if link == 276:  # Linux cooked, version 2
        if at + 20 > end:
            return at, -1, 0
        return skip_tags(data, at + 20, end, be16(data, at))
    if link == 101 or link == 12 or link == 14 or link == 228 or link == 229:  # raw IP
        return at, by_version(data, at, end), 0
    if link == 0 or link == 108:  # null, loopback: the family's number differs by system
        return at + 4, by_version(data, at + 4, end), 0
    if link == 9 or link == 50:  # PPP, with or without HDLC address and control
        if at + 4 > end:
            return at, -1, 0
        if be16(data, at) == 0xFF03:
            at += 2
        # A protocol number whose first octet is odd was compressed to one octet (RFC 1661, 6.5).
        if octet(data, at) & 1:
            protocol = octet(data, at)
            at += 1
        else:
            protocol = be16(data, at)
            at += 2
        return at, _IPV4 if protocol == 0x21 else _IPV6 if protocol == 0x57 else 0, 0
    if link == 104:  # Cisco HDLC
        if at + 4 > end:
            return at, -1, 0
        return skip_tags(data, at + 4, end, be16(data, at + 2))
    return at, -2, 0


@numba.njit(cache=True, nogil=True)
def gre_inner(data: ByteArray, at: int, end: int) -> tuple[int, int]:
    """Return (offset, Ethernet type) of what a GRE header carries; type 0 if it is not GRE v0."""
    if at + 4 > end:
        return at, -1
    bits = be16(data, at)
    carried = be16(data, at + 2)
    if bits & 0x0007 or bits & 0x4000:  # version 1 is PPTP; source routes do not exist any more
        return at, 0
    at += 4
    if bits & 0x8000:
        at += 4
    if bits & 0x2000:
        at += 4
    if bits & 0x1000:
        at += 4
    if (
        carried == 0x88BE
    ):  # ERSPAN: type II has a sequence number and a header of 8, type I has none
        return at + (8 if bits & 0x1000 else 0), _BRIDGED
    if carried == 0x22EB:  # ERSPAN III: 12, and 8 more if the low bit of the last octet says so
        if at + 12 > end:
            return at, -1
        return at + 12 + (8 if octet(data, at + 11) & 1 else 0), _BRIDGED
    return at, carried


@numba.njit(cache=True, nogil=True)
def udp_inner(data: ByteArray, at: int, end: int, port: int) -> tuple[int, int]:
    """Return (offset, Ethernet type) of what VXLAN or Geneve carries; type 0 if it is neither."""
    if (port == 4789 or port == 8472) and at + 8 <= end:
        # Valid-VNI bit set, reserved octets zero: an ordinary datagram hardly looks so.
        if (
            octet(data, at) & 0xF7 == 0
            and octet(data, at) & 8
            and be16(data, at + 1) == 0
            and octet(data, at + 7) == 0
        ):
            return at + 8, _BRIDGED
    elif port == 6081 and at + 8 <= end and octet(data, at) >> 6 == 0 and octet(data, at + 7) == 0:
        carried = be16(data, at + 2)
        if carried == _BRIDGED or carried == _IPV4 or carried == _IPV6:
            return at + 8 + (octet(data, at) & 0x3F) * 4, carried
    return at, 0


@numba.njit(cache=True, nogil=True)
def contains(data: ByteArray, at: int, end: int, first: int, second: int) -> bool:
    """Return whether two 32-bit words, eight octets in a row, stand in ``data[at:end]``."""
    lead = first >> 24
    for i in range(at, min(end, at + _HTTP_SCAN_OCTETS) - 7):
        if octet(data, i) == lead and be32(data, i) == first and be32(data, i + 4) == second:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def payload_kind(data: ByteArray, at: int, end: int) -> int:
    """Return the kind bits of a TCP payload by its first octets."""
    if at + 2 > end:
        return 0
    lead = octet(data, at)
    if lead == 0x16:
        if at + 6 <= end and octet(data, at + 1) == 3 and octet(data, at + 2) <= 4:
            message = octet(data, at + 5)
            return TLS if message == 1 or message == 2 or message == 11 else 0
        return 0
    if lead == 0x47:  # G
        if at + 4 <= end and be32(data, at) == 0x47455420:  # "GET "
            if contains(data, at, end, 0x75706772, 0x6164653A) or contains(  # "upgrade:"
                data, at, end, 0x55706772, 0x6164653A
            ):
                return HTTP | WEBSOCKET
            return HTTP
        return 0
    if lead == 0x50:  # P
        if at + 4 <= end and be32(data, at) == 0x504F5354:  # "POST"
            if contains(data, at, end, 0x226D6574, 0x686F6422):  # '"method"'
                return HTTP | JSON_RPC
            return HTTP
        return 0
    if lead == 0x48:  # H
        return HTTP if at + 4 <= end and be32(data, at) == 0x48545450 else 0  # "HTTP"
    for _ in range(4):  # white space before JSON
        if (
            octet(data, at) != 0x20
            and octet(data, at) != 0x0A
            and octet(data, at) != 0x0D
            and octet(data, at) != 0x09
        ):
            break
        at += 1
        if at + 2 > end:
            return 0
    if octet(data, at) == 0x7B:  # {
        following = octet(data, at + 1)
        if following == 0x22 or following == 0x7D or following <= 0x20:
            return JSON
    elif octet(data, at) == 0x5B:  # [
        following = octet(data, at + 1)
        if following == 0x22 or following == 0x7B or following == 0x5D or following <= 0x20:
            return JSON
    return 0


@numba.njit(cache=True, nogil=True)
def fragment_slot(columns: Int64Array, n: int, identification: int) -> int:
    """Return where the first fragment of this datagram is remembered."""
    mix = (
        columns[n, P_SOURCE_LOW] * 31
        + columns[n, P_DESTINATION_LOW] * 17
        + identification * 0x9E3779B1
    )
    return (mix ^ (mix >> 29)) & (FRAGMENT_SLOTS - 1)


@numba.njit(cache=True, nogil=True)
def remember_fragment(
    columns: Int64Array, n: int, identification: int, fragments: Int64Array
) -> None:
    """Keep the ports of a first fragment for the later ones."""
    slot = fragment_slot(columns, n, identification)
    fragments[slot, 0] = columns[n, P_SOURCE_HIGH]
    fragments[slot, 1] = columns[n, P_SOURCE_LOW]
    fragments[slot, 2] = columns[n, P_DESTINATION_HIGH]
    fragments[slot, 3] = columns[n, P_DESTINATION_LOW]
    fragments[slot, 4] = (identification << 8) | columns[n, P_PROTOCOL]
    fragments[slot, 5] = columns[n, P_SOURCE_PORT]
    fragments[slot, 6] = columns[n, P_DESTINATION_PORT]
    fragments[slot, 7] = columns[n, P_TIME]


@numba.njit(cache=True, nogil=True)
def recall_fragment(
    columns: Int64Array, n: int, identification: int, fragments: Int64Array
) -> bool:
    """Give a later fragment the ports of its first one; False if that was not seen."""
    slot = fragment_slot(columns, n, identification)
    if (
        fragments[slot, 0] != columns[n, P_SOURCE_HIGH]
        or fragments[slot, 1] != columns[n, P_SOURCE_LOW]
        or fragments[slot, 2] != columns[n, P_DESTINATION_HIGH]
        or fragments[slot, 3] != columns[n, P_DESTINATION_LOW]
        or fragments[slot, 4] != (identification << 8) | columns[n, P_PROTOCOL]
        or abs(columns[n, P_TIME] - fragments[slot, 7]) > FRAGMENT_LIFE_NS
    ):
        return False
    columns[n, P_SOURCE_PORT] = fragments[slot, 5]
    columns[n, P_DESTINATION_PORT] = fragments[slot, 6]
    return True


@numba.njit(cache=True, nogil=True)
def ipv6_extensions(data: ByteArray, at: int, end: int, header: int) -> tuple[int, int, int, int]:
    """Step over extension headers; return (offset, protocol, fragment field, identification).

    The protocol is -1 when the frame ends too early. ESP (50) stays: what follows is ciphertext.
    """
    fragment, identification = 0, 0
    for _ in range(16):
        if header == 0 or header == 43 or header == 60 or header == 135 or header == 139:
            if at + 8 > end:
                return at, -1, fragment, identification
            header, at = octet(data, at), at + (octet(data, at + 1) + 1) * 8
        elif header == 51:
            if at + 8 > end:
                return at, -1, fragment, identification
            header, at = octet(data, at), at + (octet(data, at + 1) + 2) * 4
        elif header == 44:
            if at + 8 > end:
                return at, -1, fragment, identification
            fragment = be16(data, at + 2)
            identification = be32(data, at + 4)
            header = octet(data, at)
            at += 8
            if fragment & 0xFFF8:
                return at, header, fragment, identification
        else:
            break
    return at, header, fragment, identification


@numba.njit(cache=True, nogil=True)
def transport(data: ByteArray, at: int, ip_end: int, end: int, columns: Int64Array, n: int) -> int:
    """Fill ports, flags, payload and kind from the transport header; return an ``Outcome``.

    ``ip_end`` is where the IP packet ends on the wire, ``end`` where the capture ends.
    """
    protocol = columns[n, P_PROTOCOL]
    payload = at
    columns[n, P_SOURCE_PORT] = 0
    columns[n, P_DESTINATION_PORT] = 0
    columns[n, P_TCP_FLAGS] = 0
    columns[n, P_SEQUENCE] = 0
    columns[n, P_KIND] = 0
    if protocol == 6:
        if at + 14 > end:
            return Outcome.TRUNCATED
        header = (octet(data, at + 12) >> 4) * 4
        if header < 20 or at + header > ip_end:
            return Outcome.MALFORMED
        columns[n, P_SOURCE_PORT] = be16(data, at)
        columns[n, P_DESTINATION_PORT] = be16(data, at + 2)
        columns[n, P_SEQUENCE] = be32(data, at + 4)
        columns[n, P_TCP_FLAGS] = octet(data, at + 13)
        payload = at + header
    elif protocol == 17:
        if at + 8 > end:
            return Outcome.TRUNCATED
        columns[n, P_SOURCE_PORT] = be16(data, at)
        columns[n, P_DESTINATION_PORT] = be16(data, at + 2)
        payload = at + 8
    elif protocol == 132:
        if at + 4 > end:
            return Outcome.TRUNCATED
        columns[n, P_SOURCE_PORT] = be16(data, at)
        columns[n, P_DESTINATION_PORT] = be16(data, at + 2)
        payload = at + 12
    elif protocol == 1 or protocol == 58:
        if at + 2 > end:
            return Outcome.TRUNCATED
        # As NetFlow does: type and code stand in the destination port.
        columns[n, P_DESTINATION_PORT] = be16(data, at)
        payload = at + 8
    columns[n, P_PAYLOAD_OFFSET] = payload
    columns[n, P_PAYLOAD_OCTETS] = max(0, ip_end - payload)
    captured = max(0, min(end, ip_end) - payload)
    columns[n, P_PAYLOAD_CAPTURED] = captured
    if captured > 0:
        if protocol == 6:
            columns[n, P_KIND] = payload_kind(data, payload, payload + captured)
        elif protocol == 17:
            if columns[n, P_SOURCE_PORT] == 53 or columns[n, P_SOURCE_PORT] == 5353:
                columns[n, P_KIND] = DNS
            elif columns[n, P_DESTINATION_PORT] == 53 or columns[n, P_DESTINATION_PORT] == 5353:
                columns[n, P_KIND] = DNS
    return Outcome.METERED


@numba.njit(cache=True, nogil=True)
def network(
    data: ByteArray,
    at: int,
    end: int,
    wire_end: int,
    ethertype: int,
    unwrap: bool,
    fragments: Int64Array,
    columns: Int64Array,
    n: int,
) -> int:
    """Fill one row from the network header on, through tunnels; return an ``Outcome``."""
    for _ in range(MAX_DEPTH):
        if ethertype == _IPV4:
            if at + 20 > end:
                return Outcome.TRUNCATED
            header = (octet(data, at) & 15) * 4
            if octet(data, at) >> 4 != 4 or header < 20:
                return Outcome.MALFORMED
            octets = be16(data, at + 2)
            if octets == 0:  # segmentation offload: the real length never was on the wire
                octets = wire_end - at
            if octets < header:
                return Outcome.MALFORMED
            if at + header > end:
                return Outcome.TRUNCATED
            protocol = octet(data, at + 9)
            field = be16(data, at + 6)
            later, more = (field & 0x1FFF) != 0, (field & 0x2000) != 0
            identification = be16(data, at + 4)
            columns[n, P_SOURCE_HIGH] = 0
            columns[n, P_SOURCE_LOW] = _MAPPED | be32(data, at + 12)
            columns[n, P_DESTINATION_HIGH] = 0
            columns[n, P_DESTINATION_LOW] = _MAPPED | be32(data, at + 16)
            inner = at + header
        elif ethertype == _IPV6:
            if at + 40 > end:
                return Outcome.TRUNCATED
            if octet(data, at) >> 4 != 6:
                return Outcome.MALFORMED
            octets = be16(data, at + 4) + 40
            if octets == 40 and octet(data, at + 6) != 59:
                octets = max(40, wire_end - at)
            columns[n, P_SOURCE_HIGH] = be64(data, at + 8)
            columns[n, P_SOURCE_LOW] = be64(data, at + 16)
            columns[n, P_DESTINATION_HIGH] = be64(data, at + 24)
            columns[n, P_DESTINATION_LOW] = be64(data, at + 32)
            inner, protocol, field, identification = ipv6_extensions(
                data, at + 40, end, octet(data, at + 6)
            )
            if protocol < 0:
                return Outcome.TRUNCATED
            later, more = (field & 0xFFF8) != 0, (field & 1) != 0
        else:
            return Outcome.TRUNCATED if ethertype == -1 else Outcome.NOT_IP
        ip_end = at + octets
        columns[n, P_PROTOCOL] = protocol
        columns[n, P_OCTETS] = octets
        if later:
            columns[n, P_TCP_FLAGS] = 0
            columns[n, P_SEQUENCE] = 0
            columns[n, P_KIND] = 0
            columns[n, P_PAYLOAD_OFFSET] = inner
            columns[n, P_PAYLOAD_OCTETS] = max(0, ip_end - inner)
            columns[n, P_PAYLOAD_CAPTURED] = 0
            if recall_fragment(columns, n, identification, fragments):
                return Outcome.METERED
            return Outcome.FRAGMENT_WITHOUT_FIRST
        carried = 0
        if unwrap:
            if protocol == 4:
                carried = _IPV4
            elif protocol == 41:
                carried = _IPV6
            elif protocol == 47:
                inner, carried = gre_inner(data, inner, end)
            elif protocol == 17 and inner + 8 <= end:
                at_udp, carried = udp_inner(data, inner + 8, end, be16(data, inner + 2))
                if carried:
                    inner = at_udp
        if carried == 0 or (carried != _BRIDGED and carried != _IPV4 and carried != _IPV6):
            if carried == -1:
                return Outcome.TRUNCATED
            outcome = transport(data, inner, ip_end, end, columns, n)
            if more and outcome == Outcome.METERED:
                remember_fragment(columns, n, identification, fragments)
            return outcome
        at, ethertype = inner, carried
        if carried == _BRIDGED:
            at, ethertype, _vlan = link_layer(data, at, end, 1)
    return Outcome.TOO_DEEP


@numba.njit(cache=True, nogil=True)
def write_key(columns: Int64Array, n: int, seed: int) -> None:
    """Fill in the key by which both directions find the same biflow: smaller endpoint first."""
    s_high, s_low = columns[n, P_SOURCE_HIGH], columns[n, P_SOURCE_LOW]
    d_high, d_low = columns[n, P_DESTINATION_HIGH], columns[n, P_DESTINATION_LOW]
    s_port, d_port = columns[n, P_SOURCE_PORT], columns[n, P_DESTINATION_PORT]
    protocol = columns[n, P_PROTOCOL]
    if protocol == 1 or protocol == 58:
        s_port, d_port = 0, 0
    swapped = s_low > d_low
    if s_low == d_low:
        swapped = s_high > d_high or (s_high == d_high and s_port > d_port)
    if swapped:
        s_high, s_low, d_high, d_low = d_high, d_low, s_high, s_low
        s_port, d_port = d_port, s_port
    tail = (s_port << 32) | (d_port << 16) | protocol
    columns[n, P_KEY_TAIL] = tail
    columns[n, P_IS_SWAPPED] = 1 if swapped else 0
    columns[n, P_HASH] = hash_key(s_high, s_low, d_high, d_low, tail, seed)


@numba.njit(cache=True, nogil=True)
def decode_frames(
    data: ByteArray,
    records: Int64Array,
    n_records: int,
    unwrap: bool,
    fragments: Int64Array,
    columns: Int64Array,
    outcomes: Int64Array,
    seed: int,
) -> int:
    """Decode framed records into ``columns``; return the rows filled. ``outcomes`` are added to."""
    n = 0
    for i in range(n_records):
        at = records[i, R_OFFSET]
        end = at + records[i, R_CAPTURED]
        at, ethertype, vlan = link_layer(data, at, end, records[i, R_LINK])
        if ethertype == -2:
            outcomes[Outcome.UNKNOWN_LINK_TYPE] += 1
            continue
        if records[i, R_TIME] < 0 or records[i, R_TIME] > MAX_TIME_NS:
            outcomes[Outcome.BAD_TIME] += 1
            continue
        columns[n, P_TIME] = records[i, R_TIME]
        columns[n, P_VLAN] = vlan
        wire_end = records[i, R_OFFSET] + records[i, R_WIRE]
        outcome = network(data, at, end, wire_end, ethertype, unwrap, fragments, columns, n)
        outcomes[outcome] += 1
        if outcome == Outcome.METERED:
            write_key(columns, n, seed)
            n += 1
    return n
