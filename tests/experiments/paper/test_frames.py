# SPDX-License-Identifier: Apache-2.0
import numpy as np

import packets as p
from minewatch.experiments.paper.frames import FrameSource, record_of
from minewatch.metering.framing import R_OFFSET, R_TIME, RECORD_WORDS
from minewatch.readers.source import Input
from minewatch.types import P_OCTETS, P_PAYLOAD_OFFSET, P_TIME, PACKET_WORDS, PacketBatch


def sizes(path):
    source = FrameSource(Input(str(path), str(path), None))
    batch, found = PacketBatch(), []
    while source.fill(batch):
        found += batch.columns[: batch.n_packets, P_OCTETS].tolist()
    source.close()
    return found


def test_a_size_is_the_frame_on_the_wire(tmp_path):
    small = p.ether(p.ipv4(p.A, p.B, 6, p.tcp(1, 2)))
    cut = p.ether(p.ipv4(p.A, p.B, 17, p.udp(1, 2, b"x" * 900)))
    arp = b"\xff" * 12 + b"\x08\x06" + b"\0" * 46
    frames = [
        p.Frame(small + b"\0" * 6, p.START),  # padded to Ethernet's 60 octets
        p.Frame(arp, p.START),
        p.Frame(cut[:100], p.START, wire=len(cut)),
        p.Frame(small, p.START + 1000),
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(p.pcap(frames))
    assert sizes(path) == [60, 942, 54]


def test_headers_that_are_cut_do_not_take_the_next_packets_size(tmp_path):
    whole = p.ether(p.ipv4(p.A, p.B, 6, p.tcp(1, 2, b"y" * 50, options=b"\1" * 40)))
    # Behind 14 octets of TCP header: its data offset points into the next record.
    frames = [p.Frame(whole[: 34 + 14], p.START, wire=1000 + i) for i in range(5)]
    path = tmp_path / "a.pcap"
    path.write_bytes(p.pcap(frames))
    assert sizes(path) == [1000, 1001, 1002, 1003, 1004]


def test_the_time_tells_records_apart():
    records = np.zeros((4, RECORD_WORDS), np.int64)
    records[:3, R_OFFSET] = (0, 60, 120)
    records[:3, R_TIME] = (1, 2, 3)
    rows = np.zeros((2, PACKET_WORDS), np.int64)
    rows[:, P_PAYLOAD_OFFSET] = (61, 125)
    rows[:, P_TIME] = (1, 3)
    assert record_of(rows, records).tolist() == [0, 2]
    assert record_of(rows[:0], records).tolist() == []
