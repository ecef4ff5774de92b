# SPDX-License-Identifier: Apache-2.0
import contextlib
import fcntl
import os
import signal
import socket
import struct
import time

import numpy as np
import pytest

import packets as p
from metered import read_file, rows_of
from minewatch.contracts import PacketSource
from minewatch.errors import SourceError
from minewatch.metering.decode import Outcome
from minewatch.pipeline import read_ahead
from minewatch.readers.live.source import IDLE_S
from minewatch.types import PacketBatch
from packets import Frame, ether, ipv4, ipv6, tag, tcp, tcp_frame, udp

pytestmark = pytest.mark.namespace

MINING = tcp_frame(payload=b'{"id":1,"method":"mining.subscribe","params":[]}\n', flags=24)
FRAMES = [
    tcp_frame(flags=p.SYN),
    MINING,
    tcp_frame(source=p.B, destination=p.A, sport=3333, dport=40_000, payload=b"x" * 1400),
    Frame(ether(ipv6(p.A6, p.B6, 6, tcp(1, 2, b"six")), p.IPV6)),
    Frame(ether(ipv4(p.A, p.B, 17, udp(5353, 53, b"question")))),
    # Tags, which the kernel takes off: one, none of a number, two.
    Frame(ether(tag(7, p.IPV4, ipv4(p.A, p.B, 6, tcp(3, 4, b"tagged"))), p.VLAN)),
    Frame(ether(tag(0, p.IPV4, ipv4(p.A, p.B, 6, tcp(3, 4, b"priority"))), p.VLAN)),
    Frame(ether(tag(9, p.VLAN, tag(8, p.IPV4, ipv4(p.A, p.B, 6, tcp(5, 6, b"both")))), p.QINQ)),
    # Mirrors: what AWS, gateway load balancers and switches wrap packets in.
    Frame(ether(ipv4(p.C, p.B, 17, udp(50_000, 4789, p.vxlan(MINING.data))))),
    Frame(ether(ipv4(p.C, p.B, 17, udp(50_000, 6081, p.geneve(MINING.data))))),
    Frame(ether(ipv4(p.C, p.B, 47, p.gre(ipv4(p.A, p.B, 6, tcp(7, 8, b"inner")), p.IPV4)))),
    Frame(ether(b"\0\1" + bytes(26), 0x0806)),
    Frame(ether(b"short", p.IPV4)),
]


def without(rows, *names):
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def test_packets_are_those_of_a_file(wires, watch, rows_until_stopped, tmp_path):
    wires.make("v0")
    source = watch("v0")
    before_ns = time.time_ns()
    wires.send("v0", *(frame.data for frame in FRAMES))
    rows = rows_until_stopped(source)
    (tmp_path / "same.pcap").write_bytes(p.pcap(FRAMES))
    expected, file = read_file(tmp_path / "same.pcap")
    assert len(expected) == 11
    assert without(rows, "time") == without(expected, "time")
    assert [row["vlan"] for row in rows[5:8]] == [7, 0, 9]
    assert source.counters.by_outcome() == file.counters.by_outcome()
    assert source.counters.packets_seen == len(FRAMES)
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    assert before_ns <= times[0] <= times[-1] <= time.time_ns()


def test_what_the_host_sends_is_seen_too(wires, watch, rows_until_stopped):
    wires.make("v0")
    source = watch("v0-far")
    wires.send("v0", MINING.data)
    (row,) = rows_until_stopped(source)
    assert row["payload"].startswith(b'{"id":1')


def test_it_is_a_source_like_any_other(wires, watch, later):
    wires.make("v0")
    source = watch("v0")
    assert isinstance(source, PacketSource)
    wires.send("v0", *[MINING.data] * 3)
    later(0.3, source.stop)
    with contextlib.closing(read_ahead(source)) as batches:
        assert [len(rows_of(batch)) for batch in batches] == [3]


def test_a_quiet_interface_gives_empty_batches(wires, watch):
    wires.make("v0")
    source, batch = watch("v0"), PacketBatch()
    assert source.data_time_ns() is None
    wires.send("v0", MINING.data)
    assert source.read(batch)
    source.parse(batch)
    assert batch.n_packets == 1
    newest_ns = int(batch.columns[0, 0])
    begun_s = time.monotonic()
    assert source.read(batch)
    assert IDLE_S <= time.monotonic() - begun_s < 3 * IDLE_S
    source.parse(batch)
    assert batch.n_packets == batch.n_octets == 0
    assert source.data_time_ns() - newest_ns > IDLE_S * 1e9


