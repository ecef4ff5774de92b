# SPDX-License-Identifier: Apache-2.0
"""The types that pass between the stages of the pipeline.

``PacketBatch -> FlowTable -> Conversations -> FeatureMatrix -> Scores -> Verdict``

All times are int64 nanoseconds UTC. All sizes are octets. Missing is null or NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Int64Array: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Float32Array: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
ByteArray: TypeAlias = npt.NDArray[np.uint8]

BATCH_OCTETS: Final = 1 << 19
"""Octets of capture that are read at a time; bigger blocks fall out of the processor's cache."""
MAX_RECORD_OCTETS: Final = 1 << 20
"""Longer records do not exist: libpcap's own limit is 256 KiB, dumpcap's 256 MiB is for USB."""
BATCH_MARGIN: Final = MAX_RECORD_OCTETS + 64
"""Room before the block for the begun record that the block before ended with."""
BATCH_PACKETS: Final = BATCH_OCTETS // 16 + 1
"""Packets in a batch at most: no record is shorter than its head of 16 octets."""


class PacketBatch:
    """Up to ``BATCH_PACKETS`` packets as numpy columns, over one reused buffer of the capture.

    Only the first ``n_packets`` rows are valid, and only until the batch is filled again.
    Addresses are the bit patterns of their two halves in int64; IPv4 is mapped into IPv6.

    Attributes
    ----------
    data : the capture's octets, shape (BATCH_MARGIN + BATCH_OCTETS,), uint8; a block is read to
        BATCH_MARGIN, and what the block before left over is put in front of it.
    n_octets : octets of the block.
    octets_read : octets of the source up to the end of the block.
    n_packets : rows that are valid.
    columns : int64 matrix of shape (BATCH_PACKETS, PACKET_WORDS); see the ``P_*`` constants.
    """

    __slots__ = ("columns", "data", "n_octets", "n_packets", "octets_read")

    def __init__(self) -> None:
        self.data: ByteArray = np.empty(BATCH_MARGIN + BATCH_OCTETS, np.uint8)
        self.columns: Int64Array = np.empty((BATCH_PACKETS, PACKET_WORDS), np.int64)
        self.n_octets = 0
        self.octets_read = 0
        self.n_packets = 0


PACKET_WORDS: Final = 19
(
    P_TIME,
    P_SOURCE_HIGH,
    P_SOURCE_LOW,
    P_DESTINATION_HIGH,
    P_DESTINATION_LOW,
    P_SOURCE_PORT,
    P_DESTINATION_PORT,
    P_PROTOCOL,
    P_OCTETS,
    P_PAYLOAD_OCTETS,
    P_PAYLOAD_OFFSET,
    P_PAYLOAD_CAPTURED,
    P_TCP_FLAGS,
    P_SEQUENCE,
    P_VLAN,
    P_KIND,
    P_KEY_TAIL,
    P_IS_SWAPPED,
    P_HASH,
) = range(PACKET_WORDS)

FlowTable: TypeAlias = pl.DataFrame
"""One row is what one biflow did in one interval, in the columns of ``schema.FLOW``."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One packet's transport payload, as far as the capture and the budget kept it."""

    time_ns: int
    """When the packet was captured."""
    from_initiator: bool
    """Whether the initiator of the conversation sent it."""
    sequence: int
    """TCP sequence number of the first octet (modulo 2**32); 0 for UDP."""
    length: int
    """Payload octets on the wire; more than ``len(data)`` when the capture cut the packet."""
    data: bytes
    """The payload's octets, from its start."""


@dataclass(frozen=True, slots=True)
class PacketSeries:
    """The payload-bearing packets of one conversation: the first ones and the latest ones."""

    time_ns: Int64Array
    """When each packet was captured, shape (n_packets,)."""
    payload_octets: Int64Array
    """Payload octets on the wire, shape (n_packets,)."""
    from_initiator: BoolArray
    """Direction of each packet, shape (n_packets,)."""
    n_first: int
    """How many of the rows are the conversation's first packets; the rest are its latest."""

    def until(self, time_ns: int) -> PacketSeries:
        """Return the packets up to a moment.

        Parameters
        ----------
        time_ns : the last time to keep.
        """
        seen = self.time_ns <= time_ns
        return PacketSeries(
            self.time_ns[seen],
            self.payload_octets[seen],
            self.from_initiator[seen],
            int(seen[: self.n_first].sum()),
        )


@dataclass(frozen=True, slots=True)
class Payload:
    """What a decoder is given of one conversation."""

    protocol: int
    """``protocol_identifier``: 6 TCP, 17 UDP."""
    segments: Sequence[Segment]
    """Kept payload, in order of capture."""
    packets: PacketSeries | None = None
    """Sizes, directions and times of payload packets, when the input tells them."""


@dataclass(slots=True)
class Conversations:
    """Biflows over their whole life, one row of ``frame`` each.

    The other members are what flow records alone cannot tell; flow logs leave them empty.
    """

    frame: pl.DataFrame
    """One row a conversation, in the columns of ``schema.CONVERSATION`` (and of decoders)."""
    intervals: pl.DataFrame | None = None
    """The conversations' interval records (bounded), keyed by ``flow_id``."""
    packets: Mapping[int, PacketSeries] = field(default_factory=dict)
    """Payload packets by ``flow_id``."""
    payloads: Mapping[int, Payload] = field(default_factory=dict)
    """Kept payload by ``flow_id``."""
    memory: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    """What features computed of these conversations and share; no table is changed in place."""

    def __len__(self) -> int:
        """Return the number of conversations."""
        return self.frame.height

    def filter(self, keep: BoolArray) -> Conversations:
        """Return the conversations where ``keep`` (shape (n,)) is true, side tables shared."""
        return Conversations(
            self.frame.filter(pl.Series(keep)), self.intervals, self.packets, self.payloads
        )


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """One row a conversation, one column a feature; missing is NaN, never 0."""

    values: Float32Array
    """Shape (n_conversations, n_features)."""
    names: tuple[str, ...]
    units: tuple[str, ...]

    def column(self, name: str) -> Float32Array:
        """Return one feature by name, shape (n_conversations,)."""
        column: Float32Array = self.values[:, self.names.index(name)]
        return column


@dataclass(frozen=True, slots=True)
class Scores:
    """What one detector says: a probability of mining for each conversation."""

    detector: str
    probability: FloatArray
    """Shape (n_conversations,), in [0, 1]; NaN where the detector is not ready."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for, or against, a verdict."""

    feature: str
    """What was looked at: a feature's, column's or detector's name."""
    value: float | str | None
    unit: str
    """Unit of ``value``: ``octets``, ``s``, ``1`` for a ratio or a count, ``text``."""
    contribution: float
    """Change of the verdict's log-odds that this evidence made; negative speaks against."""
    text: str
    """One sentence for a person."""
    normal_low: float | None = None
    """5th percentile of ``value`` among normal training conversations; None if nobody knows."""
    normal_high: float | None = None
    """95th percentile of the same."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fused answer for one conversation."""

    flow_id: int
    mining_probability: float
    label: str
    """``mining`` or ``normal``."""
    detectors: Mapping[str, float | None]
    """Each detector's own probability; None where it was not ready."""
    evidence: Sequence[Evidence]
