# SPDX-License-Identifier: Apache-2.0
"""The memory of the metering process: numpy arrays that the compiled kernel works on.

One biflow is one row of ``rows``, an int64 matrix whose words are named here. The words are
ordered by processor cache line (eight words), because a packet that finds its biflow should
touch two lines and not five. Endpoint *a* is the smaller (address, port), *b* the other, so
that both directions find the same row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from minewatch.types import ByteArray, Int64Array

# Line 0: the key, and what every packet reads.
A_HIGH, A_LOW, B_HIGH, B_LOW, KEY_TAIL, STATUS, LAST_NS, INTERVAL_END = range(8)
# Lines 1 and 2: counters of the interval, by side.
SIDE_A: Final = 8
SIDE_B: Final = 16
(
    C_PACKETS,
    C_OCTETS,
    C_PAYLOAD_OCTETS,
    C_PAYLOAD_PACKETS,
    C_PSH,
    C_ACK,
    C_EXTREMES,
    C_FLAGS,
) = range(8)
# Lines 3 and 4: what is written once an interval, or once a payload packet.
(
    FLOW_ID,
    START_NS,
    FIRST_NS,
    HASH,
    VLAN,
    ICMP,
    SYN_SEQUENCE,
    SERIES_COUNT,
    SERIES_HEAD,
    SERIES_TAIL,
    LATEST_BLOCK,
    PAYLOAD_HEAD,
    PAYLOAD_TAIL,
    PAYLOAD_BLOCKS,
    KINDS,
) = (*range(24, 31), *range(32, 40))
ROW_WORDS: Final = 40

# Bits of STATUS.
INITIATOR_B: Final = 1
INITIATOR_KNOWN: Final = 2
FIN_A: Final = 4
FIN_B: Final = 8
CLOSED: Final = 16
PAYLOAD_A: Final = 32
PAYLOAD_B: Final = 64
SYN_SEEN: Final = 128
ENDED: Final = 256
CUT: Final = 512
"""A record was written, so that initiator and responder can't change places any more."""
SUSPECT: Final = 1024
"""Somebody asked that the biflow be kept when others must go."""
FREE: Final = -1
"""The whole of STATUS in a row that no biflow uses."""

RECORD_COLUMNS: Final = (
    "flow_id",
    "source_address_high",
    "source_address_low",
    "destination_address_high",
    "destination_address_low",
    "source_transport_port",
    "destination_transport_port",
    "protocol_identifier",
    "vlan_id",
    "flow_start_nanoseconds",
    "flow_end_nanoseconds",
    "packet_delta_count",
    "octet_delta_count",
    "payload_octet_count",
    "payload_packet_count",
    "tcp_psh_total_count",
    "tcp_ack_total_count",
    "minimum_ip_total_length",
    "maximum_ip_total_length",
    "tcp_control_bits",
    "reverse_packet_delta_count",
    "reverse_octet_delta_count",
    "reverse_payload_octet_count",
    "reverse_payload_packet_count",
    "reverse_tcp_psh_total_count",
    "reverse_tcp_ack_total_count",
    "reverse_minimum_ip_total_length",
    "reverse_maximum_ip_total_length",
    "reverse_tcp_control_bits",
    "flow_end_reason",
    "is_initiator_known",
    "payload_kinds",
)
"""Words of an interval record, in the order in which the kernel writes them."""
RECORD_WORDS: Final = len(RECORD_COLUMNS)

SERIES_CHUNK: Final = 8
"""Payload packets in a chunk of a series; two words each (time, signed size), and a link."""
SERIES_WORDS: Final = 2 * SERIES_CHUNK + 1
FIRST_PACKETS: Final = 64
"""First payload packets that are kept of a biflow."""
LATEST_PACKETS: Final = 192
"""Latest payload packets that are kept, in a ring, once the first are full: half an hour of mining,
so that the jobs of two miners at one pool can be compared."""

BLOCK_OCTETS: Final = 480
"""Payload octets in a block; with its head of four words a block is 512 octets."""
BLOCK_HEAD: Final = 6
BLOCK_NEXT, BLOCK_TIME, BLOCK_SEQUENCE, BLOCK_SIDE, BLOCK_LENGTH, BLOCK_CAPTURED = range(6)

# What the kernel tells besides its return value: indices into ``Pools.counts``.
(
    N_ROWS,
    N_FREE_ROWS,
    N_RECORDS,
    N_ENDED,
    N_SERIES,
    N_FREE_SERIES,
    N_LATEST,
    N_FREE_LATEST,
    N_BLOCKS,
    N_FREE_BLOCKS,
    N_FLOWS,
    N_LIVE,
    CLOCK_NS,
    SWEPT_NS,
    SWEEP_AT,
    OUT_OF_ORDER,
    PAYLOAD_DROPPED,
    DNS_USED,
    DNS_COUNT,
    DNS_WRAPPED,
    TOUCHED,
    N_PACKETS,
    SWEPT_PACKETS,
    N_PEAK,
    N_LOOKED,
) = range(25)
N_COUNTS: Final = 25
MAX_ENDED: Final = 32_768
"""Rows at most whose biflow has ended and whose side data waits to be fetched."""