def test_a_signal_ends_it(wires, watch):
    """As the command does: the handler calls ``stop``, and what was in the ring is read."""
    wires.make("v0")
    source, batch = watch("v0"), PacketBatch()
    before = signal.signal(signal.SIGALRM, lambda *_: source.stop())
    try:
        wires.send("v0", MINING.data)
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        n = 0
        begun_s = time.monotonic()
        while source.read(batch):
            source.parse(batch)
            n += batch.n_packets
        assert n == 1
        assert time.monotonic() - begun_s < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    source.close()
    source.stop()
    source.close()


def test_a_filter_leaves_out(wires, watch, rows_until_stopped):
    wires.make("v0")
    source = watch("v0", filter="udp or (vlan 7 and tcp)")
    wires.send("v0", *(frame.data for frame in FRAMES))
    rows = rows_until_stopped(source)
    assert [row["payload"] for row in rows[:2]] == [b"question", b"tagged"]
    assert len(rows) == 4
    assert source.counters.interfaces["v0"].received == source.counters.packets_seen == 4


def test_a_snapshot_cuts(wires, watch, rows_until_stopped):
    wires.make("v0")
    source = watch("v0", snapshot_octets=128)
    wires.send("v0", FRAMES[2].data)
    (row,) = rows_until_stopped(source)
    assert row["payload_octets"] == 1400
    assert row["payload_captured"] == len(row["payload"]) == 128 - 54


def test_what_does_not_fit_the_ring_is_counted(wires, watch, rows_until_stopped):
    wires.make("v0")
    source = watch("v0", ring_octets=2 << 20)
    sent = 4000
    wires.send("v0", *[FRAMES[2].data] * sent)
    rows = rows_until_stopped(source)
    counted = source.counters.interfaces["v0"]
    assert 0 < counted.dropped == source.counters.packets_dropped
    assert counted.freezes > 0
    assert len(rows) == counted.received == sent - counted.dropped
    assert f"the kernel dropped {counted.dropped} of {sent} packets" in source.counters.notes[0]


def test_blocks_are_used_again(wires, watch, rows_until_stopped):
    """Ten times what fits the ring passes without a loss, if it is read meanwhile."""
    wires.make("v0")
    source, batch = watch("v0", ring_octets=2 << 20), PacketBatch()
    n = 0
    for number in range(40):
        data = b"%d" % number
        wires.send("v0", *[tcp_frame(payload=data.ljust(1400)).data] * 300)
        while n < 300 * (number + 1):
            assert source.read(batch)
            source.parse(batch)
            assert {row["payload"].strip() for row in rows_of(batch)} <= {data}
            n += batch.n_packets
    assert rows_until_stopped(source) == []
    assert source.counters.packets_dropped == 0
    assert source.counters.octets_read > 10 * (2 << 20) // 2


def test_interfaces_are_merged_in_order(wires, watch, rows_until_stopped):
    wires.make("v0", "v1", "quiet")
    source = watch("v0", "v1", "quiet")
    assert source.name == "v0,v1,quiet"
    for number in range(300):
        wires.send(f"v{number * 7 % 3 % 2}", tcp_frame(sequence=number, payload=b"x").data)
    rows = rows_until_stopped(source)
    assert [row["sequence"] for row in rows] == list(range(300))
    assert [one.received for one in source.counters.interfaces.values()] == [200, 100, 0]


def test_interfaces_are_merged_in_order_while_they_send(wires, watch):
    """Blocks are handed over at different times; a batch never begins before the last one ended."""
    wires.make("v0", "v1")
    source, batch = watch("v0", "v1"), PacketBatch()
    times = []
    for number in range(30):
        wires.send(f"v{number % 2}", *[MINING.data] * 10)
        time.sleep(0.01)
        if source.read(batch):
            source.parse(batch)
            times.append(batch.columns[: batch.n_packets, 0].copy())
    while sum(map(len, times)) < 300:
        assert source.read(batch)
        source.parse(batch)
        times.append(batch.columns[: batch.n_packets, 0].copy())
    merged = np.concatenate(times)
    assert (np.diff(merged) >= 0).all()
    assert len(times) > 3


def test_each_packet_of_the_loopback_counts_once(wires, watch, rows_until_stopped):
    source = watch("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        wires.check()
        one.sendto(b"once", one.getsockname())
        assert one.recv(10) == b"once"
    (row,) = rows_until_stopped(source)
    assert (row["payload"], row["source"]) == (b"once", "127.0.0.1")
    counted = source.counters.interfaces["lo"]
    assert (counted.received, counted.duplicates, source.counters.packets_seen) == (2, 1, 1)


@contextlib.contextmanager
def tunnel(wires):
    """A tunnel's device ``t0``: what comes out of it begins with the IP header."""
    wires.ip("tuntap add t0 mode tun", "link set t0 up", "route add 198.51.100.0/24 dev t0")
    wires.ip("address add 10.0.0.1/32 dev t0")
    # Without a program behind it the device has no carrier: open it.
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"t0", 0x0001 | 0x1000))
        yield device
    finally:
        os.close(device)


