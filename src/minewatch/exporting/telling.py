# SPDX-License-Identifier: Apache-2.0
"""What a log tells of a window: addresses, times to its resolution, and the counts it knows."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.exporting.drawing import drawn
from minewatch.exporting.observing import KEY
from minewatch.exporting.settings import SECOND_NS, EndReason, ExportSettings, TcpFlags
from minewatch.exporting.zeek_states import CLOSED, conn_state
from minewatch.records import RecordArray, new_records
from minewatch.types import Int64Array

_TCP: Final = 6
_IDLE, _ACTIVE, _END_OF_FLOW, _FORCED = 1, 2, 3, 4


def logged(
    rows: pl.DataFrame,
    endpoints: pl.DataFrame,
    settings: ExportSettings,
    *,
    is_forced: bool = False,
) -> pl.DataFrame:
    """Return windows as the log tells of them: addresses, times to its resolution, scaled counts.

    Parameters
    ----------
    rows : of ``windowed``.
    endpoints : columns of ``ENDPOINTS``.
    settings : what is told.
    is_forced : the records end because the capture does.

    Returns
    -------
    Names are those of ``records.RECORD``, the sender being the source (the initiator, of
    biflows); besides ``conversation``, ``observer``, ``window_ns``, ``closes_ns``,
    ``from_initiator``, ``by_source`` (whether the source's own interface is the observer) and
    ``is_closed`` (whether TCP was seen to end).
    """
    scale = settings.sampling if settings.is_scaled else 1
    told = rows.with_columns(pl.col("packets", "octets", "payload_octets") * scale)
    told = _both_ways(told) if settings.is_biflow else _one_way(told)
    told = told.join(endpoints, on="conversation", how="left", maintain_order="left")
    if not settings.is_biflow:
        told = _turned(told)
    late = pl.lit(0) if settings.capture_delay_s == 0 else pl.Series(_delays(told, settings))
    resolution = settings.resolution_ns
    return told.with_columns(
        (pl.col(f"flow_{edge}_nanoseconds") + late) // resolution * resolution
        for edge in ("start", "end")
    ).with_columns(
        is_closed=_is_closed(),
        flow_end_reason=_end_reason(settings, is_forced),
        sampling_packet_interval=pl.lit(
            settings.sampling if settings.tells_sampling or settings.is_scaled else 1, pl.UInt32
        ),
        is_scaled=pl.lit(int(settings.is_scaled), pl.UInt8),
        is_source_initiator=_initiator(settings),
        **_untold(settings),
    )


def _is_closed() -> pl.Expr:
    """Return whether RST was seen, or FIN in every direction that the record tells of."""
    flags, reverse = pl.col("tcp_control_bits"), pl.col("reverse_tcp_control_bits")
    is_tcp = pl.col("protocol_identifier") == _TCP
    is_one_way = reverse < 0
    is_reset = (flags & 4 > 0) | (~is_one_way & (reverse & 4 > 0))
    is_finished = (flags & 1 > 0) & (is_one_way | (reverse & 1 > 0))
    return is_tcp & (is_reset | is_finished)


def _end_reason(settings: ExportSettings, is_forced: bool) -> pl.Expr:
    """Return why the record ended, as IPFIX 136 has it; 0 where that is not told."""
    closed = _is_closed()
    if settings.end_reason is EndReason.NONE:
        return pl.lit(0, pl.UInt8)
    if settings.end_reason is EndReason.CLOSED:
        is_over = conn_state().is_in(CLOSED) & (pl.col("protocol_identifier") == _TCP)
        return pl.when(is_over).then(_END_OF_FLOW).otherwise(0).cast(pl.UInt8)
    if settings.end_reason is EndReason.GOING_ON:
        return pl.when(closed).then(0).otherwise(_ACTIVE).cast(pl.UInt8)
    is_old = pl.col("closes_ns") - pl.col("window_ns") == settings.interval_ns
    aged = pl.when(is_old).then(_ACTIVE).otherwise(_IDLE)
    reason = pl.lit(_FORCED) if is_forced else aged
    return pl.when(closed).then(_END_OF_FLOW).otherwise(reason).cast(pl.UInt8)


def _untold(settings: ExportSettings) -> dict[str, pl.Expr]:
    """Return what takes the place of columns that the log does not tell."""
    unknown = pl.lit(-1, pl.Int64)
    names = [] if settings.tells_payload else ["payload_octet_count"]
    names += [] if settings.tells_octets else ["octet_delta_count"]
    names += ["tcp_control_bits"] if settings.tcp_flags is TcpFlags.NONE else []
    columns = {prefix + name: unknown for name in names for prefix in ("", "reverse_")}
    if settings.tcp_flags in (TcpFlags.LETTERS, TcpFlags.ALL):
        is_tcp = pl.col("protocol_identifier") == _TCP
        for name in ("tcp_control_bits", "reverse_tcp_control_bits"):
            columns[name] = pl.when(is_tcp).then(pl.col(name)).otherwise(unknown)
    if not settings.tells_icmp:
        for name in ("source_transport_port", "destination_transport_port"):
            is_icmp = pl.col("protocol_identifier").is_in(list(_ICMP_ANSWERS))
            columns[name] = pl.when(is_icmp).then(pl.lit(0, pl.UInt16)).otherwise(pl.col(name))
    return columns


def _initiator(settings: ExportSettings) -> pl.Expr:
    """Return ``is_source_initiator``: told, or by the flags that AWS has for it, or unknown."""
    told: int | pl.Expr = 1 if settings.tells_initiator else -1
    if settings.tcp_flags is TcpFlags.OPENING:
        flags = pl.col("tcp_control_bits")
        opening = pl.when(flags & 0x10 > 0).then(0).otherwise(1)
        has_syn = (pl.col("protocol_identifier") == _TCP) & (flags & 0x02 > 0)
        told = pl.when(has_syn).then(opening).otherwise(-1)
    return pl.lit(told).cast(pl.Int8) if isinstance(told, int) else told.cast(pl.Int8)


def continued(told: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return records that tell of the time since the one before, where the log has it so.

    Parameters
    ----------
    told : of ``logged``, all records of the log.
    settings : whether it has it so.
    """
    if settings.continues_s is None:
        return told
    told = told.sort("flow_start_nanoseconds", maintain_order=True)
    start, end = pl.col("flow_start_nanoseconds"), pl.col("flow_end_nanoseconds")
    before = pl.when(~pl.col("is_closed")).then(end).shift(1).over(KEY)
    is_near = start - before <= round(settings.continues_s * SECOND_NS)
    begin = pl.when(is_near).then(before).otherwise(start)
    return told.with_columns(flow_start_nanoseconds=begin)


_COUNTS: Final = {
    "packets": "packet_delta_count",
    "octets": "octet_delta_count",
    "payload_octets": "payload_octet_count",
    "tcp_flags": "tcp_control_bits",
}


def _one_way(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "conversation",
        "observer",
        "window_ns",
        "closes_ns",
        "from_initiator",
        # Seen from the sender of these packets, who is the source of the record.
        by_source=pl.col("by_source") == pl.col("from_initiator"),
        flow_start_nanoseconds="first_ns",
        flow_end_nanoseconds="last_ns",
        **{name: pl.col(column).cast(pl.Int64) for column, name in _COUNTS.items()},
        **{f"reverse_{name}": pl.lit(-1, pl.Int64) for name in _COUNTS.values()},
    )


def _both_ways(rows: pl.DataFrame) -> pl.DataFrame:
    forward = pl.col("from_initiator")
    ways = {"": forward, "reverse_": ~forward}
    return rows.group_by(*KEY, "window_ns", maintain_order=True).agg(
        pl.col("closes_ns").first(),
        pl.lit(value=True).alias("from_initiator"),
        pl.col("first_ns").min().alias("flow_start_nanoseconds"),
        pl.col("last_ns").max().alias("flow_end_nanoseconds"),
        *(
            pl.col(column).filter(way).sum().cast(pl.Int64).alias(prefix + name)
            for prefix, way in ways.items()
            for column, name in _COUNTS.items()
        ),
    )


_ICMP_ANSWERS: Final = {1: (8 * 256, 0), 58: (128 * 256, 129 * 256)}
"""Type and code of an echo's request and of its answer, by protocol."""


def _turned(told: pl.DataFrame) -> pl.DataFrame:
    """Exchange the ends of records of what the responder sent.

    ICMP has no ports to exchange: the answer to an echo request is an echo reply, and of anything
    else nothing is known, 0.
    """
    back = ~pl.col("from_initiator")
    ends = ("address_high", "address_low", "transport_port")
    pairs = [(f"source_{end}", f"destination_{end}") for end in ends]
    pairs += [("is_source_home", "is_destination_home")]
    turned = told.with_columns(
        pl.when(back).then(pl.col(b if one == a else a)).otherwise(pl.col(one)).alias(one)
        for a, b in pairs
        for one in (a, b)
    )
    is_icmp = back & pl.col("protocol_identifier").is_in(list(_ICMP_ANSWERS))
    answer = pl.lit(0, pl.UInt16)
    for protocol, (request, reply) in _ICMP_ANSWERS.items():
        asked = (pl.col("protocol_identifier") == protocol) & (
            pl.col("source_transport_port") == request
        )
        answer = pl.when(asked).then(pl.lit(reply, pl.UInt16)).otherwise(answer)
    return turned.with_columns(
        destination_transport_port=pl.when(is_icmp)
        .then(answer)
        .otherwise(pl.col("destination_transport_port")),
        source_transport_port=pl.when(is_icmp)
        .then(pl.lit(0, pl.UInt16))
        .otherwise(pl.col("source_transport_port")),
    )


def _delays(told: pl.DataFrame, settings: ExportSettings) -> Int64Array:
    """Return how late the times of each record are [ns]: the same for an observer's window."""
    most = np.uint64(round(settings.capture_delay_s * SECOND_NS) + 1)
    bits = drawn(settings.seed + 1, told["observer"].to_numpy(), told["window_ns"].to_numpy())
    return (bits % most).astype(np.int64)


def as_records(told: pl.DataFrame) -> RecordArray:
    """Return a log's records as readers give them, by start; ``observation_point`` is the observer.

    Parameters
    ----------
    told : of ``logged``.
    """
    told = told.sort("flow_start_nanoseconds", maintain_order=True)
    records = new_records(len(told))
    for name in records.dtype.names or ():
        if name in told.columns:
            records[name] = told[name].to_numpy()
    records["observation_point"] = told["observer"].to_numpy()
    return records
