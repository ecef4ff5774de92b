# SPDX-License-Identifier: Apache-2.0
"""Packets as records of a capture: Ethernet, IPv4, TCP or UDP, with right checksums.

Checksums are over the whole payload, also where the record is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from minewatch.lab.simulator.packets import FLAG_SYN, Packets, hosts
from minewatch.lab.simulator.payload import ONES, Source, copy_rows, pieces
from minewatch.lab.simulator.routes import NS, Routes
from minewatch.lab.simulator.script import ByteArray, IntArray, Script

MIN_SNAPLEN: Final = 96
"""All headers fit."""
MAX_SNAPLEN: Final = 262_144
RECORD_OCTETS: Final = 16

_IP: Final[list[tuple[Any, ...]]] = [
    ("seconds", "<u4"),
    ("nanoseconds", "<u4"),
    ("captured", "<u4"),
    ("octets", "<u4"),
    ("to", "u1", 6),
    ("from", "u1", 6),
    ("type", ">u2"),
    ("version", "u1"),
    ("service", "u1"),
    ("length", ">u2"),
    ("identification", ">u2"),
    ("fragment", ">u2"),
    ("ttl", "u1"),
    ("protocol", "u1"),
    ("ip_checksum", ">u2"),
    ("source", ">u4"),
    ("destination", ">u4"),
    ("source_port", ">u2"),
    ("destination_port", ">u2"),
]
_UDP: Final = [*_IP, ("udp_length", ">u2"), ("checksum", ">u2")]
_TCP: Final = [
    *_IP,
    ("seq", ">u4"),
    ("ack", ">u4"),
    ("data_offset", "u1"),
    ("flags", "u1"),
    ("window", ">u2"),
    ("checksum", ">u2"),
    ("urgent", ">u2"),
]
_CLOCKS: Final = [("tsval", ">u4"), ("tsecr", ">u4")]
_STAMPED: Final = [*_TCP, ("stamp_option", ">u4"), *_CLOCKS]
_SYN: Final = [*_TCP, ("mss_option", ">u2"), ("mss", ">u2")]
# The orders of options are those of Linux and of Windows.
_SYN_STAMPED: Final = [*_SYN, ("stamp_option", ">u4"), *_CLOCKS, ("scale_option", ">u4")]
_SYN_PLAIN: Final = [*_SYN, ("scale_option", ">u4"), ("sack_option", ">u4")]

_LAYOUTS: Final = tuple(np.dtype(x) for x in (_UDP, _TCP, _STAMPED, _SYN_PLAIN, _SYN_STAMPED))
_HEADERS: Final = np.array([layout.itemsize - RECORD_OCTETS for layout in _LAYOUTS])
_MSS: Final = 0x0204
_SCALE: Final = 0x0103_0300
_SACK: Final = 0x0101_0402
_STAMP: Final = 0x0101_080A
_SACK_STAMP: Final = 0x0402_080A
_IP_START: Final = RECORD_OCTETS + 14
_L4_START: Final = _IP_START + 20


@dataclass(slots=True)
class Records:
    """Records of a capture, one after another."""

    time_ns: IntArray
    octets: IntArray
    """Of each record, its header included."""
    data: ByteArray


def records(
    packets: Packets, script: Script, routes: Routes, source: Source, seed: int, snaplen: int
) -> Records:
    """Return packets as records of a nanosecond pcap, in the same order.

    Parameters
    ----------
    packets : of the script.
    script, routes : what was made into packets.
    source : of the script's blob.
    seed : of the whole run.
    snaplen : longer frames are cut to this.
    """
    is_syn = (packets.flags & FLAG_SYN) > 0
    layout = np.where(packets.is_udp, 0, 1 + packets.has_timestamps + 2 * is_syn)
    header = _HEADERS[layout]
    whole = pieces(packets, script, routes, source)
    cut = whole.cut(snaplen - header)
    captured = header + cut.content_octets + cut.filler_octets
    octets = captured + RECORD_OCTETS
    start = np.cumsum(octets) - octets
    data = np.empty(int(octets.sum()), np.uint8)
    sums = whole.sums(source)
    ends = hosts(script.conversations, routes.key, seed)
    for kind, dtype in enumerate(_LAYOUTS):
        rows = np.flatnonzero(layout == kind)
        if len(rows):
            some = packets.take(rows)
            side = some.is_reply.astype(np.int64)
            scale = ends.scale[some.conversation, side]
            head = _headers(some, script, routes, dtype, captured[rows])
            _options(head, some, script, scale)
            _finish(head, sums[rows])
            matrix = _octets_of(head).reshape(-1)
            first = np.arange(len(rows)) * dtype.itemsize
            copy_rows(data, start[rows], matrix, first, np.full(len(rows), dtype.itemsize))
    payload = start + RECORD_OCTETS + header
    copy_rows(data, payload, source.octets, cut.content_start, cut.content_octets)
    copy_rows(
        data,
        payload + cut.content_octets,
        source.octets,
        cut.filler_start,
        cut.filler_octets,
    )
    return Records(packets.time_ns, octets, data)


def _headers(
    packets: Packets, script: Script, routes: Routes, dtype: np.dtype[Any], captured: IntArray
) -> npt.NDArray[Any]:
    """Return headers without options and checksums."""
    c, row, is_reply = script.conversations, packets.conversation, packets.is_reply
    head = np.zeros(len(packets), dtype)
    l4 = dtype.itemsize - _L4_START
    head["seconds"], head["nanoseconds"] = np.divmod(packets.time_ns, NS)
    head["captured"] = captured
    head["octets"] = dtype.itemsize - RECORD_OCTETS + packets.payload_octets
    initiator, responder = c.initiator_address[row], c.responder_address[row]
    head["source"] = np.where(is_reply, responder, initiator)
    head["destination"] = np.where(is_reply, initiator, responder)
    _ethernet(head, is_reply ^ routes.is_initiator_home[row])
    head["type"], head["version"], head["fragment"] = 0x0800, 0x45, 0x4000
    head["length"] = 20 + l4 + packets.payload_octets
    head["identification"], head["ttl"] = packets.identification, packets.ttl
    head["protocol"] = c.protocol[row]
    here, there = c.initiator_port[row], c.responder_port[row]
    head["source_port"] = np.where(is_reply, there, here)
    head["destination_port"] = np.where(is_reply, here, there)
    if dtype == _LAYOUTS[0]:
        head["udp_length"] = l4 + packets.payload_octets
        return head
    head["seq"], head["ack"], head["window"] = packets.seq, packets.ack, packets.window
    head["data_offset"], head["flags"] = l4 // 4 << 4, packets.flags
    return head


def _ethernet(head: npt.NDArray[Any], is_from_home: npt.NDArray[np.bool_]) -> None:
    """Fill in hardware addresses: the host's own, and that of its network's gateway."""
    home = np.where(is_from_home, head["source"], head["destination"]).astype(np.uint32)
    host = np.zeros((len(head), 6), np.uint8)
    host[:, 0] = 0x02
    host[:, 2:] = home.astype(">u4").view(np.uint8).reshape(-1, 4)
    gateway = host.copy()
    gateway[:, 1], gateway[:, 5] = 0x01, 0x01
    head["from"] = np.where(is_from_home[:, None], host, gateway)
    head["to"] = np.where(is_from_home[:, None], gateway, host)


def _options(
    head: npt.NDArray[Any], packets: Packets, script: Script, scale: npt.NDArray[np.uint8]
) -> None:
    names = head.dtype.names or ()
    if "tsval" in names:
        head["tsval"], head["tsecr"] = packets.tsval, packets.tsecr
        head["stamp_option"] = _SACK_STAMP if "mss" in names else _STAMP
    if "mss" in names:
        head["mss_option"] = _MSS
        head["mss"] = script.conversations.mss[packets.conversation]
        head["scale_option"] = _SCALE + scale.astype(np.int64)
    if "sack_option" in names:
        head["sack_option"] = _SACK


def _finish(head: npt.NDArray[Any], payload_sum: IntArray) -> None:
    """Fill in checksums (RFC 1071)."""
    words = _octets_of(head).view(">u2")
    ip = words[:, _IP_START // 2 : _L4_START // 2].sum(1, dtype=np.int64)
    head["ip_checksum"] = _complement(ip)
    l4 = head["length"].astype(np.int64) - 20
    pseudo = words[:, _L4_START // 2 - 4 : _L4_START // 2].sum(1, dtype=np.int64)
    body = words[:, _L4_START // 2 :].sum(1, dtype=np.int64)
    checksum = _complement(pseudo + head["protocol"] + l4 + body + payload_sum)
    if "udp_length" in (head.dtype.names or ()):
        checksum = np.where(checksum == 0, 0xFFFF, checksum)  # 0 would mean: none
    head["checksum"] = checksum


def _complement(total: IntArray) -> IntArray:
    folded = total % ONES
    # A sum that is not 0 folds to 1 to 65535.
    return ONES - np.where(folded == 0, ONES, folded)


def _octets_of(head: npt.NDArray[Any]) -> ByteArray:
    return head.view(np.uint8).reshape(len(head), head.dtype.itemsize)
