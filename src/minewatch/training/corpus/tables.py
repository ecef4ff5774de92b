# SPDX-License-Identifier: Apache-2.0
"""The tables of a corpus, and their columns."""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.decoders import StratumDecoder, TlsDecoder
from minewatch.schema import CONVERSATION, polars_schema
from minewatch.training.labels import ATTRIBUTES

CONVERSATIONS: Final = "conversations.parquet"
PACKETS: Final = "packets.parquet"
DECODED: Final = "decoded.parquet"

HORIZONS_S: Final = (30, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200)
"""Seconds after a conversation's first packet at which it is looked at."""
WHOLE: Final = 0
"""Horizon of a conversation as it ended."""

DECODERS: Final = (StratumDecoder, TlsDecoder)
DECODED_COLUMNS: Final = {
    name: dtype for decoder in DECODERS for name, dtype in polars_schema(decoder.columns).items()
}

LABELLED: Final[dict[str, pl.DataType]] = {
    "conversation": pl.UInt32(),
    **polars_schema(CONVERSATION),
    "gate_reason": pl.String(),
    "is_kept": pl.Boolean(),
    "label": pl.String(),
    "source": pl.String(),
    "capture": pl.String(),
    "remote": pl.String(),
    **dict.fromkeys(ATTRIBUTES, pl.String()),
    "horizon_limit_s": pl.Float64(),
    "is_first_only": pl.Boolean(),
}
"""Every labelled conversation. ``is_kept``: its packets are there. ``remote``: the pool's name, or
address and port of the service. ``is_first_only``: only its first payload packets are known."""

PACKET: Final[dict[str, pl.DataType]] = {
    "conversation": pl.UInt32(),
    "offset_ns": pl.Int64(),
    "octets": pl.Int32(),
    "payload_octets": pl.Int32(),
    "from_initiator": pl.Boolean(),
    "tcp_flags": pl.UInt8(),
}
"""Every packet of a kept conversation, by conversation and time."""

AT: Final[dict[str, pl.DataType]] = {
    "conversation": pl.UInt32(),
    "horizon_s": pl.Int64(),
    **DECODED_COLUMNS,
}
"""What the decoders read of the payload that had been seen by each horizon."""
