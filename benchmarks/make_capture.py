# SPDX-License-Identifier: Apache-2.0
"""Write a large synthetic capture of mixed traffic for the speed benchmark.

The same arguments give the same file. Memory stays bounded: flows are made in batches in order of
their start, and packets wait in a pool until no later flow can precede them.
"""

import argparse
import enum
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from frames import FrameWriter
from payloads import HOST_COUNT, RPC_COUNT, Message, Templates, stratum_conversation

Array = NDArray[Any]

PACKETS_PER_SECOND = 5_000_000 / 600
START_US = 1_700_000_000 * 1_000_000
FLOWS_PER_BATCH = 10_000
PACKETS_PER_CHUNK = 65_536

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
STRATUM_FLOWS = 36
RESOLVERS = 2
POOLS = 4
SERVERS = 3000


class Kind(enum.IntEnum):
    """What a flow carries."""

    DNS = 0
    TLS = 1
    HTTP_GET = 2
    HTTP_POST = 3
    JSON_RPC = 4
    STRATUM = 5
    TCP_OTHER = 6
    SCAN = 7
    QUIC = 8
    UDP_OTHER = 9


class Ending(enum.IntEnum):
    """How a TCP flow ends; NONE is left to the time-outs."""

    NONE = 0
    FIN = 1
    RST = 2


class Profile(NamedTuple):
    """Share of the flows, server port, fewest packets, and how strongly the flow grows."""

    share: float
    port: int
    base_packets: int
    growth: float


# Shares are of flows. Growth 0 means that all flows of the kind are of the base size.
PROFILES = {
    Kind.DNS: Profile(0.28, 53, 2, 0.0),
    Kind.TLS: Profile(0.40, 443, 9, 1.0),
    Kind.HTTP_GET: Profile(0.08, 80, 9, 1.0),
    Kind.HTTP_POST: Profile(0.01, 80, 9, 0.1),
    Kind.JSON_RPC: Profile(0.01, 24200, 9, 0.2),
    Kind.STRATUM: Profile(0.0, 3333, 0, 0.0),
    Kind.TCP_OTHER: Profile(0.06, 24000, 9, 1.0),
    Kind.SCAN: Profile(0.03, 8081, 2, 0.0),
    Kind.QUIC: Profile(0.10, 443, 4, 1.0),
    Kind.UDP_OTHER: Profile(0.03, 24100, 2, 1.0),
}
UDP_KINDS = (Kind.DNS, Kind.QUIC, Kind.UDP_OTHER)
DATA_KINDS = (Kind.TLS, Kind.HTTP_GET, Kind.TCP_OTHER, Kind.QUIC)

FLOW = np.dtype(
    [
        ("kind", "u1"),
        ("size", "i8"),
        ("start_us", "i8"),
        ("duration_us", "i8"),
        ("client", "u4"),
        ("server", "u4"),
        ("client_port", "u2"),
        ("server_port", "u2"),
        ("is_udp", "?"),
        ("is_v6", "?"),
        ("vlan_id", "u2"),
        ("has_options", "?"),
        ("mss", "u2"),
        ("ending", "u1"),
        ("is_upload", "?"),
        ("script", "u4"),
        ("client_isn", "u4"),
        ("server_isn", "u4"),
    ]
)

PACKET = np.dtype(
    [
        ("time_us", "i8"),
        ("flow", "u4"),
        ("from_server", "?"),
        ("tcp_flags", "u1"),
        ("payload", "u2"),
        ("seq", "u4"),
        ("ack", "u4"),
        ("template", "u4"),
    ]
)


