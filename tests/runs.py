# SPDX-License-Identifier: Apache-2.0
"""A small run of a lab: two servers that mine and serve, their captures, labels and plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from packets import ACK, PSH, SYN, Frame, pcap, tcp_frame

WEB_1, WEB_2 = "10.0.0.1", "10.0.0.2"
POOL, TLS_POOL, VISITOR = "203.0.113.9", "203.0.113.10", "198.51.100.7"
HEADER = (
    "capture\tsource\tlabel\taddress\tport\tprotocol\tlicence\tpeer\tservice\tcoin\talgorithm"
    "\tdialect\ttransport\tpool\tminer\tevasion\thost"
)
JOB = {"blob": "07" * 76, "job_id": "j1", "target": "b88d0600", "algo": "rx/0", "height": 3}
TLS_HELLO = b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"

Message = tuple[bool, bytes]
"""Whether the initiator sends, and what."""


def conversation(
    source: str, sport: int, to: str, dport: int, messages: Sequence[Message], start_s: float = 0
) -> list[Frame]:
    """A handshake, then a message every ten seconds."""
    frames = []
    ends = {True: (source, to, sport, dport), False: (to, source, dport, sport)}
    sequence = {True: 1, False: 1}

    def send(at: float, forward: bool, flags: int, data: bytes, number: int) -> None:
        one, other, port, other_port = ends[forward]
        frames.append(
            tcp_frame(
                time_s=start_s + at,
                source=one,
                destination=other,
                sport=port,
                dport=other_port,
                payload=data,
                flags=flags,
                sequence=number,
            )
        )

    send(0, True, SYN, b"", 0)
    send(0.01, False, SYN | ACK, b"", 0)
    for number, (forward, data) in enumerate(messages):
        send(0.1 + 10 * number, forward, PSH | ACK, data, sequence[forward])
        sequence[forward] += len(data)
    return frames


def cryptonote(agent: str = "XMRig/6.22.0", shares: int = 2) -> list[Message]:
    def line(**fields: object) -> bytes:
        return json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n"

    login = {"login": "4" + "A" * 94, "pass": "x", "agent": agent, "algo": ["rx/0"]}
    messages = [
        (True, line(id=1, method="login", params=login)),
        (False, line(id=1, error=None, result={"id": "s", "job": JOB, "status": "OK"})),
    ]
    for number in range(2, 2 + shares):
        share = {"id": "s", "job_id": "j1", "nonce": f"{number:08x}", "result": "ab" * 32}
        messages.append((True, line(id=number, method="submit", params=share)))
        messages.append((False, line(id=number, error=None, result={"status": "OK"})))
    return messages


def tls() -> list[Message]:
    return [(True, TLS_HELLO), (False, TLS_HELLO), (True, b"\x17\x03\x03xx"), (False, b"\x17yy")]


def web() -> list[Message]:
    return [(True, b"GET / HTTP/1.1\r\n\r\n"), (False, b"HTTP/1.1 200 OK\r\n\r\n")]


def redis() -> list[Message]:
    return [(True, b"*1\r\n$4\r\nPING\r\n"), (False, b"+PONG\r\n")] * 2


def write_capture(path: Path, frames: Sequence[Frame]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pcap(sorted(frames, key=lambda frame: frame.time_ns)))
    return path


def write_run(folder: Path, start_s: float = 0, seed: int = 7) -> Path:
    """Four mining and five normal conversations; one of these is in both captures."""
    shared = conversation(WEB_1, 50_001, WEB_2, 6379, redis(), start_s)
    first = [
        *conversation(WEB_1, 41_000, POOL, 3333, cryptonote(), start_s),
        *conversation(WEB_1, 41_001, TLS_POOL, 443, tls(), start_s + 1),
        *conversation(VISITOR, 33_000, WEB_1, 80, web(), start_s + 2),
        *conversation(VISITOR, 33_001, WEB_1, 80, web(), start_s + 300),
        *shared,
    ]
    second = [
        *conversation(WEB_2, 42_000, POOL, 3333, cryptonote(), start_s),
        *conversation(WEB_2, 42_001, TLS_POOL, 443, tls(), start_s + 400),
        *conversation(VISITOR, 33_002, WEB_2, 80, web(), start_s + 2),
        *shared,
    ]
    write_capture(folder / "captures" / "web-1.pcap", first)
    write_capture(folder / "captures" / "web-2.pcap", second)
    lines = [HEADER]
    for number, host in ((1, "web-1"), (2, "web-2")):
        start = f"captures/{host}.pcap\tlab\t"
        lines += [
            f"{start}mining\t{POOL}\t3333\t6\tCC0-1.0\t10.0.0.{number}\tmining\tXMR\trx/0"
            f"\tcryptonote\ttcp\tpool-1\tminer-{number}\tport\t{host}",
            f"{start}mining\t{TLS_POOL}\t443\t6\t\t\tmining\tXMR\trx/0\tcryptonote\ttls1.3"
            f"\tpool-2\tminer-{number}\ttls\t{host}",
            f"{start}normal\t\t80\t6\t\t\tnginx\t\t\t\ttcp\t\t\t\t{host}",
            f"{start}normal\t{WEB_2}\t6379\t6\t\t\tredis\t\t\t\ttcp\t\t\t\t{host}",
        ]
    (folder / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "plan.json").write_text(json.dumps({"format": 1, "seed": seed}), encoding="utf-8")
    return folder
