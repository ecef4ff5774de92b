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

from minewatch.metering.fragments import recall_fragment, remember_fragment
from minewatch.metering.framing import R_CAPTURED, R_LINK, R_OFFSET, R_TIME, R_WIRE
from minewatch.metering.index import hash_key
from minewatch.metering.kinds import LEADS, payload_kind
from minewatch.metering.link import BRIDGED, IPV4, IPV6, gre_inner, link_layer, udp_inner
from minewatch.metering.octets import be16, be32, be64, octet
from minewatch.schema import KIND_DNS
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
MAX_WIRE_OCTETS: Final = (1 << 31) - 1
"""Longest packet that a record may claim: smallest and largest share one word of the kernel."""


_MAPPED: Final = 0xFFFF << 32


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
        if protocol == 6 and LEADS[octet(data, payload)]:
            columns[n, P_KIND] = payload_kind(data, payload, payload + captured)
        elif protocol == 17:
            if columns[n, P_SOURCE_PORT] == 53 or columns[n, P_SOURCE_PORT] == 5353:
                columns[n, P_KIND] = KIND_DNS
            elif columns[n, P_DESTINATION_PORT] == 53 or columns[n, P_DESTINATION_PORT] == 5353:
                columns[n, P_KIND] = KIND_DNS
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
        if ethertype == IPV4:
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
        elif ethertype == IPV6:
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
                carried = IPV4
            elif protocol == 41:
                carried = IPV6
            elif protocol == 47:
                inner, carried = gre_inner(data, inner, end)
            elif protocol == 17 and inner + 8 <= end:
                at_udp, carried = udp_inner(data, inner + 8, end, be16(data, inner + 2))
                if carried:
                    inner = at_udp
        if carried == 0 or (carried != BRIDGED and carried != IPV4 and carried != IPV6):
            if carried == -1:
                return Outcome.TRUNCATED
            outcome = transport(data, inner, ip_end, end, columns, n)
            if more and outcome == Outcome.METERED:
                remember_fragment(columns, n, identification, fragments)
            return outcome
        at, ethertype = inner, carried
        if carried == BRIDGED:
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
def plain_frame(data: ByteArray, at: int, end: int, columns: Int64Array, n: int) -> bool:
    """Decode the commonest of frames in one go; False, with nothing promised, for all others.

    Ethernet with at most one tag, IPv4 without options or fragments, TCP or UDP that is no
    tunnel, and all headers captured. Every other frame goes through ``network``, which gives the
    same row for these (a test compares them) and takes three times as long.
    """
    if at + 58 > end:
        return False
    ethertype = be16(data, at + 12)
    ip = at + 14
    vlan = 0
    if ethertype == 0x8100:
        vlan = be16(data, at + 14) & 0x0FFF
        ethertype = be16(data, at + 16)
        ip = at + 18
    octets = be16(data, ip + 2)
    protocol = octet(data, ip + 9)
    if ethertype != IPV4 or octet(data, ip) != 0x45 or be16(data, ip + 6) & 0x3FFF:
        return False
    ip_end = ip + octets
    header = ip + 20
    d_port = be16(data, header + 2)
    columns[n, P_KIND] = 0
    if protocol == 6:
        payload = header + (octet(data, header + 12) >> 4) * 4
        if payload < header + 20 or payload > ip_end:
            return False
        columns[n, P_SEQUENCE] = be32(data, header + 4)
        columns[n, P_TCP_FLAGS] = octet(data, header + 13)
        limit = min(end, ip_end)
        if payload < limit and LEADS[octet(data, payload)]:
            columns[n, P_KIND] = payload_kind(data, payload, limit)
    elif protocol == 17 and octets >= 28:
        s_port = be16(data, header)
        if d_port == 4789 or d_port == 8472 or d_port == 6081:
            return False
        payload = header + 8
        columns[n, P_SEQUENCE] = 0
        columns[n, P_TCP_FLAGS] = 0
        if s_port == 53 or d_port == 53 or s_port == 5353 or d_port == 5353:
            columns[n, P_KIND] = KIND_DNS if payload < min(end, ip_end) else 0
    else:
        return False
    columns[n, P_VLAN] = vlan
    columns[n, P_SOURCE_HIGH] = 0
    columns[n, P_SOURCE_LOW] = _MAPPED | be32(data, ip + 12)
    columns[n, P_DESTINATION_HIGH] = 0
    columns[n, P_DESTINATION_LOW] = _MAPPED | be32(data, ip + 16)
    columns[n, P_SOURCE_PORT] = be16(data, header)
    columns[n, P_DESTINATION_PORT] = d_port
    columns[n, P_PROTOCOL] = protocol
    columns[n, P_OCTETS] = octets
    columns[n, P_PAYLOAD_OFFSET] = payload
    columns[n, P_PAYLOAD_OCTETS] = ip_end - payload
    columns[n, P_PAYLOAD_CAPTURED] = max(0, min(end, ip_end) - payload)
    return True


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
        columns[n, P_TIME] = records[i, R_TIME]
        is_timely = 0 <= records[i, R_TIME] <= MAX_TIME_NS
        if is_timely and records[i, R_LINK] == 1 and plain_frame(data, at, end, columns, n):
            outcomes[Outcome.METERED] += 1
            write_key(columns, n, seed)
            n += 1
            continue
        at, ethertype, vlan = link_layer(data, at, end, records[i, R_LINK])
        if ethertype == -2:
            outcomes[Outcome.UNKNOWN_LINK_TYPE] += 1
            continue
        if not is_timely:
            outcomes[Outcome.BAD_TIME] += 1
            continue
        columns[n, P_VLAN] = vlan
        wire_end = records[i, R_OFFSET] + min(records[i, R_WIRE], MAX_WIRE_OCTETS)
        outcome = network(data, at, end, wire_end, ethertype, unwrap, fragments, columns, n)
        outcomes[outcome] += 1
        if outcome == Outcome.METERED:
            write_key(columns, n, seed)
            n += 1
    return n
