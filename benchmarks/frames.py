# SPDX-License-Identifier: Apache-2.0
"""Packets as bytes: headers, payloads and pcap records, a chunk of packets at a time."""

import itertools
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from payloads import Templates

Array = NDArray[Any]

PCAP_MAGIC = 0xA1B2C3D4
ETHERNET = 1
RECORD_OCTETS = 16
MIN_FRAME_OCTETS = 60  # Ethernet pads short frames; captures of the receiver show it
BACKGROUND_OCTETS = 1 << 24

TCP, UDP = 6, 17
HTTPS, DNS = 443, 53

RECORD = [("seconds", "<u4"), ("microseconds", "<u4"), ("captured", "<u4"), ("length", "<u4")]
ETHER = [("mac_destination", "u1", 6), ("mac_source", "u1", 6), ("ether_type", ">u2")]
TAGGED_ETHER = [*ETHER[:2], ("tag_type", ">u2"), ("tag", ">u2"), ("ether_type", ">u2")]
IPV4 = [
    ("version", "u1"),
    ("service", "u1"),
    ("total_length", ">u2"),
    ("identification", ">u2"),
    ("fragment", ">u2"),
    ("hop_limit", "u1"),
    ("protocol", "u1"),
    ("ip_checksum", ">u2"),
    ("source", ">u4"),
    ("destination", ">u4"),
]
IPV6 = [
    ("version", ">u4"),
    ("total_length", ">u2"),
    ("protocol", "u1"),
    ("hop_limit", "u1"),
    ("source", ">u8", 2),
    ("destination", ">u8", 2),
]
PORTS = [("source_port", ">u2"), ("destination_port", ">u2")]
UDP_REST = [("udp_length", ">u2"), ("checksum", ">u2")]
TCP_REST = [
    ("seq", ">u4"),
    ("ack", ">u4"),
    ("offset", "u1"),
    ("tcp_flags", "u1"),
    ("window", ">u2"),
    ("checksum", ">u2"),
    ("urgent", ">u2"),
]
TIMESTAMPS = [("padding", ">u2"), ("option", ">u2"), ("ts_value", ">u4"), ("ts_echo", ">u4")]

CLIENT_NET_V4, SERVER_NET_V4 = 0x0A010000, 0xC6120000  # 10.1.0.0 and 198.18.0.0 (RFC 2544)
CLIENT_NET_V6, SERVER_NET_V6 = 0x20010DB800010000, 0x20010DB800020000  # RFC 3849


class FrameWriter:
    """Writes the packets of ``make_capture`` to a pcap file."""

    def __init__(
        self, file: BinaryIO, flows: Array, templates: Templates, rng: np.random.Generator
    ) -> None:
        self.file = file
        self.flows = flows
        self.templates = templates.data
        self.rng = rng
        self.template_octets = np.array([len(data) for data in templates.data])
        self.background = rng.integers(0, 256, BACKGROUND_OCTETS, dtype=np.uint8)

    def write_header(self) -> None:
        """Write the header of a pcap file of whole Ethernet frames."""
        self.file.write(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, 262144, ETHERNET))

    def write(self, packets: Array) -> None:
        """Write one chunk of packets, at most some 100,000 for the sake of memory."""
        chunk = _Chunk(self, packets)
        chunk.write_headers()
        chunk.write_templates()
        chunk.write_record_heads()
        self.file.write(chunk.buffer.data)

    def random_buffer(self, octets: int) -> Array:
        """Return a buffer of (repeated) random bytes that starts at a random place."""
        shift = int(self.rng.integers(BACKGROUND_OCTETS))
        rolled = np.concatenate([self.background[shift:], self.background[:shift]])
        return np.resize(rolled, octets)


