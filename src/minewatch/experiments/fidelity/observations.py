# SPDX-License-Identifier: Apache-2.0
"""What is compared: message sizes, gaps of jobs and shares, traffic of ten minutes."""

from __future__ import annotations

from typing import Final

import polars as pl

WINDOW_S: Final = 600.0
"""Length of a window of traffic [s]; flow logs of clouds have intervals of up to this."""

LEAST_OCTETS: Final = 150
"""A longer payload is a job (received) or a share (sent); what is shorter answers or keeps alive.

True of XMRig and ethminer with their pools (results 36 to 66 octets, keep-alives 71 to
102), and under TLS, which adds 29 octets at most."""

MEASURES: Final = {
    "sent size": ("octets", "payload of data packets from the miner"),
    "received size": ("octets", "payload of data packets from the pool"),
    "share gap": ("s", "between shares"),
    "job gap": ("s", "between jobs"),
    "sent packets": ("packets", "from the miner in ten minutes"),
    "received packets": ("packets", "from the pool in ten minutes"),
    "sent octets": ("octets", "from the miner in ten minutes, IP headers included"),
    "received octets": ("octets", "from the pool in ten minutes, IP headers included"),
}
"""Measure to unit and meaning."""

WINDOWED: Final = ("sent packets", "received packets", "sent octets", "received octets")
"""Measures of which there is one value a window."""


def observations(packets: pl.DataFrame) -> pl.DataFrame:
    """Return all observations of all measures.

    Parameters
    ----------
    packets : what ``mining_packets`` returns.

    Returns
    -------
    DataFrame
        Columns ``measure``, ``source``, ``capture``, ``conversation``, ``value``.
    """
    data = packets.filter(pl.col("payload_octets") > 0)
    named = [
        _named("sent size", data.filter("from_miner"), pl.col("payload_octets")),
        _named("received size", data.filter(~pl.col("from_miner")), pl.col("payload_octets")),
        _gaps("share gap", data.filter("from_miner")),
        _gaps("job gap", data.filter(~pl.col("from_miner"))),
        *_windows(packets),
    ]
    return pl.concat(named)


def _named(measure: str, rows: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    return rows.select(
        pl.lit(measure).alias("measure"),
        "source",
        "capture",
        "conversation",
        value.cast(pl.Float64).alias("value"),
    )


def _gaps(measure: str, data: pl.DataFrame) -> pl.DataFrame:
    """Gaps of long messages; the first of a conversation is the login or its answer."""
    long = data.filter(pl.col("payload_octets") >= LEAST_OCTETS).filter(
        pl.int_range(pl.len()).over("conversation") > 0
    )
    gap = long.with_columns(gap=pl.col("time_s").diff().over("conversation"))
    return _named(measure, gap.filter(pl.col("gap").is_not_null()), pl.col("gap"))


def _windows(packets: pl.DataFrame) -> list[pl.DataFrame]:
    """Sums of each whole window, also of those in which nothing was sent or received."""
    keys = ("source", "capture", "conversation")
    whole = (
        packets.group_by(*keys, maintain_order=True)
        .agg(windows=(pl.col("time_s").max() // WINDOW_S).cast(pl.Int64))
        .with_columns(window=pl.int_ranges(0, pl.col("windows")))
        .filter(pl.col("windows") > 0)
        .explode("window")
    )
    sums = (
        packets.with_columns(window=(pl.col("time_s") // WINDOW_S).cast(pl.Int64))
        .group_by("conversation", "window")
        .agg(
            pl.col("from_miner").sum().alias("sent packets"),
            (~pl.col("from_miner")).sum().alias("received packets"),
            pl.col("octets").filter(pl.col("from_miner")).sum().alias("sent octets"),
            pl.col("octets").filter(~pl.col("from_miner")).sum().alias("received octets"),
        )
    )
    filled = whole.join(
        sums, on=["conversation", "window"], how="left", maintain_order="left"
    ).fill_null(0)
    return [_named(name, filled, pl.col(name)) for name in WINDOWED]