class Traffic:
    """All flows of a capture, in order of their start, and the packets of any batch of them."""

    def __init__(self, packets: int, flows: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.templates = Templates(seed)
        self.span_us = int(packets / PACKETS_PER_SECOND * 1_000_000)
        self.flows = np.zeros(flows, FLOW)
        self.conversations: list[list[Message]] = []
        self._draw_kinds()
        self._draw_times()
        self._write_conversations()
        self._draw_sizes(packets)
        self._stretch_by_size()
        self.flows.sort(order="start_us", kind="stable")
        self._draw_addresses()
        self._draw_details()

    def _draw_kinds(self) -> None:
        flows, rng = self.flows, self.rng
        shares = np.array([PROFILES[kind].share for kind in Kind])
        flows["kind"] = rng.choice(len(Kind), len(flows), p=shares / shares.sum())
        miners = min(STRATUM_FLOWS, len(flows) // 100)
        flows["kind"][rng.choice(len(flows), miners, replace=False)] = Kind.STRATUM
        flows["is_udp"] = np.isin(flows["kind"], UDP_KINDS)

    def _draw_times(self) -> None:
        """Durations before the size is known: most are seconds, some outlast the time-outs."""
        flows, rng = self.flows, self.rng
        duration_s = rng.lognormal(0.4, 1.4, len(flows))
        sparse = ~flows["is_udp"] & (rng.random(len(flows)) < 0.05)
        duration_s[sparse] += rng.uniform(60, 500, np.count_nonzero(sparse))
        brief = np.isin(flows["kind"], (Kind.DNS, Kind.SCAN))
        duration_s[brief] = rng.lognormal(-4, 0.8, np.count_nonzero(brief))
        miners = flows["kind"] == Kind.STRATUM
        duration_s[miners] = rng.uniform(0.4, 0.9, np.count_nonzero(miners)) * self.span_us / 1e6
        flows["duration_us"] = duration_s * 1e6

    def _write_conversations(self) -> None:
        """Script the miners: the length of a script is the size of its flow."""
        for flow in np.flatnonzero(self.flows["kind"] == Kind.STRATUM):
            duration_s = self.flows["duration_us"][flow] / 1e6
            messages = stratum_conversation(self.templates.random, duration_s)
            self.flows["script"][flow] = len(self.conversations)
            self.flows["size"][flow] = 3 + 2 * len(messages)  # handshake; each message and an ACK
            self.conversations.append(messages)
        self.first_message = [
            self.templates.add_all([message.data for message in messages])
            for messages in self.conversations
        ]

    def _draw_sizes(self, packets: int) -> None:
        """Heavy-tailed sizes that add up to exactly the packets asked for."""
        flows, rng = self.flows, self.rng
        base = np.array([PROFILES[kind].base_packets for kind in Kind])
        growth = np.array([PROFILES[kind].growth for kind in Kind])
        flows["size"] += base[flows["kind"]]
        spare = packets - int(flows["size"].sum())
        if spare < 0:
            raise ValueError(f"{packets} packets are too few for {len(flows)} flows of this mix")
        weight = np.minimum(rng.pareto(1.25, len(flows)), 3000) * growth[flows["kind"]]
        extra = np.floor(weight * (spare / weight.sum())).astype(np.int64)
        growing = np.flatnonzero(weight > 0)
        lost_by_rounding = spare - int(extra.sum())
        extra[rng.choice(growing, lost_by_rounding, replace=False)] += 1
        flows["size"] += extra

    def _stretch_by_size(self) -> None:
        """Long flows take longer; the start leaves room for the whole flow."""
        flows = self.flows
        not_scripted = flows["kind"] != Kind.STRATUM
        stretch = np.where(not_scripted, (flows["size"] / 10) ** 0.35, 1)
        duration_us = np.minimum(flows["duration_us"] * stretch, 0.9 * self.span_us)
        flows["duration_us"] = np.maximum(duration_us, 200)
        flows["start_us"] = self.rng.random(len(flows)) * (self.span_us - flows["duration_us"])

    def _draw_addresses(self) -> None:
        flows, rng = self.flows, self.rng
        clients = int(np.clip(len(flows) // 50, 20, 50_000))
        popularity = 1 / np.arange(10, SERVERS + 10)
        special = RESOLVERS + POOLS
        flows["client"] = rng.integers(0, clients, len(flows))
        flows["server"] = special + rng.choice(SERVERS, len(flows), p=popularity / popularity.sum())
        dns = flows["kind"] == Kind.DNS
        flows["server"][dns] = rng.integers(0, RESOLVERS, np.count_nonzero(dns))
        miners = np.flatnonzero(flows["kind"] == Kind.STRATUM)
        flows["server"][miners] = RESOLVERS + np.arange(len(miners)) % POOLS
        # Consecutive ports per client, so that no two flows have the same five numbers.
        by_client = np.argsort(flows["client"], kind="stable")
        first = np.searchsorted(flows["client"][by_client], flows["client"][by_client])
        flows["client_port"][by_client] = 32768 + (np.arange(len(flows)) - first) % 28232

    def _draw_details(self) -> None:
        flows, rng = self.flows, self.rng
        count = len(flows)
        ports = np.array([PROFILES[kind].port for kind in Kind])
        flows["server_port"] = ports[flows["kind"]]
        flows["is_v6"] = (rng.random(count) < 0.10) & (flows["kind"] != Kind.STRATUM)
        tagged = rng.random(count) < 0.05
        flows["vlan_id"] = np.where(tagged, rng.integers(10, 20, count), 0)
        flows["has_options"] = ~flows["is_udp"] & (rng.random(count) < 0.6)
        flows["mss"] = 1460 - 20 * flows["is_v6"] - 12 * flows["has_options"]
        is_tcp = ~flows["is_udp"] & ~np.isin(flows["kind"], (Kind.STRATUM, Kind.SCAN))
        ending = rng.choice(3, count, p=[0.12, 0.73, 0.15])
        flows["ending"] = np.where(is_tcp, ending, Ending.NONE)
        flows["is_upload"] = (rng.random(count) < 0.10) & (flows["kind"] != Kind.HTTP_GET)
        scripted = flows["kind"] == Kind.STRATUM
        flows["script"] = np.where(scripted, flows["script"], rng.integers(0, HOST_COUNT, count))
        flows["client_isn"] = rng.integers(0, 1 << 32, count)
        flows["server_isn"] = rng.integers(0, 1 << 32, count)

    def batch(self, first: int, last: int) -> Array:
        """Return the packets of flows[first:last], flow after flow."""
        return _FlowBatch(self, first, last).packets


class _FlowBatch:
    """The packets of some consecutive flows; every step fills some columns."""

    def __init__(self, traffic: Traffic, first: int, last: int) -> None:
        self.traffic = traffic
        self.rng = traffic.rng
        self.flows = traffic.flows[first:last]
        sizes = self.flows["size"]
        self.begin = np.cumsum(sizes) - sizes
        self.of = np.repeat(np.arange(len(sizes)), sizes)  # row of the flow, per packet
        self.position = np.arange(len(self.of)) - self.begin[self.of]
        self.kind = self.flows["kind"][self.of]
        self.packets: Array = np.zeros(len(self.of), PACKET)
        self.packets["flow"] = first + self.of
        self._set_times()
        self._set_data()
        self._set_tcp_control()
        self._set_openings()
        self._set_scripts()
        self._set_numbers()

    def _set_times(self) -> None:
        gaps = self.rng.standard_exponential(len(self.of)) ** 2  # squared: bursts and pauses
        gaps[self.begin] = 0
        elapsed = np.cumsum(gaps)
        elapsed -= elapsed[self.begin][self.of]
        total = elapsed[self.begin + self.flows["size"] - 1]
        scale = self.flows["duration_us"] / np.maximum(total, 1e-9)
        start = START_US + self.flows["start_us"]
        self.packets["time_us"] = start[self.of] + (elapsed * scale[self.of]).astype(np.int64)

    def _set_data(self) -> None:
        """Body packets: most go with the stream, the rest acknowledge it."""
        rng, packets, count = self.rng, self.packets, len(self.of)
        is_upload = self.flows["is_upload"][self.of]
        with_stream = rng.random(count) < 0.60
        packets["from_server"] = with_stream ^ is_upload
        full = np.where(self.kind == Kind.QUIC, 1252, self.flows["mss"][self.of])
        part = (40 + rng.random(count) * (full - 40)).astype(np.int64)
        stream = np.where(rng.random(count) < 0.40, full, part)
        is_udp = self.flows["is_udp"][self.of]
        small = np.where(is_udp | (rng.random(count) < 0.12), rng.integers(32, 300, count), 0)
        payload = np.where(with_stream, stream, small)
        http = np.isin(self.kind, (Kind.HTTP_GET, Kind.HTTP_POST))
        payload[http & ~packets["from_server"]] = 0  # one request, sent whole at the start
        packets["payload"] = payload
        pushed = (payload > 0) & ((payload < full) | (rng.random(count) < 0.1))
        packets["tcp_flags"] = np.where(is_udp, 0, ACK | PSH * pushed)

    def _set_tcp_control(self) -> None:
        """Handshake at the start, FIN or RST at the end; none of them carries data."""
        is_tcp = ~self.flows["is_udp"][self.of]
        to_end = self.flows["size"][self.of] - 1 - self.position
        self._control(is_tcp & (self.position == 0), False, SYN)
        self._control(is_tcp & (self.position == 1), True, SYN | ACK)
        self._control(is_tcp & (self.position == 2), False, ACK)
        self._control((self.kind == Kind.SCAN) & (self.position == 1), True, RST | ACK)
        ending = self.flows["ending"][self.of]
        self._control((ending == Ending.FIN) & (to_end == 2), False, FIN | ACK)
        self._control((ending == Ending.FIN) & (to_end == 1), True, FIN | ACK)
        self._control((ending == Ending.FIN) & (to_end == 0), False, ACK)
        self._control((ending == Ending.RST) & (to_end == 0), False, RST | ACK)

    def _control(self, where: Array, from_server: bool, tcp_flags: int) -> None:
        self.packets["from_server"][where] = from_server
        self.packets["tcp_flags"][where] = tcp_flags
        self.packets["payload"][where] = 0

    def _set_openings(self) -> None:
        """First payloads that tell the protocol."""
        templates = self.traffic.templates
        host = self.flows["script"][self.of]
        self._message(Kind.DNS, 0, False, templates.dns_query + host)
        self._message(Kind.DNS, 1, True, templates.dns_response + host)
        self._message(Kind.TLS, 3, False, templates.client_hello + host)
        self._message(Kind.TLS, 4, True, templates.server_hello, at_least=700)
        self._message(Kind.HTTP_GET, 3, False, templates.http_get + host)
        self._message(Kind.HTTP_GET, 4, True, templates.http_ok, at_least=300)
        self._message(Kind.HTTP_POST, 3, False, templates.http_post + host)
        self._message(Kind.HTTP_POST, 4, True, templates.http_ok, at_least=120)
        self._message(Kind.QUIC, 0, False, templates.quic_initial, at_least=1200)
        self._message(Kind.QUIC, 1, True, templates.quic_initial + 1, at_least=1200)
        self._message(Kind.TCP_OTHER, 3, False, 0, at_least=100)
        self._set_rpc(templates)

    def _message(
        self, kind: Kind, position: int, from_server: bool, template: Array | int, at_least: int = 0
    ) -> None:
        where = (self.kind == kind) & (self.position == position)
        chosen = np.broadcast_to(template, len(self.of))[where]
        self._put(where, from_server, chosen)
        self.packets["payload"][where] = np.maximum(self.packets["payload"][where], at_least)

    def _put(self, where: Array, from_server: bool | Array, template: Array) -> None:
        lengths = np.array([len(data) for data in self.traffic.templates.data])
        self.packets["from_server"][where] = from_server
        self.packets["template"][where] = template
        self.packets["payload"][where] = lengths[template]
        is_tcp = ~self.flows["is_udp"][self.of[where]]
        self.packets["tcp_flags"][where] = np.where(is_tcp, PSH | ACK, 0)

    def _set_rpc(self, templates: Templates) -> None:
        """Requests and responses in turn, between the handshake and the end."""
        control = (self.packets["tcp_flags"] & (SYN | FIN | RST)) > 0
        to_end = self.flows["size"][self.of] - 1 - self.position
        body = (self.kind == Kind.JSON_RPC) & (self.position > 2) & (to_end > 0) & ~control
        turn = self.position[body] - 3
        answers = turn % 2 == 1
        number = turn // 2 % RPC_COUNT
        first = np.where(answers, templates.rpc_response, templates.rpc_request)
        self._put(body, answers, first + number)

    def _set_scripts(self) -> None:
        """Replace the packets of the miners by their conversations, at the scripted times."""
        for row in np.flatnonzero(self.flows["kind"] == Kind.STRATUM):
            script = int(self.flows["script"][row])
            messages = self.traffic.conversations[script]
            start = START_US + int(self.flows["start_us"][row])
            at = int(self.begin[row])
            self.packets["time_us"][at : at + 3] = start + np.array([0, 20_000, 20_300])
            for number, message in enumerate(messages):
                template = self.traffic.first_message[script] + number
                sent, acknowledged = self.packets[at + 3 + 2 * number : at + 5 + 2 * number]
                time_us = start + int(message.offset_s * 1e6)
                sent["time_us"], acknowledged["time_us"] = time_us, time_us + 20_000
                sent["from_server"] = message.from_responder
                acknowledged["from_server"] = not message.from_responder
                sent["tcp_flags"], acknowledged["tcp_flags"] = PSH | ACK, ACK
                sent["payload"], acknowledged["payload"] = len(message.data), 0
                sent["template"] = template

    def _set_numbers(self) -> None:
        """Sequence and acknowledgement numbers that advance by the payload, SYN and FIN."""
        packets = self.packets
        advance = packets["payload"] + ((packets["tcp_flags"] & (SYN | FIN)) > 0).astype(np.int64)
        from_client = self._sent_before(np.where(packets["from_server"], 0, advance))
        from_server = self._sent_before(np.where(packets["from_server"], advance, 0))
        client_next = self.flows["client_isn"][self.of].astype(np.int64) + from_client
        server_next = self.flows["server_isn"][self.of].astype(np.int64) + from_server
        packets["seq"] = np.where(packets["from_server"], server_next, client_next)
        acknowledged = np.where(packets["from_server"], client_next, server_next)
        packets["ack"] = np.where(packets["tcp_flags"] & ACK, acknowledged, 0)

    def _sent_before(self, advance: Array) -> Array:
        """Octets that earlier packets of the flow advanced this direction by."""
        before = np.cumsum(advance) - advance
        relative: Array = before - before[self.begin][self.of]
        return relative


def ordered_packets(traffic: Traffic) -> Iterator[Array]:
    """Yield all packets in order of time, in pieces of any size."""
    pool = np.zeros(0, PACKET)
    starts = traffic.flows["start_us"]
    edges = [*range(0, len(starts), FLOWS_PER_BATCH), len(starts)]
    for first, last in itertools.pairwise(edges):
        pool = np.concatenate([pool, traffic.batch(first, last)])
        # A stable sort keeps the order inside a flow when two packets share a microsecond.
        pool = pool[np.argsort(pool["time_us"], kind="stable")]
        safe_us = START_US + int(starts[last]) if last < len(starts) else np.iinfo(np.int64).max
        ready = int(np.searchsorted(pool["time_us"], safe_us))
        yield pool[:ready]
        pool = pool[ready:].copy()


def write_capture(traffic: Traffic, file: BinaryIO) -> None:
    """Write the pcap header and all packets."""
    writer = FrameWriter(file, traffic.flows, traffic.templates, traffic.rng)
    writer.write_header()
    for piece in ordered_packets(traffic):
        for at in range(0, len(piece), PACKETS_PER_CHUNK):
            writer.write(piece[at : at + PACKETS_PER_CHUNK])


def make_capture(path: Path, packets: int, flows: int, seed: int) -> None:
    """Write the capture under another name first, so that a half-written one is never used."""
    part = path.with_suffix(".part")
    traffic = Traffic(packets, flows, seed)
    with part.open("wb") as file:
        write_capture(traffic, file)
    os.replace(part, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packets", type=int)
    parser.add_argument("flows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        make_capture(options.out, options.packets, options.flows, options.seed)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
