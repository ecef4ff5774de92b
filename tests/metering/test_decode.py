# SPDX-License-Identifier: Apache-2.0
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packets as p
from metered import decode, decode_one, row_of
from minewatch.metering.decode import MAX_DEPTH, Outcome, network, plain_frame
from minewatch.metering.fragments import FRAGMENT_SLOTS
from minewatch.metering.link import link_layer
from minewatch.schema import KIND_DNS, KIND_JSON
from minewatch.types import P_HASH, P_IS_SWAPPED, P_KEY_TAIL, P_TIME, P_VLAN, PACKET_WORDS
from packets import A6, B6, NS, START, A, B, Frame, ether, ipv4, ipv6, tcp, udp

LOGIN = b'{"id":1,"method":"login"}\n'
LINK_TYPES = (p.ETHERNET, p.RAW, p.NULL, p.LOOP, p.PPP, p.SLL, p.SLL2, p.CISCO)

# The packet that most tests wrap in something, and what must come out of it.
INNER = ipv4(A, B, 6, tcp(40_000, 3333, LOGIN, p.PSH | p.ACK, sequence=77))
INNER_ROW = {
    "source": A,
    "destination": B,
    "source_port": 40_000,
    "destination_port": 3333,
    "protocol": 6,
    "octets": 40 + len(LOGIN),
    "payload_octets": len(LOGIN),
    "payload_captured": len(LOGIN),
    "payload": LOGIN,
    "tcp_flags": p.PSH | p.ACK,
    "sequence": 77,
    "kind": KIND_JSON,
    "time": START,
    "vlan": 0,
}


def shown(row):
    """Return the row without the key, or what it is instead of a row."""
    if isinstance(row, str):
        return row
    return {name: row[name] for name in INNER_ROW}


def test_plain_ethernet():
    assert shown(decode_one(ether(INNER))) == INNER_ROW


@pytest.mark.parametrize("other", ["not_ip", "malformed", "truncated", "bad_time"])
def test_outcomes(other):
    frames = {
        "not_ip": ether(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0x0806),
        "malformed": ether(b"\x44" + INNER[1:]),
        "truncated": ether(INNER)[:30],
        "bad_time": Frame(ether(INNER), time_ns=-1),
    }
    rows, outcomes = decode([ether(INNER), frames[other], ether(INNER)])
    assert outcomes == {"metered": 2, other: 1}
    assert [shown(row) for row in rows] == [INNER_ROW] * 2


@pytest.mark.parametrize(("time_ns", "is_good"), [(0, 1), (1 << 62, 1), ((1 << 62) + 1, 0)])
def test_times_that_a_clock_can_say(time_ns, is_good):
    for body in (INNER, ipv6(A6, B6, 17, udp(1, 2))):
        ethertype = p.IPV4 if body is INNER else p.IPV6
        _, outcomes = decode([Frame(ether(body, ethertype), time_ns=time_ns)])
        assert outcomes == ({"metered": 1} if is_good else {"bad_time": 1})


def test_padding_of_ethernet_is_no_payload():
    row = decode_one(ether(ipv4(A, B, 6, tcp(1, 2)), minimum=60))
    assert (row["octets"], row["payload_octets"], row["payload"]) == (40, 0, b"")
    row = decode_one(ether(ipv4(A, B, 17, udp(1, 2, b"abc")), minimum=60))
    assert (row["octets"], row["payload_octets"], row["payload"]) == (31, 3, b"abc")


def test_a_cut_packet_keeps_its_length_on_the_wire():
    frame = ether(ipv4(A, B, 6, tcp(1, 2, b"x" * 500)))
    row = decode_one(Frame(frame[:64], wire=len(frame)))
    assert (row["octets"], row["payload_octets"], row["payload"]) == (540, 500, b"x" * 10)


