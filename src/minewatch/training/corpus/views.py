# SPDX-License-Identifier: Apache-2.0
"""Conversations as a detector would have been given them after so many seconds of so much input."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl

from minewatch import gate, schema
from minewatch.metering.state import FIRST_PACKETS, LATEST_PACKETS
from minewatch.metering.tables import PacketTable
from minewatch.training.corpus import tables
from minewatch.training.corpus.stored import Corpus
from minewatch.types import Conversations, Int64Array

_NS: Final = 1_000_000_000


class InputKind(StrEnum):
    """What an input lets a detector see."""

    PACKETS = "packets"
    NO_PAYLOAD = "packets-without-payload"
    FIRST_30 = "first-30-packets"
    """Packets and octets of the flow, and size, direction and time of its first 30 packets with
    payload: what extended IPFIX exporters send."""
    FLOWS_60 = "flow-log-60s"
    FLOWS_600 = "flow-log-600s"

    @property
    def interval_s(self) -> float:
        """Return the length of an interval record [s]."""
        return 600.0 if self is InputKind.FLOWS_600 else 60.0

    @property
    def is_flow_log(self) -> bool:
        """Return whether there are no packets."""
        return self in {InputKind.FLOWS_60, InputKind.FLOWS_600}


FIRST_30_PACKETS: Final = 30
_NOT_IN_TOTALS: Final = (
    *(c.name for c in schema.COUNTERS if "payload" in c.name or "total_count" in c.name),
    *(c.name for c in schema.EXTREMES),
)


@dataclass(frozen=True, slots=True)
class View:
    """Conversations as they were seen, and what is true of them."""

    conversations: Conversations
    """Those that pass the gate, ``flow_id`` being the corpus's ``conversation``."""
    labelled: pl.DataFrame
    """Columns of ``tables.LABELLED`` for the same rows."""


def view(corpus: Corpus, kind: InputKind, horizon_s: int = tables.WHOLE) -> View:
    """Return the conversations that last longer than ``horizon_s``, as they stood then.

    Parameters
    ----------
    corpus : the conversations.
    kind : what is seen of them.
    horizon_s : seconds after the first packet; ``WHOLE`` for every conversation as it ended. What
        is known by its first packets only is known as it ended only: its totals are of all of it.
    """
    known = corpus.conversations.filter("is_kept")
    duration_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    if horizon_s:
        known = known.filter(duration_ns > horizon_s * _NS)
    if kind is not InputKind.FIRST_30 or horizon_s:
        known = known.filter(~pl.col("is_first_only"))
    packets = corpus.packets.filter(
        pl.col("conversation").is_in(known["conversation"].implode())
        & ((pl.col("offset_ns") <= horizon_s * _NS) if horizon_s else pl.lit(value=True))
    )
    frame = known.select(column.name for column in schema.CONVERSATION)
    frame = frame.with_columns(flow_id=known["conversation"].cast(pl.UInt64))
    if horizon_s:
        frame = _as_it_stood(frame, packets)
    intervals = None
    if kind is InputKind.FIRST_30:
        frame = frame.with_columns(interval_count=pl.lit(1, pl.Int64))
    else:
        intervals = _records(packets, frame, kind.interval_s)
        frame = frame.drop("interval_count").join(
            intervals.group_by("flow_id").agg(interval_count=pl.len().cast(pl.Int64)),
            on="flow_id",
            how="left",
            maintain_order="left",
        )
    frame = _seen(frame, kind)
    judged = _with_listed(frame, packets) if kind is InputKind.FIRST_30 else frame
    reason = judged.select(gate.gate_reason()).to_series()
    passed = (reason == gate.PASSED).to_numpy()
    frame, known = frame.filter(passed), known.filter(passed)
    if kind is InputKind.PACKETS:
        frame = _with_decoded(frame, corpus, horizon_s)
    is_passed = pl.col("flow_id").is_in(frame["flow_id"].implode())
    series = _series(packets, known, kind)
    if intervals is not None:
        intervals = _seen(intervals.filter(is_passed), kind)
    return View(Conversations(frame, intervals, series), known)


