# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import dpkt
import pytest

import packets as p
from minewatch.address import parse_networks
from minewatch.experiments.paper import flows as module
from minewatch.experiments.paper.flows import inverse, pair_flows, read_flows
from minewatch.readers.source import Input

DEMO = Path(module.__file__).parents[2] / "lab" / "demo.pcap"
SERVERS = ["10.0.0.0/24"]
DEMO_SERVERS = ["10.77.0.0/24"]


def pairs_of(path, servers=SERVERS, size="frame"):
    flows, counts = read_flows(Input(str(path), str(path), None), size)
    pairs, conversations = pair_flows(flows, parse_networks(servers), counts)
    return pairs, conversations, counts


def written(tmp_path, *packets):
    """A capture of (second, source, destination, protocol, ports, payload octets)."""
    with open(tmp_path / "a.pcap", "wb") as file:
        writer = dpkt.pcap.Writer(file)
        for second, source, destination, ports, size in packets:
            udp = dpkt.udp.UDP(sport=ports[0], dport=ports[1], data=b"x" * size, ulen=8 + size)
            ip = dpkt.ip.IP(src=bytes(map(int, source.split("."))), p=17, data=udp, len=28 + size)
            ip.dst = bytes(map(int, destination.split(".")))
            frame = dpkt.ethernet.Ethernet(data=ip, type=dpkt.ethernet.ETH_TYPE_IP)
            writer.writepkt(bytes(frame), ts=1_600_000_000 + second)
    return tmp_path / "a.pcap"


A, B, FAR, OTHER = "10.0.0.1", "10.0.0.2", "198.51.100.1", "198.51.100.2"


def test_figure_1_by_hand(tmp_path):
    path = written(
        tmp_path,
        (0, A, FAR, (1000, 53), 58),  # frames of 42 + 58 = 100 octets: 800 bits
        (1, FAR, A, (53, 1000), 158),  # 200 octets
        (2, FAR, A, (53, 1000), 258),  # 300 octets
        (4, A, FAR, (1000, 53), 158),  # 200 octets
    )
    pairs, conversations, counts = pairs_of(path)
    (row,) = pairs.iter_rows(named=True)
    assert (row["out_packets"], row["out_bits"], row["out_seconds"]) == (2, 2400, 4)
    assert (row["out_packets_per_s"], row["out_bits_per_packet"]) == (0.5, 1200)
    assert (row["out_bits_per_s"], row["in_bits_per_s"]) == (600, 4000)
    assert (row["in_packets"], row["in_bits"], row["in_seconds"]) == (2, 4000, 1)
    assert (row["in_packets_per_s"], row["in_bits_per_packet"]) == (2, 2000)
    assert row["flow_end_nanoseconds"] - row["flow_start_nanoseconds"] == 4_000_000_000
    assert (counts.packets, counts.flows, counts.pairs, conversations.height) == (4, 2, 1, 1)


def test_the_ip_packets_size_is_14_octets_less(tmp_path):
    path = written(tmp_path, *((i, *e, 58) for i in range(2) for e in ((A, FAR, (1, 2)),)),
                   *((i, FAR, A, (2, 1), 58) for i in range(2)))  # fmt: skip
    frame, ip = (pairs_of(path, size=size)[0]["out_bits_per_packet"][0] for size in ("frame", "ip"))
    assert (frame, ip) == (800, 688)


def test_what_is_dropped_is_counted(tmp_path):
    path = written(
        tmp_path,
        (0, FAR, OTHER, (1, 2), 10),  # neither from nor to a server
        (0, A, FAR, (3, 4), 10),  # one packet
        (0, FAR, A, (5, 6), 10),  # two packets, no answer
        (1, FAR, A, (5, 6), 10),
        (0, A, FAR, (7, 8), 10),  # two packets at one time, answered
        (0, A, FAR, (7, 8), 10),
        (1, FAR, A, (8, 7), 10),
        (2, FAR, A, (8, 7), 10),
    )
    pairs, conversations, counts = pairs_of(path)
    assert pairs.height == 0
    assert conversations.height == 3
    assert (counts.neither_flows, counts.single_packet_flows) == (1, 1)
    assert (counts.zero_time_flows, counts.unpaired_flows) == (1, 2)
    assert counts.flows == 1 + 1 + 1 + 2


def test_between_two_servers_the_one_that_spoke_first_is_the_server(tmp_path):
    path = written(
        tmp_path,
        *((i, B, A, (9, 10), 10) for i in (0, 2)),
        *((i, A, B, (10, 9), 20) for i in (1, 3)),
    )
    pairs, conversations, counts = pairs_of(path)
    assert pairs["source_transport_port"].to_list() == [9]
    assert pairs["is_between_servers"].to_list() == [True]
    assert (counts.between_servers, conversations.height) == (1, 1)


