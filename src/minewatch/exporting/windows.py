# SPDX-License-Identifier: Apache-2.0
"""Packets of many conversations become the records of a flow log, by pure functions over tables.

``observed -> sampled -> windowed -> logged -> as_records``; ``log_records`` is all of it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from minewatch.exporting.cutting import record_starts
from minewatch.exporting.drawing import drawn
from minewatch.exporting.settings import SECOND_NS, Alignment, ExportSettings, TcpFlags
from minewatch.records import RecordArray, new_records

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

_KEY: Final = ("conversation", "observer", "by_source")
_NEVER: Final = (1 << 63) - 1
_TCP: Final = 6
_SYN_ACK: Final = 0x12
_CONSTANT: Final = ("phase_ns", "inactive_ns")
ROW: Final = (
    *_KEY,
    *_CONSTANT,
    "from_initiator",
    "first_ns",
    "last_ns",
    "packets",
    "octets",
    "payload_octets",
    "tcp_flags",
)
"""Columns of what an observer saw: of one packet, or of several of one direction."""


def log_records(
    packets: pl.DataFrame, endpoints: pl.DataFrame, settings: ExportSettings
) -> RecordArray:
    """Return the records that a log would hold of these packets, by start.

    Parameters
    ----------
    packets : columns of ``PACKET``, in any order; which packets are sampled depends on the order.
    endpoints : columns of ``ENDPOINTS``, a row for each conversation.
    settings : what is done to them.

    Examples
    --------
    >>> from minewatch.exporting.settings import ipfix
    >>> packets = pl.DataFrame({"conversation": [1] * 3, "time_ns": [0, 9, 61 * 10**9],
    ...     "octets": [60, 40, 40], "payload_octets": 0, "from_initiator": [True, False, True],
    ...     "tcp_flags": [2, 18, 16]}, schema_overrides=PACKET)
    >>> endpoints = pl.DataFrame([[1, 0, 1, 0, 2, 4000, 443, 6, True, False]], ENDPOINTS,
    ...     orient="row")
    >>> records = log_records(packets, endpoints, ipfix(60))
    >>> records["packet_delta_count"].tolist(), records["source_transport_port"].tolist()
    ([1, 1, 1], [4000, 443, 4000])
    """
    rows = sampled(observed(packets, endpoints, settings), settings)
    return as_records(logged(windowed(rows, settings), endpoints, settings))


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
    seen = seen.join(_observers(endpoints, settings).lazy(), on="conversation", how="inner")
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
    return flags


def _observers(endpoints: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return who observes each conversation, and what windows depend on.

    The observer of an interface is a number drawn for its address, so that it is the same in
    every conversation; ``by_source`` says whether it is the initiator's interface.
    """
    protocol = endpoints["protocol_identifier"].to_numpy()
    idle = [settings.inactive_ns(is_tcp) for is_tcp in (False, True)]
    limits = np.array([_NEVER if ns is None else ns for ns in idle])
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


def windowed(rows: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return rows summed by window: one a conversation, observer, direction and window.

    What it returned may be given again beside the rows that came later, and gives what all rows
    at once would have given, as long as nothing comes out of order.

    Parameters
    ----------
    rows : of ``observed``, ``sampled`` or ``windowed``.
    settings : windows.

    Returns
    -------
    The columns of ``ROW``, and ``window_ns`` (when the window or record began) and ``closes_ns``
    (when it is over as far as is known).
    """
    if settings.alignment is Alignment.FLOW:
        rows = _flow_windows(rows, settings)
        closes = _saturated(pl.col("idle_ns"), pl.col("inactive_ns"))
        if settings.interval_ns is not None:
            closes = pl.min_horizontal(
                closes, _saturated(pl.col("window_ns"), pl.lit(settings.interval_ns))
            )
    else:
        interval = pl.lit(settings.interval_ns, pl.Int64)
        since = pl.col("first_ns") - pl.col("phase_ns")
        rows = rows.with_columns(window_ns=since // interval * interval + pl.col("phase_ns"))
        closes = pl.col("window_ns") + interval
    # Both directions of a biflow close together; what is of one direction closes for itself.
    together = [*_KEY, "window_ns", *([] if settings.is_biflow else ["from_initiator"])]
    sums = (
        pl.col(_CONSTANT).first(),
        pl.col("first_ns").min(),
        pl.col("last_ns").max(),
        pl.col("packets", "octets", "payload_octets").sum(),
        pl.col("tcp_flags").bitwise_or(),
    )
    grouped = rows.group_by(*_KEY, "from_initiator", "window_ns").agg(sums)
    return (
        grouped.with_columns(idle_ns=pl.col("last_ns").max().over(together))
        .with_columns(closes_ns=closes)
        .select(*ROW, "window_ns", "closes_ns")
        .sort("window_ns", *_KEY, "from_initiator")
    )


def _saturated(time_ns: pl.Expr, later_ns: pl.Expr) -> pl.Expr:
    """Return a time plus a duration, or the last time there is."""
    return pl.when(time_ns > _NEVER - later_ns).then(_NEVER).otherwise(time_ns + later_ns)


def _flow_windows(rows: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Add ``window_ns``: when the record of each row began."""
    flow = [*_KEY, *([] if settings.is_biflow else ["from_initiator"])]
    rows = rows.sort(*flow, "first_ns")
    first_ns = rows["first_ns"].to_numpy()
    starts = record_starts(
        rows.select(pl.struct(flow).rle_id()).to_series().cast(pl.Int64).to_numpy(),
        first_ns,
        rows["last_ns"].to_numpy(),
        rows["inactive_ns"].to_numpy(),
        settings.interval_ns,
    )
    window_ns = first_ns[starts][np.cumsum(starts) - 1] if len(rows) else first_ns
    return rows.with_columns(pl.Series("window_ns", window_ns, pl.Int64))


def logged(rows: pl.DataFrame, endpoints: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Return windows as the log tells of them: addresses, times to its resolution, scaled counts.

    Parameters
    ----------
    rows : of ``windowed``.
    endpoints : columns of ``ENDPOINTS``.
    settings : what is told.

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
        sampling_packet_interval=pl.lit(1 if settings.is_scaled else settings.sampling, pl.UInt32),
        is_source_initiator=pl.lit(1 if settings.tells_initiator else -1, pl.Int8),
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


def _untold(settings: ExportSettings) -> dict[str, pl.Expr]:
    names = [] if settings.tells_payload else ["payload_octet_count"]
    names += ["tcp_control_bits"] if settings.tcp_flags is TcpFlags.NONE else []
    both = [*names, *(f"reverse_{name}" for name in names)]
    return {name: pl.lit(-1, pl.Int64) for name in both}


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
    return rows.group_by(*_KEY, "window_ns", maintain_order=True).agg(
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


def _delays(told: pl.DataFrame, settings: ExportSettings) -> np.ndarray:
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