@pytest.mark.parametrize("version", [4, 6])
def test_length_0_stands_for_the_length_on_the_wire(version):
    """Segmentation offload writes packets longer than the field can say, as 0."""
    body = tcp(1, 2, b"y" * 100)
    if version == 4:
        frame, head = ether(ipv4(A, B, 6, body, total_length=0)), 20
    else:
        frame, head = ether(ipv6(A6, B6, 6, body, payload_length=0), p.IPV6), 40
    whole = decode_one(frame)
    assert (whole["octets"], whole["payload_octets"]) == (head + 120, 100)
    cut = decode_one(Frame(frame[:90], wire=90_000))
    assert (cut["octets"], cut["payload_octets"]) == (90_000 - 14, 90_000 - 34 - head)
    assert cut["payload_captured"] == 90 - 34 - head


@pytest.mark.parametrize("n_options", [4, 20, 40])
def test_ipv4_options(n_options):
    frame = ether(ipv4(A, B, 6, tcp(40_000, 3333, LOGIN, 24, 77), options=b"\1" * n_options))
    assert shown(decode_one(frame)) == {**INNER_ROW, "octets": INNER_ROW["octets"] + n_options}


@pytest.mark.parametrize("n_options", [4, 12, 40])
def test_tcp_options(n_options):
    options = b"\1" * n_options
    frame = ether(ipv4(A, B, 6, tcp(40_000, 3333, LOGIN, 24, 77, options)))
    assert shown(decode_one(frame)) == {**INNER_ROW, "octets": INNER_ROW["octets"] + n_options}


@pytest.mark.parametrize(
    ("frame", "outcome"),
    [
        (ether(ipv4(A, B, 6, tcp(1, 2, offset=4))), "malformed"),
        (ether(ipv4(A, B, 6, tcp(1, 2, offset=6))), "malformed"),
        (ether(ipv4(A, B, 6, tcp(1, 2), total_length=19)), "malformed"),
        (ether(b"\x46" + ipv4(A, B, 6, b"")[1:]), "malformed"),
        (ether(b"\x55" + INNER[1:]), "malformed"),
        (ether(INNER, p.IPV6), "malformed"),
        (ether(INNER)[:47], "truncated"),
        (ether(ipv4(A, B, 17, udp(1, 2)))[:41], "truncated"),
        (ether(ipv4(A, B, 1, p.icmp(8, 0)))[:35], "truncated"),
        (ether(ipv4(A, B, 132, p.sctp(1, 2)))[:37], "truncated"),
        (ether(ipv6(A6, B6, 6, tcp(1, 2)), p.IPV6)[:53], "truncated"),
        (ether(b"")[:13], "truncated"),
        (b"", "truncated"),
    ],
)
def test_broken_headers(frame, outcome):
    assert decode_one(frame) == outcome


def test_a_tcp_header_of_which_the_flags_were_captured_is_enough():
    row = decode_one(Frame(ether(INNER)[:48], wire=len(ether(INNER))))
    expected = {**INNER_ROW, "payload_captured": 0, "payload": b"", "kind": 0}
    assert shown(row) == expected


def test_udp():
    row = decode_one(ether(ipv4(A, B, 17, udp(5000, 443, b"quic"))))
    assert (row["protocol"], row["source_port"], row["destination_port"]) == (17, 5000, 443)
    assert (row["payload"], row["kind"], row["tcp_flags"]) == (b"quic", 0, 0)


@pytest.mark.parametrize("ports", [(5000, 53), (53, 5000), (5353, 5353)])
@pytest.mark.parametrize("version", [4, 6])
def test_dns_is_told_by_its_port(ports, version):
    body = udp(*ports, b"x")
    frame = ether(ipv4(A, B, 17, body)) if version == 4 else ether(ipv6(A6, B6, 17, body), p.IPV6)
    assert decode_one(frame)["kind"] == KIND_DNS
    empty = udp(*ports)
    frame = ether(ipv4(A, B, 17, empty)) if version == 4 else ether(ipv6(A6, B6, 17, empty), p.IPV6)
    assert decode_one(frame)["kind"] == 0


def test_sctp():
    row = decode_one(ether(ipv4(A, B, 132, p.sctp(7, 8, b"chunk"))))
    assert (row["source_port"], row["destination_port"], row["payload"]) == (7, 8, b"chunk")