def test_a_tie_between_two_servers_gives_one_pair(tmp_path):
    path = written(
        tmp_path,
        *((i, B, A, (9, 10), 10) for i in (0, 1)),
        *((i, A, B, (10, 9), 20) for i in (0, 1)),
    )
    pairs, _, _ = pairs_of(path)
    assert pairs["source_transport_port"].to_list() == [10]


def test_flows_are_summed_over_batches(tmp_path, monkeypatch):
    frames = [
        p.Frame(p.ether(p.ipv4(p.A, p.B, 17, p.udp(1 + i % 3, 2, b"z" * 60))), p.START + i * p.NS)
        for i in range(3000)
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(p.pcap(frames))
    whole, _ = read_flows(Input(str(path), str(path), None))
    monkeypatch.setattr(module, "_HELD", 100)
    parts, _ = read_flows(Input(str(path), str(path), None))
    assert whole.equals(parts)
    assert whole["packets"].to_list() == [1000] * 3


def plain_flows(path):
    """The same sums without minewatch: packet by packet with dpkt."""
    found = defaultdict(lambda: [0, 0, None, None])
    with open(path, "rb") as file:
        for time, data in dpkt.pcap.UniversalReader(file):
            ip = dpkt.ethernet.Ethernet(data).data
            if not isinstance(ip, dpkt.ip.IP):
                continue
            segment = ip.data
            if not isinstance(segment, dpkt.tcp.TCP | dpkt.udp.UDP):
                continue
            flow = found[ip.src, ip.dst, segment.sport, segment.dport, ip.p]
            flow[0] += 1
            flow[1] += 8 * len(data)
            flow[2] = round(time * 1e6) if flow[2] is None else flow[2]
            flow[3] = round(time * 1e6)
    return found


def test_the_demo_agrees_with_a_plain_computation():
    pairs, _, _ = pairs_of(DEMO, DEMO_SERVERS)
    plain = plain_flows(DEMO)
    expected = {}
    for (source, destination, sport, dport, protocol), flow in plain.items():
        back = plain.get((destination, source, dport, sport, protocol))
        home = bytes((10, 77, 0))
        if source[:3] != home or back is None:
            continue
        if destination[:3] == home and flow[2] > back[2]:
            continue  # between two servers: the other one spoke first
        if min(flow[0], back[0]) >= 2 and flow[3] > flow[2] and back[3] > back[2]:
            seconds, behind = (flow[3] - flow[2]) / 1e6, (back[3] - back[2]) / 1e6
            expected[sport, dport, protocol] = (
                flow[0], flow[1] / flow[0], flow[1] / seconds, back[0] / behind, back[1] / behind
            )  # fmt: skip
    key = ("source_transport_port", "destination_transport_port", "protocol_identifier")
    values = ("packets", "bits_per_packet", "bits_per_s")
    names = (*(f"out_{name}" for name in values), "in_packets_per_s", "in_bits_per_s")
    found = {row[:3]: row[3:] for row in pairs.select(*key, *names).iter_rows()}
    assert len(found) == pairs.height > 5
    assert found.keys() == expected.keys()
    for ports, row in found.items():
        assert row == pytest.approx(expected[ports], rel=1e-9)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_demo_agrees_with_wireshark():
    fields = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "frame.len")
    arguments = [part for field in fields for part in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", str(DEMO), "-Y", "tcp && ip", "-T", "fields", *arguments],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    octets = defaultdict(int)
    for line in done.stdout.splitlines():
        source, sport, destination, dport, size = line.split("\t")
        if source.startswith("10.77.0.") or destination.startswith("10.77.0."):
            octets[sport, dport] += int(size)
    flows, _ = read_flows(Input(str(DEMO), str(DEMO), None))
    ours = defaultdict(int)
    for row in flows.iter_rows(named=True):
        if row["protocol_identifier"] == 6:
            ports = (str(row["source_transport_port"]), str(row["destination_transport_port"]))
            ours[ports] += row["octets"]
    assert octets
    assert {ports: ours[ports] for ports in octets} == octets


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="size 'l2': one of frame, ip"):
        read_flows(Input("a", "a", None), "l2")


def test_an_inverse_twice_is_the_same():
    for name in module.KEY:
        assert inverse(inverse(name)) == name
    assert inverse("protocol_identifier") == "protocol_identifier"


def test_counts_add_up():
    total = module.Counts(packets=1, notes=["a"])
    total.add(module.Counts(packets=2, pairs=3, notes=["b"]))
    assert (total.packets, total.pairs, total.notes) == (3, 3, ["a", "b"])


def test_packets_out_of_order_do_not_shorten_a_flow(tmp_path):
    path = written(
        tmp_path,
        (3, A, FAR, (1000, 53), 58),
        (0, A, FAR, (1000, 53), 58),
        (2, FAR, A, (53, 1000), 58),
        (1, FAR, A, (53, 1000), 58),
    )
    (row,) = pairs_of(path)[0].iter_rows(named=True)
    assert (row["out_seconds"], row["in_seconds"]) == (3, 1)
