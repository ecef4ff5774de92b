# SPDX-License-Identifier: Apache-2.0
"""Packets of many conversations become the records of a flow log, by pure functions over tables.

``observed -> sampled -> windowed -> logged -> as_records``; ``log_records`` is all of it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from minewatch.exporting.cutting import record_starts
from minewatch.exporting.observing import (
    CONSTANT,
    ENDPOINTS,
    KEY,
    NEVER,
    PACKET,
    ROW,
    observed,
    sampled,
)
from minewatch.exporting.settings import Alignment, ExportSettings
from minewatch.exporting.telling import as_records, continued, logged
from minewatch.records import RecordArray

__all__ = ["ENDPOINTS", "PACKET", "ROW", "log_records", "observed", "sampled", "windowed"]


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
    told = logged(windowed(rows, settings), endpoints, settings)
    return as_records(continued(told, settings))


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
    together = [*KEY, "window_ns", *([] if settings.is_biflow else ["from_initiator"])]
    sums = (
        pl.col(CONSTANT).first(),
        pl.col("first_ns").min(),
        pl.col("last_ns").max(),
        pl.col("packets", "octets", "payload_octets").sum(),
        pl.col("tcp_flags").bitwise_or(),
    )
    grouped = rows.group_by(*KEY, "from_initiator", "window_ns").agg(sums)
    return (
        grouped.with_columns(idle_ns=pl.col("last_ns").max().over(together))
        .with_columns(closes_ns=closes)
        .select(*ROW, "window_ns", "closes_ns")
        .sort("window_ns", *KEY, "from_initiator")
    )


def _saturated(time_ns: pl.Expr, later_ns: pl.Expr) -> pl.Expr:
    """Return a time plus a duration, or the last time there is."""
    return pl.when(time_ns > NEVER - later_ns).then(NEVER).otherwise(time_ns + later_ns)


def _flow_windows(rows: pl.DataFrame, settings: ExportSettings) -> pl.DataFrame:
    """Add ``window_ns``: when the record of each row began."""
    flow = [*KEY, *([] if settings.is_biflow else ["from_initiator"])]
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