@pytest.mark.parametrize(("protocol", "kind"), [(1, 8), (58, 128)])
def test_icmp_has_type_and_code_for_a_port_and_one_key(protocol, kind):
    """Echo and its answer are one biflow, and the type of the first packet is its port."""
    body, answer = p.icmp(kind, 3, b"abc"), p.icmp(kind + 1, 0, b"abc")
    if protocol == 1:
        frames = [ether(ipv4(A, B, 1, body)), ether(ipv4(B, A, 1, answer))]
    else:
        frames = [
            ether(ipv6(A6, B6, 58, body), p.IPV6),
            ether(ipv6(B6, A6, 58, answer), p.IPV6),
        ]
    (one, two), _ = decode(frames)
    assert (one["source_port"], one["destination_port"]) == (0, kind * 256 + 3)
    assert one["payload"] == b"abc"
    assert (one["key_tail"], one["hash"]) == (two["key_tail"], two["hash"])
    assert one["is_swapped"] != two["is_swapped"]


def test_other_protocols_have_no_ports():
    row = decode_one(ether(ipv4(A, B, 50, b"ciphertext")))
    assert (row["protocol"], row["source_port"], row["destination_port"]) == (50, 0, 0)
    assert row["payload"] == b"ciphertext"


# IPv6


EXTENSIONS = {
    "none": (6, b""),
    "hop by hop": (0, p.extension(6)),
    "long hop by hop": (0, p.extension(6, 24)),
    "routing": (43, p.extension(6, 40)),
    "destination": (60, p.extension(6)),
    "mobility": (135, p.extension(6)),
    "authentication": (51, p.authentication(6)),
    "atomic fragment": (44, p.fragment6(6, 0, False, 5)),
    "chain": (0, p.extension(43) + p.extension(60) + p.extension(51) + p.authentication(6)),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_ipv6_extension_headers(name):
    first, headers = EXTENSIONS[name]
    body = tcp(40_000, 3333, LOGIN, 24, 77)
    frame = ether(ipv6(A6, B6, first, headers + body), p.IPV6)
    assert shown(decode_one(frame)) == {
        **INNER_ROW,
        "source": A6,
        "destination": B6,
        "octets": INNER_ROW["octets"] + 20 + len(headers),
    }
    for length in range(len(frame) - len(LOGIN) - 6):
        assert decode_one(frame[:length]) == "truncated"


def test_nothing_follows_next_header_59():
    row = decode_one(ether(ipv6(A6, B6, 59, b""), p.IPV6, minimum=60))
    assert (row["protocol"], row["octets"], row["payload_octets"]) == (59, 40, 0)


# Fragments


def _fragments(version=4, identification=9, time_ns=START):
    """Return a UDP datagram of 40 octets of payload in three fragments."""
    body = udp(5000, 6000, bytes(range(40)))
    parts = [(0, body[:16], True), (16, body[16:32], True), (32, body[32:], False)]
    if version == 4:
        frames = [
            ether(ipv4(A, B, 17, part, identification=identification, more=more, offset=offset))
            for offset, part, more in parts
        ]
    else:
        frames = [
            ether(ipv6(A6, B6, 44, p.fragment6(17, offset, more, identification) + part), p.IPV6)
            for offset, part, more in parts
        ]
    return [Frame(frame, time_ns) for frame in frames]


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_share_the_ports_of_the_first(version):
    rows, outcomes = decode(_fragments(version))
    assert outcomes == {"metered": 3}
    assert {(r["source_port"], r["destination_port"], r["hash"]) for r in rows} == {
        (5000, 6000, rows[0]["hash"])
    }
    assert [row["payload_octets"] for row in rows] == [8, 16, 16]
    assert [row["payload"] for row in rows] == [bytes(range(8)), b"", b""]


@pytest.mark.parametrize("version", [4, 6])
def test_a_fragment_before_its_first_is_counted_and_not_metered(version):
    first, middle, last = _fragments(version)
    rows, outcomes = decode([last, first, middle])
    assert outcomes == {"metered": 2, "fragment_without_first": 1}
    assert len(rows) == 2


@pytest.mark.parametrize(("gap_s", "is_known"), [(60, True), (61, False), (-61, False)])
def test_an_identification_is_forgotten_after_a_minute(gap_s, is_known):
    first, _, _ = _fragments()
    _, _, last = _fragments(time_ns=START + gap_s * NS)
    _, outcomes = decode([first, last])
    wanted = {"metered": 2} if is_known else {"metered": 1, "fragment_without_first": 1}
    assert outcomes == wanted


def test_an_identification_that_is_used_again_means_the_later_datagram():
    first, _, last = _fragments()
    other = ether(ipv4(A, B, 17, udp(1, 2, bytes(8)), identification=9, more=True))
    rows, _ = decode([first, other, last])
    assert rows[2]["source_port"] == 1


@pytest.mark.parametrize(
    "other",
    [
        ipv4(A, B, 17, bytes(8), identification=10, offset=16),
        ipv4(A, B, 6, bytes(8), identification=9, offset=16),
        ipv4(A, p.C, 17, bytes(8), identification=9, offset=16),
        ipv4(p.C, B, 17, bytes(8), identification=9, offset=16),
    ],
    ids=["identification", "protocol", "destination", "source"],
)
def test_a_fragment_of_another_datagram_has_no_ports(other):
    first, _, _ = _fragments()
    assert decode([first, ether(other)])[1] == {"metered": 1, "fragment_without_first": 1}


def test_fragments_with_a_destination_header_behind_the_fragment_header():
    """RFC 8200, 4.5: only the first fragment has the headers that follow."""
    whole = p.extension(17) + udp(5000, 6000, bytes(40))
    frames = [
        ether(ipv6(A6, B6, 44, p.fragment6(60, at, more, 3) + whole[at:end]), p.IPV6)
        for at, end, more in ((0, 24, True), (24, 56, False))
    ]
    rows, outcomes = decode(frames)
    assert outcomes == {"metered": 2}
    assert rows[1]["protocol"] == 17
    assert rows[1]["hash"] == rows[0]["hash"]


# Tunnels


def _tunnelled(protocol, body):
    return ether(ipv4("192.0.2.1", "192.0.2.2", protocol, body))


INNER_FRAME = ether(INNER)
INNER6 = ipv6(A6, B6, 6, tcp(40_000, 3333, LOGIN, 24, 77))
INNER6_ROW = {**INNER_ROW, "source": A6, "destination": B6, "octets": INNER_ROW["octets"] + 20}

TUNNELS = {
    "vxlan": _tunnelled(17, udp(9, 4789, p.vxlan(INNER_FRAME))),
    "vxlan, old port": _tunnelled(17, udp(9, 8472, p.vxlan(INNER_FRAME))),
    "vxlan, tag inside": _tunnelled(
        17, udp(9, 4789, p.vxlan(ether(p.tag(7, p.IPV4, INNER), p.VLAN)))
    ),
    "geneve, ethernet": _tunnelled(17, udp(9, 6081, p.geneve(INNER_FRAME))),
    "geneve, options": _tunnelled(17, udp(9, 6081, p.geneve(INNER_FRAME, options=bytes(32)))),
    "geneve, ip": _tunnelled(17, udp(9, 6081, p.geneve(INNER, p.IPV4, bytes(8)))),
    "gre": _tunnelled(47, p.gre(INNER)),
    "gre, checksum": _tunnelled(47, p.gre(INNER, checksummed=True)),
    "gre, key": _tunnelled(47, p.gre(INNER, key=5)),
    "gre, all": _tunnelled(47, p.gre(INNER, checksummed=True, key=5, sequence=6)),
    "gre, ethernet": _tunnelled(47, p.gre(INNER_FRAME, p.BRIDGED, key=5)),
    "erspan I": _tunnelled(47, p.gre(INNER_FRAME, 0x88BE)),
    "erspan II": _tunnelled(47, p.erspan2(INNER_FRAME)),
    "erspan III": _tunnelled(47, p.erspan3(INNER_FRAME)),
    "erspan III, subheader": _tunnelled(47, p.erspan3(INNER_FRAME, subheader=True)),
    "ip in ip": _tunnelled(4, INNER),
    "ip in ipv6": ether(ipv6(A6, B6, 4, INNER), p.IPV6),
    "vxlan over ipv6": ether(ipv6(A6, B6, 17, udp(9, 4789, p.vxlan(INNER_FRAME))), p.IPV6),
    "gre in vxlan": _tunnelled(
        17, udp(9, 4789, p.vxlan(_tunnelled(47, p.gre(ipv4(A, B, 4, INNER), key=1))))
    ),
    "behind options": ether(ipv4("192.0.2.1", "192.0.2.2", 47, p.gre(INNER), options=b"\1" * 8)),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_are_unwrapped(name):
    assert shown(decode_one(TUNNELS[name])) == INNER_ROW


@pytest.mark.parametrize(
    "frame",
    [
        _tunnelled(41, INNER6),
        _tunnelled(47, p.gre(INNER6, p.IPV6)),
        _tunnelled(17, udp(9, 6081, p.geneve(INNER6, p.IPV6))),
        ether(ipv6(B6, A6, 41, INNER6), p.IPV6),
    ],
    ids=["6in4", "gre", "geneve", "6in6"],
)
def test_ipv6_in_tunnels(frame):
    assert shown(decode_one(frame)) == INNER6_ROW


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_stay_closed_if_wanted(name):
    row = decode_one(TUNNELS[name], unwrap=False)
    assert row["protocol"] in {4, 17, 47}
    assert row["source"] in {"192.0.2.1", A6}


@pytest.mark.parametrize(
    "datagram",
    [
        udp(9, 4789, b"not vxlan at all, but text"),
        udp(9, 4789, b"\x08\0\0\1" + bytes(4) + INNER_FRAME),
        udp(9, 4789, b"\x08\0\0\0\0\0\1\1" + INNER_FRAME),
        udp(9, 4789, b"\x00\0\0\0\0\0\1\0" + INNER_FRAME),
        udp(9, 4789, b"\x08\0\0"),
        udp(9, 4788, p.vxlan(INNER_FRAME)),
        udp(4789, 9, p.vxlan(INNER_FRAME)),
        udp(9, 6081, b"\x40" + p.geneve(INNER_FRAME)[1:]),
        udp(9, 6081, p.geneve(INNER_FRAME, 0x1234)),
        udp(9, 6081, p.geneve(INNER_FRAME)[:7]),
    ],
    ids=[
        "text",
        "reserved octet",
        "reserved last octet",
        "no flag",
        "short",
        "port beside",
        "only source port",
        "geneve version",
        "geneve protocol",
        "geneve short",
    ],
)
def test_datagrams_that_only_look_like_a_tunnel(datagram):
    row = decode_one(_tunnelled(17, datagram))
    assert (row["source"], row["protocol"]) == ("192.0.2.1", 17)
    assert row["payload"] == datagram[8:]


@pytest.mark.parametrize("bits", [0x0001, 0x4000])
def test_other_versions_of_gre_stay_closed(bits):
    body = struct.pack(">HH", bits, p.IPV4) + INNER
    row = decode_one(_tunnelled(47, body))
    assert (row["source"], row["protocol"], row["payload"]) == ("192.0.2.1", 47, body)


def test_gre_of_what_is_not_ip_stays_closed():
    row = decode_one(_tunnelled(47, p.gre(b"ppp", 0x880B)))
    assert (row["source"], row["protocol"]) == ("192.0.2.1", 47)


def test_what_a_tunnel_carries_may_be_no_ip_or_cut():
    assert decode_one(_tunnelled(17, udp(9, 4789, p.vxlan(ether(bytes(28), 0x0806))))) == "not_ip"
    frame = TUNNELS["erspan III"]
    for length in range(14 + 20 + 1, len(frame) - len(LOGIN) - 6):
        assert decode_one(frame[:length]) == "truncated"


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, 60])
def test_tunnels_inside_each_other_have_an_end(depth):
    packet = INNER
    for _ in range(depth):
        packet = ipv4("192.0.2.1", "192.0.2.2", 4, packet)
    result = shown(decode_one(ether(packet)))
    assert result == (INNER_ROW if depth < MAX_DEPTH else "too_deep")


