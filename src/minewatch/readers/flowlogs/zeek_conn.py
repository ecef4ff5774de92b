# SPDX-License-Identifier: Apache-2.0
"""Rows of Zeek's ``conn.log`` as records.

Both directions stand in one row, the originator as the source; where ``history`` begins with
``^``, Zeek itself turned them round. Octets of IP are counted as they were seen (``*_ip_bytes``).
Those of payload (``*_bytes``) come from TCP's sequence numbers, so they may tell of octets that
nobody saw: where they exceed what was counted, they are unknown.

See ``Conn::Info`` in the reference of Zeek's scripts (docs.zeek.org), ``base/protocols/conn``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.readers.flowlogs.columns import (
    addresses,
    ends,
    is_ipv6,
    mapped,
    nanoseconds,
    required,
    whole_numbers,
)
from minewatch.readers.flowlogs.json_rows import Whole
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.records import UNKNOWN, RecordArray, new_records
from minewatch.types import BoolArray, Int64Array

CONN_FIELDS: Final[dict[str, Any]] = {
    "ts": float | str,
    "uid": str,
    "id.orig_h": str,
    "id.orig_p": Whole,
    "id.resp_h": str,
    "id.resp_p": Whole,
    "proto": str,
    "ip_proto": Whole,
    "duration": float,
    "orig_bytes": Whole,
    "resp_bytes": Whole,
    "conn_state": str,
    "history": str,
    "orig_pkts": Whole,
    "orig_ip_bytes": Whole,
    "resp_pkts": Whole,
    "resp_ip_bytes": Whole,
    "vlan": Whole,
}
"""Columns that are read, with their types in JSON."""
NEEDED: Final = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")

_ICMP: Final = 1
_ICMPV6: Final = 58
_TCP: Final = 6
_UNKNOWN_TRANSPORT: Final = -2
_PROTOCOLS: Final = {
    "tcp": _TCP,
    "udp": 17,
    "icmp": _ICMP,
    "unknown_transport": _UNKNOWN_TRANSPORT,
    "unknown": _UNKNOWN_TRANSPORT,
}
_END_OF_FLOW: Final = 3
_ENDED: Final = dict.fromkeys(("SF", "RSTO", "RSTR", "RSTOS0", "RSTRH"), _END_OF_FLOW)
_FLAGS: Final = {"S": 0x02, "H": 0x12, "A": 0x10, "D": 0x10, "T": 0x10, "F": 0x01, "R": 0x04}
"""Of the originator; payload (D, T) is acknowledged data in every real stack."""
_MILLISECONDS_FROM: Final = 1e11
"""As seconds the year 5138: ``LogAscii::json_timestamps`` may be ``JSON::TS_MILLIS``."""
_COUNTS: Final = {
    "packet_delta_count": "pkts",
    "octet_delta_count": "ip_bytes",
    "payload_octet_count": "bytes",
}


def conn_records(frame: pl.DataFrame, faults: RowFaults, *, is_json: bool) -> RecordArray:
    """Return a record for each row; those of faulty rows mean nothing.

    Parameters
    ----------
    frame : ``CONN_FIELDS`` as texts or numbers, null where nothing is told.
    faults : of these rows.
    is_json : times in milliseconds are as Zeek may write them, and no repair.

    Examples
    --------
    >>> row = dict.fromkeys(CONN_FIELDS, None) | {"ts": "1.5", "duration": "0.5", "proto": "tcp",
    ...     "id.orig_h": "10.0.0.1", "id.orig_p": "4444", "id.resp_h": "10.0.0.2",
    ...     "id.resp_p": "3333", "history": "ShAD", "resp_pkts": "7"}
    >>> frame = pl.DataFrame([row], schema=dict.fromkeys(CONN_FIELDS, pl.String))
    >>> (record,) = conn_records(frame, RowFaults(np.arange(1), str), is_json=False)
    >>> int(record["flow_end_nanoseconds"]), int(record["reverse_packet_delta_count"])
    (2000000000, 7)
    """
    records = new_records(frame.height)
    for side, end in (("source", "orig"), ("destination", "resp")):
        high, low = addresses(frame[f"id.{end}_h"], faults, f"id.{end}_h")
        records[f"{side}_address_high"], records[f"{side}_address_low"] = high, low
    start = _times(frame["ts"], faults, is_json)
    records["flow_start_nanoseconds"] = start
    duration = nanoseconds(frame["duration"], faults, "duration")
    records["flow_end_nanoseconds"] = ends(start, duration, faults)
    protocol = _protocols(frame, faults, is_ipv6((high, low)))
    records["protocol_identifier"] = protocol
    _fill_ports(frame, faults, protocol, records)
    _fill_counts(frame, faults, records)
    is_tcp = protocol == _TCP
    _fill_flags(frame["history"], is_tcp, records)
    records["flow_end_reason"] = np.where(is_tcp, mapped(frame["conn_state"], _ENDED, 0), 0)
    records["vlan_id"] = whole_numbers(frame["vlan"], faults, "vlan", 4095, missing=0)
    records["is_source_initiator"] = 1
    return records


def _times(column: pl.Series, faults: RowFaults, is_json: bool) -> Int64Array:
    required(column, faults, "ts")
    seconds = column.cast(pl.Float64, strict=False)
    is_late = (seconds >= _MILLISECONDS_FROM).fill_null(value=False)
    if not is_late.any():
        return nanoseconds(column, faults, "ts")
    if not is_json:
        faults.repair(
            is_late.to_numpy(), "times in milliseconds", "seconds were expected, and were taken"
        )
    scaled = pl.select(pl.when(is_late).then(seconds / 1000).otherwise(seconds)).to_series()
    bad = seconds.is_null() & column.is_not_null()
    faults.mark(bad.to_numpy(), "ts is no number", "seconds are expected; found", column)
    return nanoseconds(scaled, faults, "ts")


def _protocols(frame: pl.DataFrame, faults: RowFaults, is_long: BoolArray) -> Int64Array:
    """Return protocol numbers; 0 where Zeek does not know what it saw."""
    required(frame["proto"], faults, "proto")
    protocol = mapped(frame["proto"], _PROTOCOLS)
    faults.mark(
        protocol == UNKNOWN, "proto is not known", "Zeek has tcp, udp, icmp; found", frame["proto"]
    )
    protocol[(protocol == _ICMP) & is_long] = _ICMPV6
    numbers = whole_numbers(frame["ip_proto"], faults, "ip_proto", 255, missing=0)
    return np.where(protocol < 0, numbers, protocol)


def _fill_ports(
    frame: pl.DataFrame, faults: RowFaults, protocol: Int64Array, records: RecordArray
) -> None:
    """Fill in ports; those of ICMP are its type and code, which records have in one."""
    ports = []
    for end in ("orig", "resp"):
        column = frame[f"id.{end}_p"]
        required(column, faults, f"id.{end}_p")
        ports.append(whole_numbers(column, faults, f"id.{end}_p", 65_535, missing=0))
    source, destination = ports
    is_icmp = (protocol == _ICMP) | (protocol == _ICMPV6)
    records["source_transport_port"] = np.where(is_icmp, 0, source)
    kind = (source & 255) * 256 + (destination & 255)
    records["destination_transport_port"] = np.where(is_icmp, kind, destination)


def _fill_counts(frame: pl.DataFrame, faults: RowFaults, records: RecordArray) -> None:
    for prefix, end in (("", "orig"), ("reverse_", "resp")):
        for name, suffix in _COUNTS.items():
            column = f"{end}_{suffix}"
            records[f"{prefix}{name}"] = whole_numbers(frame[column], faults, column)
        octets, payload = records[f"{prefix}octet_delta_count"], f"{prefix}payload_octet_count"
        is_more = (octets != UNKNOWN) & (records[payload] > octets)
        records[payload][is_more] = UNKNOWN


def _fill_flags(history: pl.Series, is_tcp: BoolArray, records: RecordArray) -> None:
    """Fill in the flags that ``history`` tells of; unknown where packets were but no letter is."""
    told = {text: _flags(text) for text in history.filter(pl.Series(is_tcp)).unique().drop_nulls()}
    for place, prefix in enumerate(("", "reverse_")):
        flags = mapped(history, {text: both[place] for text, both in told.items()}, 0)
        is_told = (flags > 0) | (records[f"{prefix}packet_delta_count"] == 0)
        is_told &= is_tcp & history.is_not_null().to_numpy()
        records[f"{prefix}tcp_control_bits"] = np.where(is_told, flags, UNKNOWN)


def _flags(history: str) -> tuple[int, int]:
    """Return the flags of both directions, the originator's in capital letters."""
    forward = reverse = 0
    for letter in set(history):
        if letter.isupper():
            forward |= _FLAGS.get(letter, 0)
        else:
            reverse |= _FLAGS.get(letter.upper(), 0)
    return forward, reverse
