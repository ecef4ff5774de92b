# SPDX-License-Identifier: Apache-2.0
import struct

import numpy as np
import pytest

import packets as p
from metered import decode_one
from minewatch.metering.link import by_version, gre_inner, link_layer, skip_tags, udp_inner
from packets import A6, B6, A, B, ether, ipv4, ipv6, tcp

PACKET = ipv4(A, B, 6, tcp(40_000, 3333, b"{}", 24, 77))
PACKET6 = ipv6(A6, B6, 6, tcp(40_000, 3333, b"{}", 24, 77))


def array(data):
    return np.frombuffer(data, np.uint8)


def layers(packet):
    """Return frames that hold the packet: name -> (link type, frame, vlan)."""
    version = packet[0] >> 4
    ethertype, ppp = (p.IPV4, 0x21) if version == 4 else (p.IPV6, 0x57)
    family = 2 if version == 4 else 10
    tagged = p.tag(5, ethertype, packet)
    return {
        "ethernet": (1, ether(packet, ethertype), 0),
        "padded": (1, ether(packet, ethertype, minimum=120), 0),
        "802.1Q": (1, ether(tagged, p.VLAN), 5),
        "802.1Q, priority": (1, ether(p.tag(0xE005, ethertype, packet), p.VLAN), 5),
        "802.1ad": (1, ether(p.tag(9, p.VLAN, tagged), p.QINQ), 9),
        "QinQ, old type": (1, ether(p.tag(9, p.VLAN, tagged), 0x9100), 9),
        "three tags": (1, ether(p.tag(9, p.VLAN, p.tag(8, p.VLAN, tagged)), p.VLAN), 9),
        "SNAP": (1, ether(p.snap(ethertype, packet), len(packet) + 8), 0),
        "SNAP, tagged": (1, ether(p.tag(5, 60, p.snap(ethertype, packet)), p.VLAN), 5),
        "MPLS": (1, ether(p.mpls([16], packet), p.MPLS), 0),
        "MPLS, three labels": (1, ether(p.mpls([16, 17, 18], packet), p.MPLS), 0),
        "MPLS multicast": (1, ether(p.mpls([16], packet), 0x8848), 0),
        "MPLS, tagged": (1, ether(p.tag(5, p.MPLS, p.mpls([16], packet)), p.VLAN), 5),
        "PPPoE": (1, ether(p.pppoe(ppp, packet), p.PPPOE), 0),
        "PPPoE, tagged": (1, ether(p.tag(5, p.PPPOE, p.pppoe(ppp, packet)), p.VLAN), 5),
        "SLL": (113, p.cooked(ethertype, packet), 0),
        "SLL, tagged": (113, p.cooked(p.VLAN, tagged), 5),
        "SLL2": (276, p.cooked2(ethertype, packet), 0),
        "SLL2, tagged": (276, p.cooked2(p.VLAN, tagged), 5),
        "raw": (101, packet, 0),
        "raw, BSD": (12, packet, 0),
        "raw, OpenBSD": (14, packet, 0),
        "raw by version": (228 if version == 4 else 229, packet, 0),
        "null, little-endian": (0, struct.pack("<I", family) + packet, 0),
        "null, big-endian": (0, struct.pack(">I", family) + packet, 0),
        "null, 30 is IPv6 on macOS": (0, struct.pack("<I", 30) + packet, 0),
        "loop": (108, struct.pack(">I", family) + packet, 0),
        "PPP": (9, struct.pack(">H", ppp) + packet, 0),
        "PPP, HDLC": (9, struct.pack(">HH", 0xFF03, ppp) + packet, 0),
        "PPP, compressed protocol": (9, bytes([ppp]) + packet, 0),
        "PPP, HDLC and compressed": (9, b"\xff\x03" + bytes([ppp]) + packet, 0),
        "PPP, HDLC's link type": (50, struct.pack(">HH", 0xFF03, ppp) + packet, 0),
        "Cisco HDLC": (104, struct.pack(">HH", 0x0F00, ethertype) + packet, 0),
    }


@pytest.mark.parametrize("name", layers(PACKET))
@pytest.mark.parametrize("packet", [PACKET, PACKET6], ids=["v4", "v6"])
def test_the_same_packet_gives_the_same_row(packet, name):
    link, frame, vlan = layers(packet)[name]
    row = decode_one(frame, link=link)
    expected = decode_one(packet, link=101)
    assert row == {**expected, "vlan": vlan}
    assert expected["payload"] == b"{}"
    assert expected["source_port"] == 40_000


@pytest.mark.parametrize("name", layers(PACKET))
def test_a_frame_cut_before_its_ports_is_truncated(name):
    link, frame, _ = layers(PACKET)[name]
    at = frame.index(PACKET)
    # A length field may as well begin something else than SNAP.
    unknown = range(at - 8, at) if "SNAP" in name else range(0)
    for length in range(at + 34):
        expected = "not_ip" if length in unknown else "truncated"
        assert decode_one(frame[:length], link=link) == expected, length


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ether(bytes(28), 0x0806)),
        (1, ether(bytes(50), 0x88CC)),
        (1, ether(b"\x42\x42\x03" + bytes(40), 38)),
        (1, ether(p.snap(0x0100, bytes(40)), 48)),
        (1, ether(p.mpls([16], b"\x00" + bytes(40)), p.MPLS)),
        (1, ether(p.pppoe(0xC021, bytes(20)), p.PPPOE)),
        (1, ether(b"".join([b"\0\1\x81\0"] * 12) + PACKET, p.VLAN)),
        (9, b"\xc0\x21" + bytes(20)),
        (101, b"\x00" + bytes(40)),
        (0, b"\x02\0\0\0" + b"\x70" + bytes(40)),
        (113, p.cooked(0x0806, bytes(28))),
        (104, b"\x0f\0\x20\x00" + bytes(20)),
    ],
    ids="arp lldp stp snap mpls lcp tags ppp raw null sll hdlc".split(),
)
def test_what_is_not_ip(link, frame):
    assert decode_one(frame, link=link) == "not_ip"


@pytest.mark.parametrize("link", [105, 127, 195, 249, 65_535])
def test_link_types_that_are_not_known(link):
    assert link_layer(array(PACKET), 0, len(PACKET), link) == (0, -2, 0)
    assert decode_one(PACKET, link=link) == "unknown_link_type"


def test_offsets():
    frame = ether(p.tag(5, p.IPV4, PACKET), p.VLAN)
    assert link_layer(array(frame), 0, len(frame), 1) == (18, p.IPV4, 5)
    assert skip_tags(array(frame), 14, len(frame), p.VLAN) == (18, p.IPV4, 5)
    assert skip_tags(array(frame), 14, 17, p.VLAN) == (14, -1, 0)
    assert by_version(array(PACKET), 0, 1) == p.IPV4
    assert by_version(array(PACKET6), 0, 1) == p.IPV6
    assert by_version(array(PACKET), 0, 0) == -1


def test_headers_of_tunnels():
    body = array(p.gre(b"x", checksummed=True, key=1, sequence=2))
    assert gre_inner(body, 0, len(body)) == (16, p.IPV4)
    assert gre_inner(body, 0, 3) == (0, -1)
    body = array(p.vxlan(b"x"))
    assert udp_inner(body, 0, len(body), 4789) == (8, p.BRIDGED)
    assert udp_inner(body, 0, len(body), 53) == (0, 0)
    body = array(p.geneve(b"x", p.IPV6, bytes(12)))
    assert udp_inner(body, 0, len(body), 6081) == (20, p.IPV6)