def _seen(frame: pl.DataFrame, kind: InputKind) -> pl.DataFrame:
    """Blank what an input of this kind does not tell."""
    if kind is not InputKind.PACKETS:
        frame = frame.with_columns(payload_kinds=pl.lit(0, pl.UInt8))
    if kind.is_flow_log or kind is InputKind.FIRST_30:
        names = [name for name in _NOT_IN_TOTALS if name in frame.columns]
        frame = frame.with_columns(pl.lit(None, frame.schema[name]).alias(name) for name in names)
    if kind.is_flow_log:
        frame = frame.with_columns(is_initiator_known=pl.lit(value=False))
    return frame


def _with_listed(frame: pl.DataFrame, packets: pl.DataFrame) -> pl.DataFrame:
    """Return the conversations with the payload packets that are listed: what the gate goes by."""
    listed = packets.filter(pl.col("payload_octets") > 0).filter(
        pl.int_range(pl.len()).over("conversation") < FIRST_30_PACKETS
    )
    counted = listed.group_by("conversation").agg(
        payload_packet_count=pl.col("from_initiator").sum().cast(pl.Int64),
        reverse_payload_packet_count=(~pl.col("from_initiator")).sum().cast(pl.Int64),
    )
    counts = counted.columns[1:]
    counted = counted.select(pl.col("conversation").cast(pl.UInt64).alias("flow_id"), *counts)
    return (
        frame.drop(counts)
        .join(counted, on="flow_id", how="left", maintain_order="left")
        .with_columns(pl.col(counts).fill_null(0))
    )