def test_a_first_fragment_inside_a_tunnel_gives_ports_to_its_later_ones():
    frames = [_tunnelled(4, frame.data[14:]) for frame in _fragments()]
    rows, outcomes = decode(frames)
    assert outcomes == {"metered": 3}
    assert rows[2]["source_port"] == 5000


# The key


def test_both_directions_have_one_key():
    for make in (
        lambda s, d, x, y: ether(ipv4(s, d, 6, tcp(x, y))),
        lambda s, d, x, y: ether(ipv4(s, d, 17, udp(x, y))),
    ):
        for there, back in [((A, B, 1, 2), (B, A, 2, 1)), ((A, A, 1, 2), (A, A, 2, 1))]:
            (one, two), _ = decode([make(*there), make(*back)])
            assert (one["hash"], one["key_tail"]) == (two["hash"], two["key_tail"])
            assert {one["is_swapped"], two["is_swapped"]} == {0, 1}


def test_keys_tell_conversations_apart():
    frames = [
        ether(ipv4(A, B, 6, tcp(1, 2))),
        ether(ipv4(A, B, 17, udp(1, 2))),
        ether(ipv4(A, B, 6, tcp(2, 1))),
        ether(ipv4(A, p.C, 6, tcp(1, 2))),
        ether(ipv6(A6, B6, 6, tcp(1, 2)), p.IPV6),
        ether(ipv6(A6, "2001:db8:e::7", 6, tcp(1, 2)), p.IPV6),
        ether(ipv6("2001:db9::1", B6, 6, tcp(1, 2)), p.IPV6),
    ]
    rows, _ = decode(frames)
    assert len({row["hash"] for row in rows}) == len(frames)


