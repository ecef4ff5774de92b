# SPDX-License-Identifier: Apache-2.0
"""A metering process written from the rules, slowly and plainly, to compare the real one with.

It knows nothing of rows, pools, kernels and batches: one object a biflow, one packet at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from metered import Packet
from minewatch.address import text_of

NS = 1_000_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
Endpoint = tuple[int, int]


@dataclass
class Side:
    packets: list[Packet] = field(default_factory=list)

    def columns(self, prefix: str) -> dict[str, Any]:
        lengths = [packet.octets for packet in self.packets]
        flags = [packet.flags for packet in self.packets]
        with_payload = [packet.length for packet in self.packets if packet.length > 0]
        bits = 0
        for one in flags:
            bits |= one
        return {
            f"{prefix}packet_delta_count": len(lengths),
            f"{prefix}octet_delta_count": sum(lengths),
            f"{prefix}payload_octet_count": sum(with_payload),
            f"{prefix}payload_packet_count": len(with_payload),
            f"{prefix}tcp_psh_total_count": sum(bool(one & PSH) for one in flags),
            f"{prefix}tcp_ack_total_count": sum(bool(one & ACK) for one in flags),
            f"{prefix}minimum_ip_total_length": min(lengths, default=None),
            f"{prefix}maximum_ip_total_length": max(lengths, default=None),
            f"{prefix}tcp_control_bits": bits,
        }


@dataclass
class Biflow:
    flow_id: int
    first: Packet
    initiator: Endpoint
    last_ns: int
    interval_end: int
    interval: list[Packet] = field(default_factory=list)
    is_initiator_known: bool = False
    is_cut: bool = False
    is_closed: bool = False
    fin_from: set[Endpoint] = field(default_factory=set)
    payload_from: set[Endpoint] = field(default_factory=set)
    syn_sequence: int | None = None
    kinds: int = 0
    series: list[tuple[int, int, Endpoint]] = field(default_factory=list)

    @property
    def responder(self) -> Endpoint:
        ends = (self.first.source, self.first.destination)
        return ends[1] if self.initiator == ends[0] else ends[0]


class ReferenceMeter:
    """Options in seconds, as in ``MeteringOptions``."""

    def __init__(
        self, interval_s: float, idle_timeout_s: float, conversation_timeout_s: float,
        closed_linger_s: float,
    ) -> None:  # fmt: skip
        self.interval = round(interval_s * NS)
        self.idle = round(idle_timeout_s * NS)
        self.conversation = max(round(conversation_timeout_s * NS), self.idle)
        self.linger = round(closed_linger_s * NS)
        self.live: dict[Any, Biflow] = {}
        self.records: list[dict[str, Any]] = []
        self.series: dict[int, list[tuple[int, int, bool]]] = {}
        self.count = self.out_of_order = self.clock = self.swept = self.since = self.peak = 0

    def run(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            self.add(packet)
        self.end_silent()
        for key in list(self.live):
            self.end(key, 3 if self.live[key].is_closed else 4)

    def add(self, packet: Packet) -> None:
        rows = min(self.count, self.peak + 32_768)
        if self.clock - self.swept > 60 * NS and self.since * 16 >= rows:
            self.end_silent()
            self.swept, self.since = self.clock, 0
        self.since += 1
        self.clock = max(self.clock, packet.time_ns)
        ends = [packet.source, packet.destination]
        if packet.protocol in (1, 58):
            ends = [(address, 0) for address, _ in ends]
        key = (packet.protocol, frozenset(ends))
        flow = self.live.get(key)
        if flow is not None:
            silence = packet.time_ns - flow.last_ns
            if self.is_other_connection(flow, packet):
                self.end(key, 3)
                flow = None
            elif silence > max(self.linger, self.life(flow)):
                self.end(key, 3 if flow.is_closed else 1)
                flow = None
            elif silence > self.idle or packet.time_ns >= flow.interval_end:
                self.write(flow, 1 if silence > self.idle else 2)
                flow.is_cut = True
                while flow.interval_end <= packet.time_ns:
                    flow.interval_end += self.interval
        if flow is None:
            self.count += 1
            flow = Biflow(
                self.count, packet, packet.source, packet.time_ns, packet.time_ns + self.interval
            )
            self.live[key] = flow
            self.peak = max(self.peak, len(self.live))
        self.count_packet(flow, packet)

    def end_silent(self) -> None:
        for key, flow in list(self.live.items()):
            if self.clock - flow.last_ns > max(self.linger, self.life(flow)):
                self.end(key, 3 if flow.is_closed else 1)

    def life(self, flow: Biflow) -> int:
        if flow.is_closed:
            return self.linger
        if flow.first.protocol == 6 and len(flow.payload_from) == 2:
            return self.conversation
        return self.idle

    def is_other_connection(self, flow: Biflow, packet: Packet) -> bool:
        if packet.protocol != 6 or packet.flags & (SYN | ACK) != SYN:
            return False
        if flow.syn_sequence == packet.sequence:
            return False
        return flow.is_closed or bool(flow.payload_from) or flow.is_cut

    def count_packet(self, flow: Biflow, packet: Packet) -> None:
        if packet.time_ns < flow.last_ns:
            self.out_of_order += 1
        flow.last_ns = max(flow.last_ns, packet.time_ns)
        flow.interval.append(packet)
        if packet.length > 0:
            flow.payload_from.add(packet.source)
            flow.kinds |= packet.kind
            flow.series.append((packet.time_ns, packet.length, packet.source))
        if packet.protocol != 6:
            return
        if packet.flags & SYN and not flow.is_cut:
            if not packet.flags & ACK:
                flow.initiator, flow.is_initiator_known = packet.source, True
            elif not flow.is_initiator_known:
                flow.initiator, flow.is_initiator_known = packet.destination, True
        if packet.flags & (SYN | ACK) == SYN:
            flow.syn_sequence = packet.sequence
        if packet.flags & FIN:
            flow.fin_from.add(packet.source)
        if packet.flags & RST or len(flow.fin_from) == 2:
            flow.is_closed = True

    def end(self, key: Any, reason: int) -> None:
        flow = self.live.pop(key)
        self.write(flow, reason)
        kept = flow.series[:64] + flow.series[64:][-32:]
        self.series[flow.flow_id] = [
            (time_ns, octets, sender == flow.initiator) for time_ns, octets, sender in kept
        ]

    def write(self, flow: Biflow, reason: int) -> None:
        sides = {True: Side(), False: Side()}
        for packet in flow.interval:
            sides[packet.source == flow.initiator].packets.append(packet)
        times = [packet.time_ns for packet in flow.interval]
        protocol = flow.first.protocol
        is_icmp = protocol in (1, 58)
        self.records.append(
            {
                "flow_id": flow.flow_id,
                "source_address": _text(flow.initiator[0]),
                "destination_address": _text(flow.responder[0]),
                "source_transport_port": 0 if is_icmp else flow.initiator[1],
                "destination_transport_port": (
                    flow.first.destination[1] if is_icmp else flow.responder[1]
                ),
                "protocol_identifier": protocol,
                "vlan_id": flow.first.vlan,
                "flow_start_nanoseconds": min(times),
                "flow_end_nanoseconds": max(times),
                **sides[True].columns(""),
                **sides[False].columns("reverse_"),
                "flow_end_reason": reason,
                "is_initiator_known": flow.is_initiator_known,
                "payload_kinds": flow.kinds,
            }
        )
        flow.interval = []


def _text(address: int) -> str:
    return text_of(address >> 64, address & ((1 << 64) - 1))