def _counted(packets: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return first and last time, counters, extremes and flags of groups of packets."""
    ways = {"": pl.col("from_initiator"), "reverse_": ~pl.col("from_initiator")}
    columns: list[pl.Expr] = [
        pl.col("offset_ns").min().alias("first_ns"),
        pl.col("offset_ns").max().alias("last_ns"),
    ]
    flags = pl.col("tcp_flags")
    for prefix, way in ways.items():
        octets, payload = pl.col("octets").filter(way), pl.col("payload_octets").filter(way)
        counts = {
            "packet_delta_count": way.sum(),
            "octet_delta_count": octets.cast(pl.Int64).sum(),
            "payload_octet_count": payload.cast(pl.Int64).sum(),
            "payload_packet_count": (payload > 0).sum(),
            "tcp_psh_total_count": ((flags & 8) != 0).filter(way).sum(),
            "tcp_ack_total_count": ((flags & 16) != 0).filter(way).sum(),
        }
        columns += [value.cast(pl.Int64).alias(prefix + name) for name, value in counts.items()]
        columns += [
            octets.min().cast(pl.Int64).alias(f"{prefix}minimum_ip_total_length"),
            octets.max().cast(pl.Int64).alias(f"{prefix}maximum_ip_total_length"),
            flags.filter(way).bitwise_or().fill_null(0).alias(f"{prefix}tcp_control_bits"),
        ]
    return packets.group_by(by, maintain_order=True).agg(columns)


def _as_it_stood(frame: pl.DataFrame, packets: pl.DataFrame) -> pl.DataFrame:
    """Return the conversations with counters of the packets seen so far."""
    counted = _counted(packets, ["conversation"]).rename({"conversation": "flow_id"})
    counted = counted.with_columns(pl.col("flow_id").cast(pl.UInt64))
    fresh = [name for name in counted.columns if name in frame.columns and name != "flow_id"]
    kinds = frame.schema
    stood = frame.drop(fresh).join(counted, on="flow_id", maintain_order="left")
    start = pl.col("flow_start_nanoseconds")
    return stood.with_columns(
        *(pl.col(name).cast(kinds[name]) for name in fresh),
        flow_end_nanoseconds=start + pl.col("last_ns"),
        flow_end_reason=pl.lit(2, pl.UInt8),
    ).select(frame.columns)


def as_counted(known: pl.DataFrame, packets: pl.DataFrame) -> pl.DataFrame:
    """Return conversations whose times and counters are those of the packets given.

    Parameters
    ----------
    known : columns of ``tables.LABELLED``.
    packets : columns of ``tables.PACKET``; conversations without any are left out.
    """
    known = known.filter(pl.col("conversation").is_in(packets["conversation"].implode()))
    names = [column.name for column in schema.CONVERSATION]
    frame = known.select(names).with_columns(flow_id=known["conversation"].cast(pl.UInt64))
    counted = _as_it_stood(frame, packets).drop("flow_id", "flow_end_reason")
    return known.with_columns(counted).select(list(tables.LABELLED))


def _records(packets: pl.DataFrame, frame: pl.DataFrame, interval_s: float) -> pl.DataFrame:
    """Return interval records in the columns of ``schema.FLOW``, as the metering cuts them.

    Why a record ended is not looked at, and is the active timeout (2) throughout.
    """
    owner = packets["conversation"].to_numpy()
    number = record_numbers(owner, packets["offset_ns"].to_numpy(), int(interval_s * _NS))
    counted = _counted(packets.with_columns(record=number), ["conversation", "record"])
    known = frame.select(
        "flow_id",
        "is_initiator_known",
        "payload_kinds",
        *(c.name for c in schema.ENDPOINTS),
        begin="flow_start_nanoseconds",
    )
    types = schema.polars_schema(schema.FLOW)
    return (
        counted.with_columns(flow_id=pl.col("conversation").cast(pl.UInt64))
        .join(known, on="flow_id", maintain_order="left")
        .with_columns(
            flow_start_nanoseconds=pl.col("begin") + pl.col("first_ns"),
            flow_end_nanoseconds=pl.col("begin") + pl.col("last_ns"),
            flow_end_reason=pl.lit(2, pl.UInt8),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in types.items())
    )


def record_numbers(owner: Int64Array, offset_ns: Int64Array, interval_ns: int) -> Int64Array:
    """Return for each packet the number of the interval record that it falls into.

    A conversation is cut every ``interval_ns`` after its first packet, as in the metering process;
    where nothing was said between two cuts there is no record. As in flow logs, a silence within
    an interval cuts nothing; the metering's idle timeout is longer than its interval.

    Parameters
    ----------
    owner : conversation of each packet, in groups, shape (n,).
    offset_ns : time of each packet, rising within a conversation, shape (n,).
    interval_ns : length of a record.

    Examples
    --------
    >>> record_numbers(np.array([1, 1, 1, 1, 2]), np.array([0, 9, 39, 40, 3]), 10)
    array([0, 0, 1, 2, 0])
    """
    if not len(owner):
        return np.zeros(0, np.int64)
    is_first = np.concatenate([[True], np.diff(owner) != 0])
    begin = np.maximum.accumulate(np.where(is_first, np.arange(len(owner)), 0))
    cell = (offset_ns - offset_ns[begin]) // interval_ns
    is_cut = np.concatenate([[False], np.diff(cell) != 0]) & ~is_first
    records = np.cumsum(is_cut)
    found: Int64Array = records - records[begin]
    return found


def _series(packets: pl.DataFrame, known: pl.DataFrame, kind: InputKind) -> PacketTable:
    """Return the payload packets that the metering would have kept."""
    talking = packets.filter(
        (pl.col("payload_octets") > 0)
        & pl.col("conversation").is_in(known["conversation"].implode())
    )
    if kind.is_flow_log:
        talking = talking.clear()
    rank = pl.int_range(pl.len()).over("conversation")
    if kind is InputKind.FIRST_30:
        talking = talking.filter(rank < FIRST_30_PACKETS)
        first = pl.len()
    else:
        left = pl.len().over("conversation") - rank
        talking = talking.filter((rank < FIRST_PACKETS) | (left <= LATEST_PACKETS))
        first = pl.min_horizontal(pl.len(), pl.lit(FIRST_PACKETS))
    start = known.select("conversation", "flow_start_nanoseconds")
    talking = talking.join(start, on="conversation", maintain_order="left")
    counts = talking.group_by("conversation", maintain_order=True).agg(
        pl.len().cast(pl.Int64), first=first.cast(pl.Int64)
    )
    return PacketTable(
        counts["conversation"].to_list(),
        np.cumsum(counts["len"].to_numpy()),
        counts["first"].to_numpy(),
        (talking["offset_ns"] + talking["flow_start_nanoseconds"]).to_numpy(),
        talking["payload_octets"].cast(pl.Int64).to_numpy(),
        talking["from_initiator"].to_numpy(),
    )


def _with_decoded(frame: pl.DataFrame, corpus: Corpus, horizon_s: int) -> pl.DataFrame:
    """Add the decoders' columns as they were at the horizon, null where nothing was read."""
    decoded = corpus.decoded.filter(pl.col("horizon_s") == horizon_s).drop("horizon_s")
    decoded = decoded.with_columns(flow_id=pl.col("conversation").cast(pl.UInt64))
    return frame.join(decoded.drop("conversation"), on="flow_id", how="left", maintain_order="left")
