# SPDX-License-Identifier: Apache-2.0
"""Write the golden captures, octet by octet, the same in every run.

    python scripts/make_golden.py [FOLDER]

FOLDER is ``tests/golden`` unless given. Each capture lies in a folder of its own; what must come
out of it stands beside it in ``flows.csv``, which ``make golden`` writes.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import packets as p  # noqa: E402  its folder is put on the path above
from packets import A6, B6, NS, START, A, B, Frame, ether, ipv4, ipv6, tcp, udp  # noqa: E402

SERVER, POOL, API = "10.1.0.5", "203.0.113.10", "203.0.113.40"
Turn = tuple[float, str, dict[str, Any] | str]
"""Seconds, ``>`` or ``<``, and what is said: an object for a JSON line, or FIN."""


class Talk:
    """A TCP connection between two hosts, with its handshake and true sequence numbers."""

    def __init__(self, client: tuple[str, int], server: tuple[str, int], first_s: float) -> None:
        self.ends = {">": (client, server), "<": (server, client)}
        self.next = {">": 4_294_967_000, "<": 70_000}  # the client's number wraps around
        self.time_s = first_s
        self.frames: list[Frame] = []
        self.send(first_s, ">", flags=p.SYN)
        self.send(first_s + 0.021, "<", flags=p.SYN | p.ACK)
        self.send(first_s + 0.0211, ">")

    def send(self, time_s: float, side: str, data: bytes = b"", flags: int = p.ACK) -> None:
        """Add one segment, ``time_s`` after the start of the capture."""
        (source, sport), (destination, dport) = self.ends[side]
        other = "<" if side == ">" else ">"
        acknowledged = 0 if flags == p.SYN else self.next[other]
        segment = tcp(sport, dport, data, flags, self.next[side], acknowledged=acknowledged)
        packet = ipv4(source, destination, 6, segment, identification=len(self.frames) + 1)
        self.frames.append(Frame(ether(packet, minimum=60), START + round(time_s * NS)))
        counted = len(data) + bool(flags & (p.SYN | p.FIN))
        self.next[side] = (self.next[side] + counted) % 2**32

    def say(self, turns: list[Turn]) -> list[Frame]:
        """Add what is said in turns, each answered by an ACK; return all frames."""
        for time_s, side, said in turns:
            if said == "FIN":
                self.send(time_s, side, flags=p.FIN | p.ACK)
                continue
            data = json.dumps(said, separators=(",", ":")).encode() + b"\n"
            self.send(time_s, side, data, p.PSH | p.ACK)
            self.send(time_s + 0.0215, "<" if side == ">" else ">")
        return self.frames


def by_time(frames: list[Frame]) -> list[Frame]:
    """Return frames in the order of time; those of one time as they stand."""
    return sorted(frames, key=lambda frame: frame.time_ns)


def later(packet: bytes, time_s: float, ethertype: int = p.IPV4) -> Frame:
    """Return a packet in Ethernet, ``time_s`` after the start of the capture."""
    return Frame(ether(packet, ethertype, minimum=60), START + round(time_s * NS))


def stratum() -> bytes:
    """Return a CryptoNote miner of 11 minutes beside a job queue that looks like it."""
    wallet, blob = "4" + "A" * 90 + "wxyz", "1010f2c197d806" + "5c" * 32 + "00000000" + "e1" * 33

    def job(number: int) -> dict[str, Any]:
        return {
            "blob": blob,
            "job_id": f"job{number:04d}",
            "target": "b88d0600",
            "algo": "rx/0",
            "height": 3_000_000 + number,
            "seed_hash": "ab" * 32,
        }

    login = {"login": wallet, "pass": "x", "agent": "golden/1.0", "algo": ["rx/0"]}
    answer = {"id": "w1", "job": job(0), "status": "OK"}
    turns: list[Turn] = [
        (1.1, ">", {"id": 1, "jsonrpc": "2.0", "method": "login", "params": login}),
        (1.2, "<", {"id": 1, "jsonrpc": "2.0", "error": None, "result": answer}),
    ]
    for number, time_s in enumerate((75.0, 118.5, 240.2, 395.0, 430.7, 601.3), 1):
        turns.append((time_s, "<", {"jsonrpc": "2.0", "method": "job", "params": job(number)}))
        share = {
            "id": "w1",
            "job_id": f"job{number:04d}",
            "nonce": f"{number:08x}",
            "result": "cd" * 32,
        }
        submit = {"id": 1 + number, "jsonrpc": "2.0", "method": "submit", "params": share}
        turns.append((time_s + 21.4, ">", submit))
        accepted = {"id": 1 + number, "jsonrpc": "2.0", "error": None, "result": {"status": "OK"}}
        turns.append((time_s + 21.5, "<", accepted))
    miner = Talk((SERVER, 43_136), (POOL, 3333), 1.0).say(turns)

    queue: list[Turn] = []
    for number in range(33):
        take = {"id": number, "jsonrpc": "2.0", "method": "queue.take", "params": {"worker": "w1"}}
        queue.append((2.0 + 20 * number, ">", take))
        task = {"job": f"resize-{number}", "target": "1200x800", "status": "OK"}
        queue.append((2.1 + 20 * number, "<", {"id": number, "jsonrpc": "2.0", "result": task}))
    queue += [(650.0, ">", "FIN"), (650.03, "<", "FIN")]
    neighbour = Talk((SERVER, 43_200), (API, 3333), 1.5).say(queue)
    return p.pcap(by_time(miner + neighbour))


def tunnels() -> bytes:
    """Return one conversation seen through every tunnel, and datagrams that only look like one."""
    frames: list[Frame] = []

    def inner(number: int, answer: bool = False) -> bytes:
        ports = (3333, 40_000 + number) if answer else (40_000 + number, 3333)
        body = tcp(*ports, b"answer" if answer else b"question", p.PSH | p.ACK, 7)
        return ipv4(B, A, 6, body) if answer else ipv4(A, B, 6, body)

    def outer(protocol: int, body: bytes) -> bytes:
        return ipv4("192.0.2.1", "192.0.2.2", protocol, body)

    wraps: list[Callable[[bytes], bytes]] = [
        lambda packet: packet,
        lambda packet: outer(17, udp(50_001, 4789, p.vxlan(ether(packet)))),
        lambda packet: outer(17, udp(50_002, 6081, p.geneve(ether(packet), options=bytes(32)))),
        lambda packet: outer(17, udp(50_003, 6081, p.geneve(packet, p.IPV4))),
        lambda packet: outer(47, p.gre(packet)),
        lambda packet: outer(47, p.gre(packet, checksummed=True, key=7, sequence=8)),
        lambda packet: outer(47, p.gre(ether(packet), p.BRIDGED)),
        lambda packet: outer(47, p.erspan2(ether(packet))),
        lambda packet: outer(47, p.erspan3(ether(packet), subheader=True)),
        lambda packet: outer(4, packet),
        lambda packet: outer(17, udp(50_010, 4789, p.vxlan(ether(outer(47, p.gre(packet)))))),
    ]
    for number, wrap in enumerate(wraps):
        frames.append(later(wrap(inner(number)), number))
        frames.append(later(wrap(inner(number, answer=True)), number + 0.25))
    six = ipv6(A6, B6, 6, tcp(40_100, 3333, b"6in4", p.PSH | p.ACK))
    frames.append(later(outer(41, six), 20))
    frames.append(later(ipv6(B6, A6, 4, inner(101)), 21, p.IPV6))
    frames.append(later(outer(17, udp(50_020, 4789, b"just text on this port")), 30))
    frames.append(later(outer(17, udp(50_021, 6081, b"\x40" + bytes(20))), 31))
    frames.append(later(outer(47, p.gre(b"ppp", 0x880B)), 32))
    deep = inner(102)
    for _ in range(8):
        deep = outer(4, deep)
    frames.append(later(deep, 33))
    return p.pcap(frames)


def fragments() -> bytes:
    """Return datagrams in fragments: in order, out of order, without their first, and reused."""
    frames: list[Frame] = []

    def send(time_s: float, port: int, identification: int, order: tuple[int, ...]) -> None:
        whole = udp(port, 6000, bytes(range(256)) * 8)
        cuts = [(0, 1000), (1000, 1600), (1600, len(whole))]
        for turn, part in enumerate(order):
            start, end = cuts[part]
            packet = ipv4(
                A,
                B,
                17,
                whole[start:end],
                identification=identification,
                more=part < 2,
                offset=start,
            )
            frames.append(later(packet, time_s + turn / 1000))

    send(0, 5000, 1, (0, 1, 2))
    send(1, 5001, 2, (0, 2, 1))
    send(2, 5002, 3, (2, 0, 1))
    send(3, 5003, 4, (1, 2))
    send(4, 5004, 1, (0, 1, 2))
    send(70, 5005, 2, (1, 2))
    whole = p.extension(17) + udp(5006, 6000, bytes(3000))
    for turn, (start, end) in enumerate([(0, 1448), (1448, 2896), (2896, len(whole))]):
        header = p.fragment6(60, start, end < len(whole), 9)
        frames.append(later(ipv6(A6, B6, 44, header + whole[start:end]), 80 + turn, p.IPV6))
    return p.pcap(frames)


def cut() -> bytes:
    """Return a big-endian capture with nanoseconds that ends within its last packet."""
    talk = Talk((A, 40_000), (B, 443), 0)
    for number in range(20):
        side = "<" if number % 3 else ">"
        talk.send(0.1 + number * 7, side, bytes(40 + number), p.PSH | p.ACK)
    return p.pcap(talk.frames, order=">", nano=True)[:-25]


def mixed() -> bytes:
    """Return a pcapng of two sections, with eight link types and four clocks."""
    clocks = {6: 10**6, 9: 10**9, 3: 10**3, 0x80 | 20: 1 << 20}
    parts = []
    for order, ends in (("<", (A, B)), (">", (B, A))):
        port = 40_000 if order == "<" else 41_000
        packets = [ipv4(*ends, 6, tcp(port + i, 80, b"x" * i, p.PSH | p.ACK)) for i in range(8)]
        layers = [
            (p.ETHERNET, ether(packets[0], minimum=60)),
            (p.RAW, packets[1]),
            (p.NULL, (2).to_bytes(4, "little") + packets[2]),
            (p.LOOP, (2).to_bytes(4, "big") + packets[3]),
            (p.PPP, b"\xff\x03\x00\x21" + packets[4]),
            (p.SLL, p.cooked(p.IPV4, packets[5])),
            (p.SLL2, p.cooked2(p.IPV4, packets[6])),
            (p.CISCO, b"\x0f\x00\x08\x00" + packets[7]),
        ]
        parts.append(p.section(order))
        resolutions = [list(clocks)[i % 4] for i in range(8)]
        for (link, _), resolution in zip(layers, resolutions, strict=True):
            parts.append(p.interface(link, order=order, resolution=resolution))
        parts.append(p.interface(127, order=order))  # 802.11 with radio header: not known
        parts += p.skipped_blocks(order).values()
        for number, (_, data) in enumerate(layers):
            frame = Frame(data, START + number * NS // 4)
            units = clocks[resolutions[number]]
            parts.append(p.enhanced(frame, interface=number, order=order, units=units))
        parts.append(p.enhanced(Frame(bytes(60), START), interface=8, order=order))
        parts.append(p.obsolete(Frame(layers[0][1], START + 5 * NS), order=order))
        timeless = ether(ipv4(*ends, 6, tcp(port + 50, 80)), minimum=60)
        parts.append(p.simple(Frame(timeless), order=order))
    return b"".join(parts)


CAPTURES: dict[str, Callable[[], bytes]] = {
    "cut": cut,
    "fragments": fragments,
    "mixed": mixed,
    "stratum": stratum,
    "tunnels": tunnels,
}
"""What makes each capture, by the name of its folder."""


def main() -> None:
    """Write every capture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden"
    for name, make in CAPTURES.items():
        path = folder / name / "capture.pcap"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())


if __name__ == "__main__":
    main()
