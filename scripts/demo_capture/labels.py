# SPDX-License-Identifier: Apache-2.0
"""Reads the finished capture with tshark and writes down what is true of each conversation."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from demo_capture import scenario

FORMAT = 1
_TCP, _UDP = 6, 17
_SYN, _SYN_ACK_MASK = 0x02, 0x12
_FIELDS = ["ip.src", "ip.dst", "ip.proto", "tcp.srcport", "tcp.dstport", "udp.srcport"]
_FIELDS += ["udp.dstport", "tcp.flags"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A 5-tuple as its initiator sent it."""

    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int

    def reversed(self) -> Conversation:
        return Conversation(
            self.protocol,
            self.destination,
            self.destination_port,
            self.source,
            self.source_port,
        )


def read(capture: Path) -> Counter[Conversation]:
    """Return the conversations of a capture, in order of appearance, with their packets.

    Raises
    ------
    ValueError : a TCP conversation does not begin with a SYN, or a packet is neither TCP nor UDP.
    """
    packets: Counter[Conversation] = Counter()
    for line in _tshark(capture, "ip", _FIELDS):
        source, destination, protocol, *ports, flags = line.split("\t")
        found = [int(port) for port in ports if port]
        if int(protocol) not in (_TCP, _UDP) or len(found) != 2:
            raise ValueError(f"stray packet of protocol {protocol}: {source} to {destination}")
        conversation = Conversation(int(protocol), source, found[0], destination, found[1])
        if conversation.reversed() in packets:
            conversation = conversation.reversed()
        elif conversation not in packets and flags and int(flags, 16) & _SYN_ACK_MASK != _SYN:
            raise ValueError(f"not seen from its beginning: {conversation}")
        packets[conversation] += 1
    return packets


def check(capture: Path) -> None:
    """Refuse a capture with damaged or unexpected packets.

    Raises
    ------
    ValueError : there are some.
    """
    for filter_, what in (
        ("_ws.malformed", "malformed packets"),
        ("tcp.checksum.status == 0 || ip.checksum.status == 0", "wrong checksums"),
        ("!(ip || arp)", "packets that are neither IPv4 nor ARP"),
        ("icmp", "ICMP messages"),
    ):
        bad = _tshark(capture, filter_, ["frame.number"])
        if bad:
            raise ValueError(f"{len(bad)} {what}, the first in frame {bad[0]}")


def write(path: Path, capture_name: str, packets: Counter[Conversation]) -> None:
    """Write the truth about each conversation, one line each.

    Raises
    ------
    ValueError : a conversation is with nobody in the scenario.
    """
    lines = [json.dumps(_row(conversation, count)) for conversation, count in packets.items()]
    rows = ",\n    ".join(lines)
    head = json.dumps(
        {"format": FORMAT, "capture": capture_name, "servers": scenario.SERVERS}, indent=2
    )
    path.write_text(f'{head[:-2]},\n  "conversations": [\n    {rows}\n  ]\n}}\n')


def _row(conversation: Conversation, packets: int) -> dict[str, object]:
    service = scenario.SERVICES.get((conversation.destination, conversation.destination_port))
    if service is None:
        raise ValueError(f"nobody in the scenario does this: {conversation}")
    return {
        "protocol_identifier": conversation.protocol,
        "source_address": conversation.source,
        "source_transport_port": conversation.source_port,
        "destination_address": conversation.destination,
        "destination_transport_port": conversation.destination_port,
        "packets": packets,
        "is_mining": service.is_mining,
        "is_tls": service.is_tls,
        "kind": service.kind,
        "note": service.note,
    }


def _tshark(capture: Path, filter_: str, fields: list[str]) -> list[str]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", filter_, "-T", "fields"]
    command += ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()
