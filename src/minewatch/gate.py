# SPDX-License-Identifier: Apache-2.0
"""The first stage of the cascade: a cheap look that spares most conversations the costly ones.

The reason is kept and shown. What the gate costs in recall is measured with the models
(docs/models/flowstats.md).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.schema import KIND_TALKS

MIN_PAYLOAD_PACKETS: Final = 6
"""Login, job and a share with its answer are four; statistics on less say nothing."""
MIN_DURATION_S: Final = 30
"""Mining lasts; what is over within half a minute is told by its payload or not at all."""
BULK_OCTETS: Final = 1 << 20
BULK_BITS_PER_SECOND: Final = 256_000
"""A miner's conversation runs at 80 to 2,000 bit/s, and a proxy's at some hundred times that at
most (a few hundred miners behind one connection)."""

SETTINGS: Final = {
    "gate_min_payload_packets": float(MIN_PAYLOAD_PACKETS),
    "gate_min_duration_s": float(MIN_DURATION_S),
    "gate_bulk_octets": float(BULK_OCTETS),
    "gate_bulk_bits_per_second": float(BULK_BITS_PER_SECOND),
}
"""What a model's card says of the gate, because it was trained on what passed it."""

PASSED: Final = "passed"
NOT_TCP: Final = "not-tcp"
ONE_WAY: Final = "one-way"
TOO_FEW_MESSAGES: Final = "too-few-messages"
TOO_SHORT: Final = "too-short"
BULK_TRANSFER: Final = "bulk-transfer"

REASONS: Final = {
    PASSED: "scored by the detectors",
    NOT_TCP: "not TCP: no mining protocol runs over anything else",
    ONE_WAY: "payload in one direction at most: a pool and a miner both talk",
    TOO_FEW_MESSAGES: f"fewer than {MIN_PAYLOAD_PACKETS} packets with payload",
    TOO_SHORT: f"seen for less than {MIN_DURATION_S} s",
    BULK_TRANSFER: "1 MiB or more at over 256 kbit/s: mining is a trickle",
}


def gate_reason() -> pl.Expr:
    """Return an expression over ``schema.CONVERSATION``: why a conversation stops here.

    Examples
    --------
    >>> from minewatch.testing import conversations
    >>> conversations(protocol_identifier=17).frame.select(gate_reason()).item()
    'not-tcp'
    """
    return gate_reason_of(pl.col("payload_kinds"))


def gate_reason_of(payload_kinds: pl.Expr) -> pl.Expr:
    """Return the same with other ``payload_kinds``: 0 for an input that knows no payload.

    Flow logs do not count packets with payload. About every second packet of a talk is a bare
    acknowledgement, so half of all packets stand in for them.

    Parameters
    ----------
    payload_kinds : the bits of ``schema.FLOW``'s column of that name.
    """
    sent, received = (
        pl.coalesce(pl.col(f"{way}payload_packet_count"), pl.col(f"{way}packet_delta_count") // 2)
        for way in ("", "reverse_")
    )
    octets = pl.coalesce(
        pl.col("payload_octet_count") + pl.col("reverse_payload_octet_count"),
        pl.col("octet_delta_count") + pl.col("reverse_octet_delta_count"),
    )
    duration_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    is_fast = octets.cast(pl.Float64) * 8e9 > duration_ns.cast(pl.Float64) * BULK_BITS_PER_SECOND
    return (
        pl.when(pl.col("protocol_identifier") != 6)
        .then(pl.lit(NOT_TCP))
        .when((payload_kinds & KIND_TALKS) != 0)
        .then(pl.lit(PASSED))
        .when((sent == 0) | (received == 0))
        .then(pl.lit(ONE_WAY))
        .when(sent + received < MIN_PAYLOAD_PACKETS)
        .then(pl.lit(TOO_FEW_MESSAGES))
        .when(duration_ns < MIN_DURATION_S * 1_000_000_000)
        .then(pl.lit(TOO_SHORT))
        .when((octets >= BULK_OCTETS) & is_fast)
        .then(pl.lit(BULK_TRANSFER))
        .otherwise(pl.lit(PASSED))
        .alias("gate_reason")
    )