def test_an_interface_without_link_layer(wires, watch, rows_until_stopped):
    with tunnel(wires) as device:
        source = watch("t0", filter="udp port 3333")
        wires.check()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"out", ("198.51.100.7", 3333))
            one.sendto(b"filtered", ("198.51.100.7", 3334))
        os.write(device, ipv4(p.B, p.A, 17, udp(3333, 40_000, b"in")))
        rows = rows_until_stopped(source)
    assert [(row["source"], row["payload"]) for row in rows] == [(p.A, b"out"), (p.B, b"in")]


def test_a_filter_fits_the_link_layer_of_each_interface(wires, watch, rows_until_stopped):
    """The same octets stand elsewhere behind an Ethernet header, and behind none."""
    wires.make("v0")
    with tunnel(wires) as device:
        source = watch("v0", "t0", filter="udp port 53")
        for port in (53, 54):
            body = ipv4(p.B, p.A, 17, udp(port, 40_000, b"%d" % port))
            wires.send("v0", ether(body))
            os.write(device, body)
        rows = rows_until_stopped(source)
    assert [row["payload"] for row in rows] == [b"53", b"53"]
    assert [one.received for one in source.counters.interfaces.values()] == [1, 1]


def test_frames_that_offload_joined_are_counted(wires, watch, rows_until_stopped):
    """A sender leaves cutting to the network card: what is captured is longer than the wire's."""
    wires.make("v0")
    source = watch("v0")
    big = tcp_frame(payload=b"x" * 4000).data
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        wires.check()
        sender.bind(("v0-far", 0))
        sender.setsockopt(263, 15, 1)  # PACKET_VNET_HDR: virtio's header tells of the offload
        sender.send(struct.pack("=BBHHHH", 1, 1, 54, 1400, 34, 16) + big)
    wires.send("v0", MINING.data)
    rows = rows_until_stopped(source)
    assert [row["payload_octets"] for row in rows] == [4000, 49]
    assert source.counters.interfaces["v0"].coalesced == 1
    assert "1 of 2 frames hold several packets" in source.counters.notes[0]


def test_it_goes_on_when_an_interface_comes_back(wires, watch, rows_until_stopped):
    wires.make("v0")
    source, batch = watch("v0"), PacketBatch()
    wires.send("v0", MINING.data)
    wires.ip("link set v0 down")
    n = 0
    for _ in range(3):
        assert source.read(batch)
        source.parse(batch)
        n += batch.n_packets
    assert n == 1
    wires.ip("link set v0 up")
    wires.send("v0", MINING.data)
    assert len(rows_until_stopped(source)) == 1
    assert source.counters.interfaces["v0"].downs == 1
    assert "v0: went down 1 times" in source.counters.notes


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("link set v0 down", r"v0: the interface is down for \d s: ip link set v0 up"),
        ("link delete v0", "v0: the interface is gone; start again when it is back"),
    ],
)
def test_an_interface_that_stays_away_ends_it(wires, watch, command, text):
    """What was received before is read all the same, of the other interfaces too."""
    wires.make("v0", "v1")
    source, batch = watch("v0", "v1", down_patience_s=0.5), PacketBatch()
    wires.send("v1", MINING.data)
    wires.send("v0", MINING.data)
    wires.ip(command)
    n = 0

    def read_on():
        nonlocal n
        while source.read(batch):
            source.parse(batch)
            n += batch.n_packets

    begun_s = time.monotonic()
    with pytest.raises(SourceError, match=text):
        read_on()
    assert n == 2
    assert time.monotonic() - begun_s < 5
    with pytest.raises(SourceError, match=text):
        source.read(batch)


def test_another_interface_of_the_same_name_is_not_taken_for_it(wires, watch):
    """The socket stays bound to the one that is gone, and would hear nothing for ever."""
    wires.make("v0")
    source, batch = watch("v0"), PacketBatch()
    wires.ip("link delete v0")
    wires.make("v0")

    def read_on():
        for _ in range(4):
            source.read(batch)

    with pytest.raises(SourceError, match="v0: the interface is gone"):
        read_on()


def test_a_damaged_ring_ends_it(wires, watch):
    wires.make("v0")
    source, batch = watch("v0"), PacketBatch()
    wires.send("v0", MINING.data, MINING.data)
    ring = source._queues[0].ring
    while not ring.is_ready(0):
        time.sleep(0.01)
    first = ring.block(0).first
    ring.memory[first : first + 4] = b"\xff" * 4
    assert source.read(batch)
    source.parse(batch)
    assert batch.n_packets == 1
    with pytest.raises(SourceError, match="ring is damaged"):
        source.read(batch)
    assert source.counters.outcomes[Outcome.METERED] == 1
