# SPDX-License-Identifier: Apache-2.0
import dpkt
import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

import scripted
from minewatch.lab.simulator import script as s
from minewatch.lab.simulator.frames import RECORD_OCTETS, records
from minewatch.lab.simulator.payload import Source
from minewatch.lab.simulator.pcap import packetize
from minewatch.lab.simulator.routes import routes
from packets import checksum
from scripted import SEED, Talk

SAID = scripted.script(
    Talk([(0.1, False, b"GET /\r\n"), (0.2, True, 3001), (0.3, False, 1)], seconds=2.0),
    Talk([(0.1, True, 777)], timestamps=False, home=False, mss=536, close=s.RESET_RESPONDER),
    Talk(close=s.REFUSED),
    Talk([(0.0, False, 41), (0.1, True, 0)], protocol=s.UDP),
)


def made(snaplen=262_144):
    way = routes(SAID, SEED)
    packets = packetize(SAID, SEED)
    return packets, records(packets, SAID, way, Source(SAID.blob, SEED), SEED, snaplen)


def frames_of(some):
    start = np.cumsum(some.octets) - some.octets
    for at, octets in zip(start.tolist(), some.octets.tolist(), strict=True):
        yield (
            some.data[at : at + RECORD_OCTETS].view("<u4").tolist(),
            some.data[at + RECORD_OCTETS : at + octets].tobytes(),
        )


def test_scapy_builds_the_same_checksums_and_lengths():
    packets, some = made()
    assert len(some.octets) == len(packets)
    for _, frame in frames_of(some):
        parsed = Ether(frame)
        again = Ether(frame)
        for layer in (IP, TCP, UDP):
            if layer in again:
                for field in ("chksum", "len", "dataofs"):
                    if field in again[layer].fields:
                        del again[layer].fields[field]
        assert bytes(again) == frame
        assert parsed[IP].ttl > 30


def test_records_say_what_the_packets_do():
    packets, some = made()
    for i, (head, frame) in enumerate(frames_of(some)):
        assert head[0] * 10**9 + head[1] == packets.time_ns[i]
        assert head[2] == head[3] == len(frame)
        ip = dpkt.ethernet.Ethernet(frame).data
        assert ip.id == packets.identification[i]
        assert len(ip.data.data) == packets.payload_octets[i]
        if isinstance(ip.data, dpkt.tcp.TCP):
            assert (ip.data.seq, ip.data.ack) == (packets.seq[i], packets.ack[i])
            assert (ip.data.flags, ip.data.win) == (packets.flags[i], packets.window[i])


def test_options_are_those_of_a_syn_and_of_what_follows():
    packets, some = made()
    kinds = {}
    for i, (_, frame) in enumerate(frames_of(some)):
        layer = Ether(frame)
        if TCP in layer:
            row = int(packets.conversation[i]), bool(packets.flags[i] & 2)
            kinds.setdefault(row, [name for name, _ in layer[TCP].options])
            for name, value in layer[TCP].options:
                if name == "Timestamp":
                    assert value == (packets.tsval[i], packets.tsecr[i])
                if name == "MSS":
                    assert value == SAID.conversations.mss[packets.conversation[i]]
    assert kinds[0, True] == ["MSS", "SAckOK", "Timestamp", "NOP", "WScale"]
    assert kinds[0, False] == ["NOP", "NOP", "Timestamp"]
    assert kinds[1, True] == ["MSS", "NOP", "WScale", "NOP", "NOP", "SAckOK"]
    assert kinds[1, False] == []


def test_frames_go_between_the_host_and_its_gateway():
    packets, some = made()
    ends = {
        (Ether(frame).src, Ether(frame).dst)
        for i, (_, frame) in enumerate(frames_of(some))
        if not packets.conversation[i]
    }
    home, gateway = "02:00:0a:00:00:05", "02:01:0a:00:00:01"
    assert ends == {(home, gateway), (gateway, home)}


@pytest.mark.parametrize("snaplen", [96, 200])
def test_cut_records_keep_the_checksum_of_the_whole(snaplen):
    _, whole = made()
    _, cut = made(snaplen)
    for (head, frame), (cut_head, cut_frame) in zip(frames_of(whole), frames_of(cut), strict=True):
        assert cut_frame == frame[:snaplen]
        assert cut_head == [*head[:2], min(head[2], snaplen), head[3]]


def test_udp_checksums_are_never_0():
    """0 would mean that there is none; a sum of 65535 is sent instead."""
    said = scripted.script(*[Talk([(0.0, False, b"\0\0")], protocol=s.UDP) for _ in range(3)])
    said.conversations.initiator_port[:] = [1, 2, 3]
    way = routes(said, SEED)
    for wanted in range(3):
        packets = packetize(said, SEED)
        first = records(packets, said, way, Source(said.blob, SEED), SEED, 96)
        frame = [frame for _, frame in frames_of(first)][wanted]
        # What the two octets of payload have to be for the sum to be 65535.
        pseudo = frame[26:34] + b"\0\x11" + frame[38:40] + frame[34:40] + b"\0\0"
        missing = checksum(pseudo)
        at = int(said.messages.content_start[wanted])
        said.blob = said.blob.copy()
        said.blob[at : at + 2] = [missing >> 8, missing & 255]
        again = records(packets, said, way, Source(said.blob, SEED), SEED, 96)
        frame = [frame for _, frame in frames_of(again)][wanted]
        assert frame[40:42] == b"\xff\xff"