# The fast path and the long one


ports = st.sampled_from([0, 1, 53, 443, 3333, 4789, 5353, 6081, 8472, 40_000, 65_535])
payloads = st.one_of(
    st.just(b""),
    st.binary(max_size=40),
    st.sampled_from([LOGIN, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"\x16\3\1\0\5\1aa"]),
    st.just(p.vxlan(INNER_FRAME)),
)
# One thing at most makes a frame uncommon, or few of them would take the fast path.
ODDITIES = {
    "more": [True],
    "offset": [8],
    "options": [b"\1" * 8],
    "total_length": [0, 19, 20, 27, 28, 39, 41, 1500],
    "protocol": [1, 4, 47, 132],
    "words": [0, 4, 5, 15],
    "layer": ["QinQ", "IPv6"],
}


@st.composite
def common_frames(draw):
    """Frames of the kinds that the fast path is for, some of them odd, damaged or cut."""
    odd = draw(st.sampled_from([None] * 10 + list(ODDITIES)))
    oddity = {odd: draw(st.sampled_from(ODDITIES[odd]))} if odd else {}
    payload = draw(payloads)
    protocol, body = 17, udp(draw(ports), draw(ports), payload)
    if draw(st.booleans()):
        options = b"\1" * draw(st.sampled_from([0, 0, 12, 40]))
        flags, sequence = draw(st.integers(0, 255)), draw(st.integers(0, 2**32 - 1))
        words = oddity.pop("words", None)
        protocol = 6
        body = tcp(draw(ports), draw(ports), payload, flags, sequence, options, words)
    oddity.pop("words", None)
    layer = oddity.pop("layer", draw(st.sampled_from(["plain", "tagged"])))
    packet = ipv4(
        draw(st.sampled_from([A, B, "255.255.255.255"])),
        draw(st.sampled_from([A, B, "0.0.0.0"])),
        oddity.pop("protocol", protocol),
        body,
        **oddity,
    )
    frame = {
        "plain": ether(packet),
        "tagged": ether(p.tag(draw(st.integers(0, 0xFFFF)), p.IPV4, packet), p.VLAN),
        "QinQ": ether(p.tag(1, p.VLAN, p.tag(2, p.IPV4, packet)), p.QINQ),
        "IPv6": ether(packet, p.IPV6),
    }[layer]
    # What follows an IP packet may look like payload of a kind.
    behind = draw(st.sampled_from([b"", b"", bytes(6), LOGIN, b"\x16\3\1\0\5\1"]))
    mutable = bytearray(frame + behind)
    if draw(st.integers(0, 4)) == 0:
        mutable[draw(st.integers(0, len(mutable) - 1))] = draw(st.integers(0, 255))
    length = draw(st.sampled_from([len(mutable)] * 6 + list(range(50, 66))))
    return bytes(mutable[:length])


