# SPDX-License-Identifier: Apache-2.0
"""Compiled steps to the network header: link layers, tags, and the headers of tunnels.

Link types are those of tcpdump.org/linktypes. Tunnels: RFC 2784 and 2890 (GRE), 7348 (VXLAN),
8926 (Geneve); ERSPAN as in draft-foschiano-erspan.
"""

from __future__ import annotations

from typing import Final

import numba

from minewatch.metering.octets import be16, be32, octet
from minewatch.types import ByteArray

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
BRIDGED: Final = 0x6558
"""What GRE and Geneve call an Ethernet frame inside them."""


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
                ethertype = IPV4 if version == 4 else IPV6 if version == 6 else 0
        elif ethertype == 0x8864:
            if at + 8 > end:
                return at, -1, vlan
            inner = be16(data, at + 6)
            ethertype = IPV4 if inner == 0x21 else IPV6 if inner == 0x57 else 0
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
    return IPV4 if version == 4 else IPV6 if version == 6 else 0


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
        return at, IPV4 if protocol == 0x21 else IPV6 if protocol == 0x57 else 0, 0
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
        return at + (8 if bits & 0x1000 else 0), BRIDGED
    if carried == 0x22EB:  # ERSPAN III: 12, and 8 more if the low bit of the last octet says so
        if at + 12 > end:
            return at, -1
        return at + 12 + (8 if octet(data, at + 11) & 1 else 0), BRIDGED
    return at, carried


@numba.njit(cache=True, nogil=True)
def udp_inner(data: ByteArray, at: int, end: int, port: int) -> tuple[int, int]:
    """Return (offset, Ethernet type) of what VXLAN or Geneve carries; type 0 if it is neither."""
    if (port == 4789 or port == 8472) and at + 8 <= end:
        # Valid-VNI bit set, reserved octets zero: an ordinary datagram hardly looks so.
        if be32(data, at) == 0x0800_0000 and octet(data, at + 7) == 0:
            return at + 8, BRIDGED
    elif port == 6081 and at + 8 <= end and octet(data, at) >> 6 == 0 and octet(data, at + 7) == 0:
        carried = be16(data, at + 2)
        if carried == BRIDGED or carried == IPV4 or carried == IPV6:
            return at + 8 + (octet(data, at) & 0x3F) * 4, carried
    return at, 0
