# SPDX-License-Identifier: Apache-2.0
"""Flows of Argus, as ``ra -c ,`` prints them with a line of names.

Times are texts without a zone; they are taken as UTC (``ra`` prints local time unless its ``TZ`` is
UTC; ``ra -u`` prints seconds since 1970, which are read as well). Argus counts whole frames: where
the packets of a direction are known, Ethernet's header is taken off. ``TotPkts`` alone does not
tell how many went which way, unless all octets went one way. Of ICMP the source port is the code
and the type (code * 256 + type), in hexadecimal. The arrow tells who opened: ``->`` the source,
``<-`` the destination, ``<->`` traffic both ways that the source began, ``?`` that nobody saw.

See ra(1) of the Argus clients (openargus.org).
"""

from __future__ import annotations

from typing import BinaryIO, Final

import numpy as np
import polars as pl

from minewatch.readers.flowlogs.columns import (
    addresses,
    ends,
    mapped,
    nanoseconds,
    required,
    whole_numbers,
)
from minewatch.readers.flowlogs.frame_octets import take_off_ethernet
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.text_table import TextTableSource, header_of
from minewatch.records import UNKNOWN, RecordArray, new_records
from minewatch.types import BoolArray, Int64Array

COLUMNS: Final = {
    "StartTime": ("starttime", "stime"),
    "Dur": ("dur",),
    "Proto": ("proto",),
    "SrcAddr": ("srcaddr", "saddr"),
    "Sport": ("sport",),
    "Dir": ("dir",),
    "DstAddr": ("dstaddr", "daddr"),
    "Dport": ("dport",),
    "State": ("state",),
    "TotPkts": ("totpkts", "pkts"),
    "SrcPkts": ("srcpkts", "spkts"),
    "DstPkts": ("dstpkts", "dpkts"),
    "TotBytes": ("totbytes", "bytes"),
    "SrcBytes": ("srcbytes", "sbytes"),
    "DstBytes": ("dstbytes", "dbytes"),
    "SAppBytes": ("sappbytes",),
    "DAppBytes": ("dappbytes",),
}
"""Columns that are read, with the names that versions of ``ra`` and ``rasql`` give them."""
NEEDED: Final = ("StartTime", "Proto", "SrcAddr", "DstAddr")
_TELLING: Final = frozenset({"starttime", "stime"})

_TCP: Final = 6
_ICMP: Final = (1, 58)
_PROTOCOLS: Final = {
    "icmp": 1,
    "igmp": 2,
    "ipnip": 4,
    "tcp": _TCP,
    "udp": 17,
    "rtp": 17,
    "rtcp": 17,
    "udt": 17,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmp6": 58,
    "ospf": 89,
    "ospfigp": 89,
    "pim": 103,
    "vrrp": 112,
    "sctp": 132,
}
_TIME_FORMATS: Final = ("%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")
_FLAGS: Final = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
_FLAG_STATE: Final = r"^[FSRPAUEC]*_[FSRPAUEC]*$"
_ENDED: Final = {"FIN": 3, "RST": 3, "CLO": 3, "TIM": 1}
_ARROW: Final = r"(<?[-|o?]>?)\s*$"
_INITIATOR: Final = {
    "->": 1,
    "|>": 1,
    "o>": 1,
    "<->": 1,
    "<|>": 1,
    "<o>": 1,
    "<-": 0,
    "<|": 0,
    "<o": 0,
}


class ArgusFormat:
    """Tells and opens what ``ra`` prints."""

    name = "argus"
    title = "Argus flows (ra -c)"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so has the names of ``ra``.

        Parameters
        ----------
        head : first octets, unpacked.
        """
        names = {name.lower() for name in header_of(head)}
        others = ("proto", "srcaddr", "dstaddr"), ("proto", "saddr", "daddr")
        return bool(names & _TELLING) and any(names.issuperset(needed) for needed in others)

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
        SourceError : a column is missing.
        """
        return TextTableSource(name, stream, COLUMNS, NEEDED, _records, strict=strict)


def _records(frame: pl.DataFrame, faults: RowFaults, known: KnownNames) -> RecordArray:
    frame = frame.with_columns(pl.col(pl.String).str.strip_chars())
    records = new_records(frame.height)
    protocol = _protocols(frame["Proto"], faults)
    records["protocol_identifier"] = np.maximum(protocol, 0)
    for side, column in (("source", "SrcAddr"), ("destination", "DstAddr")):
        high, low = addresses(frame[column], faults, column)
        records[f"{side}_address_high"], records[f"{side}_address_low"] = high, low
    start = _times(frame["StartTime"], faults)
    records["flow_start_nanoseconds"] = start
    duration = nanoseconds(frame["Dur"], faults, "Dur")
    records["flow_end_nanoseconds"] = ends(start, duration, faults)
    _fill_ports(frame, faults, protocol, records)
    _fill_counts(frame, faults, records)
    _fill_state(frame, protocol == _TCP, records)
    arrows = frame["Dir"].str.extract(_ARROW)
    records["is_source_initiator"] = mapped(arrows, _INITIATOR)
    take_off_ethernet(records)
    return records