class Pools(NamedTuple):
    """The arrays, as one argument of the kernels. Every one grows between batches only."""

    counts: Int64Array
    """Shape (N_COUNTS,)."""
    index: Int64Array
    """Open addressing, shape (power of two,): hash << 32 | row + 1; 0 is empty."""
    rows: Int64Array
    """Shape (n_rows, ROW_WORDS)."""
    free_rows: Int64Array
    records: Int64Array
    """Finished interval records, shape (n_records, RECORD_WORDS)."""
    ended: Int64Array
    """Rows whose biflow has ended and whose side data nobody has fetched yet."""
    series: Int64Array
    """Chunks of payload packets, shape (n_chunks, SERIES_WORDS)."""
    free_series: Int64Array
    latest: Int64Array
    """Rings of latest payload packets, shape (n_rings, 2 * LATEST_PACKETS)."""
    free_latest: Int64Array
    heads: Int64Array
    """Heads of payload blocks, shape (n_blocks, BLOCK_HEAD)."""
    blocks: ByteArray
    """Payload blocks, shape (n_blocks, BLOCK_OCTETS)."""
    free_blocks: Int64Array
    dns: ByteArray
    """DNS responses, one after the other, from the start again when full."""
    dns_records: Int64Array
    """Time, offset and length of each response, shape (n_responses, 3)."""


@dataclass(frozen=True, slots=True)
class MeteringOptions:
    """How packets become flow records. All of it goes into the fingerprint of a model.

    Parameters
    ----------
    interval_s : a biflow's record is cut this long after its start, and again [s].
    idle_timeout_s : a biflow that is silent longer ends its record [s].
    conversation_timeout_s : a TCP biflow with payload both ways keeps its flow_id over
        silences up to this long [s]; miners are silent for minutes.
    closed_linger_s : how long packets still belong to a closed TCP connection [s].
    decapsulate : unwrap VXLAN, Geneve, GRE and IP-in-IP.
    keep_packets : keep series and payload, as ``scan`` needs and ``meter`` does not.
    payload_limit_octets : kept payload of all biflows together at most [octets].
    max_biflows : biflows at the same time at most; when full, those that tell least end.
    max_chunks : chunks of payload packets of all biflows together at most, eight packets each;
        when all are taken, those that tell least end.
    max_rings : biflows at most of which more than the first payload packets are kept.
    """

    interval_s: float = 60.0
    idle_timeout_s: float = 120.0
    conversation_timeout_s: float = 3600.0
    closed_linger_s: float = 5.0
    decapsulate: bool = True
    keep_packets: bool = True
    payload_limit_octets: int = 128 << 20
    max_biflows: int = 4_000_000
    max_chunks: int = 32_000_000
    max_rings: int = 4_000_000

    def __post_init__(self) -> None:
        """Refuse values that would make no sense."""
        for name in ("interval_s", "idle_timeout_s", "conversation_timeout_s"):
            if not 0 < getattr(self, name) <= 86_400 * 365:
                raise ValueError(
                    f"{name} must be above 0 s and a year at most, not {getattr(self, name)}"
                )
        if not 0 <= self.closed_linger_s <= 86_400 * 365:
            raise ValueError(f"closed_linger_s must be 0 s or more, not {self.closed_linger_s}")
        if self.max_biflows < 1024:
            raise ValueError(f"max_biflows must be 1024 or more, not {self.max_biflows}")
        if self.max_chunks < 1024 or self.max_rings < 64:
            raise ValueError("max_chunks must be 1024 or more, max_rings 64 or more")


def new_pools(options: MeteringOptions) -> Pools:
    """Return empty pools.

    They are larger than most captures need, which costs nothing: the system gives memory to a
    page of zeros when it is first written. Growing, on the other hand, copies.
    """
    rows, chunks, rings = 131_072, 262_144, 16_384
    blocks = max(1, options.payload_limit_octets // (BLOCK_OCTETS + 32))
    if not options.keep_packets:
        chunks = rings = blocks = 1
    rows = min(rows, options.max_biflows)
    chunks, rings = min(chunks, options.max_chunks), min(rings, options.max_rings)
    return Pools(
        counts=np.zeros(N_COUNTS, np.int64),
        index=np.zeros(1 << (2 * rows - 1).bit_length(), np.int64),
        rows=np.zeros((rows, ROW_WORDS), np.int64),
        free_rows=np.zeros(rows, np.int64),
        records=np.zeros((32_768, RECORD_WORDS), np.int64),
        ended=np.zeros(MAX_ENDED, np.int64),
        series=np.zeros((chunks, SERIES_WORDS), np.int64),
        free_series=np.zeros(chunks, np.int64),
        latest=np.zeros((rings, 2 * LATEST_PACKETS), np.int64),
        free_latest=np.zeros(rings, np.int64),
        heads=np.zeros((blocks, BLOCK_HEAD), np.int64),
        blocks=np.zeros((blocks, BLOCK_OCTETS), np.uint8),
        free_blocks=np.zeros(blocks, np.int64),
        dns=np.zeros(8 << 20 if options.keep_packets else 1, np.uint8),
        dns_records=np.zeros((65_536 if options.keep_packets else 1, 3), np.int64),
    )


def grown(array: np.ndarray, rows: int) -> np.ndarray:
    """Return a copy of ``array`` with ``rows`` rows, the new ones zero."""
    wider = np.zeros((rows, *array.shape[1:]), array.dtype)
    wider[: array.shape[0]] = array
    return wider