@settings(max_examples=1500, deadline=None)
@given(common_frames())
def test_the_fast_path_gives_what_the_long_one_gives(frame):
    data = np.frombuffer(bytes(64) + frame + b"\xaa" * 64, np.uint8)
    start, end = 64, 64 + len(frame)
    fast, long = (np.full((1, PACKET_WORDS), -77, np.int64) for _ in range(2))
    if not plain_frame(data, start, end, fast, 0):
        return
    fragments = np.zeros((FRAGMENT_SLOTS, 8), np.int64)
    at, ethertype, vlan = link_layer(data, start, end, p.ETHERNET)
    long[0, P_VLAN] = vlan
    outcome = network(data, at, end, end, ethertype, True, fragments, long, 0)
    assert Outcome(outcome) == Outcome.METERED
    for column in (P_TIME, P_KEY_TAIL, P_IS_SWAPPED, P_HASH):
        assert fast[0, column] == long[0, column] == -77
    assert row_of(fast[0], data) == row_of(long[0], data)
    assert (fast == long).all()
    assert not fragments.any()


@pytest.mark.parametrize(
    "frame",
    [
        ether(INNER),
        ether(p.tag(5, p.IPV4, INNER), p.VLAN),
        ether(ipv4(A, B, 17, udp(1, 53, b"query")), minimum=60),
        ether(ipv4(A, B, 6, tcp(1, 2, options=b"\1" * 12)), minimum=60),
    ],
)
def test_the_fast_path_takes_the_common_frames(frame):
    columns = np.zeros((1, PACKET_WORDS), np.int64)
    assert plain_frame(np.frombuffer(frame, np.uint8), 0, len(frame), columns, 0)


