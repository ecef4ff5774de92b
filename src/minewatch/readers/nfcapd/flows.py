# SPDX-License-Identifier: Apache-2.0
"""What records of both layouts tell of flows, and the records that this becomes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from minewatch.readers.netflow.out_counts import OutCounts
from minewatch.readers.nfcapd.exporters import Exporters
from minewatch.records import DENIED, UNKNOWN, RecordArray, new_records
from minewatch.types import BoolArray, Int64Array

FLOW: Final = np.dtype(
    [
        ("first_ms", "<u8"),
        ("last_ms", "<u8"),
        ("event_ms", "<u8"),
        ("packets", "<u8"),
        ("octets", "<u8"),
        ("out_packets", "<u8"),
        ("out_octets", "<u8"),
        ("source_high", "<u8"),
        ("source_low", "<u8"),
        ("destination_high", "<u8"),
        ("destination_low", "<u8"),
        ("received_high", "<u8"),
        ("received_low", "<u8"),
        ("selector", "<i8"),
        ("exporter", "<i8"),
        ("source_port", "<u2"),
        ("destination_port", "<u2"),
        ("vlan", "<u2"),
        ("protocol", "u1"),
        ("tcp_flags", "u1"),
        ("reverse_tcp_flags", "u1"),
        ("forwarding", "u1"),
        ("direction", "u1"),
        ("end_reason", "u1"),
        ("firewall_event", "u1"),
        ("is_sampled", "?"),
        ("has_addresses", "?"),
    ]
)
FlowArray = npt.NDArray[np.void]
"""One-dimensional array of ``FLOW``."""

IPV4_MAPPED: Final = np.uint64(0xFFFF_0000_0000)
_MAX_MS: Final = 1000 << 33
"""Year 2242: later times would overflow 64 bits of ns."""
_MAX_COUNT: Final = 1 << 62
_TCP: Final = 6
_DROPPED: Final = 2
"""The two high bits of forwardingStatus (IPFIX 89) of a packet that went no further."""

FAULTS: Final = {
    "no addresses": "the record is damaged, or of a kind that nfdump did not have",
    "times are out of range": "check the clock of the exporter",
    "end before start": "check the clock of the exporter",
    "counts are out of range": "the record is damaged",
}
"""Reasons for which a flow cannot be used, with the cure, in the order in which they are asked."""
NO_FLOW: Final = "no packets"
"""Reason for which a flow tells of none: an event such as the opening of a session."""


def check(flows: FlowArray) -> tuple[dict[str, BoolArray], BoolArray]:
    """Return which flows have which fault, each at most one, and which tell of no packets.

    Parameters
    ----------
    flows : as the file tells them; those with the time of an event only get that time.
    """
    has_no_time = (flows["first_ms"] == 0) & (flows["event_ms"] != 0)
    for name in ("first_ms", "last_ms"):
        flows[name] = np.where(has_no_time, flows["event_ms"], flows[name])
    counts = [flows[name] for name in ("packets", "octets", "out_packets", "out_octets")]
    found = {
        "no addresses": ~flows["has_addresses"],
        "times are out of range": (flows["first_ms"] == 0)
        | (flows["first_ms"] > _MAX_MS)
        | (flows["last_ms"] > _MAX_MS),
        "end before start": flows["last_ms"] < flows["first_ms"],
        "counts are out of range": np.any([count > _MAX_COUNT for count in counts], axis=0),
    }
    is_empty = np.all([count == 0 for count in counts], axis=0) & (_event(flows) != DENIED)
    taken = np.zeros(flows.size, bool)
    faults = {}
    for reason in FAULTS:
        faults[reason] = found[reason] & ~taken
        taken |= found[reason]
    return faults, is_empty & ~taken


def records_of(flows: FlowArray, exporters: Exporters, out: OutCounts) -> tuple[RecordArray, int]:
    """Return one record a flow, and how many were scaled by a rate that the file does not tell.

    Collectors of nfdump multiply counts by the sampling rate; here they are what was observed.

    Parameters
    ----------
    flows : those without a fault.
    exporters : who sent them.
    out : what they mean by their second counters.
    """
    records = new_records(flows.size)
    intervals = exporters.intervals(flows["exporter"], flows["selector"], flows["is_sampled"])
    divisors = np.maximum(intervals, 1)
    for end in ("source", "destination"):
        for half in ("high", "low"):
            records[f"{end}_address_{half}"] = flows[f"{end}_{half}"]
        records[f"{end}_transport_port"] = flows[f"{end}_port"]
    records["flow_start_nanoseconds"] = flows["first_ms"].astype(np.int64) * 1_000_000
    records["flow_end_nanoseconds"] = flows["last_ms"].astype(np.int64) * 1_000_000
    _fill_counts(records, flows, divisors, out)
    records["protocol_identifier"] = flows["protocol"]
    # An exporter that knows no flags tells 0, which no TCP packet but a probe's has.
    has_flags = (flows["protocol"] == _TCP) & (flows["tcp_flags"] != 0)
    records["tcp_control_bits"] = np.where(has_flags, flows["tcp_flags"].astype(np.int16), UNKNOWN)
    records["vlan_id"] = flows["vlan"]
    records["flow_end_reason"] = np.where(flows["end_reason"] <= 5, flows["end_reason"], 0)
    records["firewall_event"] = _event(flows)
    direction = flows["direction"]
    records["is_source_initiator"] = np.select([direction == 1, direction == 2], [1, 0], UNKNOWN)
    records["observation_point"] = exporters.points(
        flows["exporter"], flows["received_high"], flows["received_low"]
    )
    records["sampling_packet_interval"] = divisors
    return records, int(np.count_nonzero(intervals == 0))


def _event(flows: FlowArray) -> npt.NDArray[np.uint8]:
    is_denied = (flows["firewall_event"] == DENIED) | (flows["forwarding"] >> 6 == _DROPPED)
    return np.where(is_denied, np.uint8(DENIED), np.uint8(0))


def _fill_counts(
    records: RecordArray, flows: FlowArray, divisors: Int64Array, out: OutCounts
) -> None:
    packets, octets = (
        (flows[name].astype(np.int64) + divisors // 2) // divisors for name in ("packets", "octets")
    )
    out_packets, out_octets = _out_counts(flows, divisors)
    is_reverse = _are_reverse(flows, out)
    # Some exporters fill in one of both counters, by the direction of the interface.
    packets = np.where(~is_reverse & (packets == 0), out_packets, packets)
    octets = np.where(~is_reverse & (octets == 0), out_octets, octets)
    # ASA firewalls count octets and no packets.
    records["packet_delta_count"] = np.where((packets == 0) & (octets > 0), UNKNOWN, packets)
    records["octet_delta_count"] = np.where((octets == 0) & (packets > 0), UNKNOWN, octets)
    # nfdump keeps no mark of a record of both directions; counts of the way back are one.
    has_packets, has_octets = is_reverse & (out_packets > 0), is_reverse & (out_octets > 0)
    records["reverse_packet_delta_count"] = np.where(has_packets, out_packets, UNKNOWN)
    records["reverse_octet_delta_count"] = np.where(has_octets, out_octets, UNKNOWN)
    has_flags = (
        (has_packets | has_octets) & (flows["protocol"] == _TCP) & (flows["reverse_tcp_flags"] != 0)
    )
    records["reverse_tcp_control_bits"] = np.where(
        has_flags, flows["reverse_tcp_flags"].astype(np.int16), UNKNOWN
    )


def _out_counts(flows: FlowArray, divisors: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return packets and octets of the second counter as they were observed.

    Later versions of nfdump 1.7 multiply them by the sampling rate too, earlier ones did not: what
    no packet of the whole rate could have made was not multiplied.
    """
    packets, octets = (flows[name].astype(np.int64) for name in ("out_packets", "out_octets"))
    is_scaled = (packets % divisors == 0) & (octets % divisors == 0)
    divisors = np.where(is_scaled, divisors, 1)
    return packets // divisors, octets // divisors


def _are_reverse(flows: FlowArray, out: OutCounts) -> BoolArray:
    """Return which flows have a second counter of the way back: a mark of it, or their exporter."""
    has_packets = flows["out_packets"] > 0
    entered, left = (
        np.where(has_packets, flows[f"{way}packets"], flows[f"{way}octets"]) for way in ("", "out_")
    )
    # Firewalls that log events (NSEL) count for initiator and responder.
    is_marked = (flows["reverse_tcp_flags"] != 0) | (flows["event_ms"] != 0)
    reverse: BoolArray = is_marked | out.are_reverse(entered, left, flows["exporter"])
    return reverse
