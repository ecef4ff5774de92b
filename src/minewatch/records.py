# SPDX-License-Identifier: Apache-2.0
"""Records of flow logs and exporters, as readers give them: one row of ``RECORD`` each.

A record tells of one direction of a flow, or of both; counts are those of the log, and
``sampling_packet_interval`` says what they stand for. What a log does not tell is ``UNKNOWN`` in
signed fields and 0 where 0 cannot occur.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from minewatch.errors import SourceError

UNKNOWN: Final = -1
"""In a signed field: the log does not tell."""
DENIED: Final = 3
"""``firewall_event`` of a record whose packets were not let through (IPFIX 233)."""
MAX_EXAMPLES: Final = 20
"""Faults of one input that are told by line; all are counted."""

RECORD: Final = np.dtype(
    [
        ("source_address_high", "<u8"),  # IPv4 is mapped: high 0, low 0xffff_0000_0000 | address
        ("source_address_low", "<u8"),
        ("destination_address_high", "<u8"),
        ("destination_address_low", "<u8"),
        ("flow_start_nanoseconds", "<i8"),  # UTC, first packet that this record counts
        ("flow_end_nanoseconds", "<i8"),  # UTC, last packet that this record counts
        ("packet_delta_count", "<i8"),  # source to destination, as observed; UNKNOWN
        ("reverse_packet_delta_count", "<i8"),  # UNKNOWN if the record is of one direction
        ("octet_delta_count", "<i8"),  # from the IP header on; UNKNOWN
        ("reverse_octet_delta_count", "<i8"),
        ("payload_octet_count", "<i8"),  # transport payload; UNKNOWN
        ("reverse_payload_octet_count", "<i8"),
        ("source_transport_port", "<u2"),
        ("destination_transport_port", "<u2"),  # of ICMP the type * 256 + code
        ("tcp_control_bits", "<i2"),  # OR of the low eight flags; UNKNOWN
        ("reverse_tcp_control_bits", "<i2"),
        ("vlan_id", "<u2"),  # 0 if there is none
        ("protocol_identifier", "u1"),
        ("flow_end_reason", "u1"),  # IPFIX 136; 0 if the log does not tell
        ("firewall_event", "u1"),  # IPFIX 233; DENIED, or 0
        ("is_source_initiator", "i1"),  # 1 if the source opened, 0 if the destination; UNKNOWN
        ("observation_point", "<u4"),  # who saw it: equal for all records of one observer
        ("sampling_packet_interval", "<u4"),  # counts stand for so many packets each; 1: all
        ("server_name", "<i4"),  # place in ``Names.servers``; UNKNOWN
        ("is_scaled", "u1"),  # 1 if the log multiplied its counts by the sampling already
    ],
    align=True,
)
"""Names are IPFIX names in snake case, as in ``schema``."""
RecordArray: TypeAlias = npt.NDArray[np.void]
"""One-dimensional array of ``RECORD``."""

_UNKNOWN_FIELDS: Final = tuple(
    name
    for name in RECORD.names or ()
    if np.issubdtype(RECORD[name], np.signedinteger) and "nanoseconds" not in name
)


def new_records(n: int) -> RecordArray:
    """Return ``n`` records that tell nothing yet: unsampled, all else unknown.

    Examples
    --------
    >>> record = new_records(1)[0]
    >>> int(record["reverse_packet_delta_count"]), int(record["sampling_packet_interval"])
    (-1, 1)
    """
    records = np.zeros(n, RECORD)
    for name in _UNKNOWN_FIELDS:
        records[name] = UNKNOWN
    records["sampling_packet_interval"] = 1
    return records


@dataclass(slots=True)
class RecordCounters:
    """What became of a log's rows: each is parsed, ignored or faulty, and nothing else.

    A row is what the log counts: a line of text, a record of a datagram, a tuple of Azure.
    """

    octets_read: int = 0
    """Octets on disk or on the wire, packed as they are."""
    rows_seen: int = 0
    rows_parsed: int = 0
    """Rows that became records, those of denied packets among them."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Rows that tell of no flow, by reason: ``no data``, ``header``, ``not a flow event``."""
    faulty: Counter[str] = field(default_factory=Counter)
    """Rows that could not be used, by reason."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Rows that were parsed after something was put right, by what: ``times in milliseconds``."""
    examples: list[str] = field(default_factory=list)
    """The first faults and repairs: place, reason and cure."""
    notes: list[str] = field(default_factory=list)
    """What is wrong with the input as a whole: cut, damaged, templates missing."""
    sampling: Counter[int] = field(default_factory=Counter)
    """Records by the number of packets that one counted packet stands for."""

    def fault(self, reason: str, place: str, cure: str, n: int = 1, *, strict: bool) -> None:
        """Count ``n`` rows that cannot be used, and tell of them.

        Parameters
        ----------
        reason : a few words, the same for all rows of this kind: ``packets is no number``.
        place : file and line, as ``a.log:17`` or ``a.pcap: datagram 3``.
        cure : what the user can do, and what was found.
        n : rows.
        strict : stop here.

        Raises
        ------
        SourceError : ``strict``.

        Examples
        --------
        >>> counters = RecordCounters()
        >>> counters.fault("end before start", "a.log:17", "check the order of columns",
        ...     strict=False)
        >>> counters.examples
        ['a.log:17: end before start; check the order of columns']
        """
        self.faulty[reason] += n
        self._tell(reason, place, cure, strict)

    def repair(self, what: str, place: str, cure: str, n: int = 1, *, strict: bool) -> None:
        """Count ``n`` rows that were put right, and tell of them; as ``fault`` otherwise.

        Parameters
        ----------
        what : what was put right, in a few words.
        place : file and line.
        cure : what was done.
        n : rows.
        strict : stop here instead.

        Raises
        ------
        SourceError : ``strict``.
        """
        self.repaired[what] += n
        self._tell(what, place, cure, strict)

    def _tell(self, reason: str, place: str, cure: str, strict: bool) -> None:
        if strict:
            raise SourceError(place, f"{reason}; {cure}")
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{place}: {reason}; {cure}")

    @property
    def rows_accounted(self) -> int:
        """Return parsed, ignored and faulty rows; equal to ``rows_seen`` when all is read."""
        return self.rows_parsed + self.ignored.total() + self.faulty.total()


@dataclass(slots=True)
class Names:
    """What a log tells of names."""

    servers: list[str] = field(default_factory=list)
    """Names that clients asked for in TLS; ``server_name`` of a record is a place in it."""
    answers: dict[tuple[int, int], str] = field(default_factory=dict)
    """Name for which DNS gave an address, by the address's halves; the first one counts."""
