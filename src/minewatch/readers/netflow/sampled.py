# SPDX-License-Identifier: Apache-2.0
"""Sampled packets of sFlow into records, many at once: their headers go through the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from minewatch.metering.decode import Outcome, decode_frames
from minewatch.metering.fragments import FRAGMENT_SLOTS
from minewatch.metering.framing import (
    R_CAPTURED,
    R_LINK,
    R_OFFSET,
    R_TIME,
    R_WIRE,
    RECORD_WORDS,
)
from minewatch.readers.netflow.plans import TCP, blank_records
from minewatch.records import UNKNOWN, RecordArray, RecordCounters
from minewatch.types import (
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_DESTINATION_PORT,
    P_OCTETS,
    P_PAYLOAD_OCTETS,
    P_PROTOCOL,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_SOURCE_PORT,
    P_TCP_FLAGS,
    P_TIME,
    P_VLAN,
    PACKET_WORDS,
    BoolArray,
    Int64Array,
)

_SEED: Final = 0
"""The kernels' hash of flows is not used here."""
_COLUMNS: Final = (
    ("source_address_high", P_SOURCE_HIGH),
    ("source_address_low", P_SOURCE_LOW),
    ("destination_address_high", P_DESTINATION_HIGH),
    ("destination_address_low", P_DESTINATION_LOW),
    ("source_transport_port", P_SOURCE_PORT),
    ("destination_transport_port", P_DESTINATION_PORT),
    ("protocol_identifier", P_PROTOCOL),
    ("octet_delta_count", P_OCTETS),
    ("payload_octet_count", P_PAYLOAD_OCTETS),
    ("vlan_id", P_VLAN),
)
_IGNORED: Final = {
    Outcome.NOT_IP: "not IP",
    Outcome.UNKNOWN_LINK_TYPE: "link type not known",
    Outcome.FRAGMENT_WITHOUT_FIRST: "fragment without ports",
}
_FAULTY: Final = {
    Outcome.TRUNCATED: ("sampled header cut", "let the exporter sample 128 octets of a packet"),
    Outcome.MALFORMED: ("sampled header malformed", "check what the exporter samples"),
    Outcome.TOO_DEEP: ("sampled header malformed", "check what the exporter samples"),
}


class Sample(NamedTuple):
    """What is told of a sampled packet beside its header."""

    time_ns: int
    interval: int
    """Packets that it stands for."""
    point: int
    """As ``observation_point`` of a record."""
    place: str


@dataclass(slots=True)
class SampledPackets:
    """Sampled packets that wait to be decoded together."""

    headers: list[memoryview] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    """Link types of the headers, by libpcap's numbers."""
    wire_octets: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    _fragments: Int64Array = field(
        default_factory=lambda: np.zeros((FRAGMENT_SLOTS, 8), np.int64), repr=False
    )

    def __len__(self) -> int:
        """Return the number of packets."""
        return len(self.samples)

    def add(self, header: memoryview, link: int, wire_octets: int, sample: Sample) -> None:
        """Add a packet.

        Parameters
        ----------
        header : its first octets.
        link : link type by libpcap's numbers.
        wire_octets : of the whole packet.
        sample : what else is told.
        """
        self.headers.append(header)
        self.links.append(link)
        self.wire_octets.append(wire_octets)
        self.samples.append(sample)

    def take(self, counters: RecordCounters, *, strict: bool) -> RecordArray:
        """Return the packets as records, and forget them.

        Parameters
        ----------
        counters : where those that are no records are accounted for.
        strict : a fault raises SourceError.
        """
        n = len(self.samples)
        samples = self.samples
        frames = np.empty((n, RECORD_WORDS), np.int64)
        octets = np.array([len(header) for header in self.headers], np.int64)
        frames[:, R_OFFSET] = np.cumsum(octets) - octets
        frames[:, R_CAPTURED] = octets
        frames[:, R_WIRE] = self.wire_octets
        # Frames that cannot be decoded leave no row: by its time a row's frame is known again.
        frames[:, R_TIME] = np.arange(n)
        frames[:, R_LINK] = self.links
        data = np.frombuffer(b"".join(self.headers), np.uint8).copy()
        self.headers, self.links, self.wire_octets, self.samples = [], [], [], []
        columns = np.empty((n, PACKET_WORDS), np.int64)
        outcomes = np.zeros(len(Outcome), np.int64)
        found = decode_frames(data, frames, n, False, self._fragments, columns, outcomes, _SEED)
        columns = columns[:found]
        of_row = columns[:, P_TIME]
        missing = np.ones(n, np.bool_)
        missing[of_row] = False
        _account(outcomes, samples, missing, counters, strict)
        counters.rows_parsed += found
        return _records(columns, [samples[row] for row in of_row.tolist()])


def _records(columns: Int64Array, samples: list[Sample]) -> RecordArray:
    records = blank_records(len(samples))
    for name, word in _COLUMNS:
        records[name] = columns[:, word].view(np.uint64)
    is_tcp = columns[:, P_PROTOCOL] == TCP
    records["tcp_control_bits"] = np.where(is_tcp, columns[:, P_TCP_FLAGS], UNKNOWN)
    records["packet_delta_count"] = 1
    records["flow_start_nanoseconds"] = [one.time_ns for one in samples]
    records["flow_end_nanoseconds"] = records["flow_start_nanoseconds"]
    records["sampling_packet_interval"] = [one.interval for one in samples]
    records["observation_point"] = [one.point for one in samples]
    return records


def _account(
    outcomes: Int64Array,
    samples: list[Sample],
    missing: BoolArray,
    counters: RecordCounters,
    strict: bool,
) -> None:
    for outcome, reason in _IGNORED.items():
        if outcomes[outcome]:
            counters.ignored[reason] += int(outcomes[outcome])
    for fault, (reason, cure) in _FAULTY.items():
        if outcomes[fault]:
            place = samples[int(missing.argmax())].place
            counters.fault(reason, place, cure, int(outcomes[fault]), strict=strict)