# Nothing outside the captured octets counts


ANY_FRAMES = st.one_of(
    st.binary(max_size=200),
    common_frames(),
    st.builds(
        lambda frame, cut, at, value: (
            frame[:at] + bytes([value]) + frame[at + 1 :] if at < len(frame) else frame
        )[: max(0, len(frame) - cut)],
        st.sampled_from(
            [*TUNNELS.values(), *(f.data for v in (4, 6) for f in _fragments(v))]
            + [ether(ipv6(A6, B6, n, h + tcp(1, 2, LOGIN)), p.IPV6) for n, h in EXTENSIONS.values()]
            + [
                ether(p.mpls([1, 2], INNER), p.MPLS),
                ether(p.pppoe(0x21, INNER), p.PPPOE),
                ether(p.snap(p.IPV4, INNER), len(INNER) + 8),
                p.cooked(p.IPV4, INNER),
                p.cooked2(p.IPV4, INNER),
                b"\xff\3\0\x21" + INNER,
                b"\x0f\0\x08\0" + INNER,
                b"\2\0\0\0" + INNER,
            ]
        ),
        st.integers(0, 150),
        st.integers(0, 150),
        st.integers(0, 255),
    ),
)


@settings(max_examples=1000, deadline=None)
@given(ANY_FRAMES, st.sampled_from(LINK_TYPES), st.integers(0, 100), st.booleans())
def test_decoding_is_blind_to_what_was_not_captured(frame, link, missing, unwrap):
    """The same frame between other octets: a read beyond its end would be seen in the row."""
    seen = [
        decode([Frame(frame, wire=len(frame) + missing)], link=link, unwrap=unwrap, around=around)
        for around in (b"\x00", b"\xff", b"\x16", b"\x45", b"{", b"\xaa")
    ]
    assert all(one == seen[0] for one in seen)
    rows, _ = seen[0]
    for row in rows:
        assert 0 <= row["payload_captured"] <= min(len(frame), max(row["payload_octets"], 0))
        assert row["payload"] in frame
        assert 0 <= row["payload_octets"] <= row["octets"]
