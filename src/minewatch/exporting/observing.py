# SPDX-License-Identifier: Apache-2.0
"""Who sees which packets, and which of those are counted."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.exporting.drawing import drawn
from minewatch.exporting.settings import Alignment, ExportSettings, TcpFlags

PACKET: Final[dict[str, pl.DataType]] = {
    "conversation": pl.Int64(),
    "time_ns": pl.Int64(),
    "octets": pl.Int64(),
    "payload_octets": pl.Int64(),
    "from_initiator": pl.Boolean(),
    "tcp_flags": pl.UInt8(),
}
"""Columns of packets. ``octets`` are counted from the IP header on."""

ENDPOINTS: Final[dict[str, pl.DataType]] = {
    "conversation": pl.Int64(),
    "source_address_high": pl.UInt64(),
    "source_address_low": pl.UInt64(),
    "destination_address_high": pl.UInt64(),
    "destination_address_low": pl.UInt64(),
    "source_transport_port": pl.UInt16(),
    "destination_transport_port": pl.UInt16(),
    "protocol_identifier": pl.UInt8(),
    "is_source_home": pl.Boolean(),
    "is_destination_home": pl.Boolean(),
}
"""One row a conversation, the initiator being the source, columns as in ``schema.ENDPOINTS``."""

KEY: Final = ("conversation", "observer", "by_source")
"""Columns that tell of whom and by whom a row was seen; ``by_source`` says that the observer is
the initiator's interface."""
CONSTANT: Final = ("phase_ns", "inactive_ns")
"""Columns that are the same for all rows of a conversation and observer."""
ROW: Final = (
    *KEY,
    *CONSTANT,
    "from_initiator",
    "first_ns",
    "last_ns",
    "packets",
    "octets",
    "payload_octets",
    "tcp_flags",
)
"""Columns of what an observer saw: of one packet, or of several of one direction."""
NEVER: Final = (1 << 63) - 1

_TCP: Final = 6
_SYN_ACK: Final = 0x12


def observed(
    packets: pl.DataFrame, endpoints: pl.DataFrame, settings: ExportSettings, first_number: int = 0
) -> pl.DataFrame:
    """Return one row for each packet and each observer who sees it.

    Columns are those of ``ROW``, and the packet's ``number``.

    Parameters
    ----------
    packets : columns of ``PACKET``.
    endpoints : columns of ``ENDPOINTS``; without a home end, an interface sees nothing.
    settings : who observes.
    first_number : of the first packet, so that sampling does not depend on how a capture is cut.
    """
    seen = packets.lazy().with_columns(pl.int_range(pl.len()).alias("number") + first_number)
    seen = seen.join(
        _observers(endpoints, settings).lazy(),
        on="conversation",
        how="inner",
        maintain_order="left_right",
    )
    seen = seen.with_columns(
        pl.col("octets", "payload_octets").cast(pl.Int64),
        first_ns="time_ns",
        last_ns="time_ns",
        packets=pl.lit(1, pl.Int64),
        tcp_flags=_told_flags(settings.tcp_flags),
    )
    return seen.select(*ROW, "number").collect()


def _told_flags(told: TcpFlags) -> pl.Expr:
    flags = pl.col("tcp_flags")
    if told is TcpFlags.OPENING:
        opening = pl.when(flags & _SYN_ACK == _SYN_ACK).then(flags & 0x17).otherwise(flags & 0x07)
        return opening.cast(pl.UInt8)
    return (flags & 0x17).cast(pl.UInt8) if told is TcpFlags.LETTERS else flags


def _observers(endpoints: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return who observes each conversation, and what windows depend on.

    The observer of an interface is a number drawn for its address, so that it is the same in
    every conversation; ``by_source`` says whether it is the initiator's interface.
    """
    protocol = endpoints["protocol_identifier"].to_numpy()
    idle = [settings.inactive_ns(is_tcp) for is_tcp in (False, True)]
    limits = np.array([NEVER if ns is None else ns for ns in idle])
    idle_ns = limits[(protocol == _TCP).astype(int)]
    tables = []
    for side in ("source", "destination"):
        halves = [endpoints[f"{side}_address_{half}"].to_numpy() for half in ("high", "low")]
        observer = drawn(0, *halves) >> np.uint64(32)
        if not settings.by_interface:
            observer[:] = 0
        phase = np.zeros(len(endpoints), np.int64)
        if settings.alignment is Alignment.OBSERVER and settings.interval_ns is not None:
            phase = (drawn(settings.seed, observer) % np.uint64(settings.interval_ns)).astype(
                np.int64
            )
        table = endpoints.select(
            "conversation",
            pl.Series("observer", observer.astype(np.uint32)),
            pl.Series("phase_ns", phase),
            pl.Series("inactive_ns", idle_ns),
            pl.lit(side == "source").alias("by_source"),
        )
        if not settings.by_interface:
            return table
        tables.append(table.filter(endpoints[f"is_{side}_home"]))
    return pl.concat(tables)


def sampled(rows: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return the packets that are counted: each with probability 1 / ``sampling``.

    Parameters
    ----------
    rows : of ``observed``, one a packet; observers draw each for themselves.
    settings : sampling and seed.
    """
    if settings.sampling == 1:
        return rows
    columns = [rows[name].to_numpy() for name in ("number", "observer", "by_source")]
    bits = drawn(settings.seed, *columns)
    return rows.filter(pl.Series(bits % np.uint64(settings.sampling) == 0))