class _Chunk:
    """Some packets and the bytes that they become."""

    def __init__(self, writer: FrameWriter, packets: Array) -> None:
        self.writer = writer
        self.packets = packets
        self.flows = writer.flows[packets["flow"]]
        flows = self.flows
        self.tagged = flows["vlan_id"] > 0
        self.ip_octets = np.where(flows["is_v6"], 40, 20)
        self.transport_octets = np.where(flows["is_udp"], 8, 20 + 12 * flows["has_options"])
        self.header_octets = 14 + 4 * self.tagged + self.ip_octets + self.transport_octets
        self.payload = packets["payload"].astype(np.int64)
        self.frame_octets = np.maximum(self.header_octets + self.payload, MIN_FRAME_OCTETS)
        ends = np.cumsum(RECORD_OCTETS + self.frame_octets)
        self.record_at = ends - self.frame_octets - RECORD_OCTETS
        self.payload_at = self.record_at + RECORD_OCTETS + self.header_octets
        self.buffer = writer.random_buffer(int(ends[-1]))

    def write_headers(self) -> None:
        """Lay out the packets that share a header format together."""
        short = np.flatnonzero(self.header_octets + self.payload < MIN_FRAME_OCTETS)
        self._scatter(self.record_at[short], np.zeros((1, RECORD_OCTETS + MIN_FRAME_OCTETS), "u1"))
        flows = self.flows
        transport = np.where(flows["is_udp"], 0, 1 + flows["has_options"])
        for tagged, is_v6, kind in itertools.product((False, True), (False, True), (0, 1, 2)):
            chosen = (self.tagged == tagged) & (flows["is_v6"] == is_v6) & (transport == kind)
            rows = np.flatnonzero(chosen)
            if len(rows):
                header = self._header(rows, tagged, is_v6, kind)
                self._scatter(self.record_at[rows], _as_octets(header))

    def _header(self, rows: Array, tagged: bool, is_v6: bool, transport: int) -> Array:
        link = TAGGED_ETHER if tagged else ETHER
        network = IPV6 if is_v6 else IPV4
        rest = [UDP_REST, TCP_REST, [*TCP_REST, *TIMESTAMPS]][transport]
        header = np.zeros(len(rows), np.dtype([*RECORD, *link, *network, *PORTS, *rest]))
        self._fill_record_and_link(header, rows, tagged, is_v6)
        self._fill_addresses(header, rows, is_v6)
        header["hop_limit"] = np.where(self.packets["from_server"][rows], 57, 64)
        header["protocol"] = TCP if transport else UDP
        transport_octets = self.transport_octets[rows] + self.payload[rows]
        if is_v6:
            header["version"] = 6 << 28
            header["total_length"] = transport_octets
        else:
            self._fill_ipv4(header, rows, transport_octets)
        if transport:
            self._fill_tcp(header, rows, transport == 2)
        else:
            header["udp_length"] = transport_octets
        header["checksum"] = _pseudo_header_sum(header, transport_octets)
        return header

    def _fill_record_and_link(self, header: Array, rows: Array, tagged: bool, is_v6: bool) -> None:
        time_us = self.packets["time_us"][rows]
        header["seconds"], header["microseconds"] = np.divmod(time_us, 1_000_000)
        header["captured"] = header["length"] = self.frame_octets[rows]
        from_server = self.packets["from_server"][rows]
        client = self.flows["client"][rows]
        client_mac = np.zeros((len(rows), 6), "u1")
        client_mac[:, 0] = 2  # locally administered
        client_mac[:, 4], client_mac[:, 5] = client >> 8 & 255, client & 255
        gateway_mac = np.array([2, 255, 0, 0, 0, 1], "u1")
        server_side = from_server[:, np.newaxis]
        header["mac_source"] = np.where(server_side, gateway_mac, client_mac)
        header["mac_destination"] = np.where(server_side, client_mac, gateway_mac)
        header["ether_type"] = 0x86DD if is_v6 else 0x0800
        if tagged:
            header["tag_type"] = 0x8100
            header["tag"] = self.flows["vlan_id"][rows]

    def _fill_addresses(self, header: Array, rows: Array, is_v6: bool) -> None:
        from_server = self.packets["from_server"][rows]
        client = self.flows["client"][rows].astype(np.uint64) + np.uint64(10)
        server = self.flows["server"][rows].astype(np.uint64) + np.uint64(10)
        if is_v6:
            client = np.stack([np.full_like(client, CLIENT_NET_V6), client], axis=1)
            server = np.stack([np.full_like(server, SERVER_NET_V6), server], axis=1)
            header["source"] = np.where(from_server[:, np.newaxis], server, client)
            header["destination"] = np.where(from_server[:, np.newaxis], client, server)
        else:
            client, server = client + np.uint64(CLIENT_NET_V4), server + np.uint64(SERVER_NET_V4)
            header["source"] = np.where(from_server, server, client)
            header["destination"] = np.where(from_server, client, server)
        ports = self.flows["client_port"][rows], self.flows["server_port"][rows]
        header["source_port"] = np.where(from_server, ports[1], ports[0])
        header["destination_port"] = np.where(from_server, ports[0], ports[1])

    def _fill_ipv4(self, header: Array, rows: Array, transport_octets: Array) -> None:
        header["version"] = 0x45
        header["total_length"] = 20 + transport_octets
        header["identification"] = self.writer.rng.integers(0, 65536, len(rows))
        header["fragment"] = 0x4000  # do not fragment
        words = _words(header, "version", "source_port")
        header["ip_checksum"] = ~_fold(words.sum(axis=1, dtype=np.uint64)) & np.uint64(0xFFFF)

    def _fill_tcp(self, header: Array, rows: Array, timestamps: bool) -> None:
        packets = self.packets[rows]
        header["seq"], header["ack"] = packets["seq"], packets["ack"]
        header["offset"] = 0x80 if timestamps else 0x50
        header["tcp_flags"] = packets["tcp_flags"]
        header["window"] = 64240
        if timestamps:
            clock_ms = (packets["time_us"] // 1000).astype(np.uint32)
            header["padding"], header["option"] = 0x0101, 0x080A
            header["ts_value"], header["ts_echo"] = clock_ms, clock_ms - np.uint32(20)

    def write_templates(self) -> None:
        """Copy the openings, one template at a time; there are some hundreds in a chunk."""
        templates = self.packets["template"]
        order = np.argsort(templates, kind="stable")
        numbers, first = np.unique(templates[order], return_index=True)
        for number, rows in zip(numbers, np.split(order, first[1:]), strict=True):
            data = np.frombuffer(self.writer.templates[number], "u1")
            self._scatter(self.payload_at[rows], data[np.newaxis, :])

    def write_record_heads(self) -> None:
        """Write what depends on the packet: DNS numbers, TLS record and QUIC short heads."""
        port, is_udp = self.flows["server_port"], self.flows["is_udp"]
        dns = np.flatnonzero(is_udp & (port == DNS))
        number = (self.flows["client_port"][dns] ^ np.uint16(0x5A5A)).astype(">u2")
        self._scatter(self.payload_at[dns], number.view("u1").reshape(-1, 2))
        plain = self.packets["template"] == 0
        quic = np.flatnonzero(is_udp & (port == HTTPS) & plain)
        self.buffer[self.payload_at[quic]] = self.buffer[self.payload_at[quic]] & 0x3F | 0x40
        self._write_tls_records(~is_udp & (port == HTTPS))

    def _write_tls_records(self, is_tls: Array) -> None:
        """Make the rest of each payload, after its template if any, one record of data."""
        used = self.writer.template_octets[self.packets["template"]]
        rows = np.flatnonzero(is_tls & (self.payload - used > 5))
        record = np.zeros(len(rows), [("type", "u1"), ("version", ">u2"), ("length", ">u2")])
        record["type"], record["version"] = 23, 0x0303
        record["length"] = self.payload[rows] - used[rows] - 5
        self._scatter(self.payload_at[rows] + used[rows], _as_octets(record))

    def _scatter(self, places: Array, octets: Array) -> None:
        """Copy row i of ``octets`` (or its only row) to ``places[i]``."""
        self.buffer[places[:, np.newaxis] + np.arange(octets.shape[1])] = octets


def _as_octets(rows: Array) -> Array:
    """View structured rows as a table of octets."""
    return rows.view("u1").reshape(len(rows), rows.dtype.itemsize)


def _words(header: Array, first: str, last: str) -> Array:
    """Return the 16-bit words from the start of one field to the start of another."""
    fields = header.dtype.fields
    assert fields is not None
    columns = slice(fields[first][1], fields[last][1])
    return _as_octets(header)[:, columns].copy().view(">u2")


def _fold(total: Array) -> Array:
    """Fold sums into 16 bits with the carries added, as Internet checksums do."""
    low = np.uint64(0xFFFF)
    sixteen = np.uint64(16)
    while (total > low).any():
        total = (total & low) + (total >> sixteen)
    return total


def _pseudo_header_sum(header: Array, transport_octets: Array) -> Array:
    """Return what a sender with checksum offload leaves in the checksum field.

    Whole checksums would cost a pass over all payloads, and none of the programs checks them.
    """
    words = _words(header, "source", "source_port")
    total = words.sum(axis=1, dtype=np.uint64) + transport_octets.astype(np.uint64)
    return _fold(total + header["protocol"].astype(np.uint64))