def _protocols(column: pl.Series, faults: RowFaults) -> Int64Array:
    """Return protocol numbers; rows of ARP, of Argus itself and the like are ignored."""
    required(column, faults, "Proto")
    protocol = mapped(column.str.to_lowercase(), _PROTOCOLS)
    numbers = column.cast(pl.UInt8, strict=False).cast(pl.Int64).fill_null(UNKNOWN).to_numpy()
    protocol = np.where(protocol == UNKNOWN, numbers, protocol)
    faults.ignore((column == "man").fill_null(value=False).to_numpy(), "of Argus itself")
    faults.ignore(protocol == UNKNOWN, "no protocol over IP that is known")
    return protocol


def _times(column: pl.Series, faults: RowFaults) -> Int64Array:
    required(column, faults, "StartTime")
    texts = pl.col("time")
    tried = [
        texts.str.to_datetime(one, time_unit="ns", strict=False).dt.epoch("ns")
        for one in _TIME_FORMATS
    ]
    seconds = texts.cast(pl.Float64, strict=False)
    micros = pl.when(seconds.is_between(0, 9e9)).then((seconds * 1e6).round().cast(pl.Int64))
    start = column.alias("time").to_frame().select(pl.coalesce(*tried, micros * 1000)).to_series()
    is_bad = (start.is_null() | (start < 0)) & column.is_not_null()
    faults.mark(
        is_bad.fill_null(value=False).to_numpy(),
        "StartTime is no time",
        "print date and time, as 2019/04/04 16:24:47.672448, or seconds with ra -u; found",
        column,
    )
    return start.fill_null(0).clip(0, 9 * 10**18).to_numpy().copy()


def _fill_ports(
    frame: pl.DataFrame, faults: RowFaults, protocol: Int64Array, records: RecordArray
) -> None:
    ports = [_ports(frame[name], faults, name) for name in ("Sport", "Dport")]
    is_icmp = np.isin(protocol, _ICMP)
    kind = (ports[0] & 255) * 256 + (ports[0] >> 8)
    records["source_transport_port"] = np.where(is_icmp, 0, ports[0])
    records["destination_transport_port"] = np.where(is_icmp, kind, ports[1])


def _ports(column: pl.Series, faults: RowFaults, what: str) -> Int64Array:
    """Return ports, which may be hexadecimal; 0 where there is none."""
    is_hex = column.str.starts_with("0x").fill_null(value=False)
    if not is_hex.any():
        return whole_numbers(column, faults, what, 65_535, missing=0)
    numbers = column.str.slice(2).str.to_integer(base=16, dtype=pl.Int64, strict=False)
    told = numbers.cast(pl.String).fill_null("0x")  # told as no number
    texts = pl.select(pl.when(is_hex).then(told).otherwise(column)).to_series()
    return whole_numbers(texts, faults, what, 65_535, missing=0)


def _fill_counts(frame: pl.DataFrame, faults: RowFaults, records: RecordArray) -> None:
    for name, unit in (("octet_delta_count", "Bytes"), ("packet_delta_count", "Pkts")):
        total, forward, reverse = (
            whole_numbers(frame[f"{side}{unit}"], faults, f"{side}{unit}")
            for side in ("Tot", "Src", "Dst")
        )
        if unit == "Pkts":
            # If all octets went one way, so did all packets.
            octets = records["octet_delta_count"], records["reverse_octet_delta_count"]
            forward = np.where((forward == UNKNOWN) & (octets[0] == 0), 0, forward)
            reverse = np.where((reverse == UNKNOWN) & (octets[1] == 0), 0, reverse)
        for rest, known in ((forward, reverse), (reverse, forward)):
            is_told = (rest == UNKNOWN) & (known != UNKNOWN) & (total != UNKNOWN)
            faults.mark(
                is_told & (known > total),
                f"more {unit} one way than in all",
                f"check the columns; Tot{unit} is",
                frame[f"Tot{unit}"],
            )
            rest[is_told] = np.maximum(total - known, UNKNOWN)[is_told]
        records[name], records[f"reverse_{name}"] = forward, reverse
    for prefix, side in (("", "S"), ("reverse_", "D")):
        column = f"{side}AppBytes"
        records[f"{prefix}payload_octet_count"] = whole_numbers(frame[column], faults, column)


def _fill_state(frame: pl.DataFrame, is_tcp: BoolArray, records: RecordArray) -> None:
    """Fill in flags and the end of the flow from ``State``, as ``FSPA_FSPA``."""
    state = frame["State"].fill_null("")
    is_flags = state.str.contains(_FLAG_STATE).to_numpy() & is_tcp
    told = {
        text: [_flags(part) for part in text.split("_")]
        for text in state.filter(pl.Series(is_flags)).unique()
    }
    ended = mapped(state, _ENDED, 0)
    for place, prefix in enumerate(("", "reverse_")):
        flags = mapped(state, {text: both[place] for text, both in told.items()})
        flags[~is_flags] = UNKNOWN
        records[f"{prefix}tcp_control_bits"] = flags
        ended[is_flags & (flags & (_FLAGS["F"] | _FLAGS["R"]) > 0)] = 3
    ended[~is_tcp] = np.where(ended[~is_tcp] == 1, 1, 0)
    records["flow_end_reason"] = ended


def _flags(letters: str) -> int:
    flags = 0
    for letter in set(letters):
        flags |= _FLAGS[letter]
    return flags
