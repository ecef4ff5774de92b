# SPDX-License-Identifier: Apache-2.0
"""The packets of a soak's miners: sessions of the simulator, at other times and addresses.

Only plain-text Stratum is taken, which a scan finds in every case.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from soak_plan import Miner

DIALECTS = (
    *("cryptonote", "cryptonote-multicoin", "bitcoin", "zcash", "kawpow", "ethereumstratum"),
    "ethproxy",
)
"""Those of them that the simulator knows are used."""
SIMULATED = ("--conversations", "90", "--mining", "90", "--evasion", "0", "--servers", "30")
DAYS = 0.05
LEAST_PACKETS = 12
MAGIC, MAGIC_NS = bytes.fromhex("d4c3b2a1"), bytes.fromhex("4d3cb2a1")
HEADER_OCTETS, RECORD_OCTETS, ETHERNET_OCTETS = 24, 16, 14
IPV4, TCP, SYN = 0x0800, 6, 0x02

End = tuple[str, int]


class Packet(NamedTuple):
    """A frame, and when it passes."""

    time_us: int
    frame: bytes
    is_reply: bool


def read_capture(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield time [us] and octets of each frame of a little-endian capture."""
    data = path.read_bytes()
    if data[:4] not in (MAGIC, MAGIC_NS):
        raise SystemExit(f"{path}: another kind of capture than expected")
    per_us = 1 if data[:4] == MAGIC else 1000
    at = HEADER_OCTETS
    while at < len(data):
        seconds, part, captured, _ = struct.unpack_from("<4I", data, at)
        begin = at + RECORD_OCTETS
        yield seconds * 1_000_000 + part // per_us, data[begin : begin + captured]
        at = begin + captured


def write_capture(path: Path, packets: list[tuple[int, bytes]]) -> None:
    with path.open("wb") as file:
        file.write(MAGIC + struct.pack("<HHiIII", 2, 4, 0, 0, 262144, 1))
        for time_us, frame in packets:
            seconds, micros = divmod(time_us, 1_000_000)
            file.write(struct.pack("<4I", seconds, micros, len(frame), len(frame)) + frame)


def simulate(folder: Path, seed: int) -> dict[str, list[list[Packet]]]:
    """Return whole sessions from their first packet on, by dialect."""
    made = folder / "simulated"
    command = [sys.executable, "-m", "minewatch", "simulate", "--out", str(made), *SIMULATED]
    subprocess.run(
        [*command, "--days", str(DAYS), "--seed", str(seed), "--snaplen", "65535", "--quiet"],
        check=True,
    )
    truth = pl.read_parquet(made / "truth.parquet").filter(pl.col("transport") == "tcp")
    columns = "initiator_address initiator_port responder_address responder_port dialect".split()
    dialects = {
        ((row[0], row[1]), (row[2], row[3])): row[4]
        for row in truth.select(columns).iter_rows()
        if row[4].startswith(DIALECTS)
    }
    sessions: dict[str, list[list[Packet]]] = defaultdict(list)
    for ends, packets in _conversations(made / "simulated.pcap").items():
        if ends in dialects and len(packets) >= LEAST_PACKETS:
            sessions[dialects[ends]].append(packets)
    if not sessions:
        raise SystemExit("the simulator made no session that can be used")
    return dict(sorted(sessions.items()))


def _conversations(path: Path) -> dict[tuple[End, End], list[Packet]]:
    """Return the packets of each conversation of TCP that begins in a capture."""
    found: dict[tuple[End, End], list[Packet]] = {}
    for time_us, frame in read_capture(path):
        if struct.unpack_from(">H", frame, 12)[0] != IPV4 or frame[23] != TCP:
            continue
        source, destination = _ends(frame)
        is_opening = frame[_tcp_at(frame) + 13] & 0x12 == SYN
        if is_opening:
            found.setdefault((source, destination), []).append(Packet(time_us, frame, False))
        elif (source, destination) in found:
            found[source, destination].append(Packet(time_us, frame, False))
        elif (destination, source) in found:
            found[destination, source].append(Packet(time_us, frame, True))
    return found


def _tcp_at(frame: bytes) -> int:
    return ETHERNET_OCTETS + (frame[ETHERNET_OCTETS] & 15) * 4


def _ends(frame: bytes) -> tuple[End, End]:
    source, destination = struct.unpack_from(">HH", frame, _tcp_at(frame))
    return (
        (socket.inet_ntoa(frame[26:30]), source),
        (socket.inet_ntoa(frame[30:34]), destination),
    )


def packets_of(
    miners: list[Miner], sessions: dict[str, list[list[Packet]]]
) -> list[tuple[int, bytes]]:
    """Return time after the start [us] and frame of all that miners say, in order of time."""
    names = list(sessions)
    made: list[tuple[int, bytes]] = []
    for number, miner in enumerate(miners):
        dialect = sessions[names[number % len(names)]]
        at_s = miner.start_s
        for turn, seconds in enumerate(miner.seconds):
            # The longest ones first: a session shall go on for as long as is wanted.
            long = sorted(dialect, key=lambda one: one[0].time_us - one[-1].time_us)
            packets = long[(number // len(names)) % max(1, len(long) // 3)]
            made += _moved(packets, miner, turn, at_s, seconds)
            at_s += seconds + miner.pause_s
    return sorted(made, key=lambda one: one[0])


def _moved(
    packets: list[Packet], miner: Miner, turn: int, at_s: float, seconds: float
) -> Iterator[tuple[int, bytes]]:
    """Yield a session of a miner, cut after so many seconds: the miner was killed."""
    host, pool = socket.inet_aton(miner.host), socket.inet_aton(miner.pool)
    first_us = packets[0].time_us
    for packet in packets:
        after_us = packet.time_us - first_us
        if after_us > seconds * 1e6:
            return
        frame, tcp = bytearray(packet.frame), _tcp_at(packet.frame)
        frame[26:34] = pool + host if packet.is_reply else host + pool
        port_at = tcp + 2 * packet.is_reply
        (port,) = struct.unpack_from(">H", frame, port_at)
        struct.pack_into(">H", frame, port_at, port ^ turn)
        frame[24:26] = b"\0\0"
        frame[24:26] = _checksum(frame[ETHERNET_OCTETS:tcp])
        yield int(at_s * 1e6) + after_us, bytes(frame)


def _checksum(header: bytearray) -> bytes:
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)
