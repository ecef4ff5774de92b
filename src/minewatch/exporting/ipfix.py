# SPDX-License-Identifier: Apache-2.0
"""IPFIX messages (RFC 7011) in a file (RFC 5655): templates, sampling, then data.

Elements are those of IANA's registry. Sampling is told by an options template in the scope of
the observation domain (RFC 5477, section 8.2): the algorithm, and how many packets are taken and
left out. A reader who wants counts of the traffic multiplies.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import polars as pl

from minewatch.exporting.settings import MILLISECOND_NS, SECOND_NS

VERSION: Final = 10
DOMAIN: Final = 1
"""Observation domain."""
MAX_RECORDS: Final = 512
"""Data records of a message: fewer than 65,535 octets of either template."""
IPV4, IPV6, SAMPLING = 256, 257, 258
_TEMPLATE_SET, _OPTIONS_SET = 2, 3
_COUNTS: Final = (
    ("start", 152, ">u8"),  # flowStartMilliseconds
    ("end", 153, ">u8"),  # flowEndMilliseconds
    ("packets", 2, ">u8"),  # packetDeltaCount
    ("octets", 1, ">u8"),  # octetDeltaCount
)
_REST: Final = (
    ("source_port", 7, ">u2"),
    ("destination_port", 11, ">u2"),  # of ICMP the type * 256 + code, as NetFlow has it
    ("tcp_flags", 6, ">u2"),  # tcpControlBits, RFC 7125
    ("protocol", 4, "u1"),
    ("reason", 136, "u1"),  # flowEndReason
)
_ADDRESSES: Final = {
    IPV4: (("source", 8, ">u4"), ("destination", 12, ">u4")),
    IPV6: (
        ("source_high", 27, ">u8"),
        ("source_low", 0, ">u8"),  # 0: the second half of the element before
        ("destination_high", 28, ">u8"),
        ("destination_low", 0, ">u8"),
    ),
}
_FIELDS: Final = {template: (*_COUNTS, *_ADDRESSES[template], *_REST) for template in (IPV4, IPV6)}
DTYPES: Final = {
    template: np.dtype([(name, kind) for name, _, kind in fields])
    for template, fields in _FIELDS.items()
}
"""Data records of each template, big-endian and packed."""
_PROBABILISTIC: Final = 4
"""Uniform probabilistic sampling, of IANA's PSAMP selector algorithms."""


class IpfixFile:
    """Writes records as IPFIX messages.

    Parameters
    ----------
    sampling : packets for each one that was counted.
    """

    def __init__(self, sampling: int) -> None:
        self._sampling = sampling
        self._sequence = 0
        self._is_open = False

    def head(self) -> bytes:
        """Return what stands before the first record's time is known: nothing."""
        return b""

    def rows(self, told: pl.DataFrame) -> bytes:
        """Return records as messages, after the templates if they are the first.

        Parameters
        ----------
        told : of ``logged``.
        """
        if not told.height:
            return b""
        messages = []
        if not self._is_open:
            self._is_open = True
            messages.append(self._templates(_second(told["closes_ns"][0])))
        is_ipv4 = (told["source_address_high"] == 0) & (
            told["source_address_low"] // (1 << 32) == 0xFFFF
        )
        for template, rows in ((IPV4, told.filter(is_ipv4)), (IPV6, told.filter(~is_ipv4))):
            records = _packed(rows, template)
            closes = rows["closes_ns"].to_list()
            for at in range(0, len(records), MAX_RECORDS):
                part = records[at : at + MAX_RECORDS]
                time_s = _second(closes[at + len(part) - 1])
                messages.append(self._message(time_s, template, part.tobytes(), len(part)))
        return b"".join(messages)

    def end(self) -> bytes:
        """Return what stands at the end: nothing, but the templates of an empty file."""
        return b"" if self._is_open else self._templates(0)

    def _templates(self, time_s: int) -> bytes:
        templates = b"".join(_template(number) for number in (IPV4, IPV6))
        body = struct.pack(">HH", _TEMPLATE_SET, 4 + len(templates)) + templates
        if self._sampling == 1:
            return _head(time_s, 0, body) + body
        fields = ((149, 4), (304, 2), (305, 4), (306, 4))
        option = struct.pack(">HHH", SAMPLING, len(fields), 1)
        option += b"".join(struct.pack(">HH", *field) for field in fields)
        body += struct.pack(">HH", _OPTIONS_SET, 4 + len(option)) + option
        values = struct.pack(">IHII", DOMAIN, _PROBABILISTIC, 1, self._sampling - 1)
        body += struct.pack(">HH", SAMPLING, 4 + len(values)) + values
        self._sequence += 1
        return _head(time_s, 0, body) + body

    def _message(self, time_s: int, template: int, data: bytes, n: int) -> bytes:
        body = struct.pack(">HH", template, 4 + len(data)) + data
        message = _head(time_s, self._sequence, body) + body
        self._sequence = (self._sequence + n) & 0xFFFF_FFFF
        return message


def _second(time_ns: int) -> int:
    return min(max(time_ns // SECOND_NS, 0), 0xFFFF_FFFF)


def _head(time_s: int, sequence: int, body: bytes) -> bytes:
    return struct.pack(">HHIII", VERSION, 16 + len(body), time_s, sequence, DOMAIN)


def _template(number: int) -> bytes:
    fields: list[tuple[int, int]] = []
    for _, element, kind in _FIELDS[number]:
        size = np.dtype(kind).itemsize
        if element:
            fields.append((element, size))
        else:
            fields[-1] = (fields[-1][0], fields[-1][1] + size)
    return struct.pack(">HH", number, len(fields)) + b"".join(
        struct.pack(">HH", *field) for field in fields
    )


def _packed(rows: pl.DataFrame, template: int) -> np.ndarray:
    records = np.zeros(len(rows), DTYPES[template])
    records["start"] = rows["flow_start_nanoseconds"].to_numpy() // MILLISECOND_NS
    records["end"] = rows["flow_end_nanoseconds"].to_numpy() // MILLISECOND_NS
    records["packets"] = rows["packet_delta_count"].to_numpy()
    records["octets"] = rows["octet_delta_count"].to_numpy()
    records["source_port"] = rows["source_transport_port"].to_numpy()
    records["destination_port"] = rows["destination_transport_port"].to_numpy()
    records["tcp_flags"] = np.maximum(rows["tcp_control_bits"].to_numpy(), 0)
    records["protocol"] = rows["protocol_identifier"].to_numpy()
    records["reason"] = rows["flow_end_reason"].to_numpy()
    for end in ("source", "destination"):
        low = rows[f"{end}_address_low"].to_numpy()
        if template == IPV4:
            records[end] = low & np.uint64(0xFFFF_FFFF)
        else:
            records[f"{end}_high"] = rows[f"{end}_address_high"].to_numpy()
            records[f"{end}_low"] = low
    return records
