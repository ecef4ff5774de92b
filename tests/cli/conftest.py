# SPDX-License-Identifier: Apache-2.0
"""Tiny captures, built from bytes, and a runner of commands."""

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from minewatch.cli import app

START = 1_700_000_000
MINER, POOL = "10.0.0.5", "203.0.113.9"
HOSTS = (MINER, "10.0.0.8")
JOB = {"blob": "07" * 76, "job_id": "j1", "target": "b88d0600", "algo": "rx/0", "height": 3}

Message = tuple[float, bool, bytes]
"""Second, whether the initiator sends, payload."""


def ip(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def frame(source: tuple[str, int], to: tuple[str, int], seq: int, flags: int, data: bytes) -> bytes:
    tcp = struct.pack("!HHIIBBHHH", source[1], to[1], seq, 1, 0x50, flags, 1024, 0, 0) + data
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    return b"\x02" * 12 + b"\x08\x00" + header + ip(source[0]) + ip(to[0]) + tcp


def tcp_session(
    source: tuple[str, int], to: tuple[str, int], messages: Iterable[Message]
) -> list[tuple[float, bytes]]:
    """A handshake at 0 s, then the messages."""
    frames = [
        (0.0, frame(source, to, 0, 0x02, b"")),
        (0.01, frame(to, source, 0, 0x12, b"")),
        (0.02, frame(source, to, 1, 0x10, b"")),
    ]
    following = {True: 1, False: 1}
    for second, is_out, data in messages:
        ends = (source, to) if is_out else (to, source)
        frames.append((second, frame(*ends, following[is_out], 0x18, data)))
        following[is_out] += len(data)
    return frames


def stratum_messages(agent: str = "XMRig/6.22.0") -> list[Message]:
    """A CryptoNote session: login, job, five accepted shares, over two minutes."""

    def line(**fields: object) -> bytes:
        return json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n"

    login = {"login": "4" + "A" * 94, "pass": "x", "agent": agent, "algo": ["rx/0"]}
    messages = [
        (0.1, True, line(id=1, method="login", params=login)),
        (0.2, False, line(id=1, error=None, result={"id": "s", "job": JOB, "status": "OK"})),
    ]
    for i in range(2, 7):
        share = {"id": "s", "job_id": "j1", "nonce": f"{i:08x}", "result": "ab" * 32}
        messages.append((i * 20.0, True, line(id=i, method="submit", params=share)))
        messages.append((i * 20.1, False, line(id=i, error=None, result={"status": "OK"})))
    return messages


def web_messages() -> list[Message]:
    return [
        (i * 10.0 + 0.1 * (not out), out, b"GET / HTTP/1.1\r\n\r\n" if out else b"HTTP/1.1 200 OK")
        for i in range(5)
        for out in (True, False)
    ]


def write_pcap(path: Path, frames: Iterable[tuple[float, bytes]]) -> Path:
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for second, data in sorted(frames):
        micros = round(second * 1e6)
        octets += struct.pack(
            "<IIII", START + micros // 10**6, micros % 10**6, len(data), len(data)
        )
        octets += data
    path.write_bytes(octets)
    return path


@pytest.fixture
def mining_pcap(tmp_path: Path) -> Path:
    """One miner in the clear, one web server's client, and a connection of three packets."""
    return write_pcap(
        tmp_path / "mining.pcap",
        [
            *tcp_session((MINER, 41022), (POOL, 443), stratum_messages()),
            *tcp_session(("10.0.0.6", 50000), ("198.51.100.1", 80), web_messages()),
            *tcp_session(("10.0.0.7", 50001), ("198.51.100.1", 22), []),
        ],
    )


@pytest.fixture
def two_miners(tmp_path: Path) -> Path:
    """Two hosts that mine at one pool."""
    sessions = (tcp_session((host, 41022), (POOL, 443), stratum_messages()) for host in HOSTS)
    return write_pcap(tmp_path / "two.pcap", [frame for one in sessions for frame in one])


@pytest.fixture
def benign_pcap(tmp_path: Path) -> Path:
    """One web server's client."""
    frames = tcp_session(("10.0.0.6", 50000), ("198.51.100.1", 80), web_messages())
    return write_pcap(tmp_path / "benign.pcap", frames)


@pytest.fixture
def capture_of_agent(tmp_path: Path) -> Callable[[str], Path]:
    """A capture of one miner that calls itself as told."""

    def build(agent: str) -> Path:
        frames = tcp_session((MINER, 41022), (POOL, 443), stratum_messages(agent))
        return write_pcap(tmp_path / "agent.pcap", frames)

    return build


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command: `run("scan", path, "--quiet")`."""

    def invoke(*arguments: object, **options: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)

    return invoke
