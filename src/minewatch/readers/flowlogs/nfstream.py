# SPDX-License-Identifier: Apache-2.0
"""Flows of nfstream, as ``NFStreamer.to_csv`` writes them.

``accounting_mode`` is not in the table. By default nfstream counts whole frames, so Ethernet's
header is taken off where what is left can be that many packets. Flags are known only if
``statistical_analysis`` was on. See the flow features in nfstream's documentation (nfstream.org).
"""

from __future__ import annotations

from typing import BinaryIO, Final

import numpy as np
import polars as pl

from minewatch.readers.flowlogs.columns import (
    addresses,
    mapped,
    nanoseconds,
    required,
    whole_numbers,
)
from minewatch.readers.flowlogs.frame_octets import take_off_ethernet
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.server_names import server_places
from minewatch.readers.flowlogs.text_table import TextTableSource, header_of
from minewatch.records import UNKNOWN, RecordArray, new_records
from minewatch.types import BoolArray

NEEDED: Final = (
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "protocol",
    "bidirectional_first_seen_ms",
    "bidirectional_last_seen_ms",
    "src2dst_packets",
    "src2dst_bytes",
    "dst2src_packets",
    "dst2src_bytes",
)
_DIRECTIONS: Final = (("", "src2dst"), ("reverse_", "dst2src"))
_FLAGS: Final = {
    "fin": 1,
    "syn": 2,
    "rst": 4,
    "psh": 8,
    "ack": 16,
    "urg": 32,
    "ece": 64,
    "cwr": 128,
}
_OPTIONAL: Final = (
    "vlan_id",
    "expiration_id",
    "requested_server_name",
    *(f"{way}_{flag}_packets" for _, way in _DIRECTIONS for flag in _FLAGS),
)
COLUMNS: Final = {name: (name,) for name in (*NEEDED, *_OPTIONAL)}
"""Columns that are read."""
_TELLING: Final = ("bidirectional_packets", "bidirectional_bytes")
_MILLISECOND_NS: Final = 10**6
_TCP: Final = 6
_ICMP: Final = (1, 58)
_END_REASONS: Final = {"0": 1, "1": 2}
"""``expiration_id``: idle, active."""


class NfstreamFormat:
    """Tells and opens tables of nfstream."""

    name = "nfstream"
    title = "nfstream flows (to_csv)"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so has the names of nfstream.

        Parameters
        ----------
        head : first octets, unpacked.
        """
        return set(header_of(head)).issuperset(_TELLING)

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> TextTableSource:
        """Return a source that reads the flows, and closes the stream.

        Parameters
        ----------
        name : what the user called it.
        path : where it lies.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : a column is missing, as where only names of applications were kept.
        """
        return TextTableSource(name, stream, COLUMNS, NEEDED, _records, strict=strict)


def _records(frame: pl.DataFrame, faults: RowFaults, known: KnownNames) -> RecordArray:
    records = new_records(frame.height)
    for side, column in (("source", "src"), ("destination", "dst")):
        high, low = addresses(frame[f"{column}_ip"], faults, f"{column}_ip")
        records[f"{side}_address_high"], records[f"{side}_address_low"] = high, low
        port = f"{column}_port"
        records[f"{side}_transport_port"] = whole_numbers(
            frame[port], faults, port, 65_535, missing=0
        )
    for end, name in (("start", "first"), ("end", "last")):
        column = f"bidirectional_{name}_seen_ms"
        required(frame[column], faults, column)
        times = nanoseconds(frame[column], faults, column, unit_ns=_MILLISECOND_NS)
        records[f"flow_{end}_nanoseconds"] = times
    faults.mark(
        records["flow_end_nanoseconds"] < records["flow_start_nanoseconds"],
        "end before start",
        "bidirectional_last_seen_ms is",
        frame["bidirectional_last_seen_ms"],
    )
    required(frame["protocol"], faults, "protocol")
    protocol = whole_numbers(frame["protocol"], faults, "protocol", 255, missing=0)
    records["protocol_identifier"] = protocol
    records["vlan_id"] = whole_numbers(frame["vlan_id"], faults, "vlan_id", 4095, missing=0)
    _fill_directions(frame, faults, protocol == _TCP, records)
    records["flow_end_reason"] = mapped(frame["expiration_id"], _END_REASONS, 0)
    records["is_source_initiator"] = 1
    records["server_name"] = server_places(frame["requested_server_name"], known)
    take_off_ethernet(records)
    return records


def _fill_directions(
    frame: pl.DataFrame, faults: RowFaults, is_tcp: BoolArray, records: RecordArray
) -> None:
    for prefix, way in _DIRECTIONS:
        for name, unit in (("packet_delta_count", "packets"), ("octet_delta_count", "bytes")):
            column = f"{way}_{unit}"
            required(frame[column], faults, column)
            records[f"{prefix}{name}"] = whole_numbers(frame[column], faults, column)
        flags, is_told = np.zeros(frame.height, np.int64), is_tcp
        for flag, bit in _FLAGS.items():
            column = f"{way}_{flag}_packets"
            counts = whole_numbers(frame[column], faults, column)
            flags |= np.where(counts > 0, bit, 0)
            is_told = is_told & (counts != UNKNOWN)
        records[f"{prefix}tcp_control_bits"] = np.where(is_told, flags, UNKNOWN)
