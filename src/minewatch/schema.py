# SPDX-License-Identifier: Apache-2.0
"""Every column of the tables, in one place: name, type, unit, IPFIX element, caveat.

Names are IPFIX names in snake case; ``reverse_`` is RFC 5103's prefix for the direction from
the responder to the initiator. ``SCHEMA_VERSION`` changes when a column's meaning does; stored
tables and models carry it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from minewatch.errors import SchemaError

SCHEMA_VERSION = 1

KIND_JSON: Final = 1
"""A payload began like JSON."""
KIND_HTTP: Final = 2
"""A payload began like an HTTP request or response."""
KIND_TLS: Final = 4
"""A payload began like a TLS handshake record."""
KIND_DNS: Final = 8
"""UDP from or to port 53 or 5353."""
KIND_WEBSOCKET: Final = 16
"""An HTTP request asked for an upgrade."""
KIND_JSON_RPC: Final = 32
"""An HTTP request carried a JSON member ``method``."""
KIND_NOISE: Final = 64
"""The first payload was of 64 octets, its answer of 170 or 234: Stratum V2 opens like that."""
KIND_TALKS: Final = KIND_JSON | KIND_WEBSOCKET | KIND_JSON_RPC | KIND_NOISE
"""Kinds of payload in which plaintext mining can begin."""
SAMPLING: Final = "sampling_packet_interval"
"""Column of conversations of flow logs, beside those below: how many packets one counted packet
stands for; 1 if all were counted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    dtype: pl.DataType
    unit: str
    """``octets``, ``packets``, ``ns``, ``1``, or ``-`` for names and identifiers."""
    description: str
    """Meaning and, where it can mislead, how."""
    ipfix: str = ""
    """IANA element number, ``reverse N`` for RFC 5103's reverse form, empty if there is none."""


def _both(name: str, unit: str, ipfix: str, description: str) -> tuple[Column, Column]:
    """Return a counter and its reverse, both 64 bits (polars wraps sums of shorter ones)."""
    return (
        Column(name, pl.Int64(), unit, f"{description}, initiator to responder.", ipfix),
        Column(
            f"reverse_{name}",
            pl.Int64(),
            unit,
            f"{description}, responder to initiator.",
            f"reverse {ipfix}" if ipfix else "",
        ),
    )


ENDPOINTS = (
    Column("source_address_high", pl.UInt64(), "-", "Upper half of the initiator's address."),
    Column(
        "source_address_low",
        pl.UInt64(),
        "-",
        "Lower half of the initiator's address; IPv4 is mapped (::ffff:a.b.c.d). "
        "Written tables have the text form, source_address.",
        "8/27",
    ),
    Column("destination_address_high", pl.UInt64(), "-", "Upper half of the responder's address."),
    Column("destination_address_low", pl.UInt64(), "-", "Lower half, see above.", "12/28"),
    Column("source_transport_port", pl.UInt16(), "-", "Initiator's port.", "7"),
    Column(
        "destination_transport_port",
        pl.UInt16(),
        "-",
        "Responder's port; for ICMP the type * 256 + code of the first packet.",
        "11",
    ),
    Column("protocol_identifier", pl.UInt8(), "-", "IP protocol number.", "4"),
    Column("vlan_id", pl.UInt16(), "-", "Outermost 802.1Q tag of the first packet, or 0.", "58"),
)

COUNTERS = (
    *_both("packet_delta_count", "packets", "2", "Packets"),
    *_both("octet_delta_count", "octets", "1", "Octets from the IP header on, headers included"),
    *_both("payload_octet_count", "octets", "", "Octets of transport payload"),
    *_both("payload_packet_count", "packets", "", "Packets that carry transport payload"),
    *_both("tcp_psh_total_count", "packets", "222", "Packets with PSH set"),
    *_both("tcp_ack_total_count", "packets", "223", "Packets with ACK set"),
)

EXTREMES = (
    *_both("minimum_ip_total_length", "octets", "25", "Smallest packet; null if there was none"),
    *_both("maximum_ip_total_length", "octets", "26", "Largest packet; null if there was none"),
)

FLAGS = (
    Column("tcp_control_bits", pl.UInt8(), "-", "OR of TCP flags, initiator to responder.", "6"),
    Column(
        "reverse_tcp_control_bits",
        pl.UInt8(),
        "-",
        "OR of TCP flags, responder to initiator.",
        "reverse 6",
    ),
)

FLOW = (
    Column(
        "flow_id",
        pl.UInt64(),
        "-",
        "One number for a biflow over its whole life, counted from 1 in a run.",
        "148",
    ),
    *ENDPOINTS,
    Column("flow_start_nanoseconds", pl.Int64(), "ns", "First packet of the interval, UTC.", "156"),
    Column("flow_end_nanoseconds", pl.Int64(), "ns", "Last packet of the interval, UTC.", "157"),
    *COUNTERS,
    *EXTREMES,
    *FLAGS,
    Column(
        "flow_end_reason",
        pl.UInt8(),
        "-",
        "1 idle, 2 active (the interval is over), 3 end of flow (FIN or RST), 4 forced (the "
        "capture is over), 5 lack of resources.",
        "136",
    ),
    Column(
        "is_initiator_known",
        pl.Boolean(),
        "-",
        "True if a SYN told who opened; else the sender of the first packet counts as initiator.",
        "239",
    ),
    Column(
        "payload_kinds",
        pl.UInt8(),
        "-",
        "Bits for what payloads began with: 1 JSON, 2 HTTP, 4 TLS, 8 DNS, 16 web socket upgrade, "
        "32 JSON-RPC body in HTTP, 64 a Noise handshake by its sizes. A hint for decoders, never "
        "proof.",
    ),
)

CONVERSATION = (
    *(c for c in FLOW if c.name not in {"flow_start_nanoseconds", "flow_end_nanoseconds"}),
    Column("flow_start_nanoseconds", pl.Int64(), "ns", "First packet, UTC.", "156"),
    Column("flow_end_nanoseconds", pl.Int64(), "ns", "Last packet, UTC.", "157"),
    Column("interval_count", pl.Int64(), "1", "Interval records that were merged."),
    Column(
        "is_source_home",
        pl.Boolean(),
        "-",
        "True if the initiator is the watched side, so that initiator to responder is outbound.",
    ),
)


def polars_schema(columns: Iterable[Column]) -> dict[str, pl.DataType]:
    """Return the columns as a polars schema.

    Examples
    --------
    >>> polars_schema(FLOW)["packet_delta_count"]
    Int64
    """
    return {column.name: column.dtype for column in columns}


def require(frame: pl.DataFrame, names: Iterable[str], where: str) -> None:
    """Raise SchemaError if ``frame`` lacks one of ``names``.

    Examples
    --------
    >>> require(pl.DataFrame({"a": [1]}), ["a", "b"], "flows")
    Traceback (most recent call last):
    minewatch.errors.SchemaError: flows: column b is missing
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        what = "column" if len(missing) == 1 else "columns"
        verb = "is" if len(missing) == 1 else "are"
        raise SchemaError(f"{where}: {what} {', '.join(missing)} {verb} missing")
