# SPDX-License-Identifier: Apache-2.0
"""What a mining conversation looks like on the wire: bare, in TLS, behind SOCKS5 or inside SSH."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from minewatch.lab.simulator.laws import Rng
from minewatch.lab.simulator.mining import Spoken
from minewatch.lab.simulator.ssh import CLIENT_BANNERS, SERVER_BANNERS, packet_octets
from minewatch.lab.simulator.tls import (
    FINISHED_OCTETS,
    KEY_EXCHANGE_OCTETS,
    TICKET_OCTETS,
    TICKETS_OCTETS,
    client_hello,
    renewed,
    server_flight,
)
from minewatch.lab.simulator.tls_records import OVERHEAD, PLAIN, RECORD_OCTETS, TLS12, TLS13
from minewatch.lab.socks import request

VERSIONS: Final = {"tcp": PLAIN, "tls1.2": TLS12, "tls1.3": TLS13}

_KEY_EXCHANGE: Final = ((False, 1504), (True, 1120), (False, 48), (True, 564), (False, 60))
_LOG_IN: Final = (
    *((True, 44), (False, 60), (True, 52), (False, 372), (True, 28), (False, 112), (True, 500)),
    *((False, 96), (True, 44)),
)
"""SSH: curve25519, a login by key, a forwarded channel; OpenSSH's sizes."""


@dataclass(slots=True)
class Wire:
    """Messages of one conversation as the network sees them."""

    time_s: list[float] = field(default_factory=list)
    """After the conversation's start."""
    is_reply: list[bool] = field(default_factory=list)
    octets: list[int] = field(default_factory=list)
    content: list[bytes] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    clock_s: float = 0.0
    """When the next message of the preamble is due, after the start."""
    merged: int = 0
    """Octets of the handshake that go out in one write with the miner's first message."""

    def say(self, is_reply: bool, content: bytes, octets: int | None = None) -> None:
        """Add a message of the preamble at the present moment."""
        self.add(self.clock_s, is_reply, content, len(content) if octets is None else octets)

    def add(
        self, time_s: float, is_reply: bool, content: bytes, octets: int, late_s: float = 0.0
    ) -> None:
        """Add a message."""
        self.time_s.append(time_s)
        self.is_reply.append(is_reply)
        self.octets.append(octets)
        self.content.append(content)
        self.late_s.append(late_s)


def begin_socks(wire: Wire, address: str, port: int, rtt_s: float, rng: Rng) -> None:
    """Add the talk with a SOCKS5 proxy, which then reaches for the pool.

    Parameters
    ----------
    wire : where.
    address, port : the pool's, by IPv4 address.
    rtt_s : to the proxy.
    rng : source of the proxy's own delay.
    """
    wire.say(False, b"\x05\x01\x00")
    wire.clock_s += rtt_s
    wire.say(True, b"\x05\x00")
    wire.clock_s += 0.0002
    wire.say(False, request(address, port))
    wire.clock_s += rtt_s + float(rng.exponential(0.08))
    wire.say(True, b"\x05\x00\x00\x01" + bytes(6))
    wire.clock_s += 0.0003


def begin_ssh(wire: Wire, rtt_s: float, rng: Rng) -> None:
    """Add banners, key exchange, login and the opening of a channel."""
    wire.say(False, CLIENT_BANNERS[int(rng.integers(len(CLIENT_BANNERS)))])
    wire.clock_s += rtt_s + float(rng.exponential(0.01))
    wire.say(True, SERVER_BANNERS[int(rng.integers(len(SERVER_BANNERS)))])
    for is_reply, octets in (*_KEY_EXCHANGE, *_LOG_IN):
        wire.clock_s += (rtt_s if is_reply else 0.0) + float(rng.exponential(0.003))
        wire.say(is_reply, b"", octets)
    wire.clock_s += float(rng.exponential(0.5))


def begin_tls(wire: Wire, version: int, certificates: int, rtt_s: float, rng: Rng) -> None:
    """Add a handshake as XMRig's OpenSSL does it: no server name, Finished with the first message.

    Parameters
    ----------
    wire : where.
    version : ``TLS12`` or ``TLS13``.
    certificates : length of the pool's chain [octets].
    rtt_s : to the pool.
    rng : source of what is random.
    """
    hello = client_hello("miner", "1.3" if version == TLS13 else "1.2", None)
    wire.say(False, renewed(hello, 1, rng)[0].tobytes())
    wire.clock_s += rtt_s + float(rng.exponential(0.002))
    flight = server_flight(
        version, "pool.example", certificates, rng, is_self_signed=certificates < 1200
    )
    wire.say(True, flight.content, flight.octets)
    wire.clock_s += float(rng.exponential(0.002))
    if version == TLS13:
        wire.merged = FINISHED_OCTETS
        return
    wire.say(False, b"\x16\x03\x03\x00\x25\x10\x00\x00\x21\x20", KEY_EXCHANGE_OCTETS)
    wire.clock_s += rtt_s + 0.0005
    wire.say(True, b"", TICKET_OCTETS)
    wire.clock_s += 0.0003


def carry(wire: Wire, spoken: list[Spoken], start_s: float, version: int, *, in_ssh: bool) -> None:
    """Add what was said after the preamble.

    Parameters
    ----------
    wire : where.
    spoken : by miner and pool.
    start_s : of the conversation, seconds since 1970.
    version : of TLS, or ``PLAIN``.
    in_ssh : whether a tunnel hides it.
    """
    tickets_due = wire.merged > 0
    for said in spoken:
        content, octets = said.octets, len(said.octets)
        if version != PLAIN:
            octets += -(-octets // RECORD_OCTETS) * OVERHEAD[version]
            content = b"\x17\x03\x03" + min(octets - 5, RECORD_OCTETS).to_bytes(2, "big")
        if in_ssh:
            content, octets = b"", int(packet_octets(np.array([octets]))[0])
        if tickets_due and said.is_reply:
            tickets_due = False
            wire.add(said.time_s - start_s - 0.0005, True, b"", TICKETS_OCTETS)
        if wire.merged:
            content, octets = b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x45", octets + wire.merged
            wire.merged = 0
        wire.add(said.time_s - start_s, said.is_reply, content, octets, said.late_s)
