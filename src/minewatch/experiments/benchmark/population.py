# SPDX-License-Identifier: Apache-2.0
"""All labelled conversations, scored or not: what shares are shares of."""

from __future__ import annotations

from typing import Final

import polars as pl

from minewatch.experiments.benchmark.scores import FINER, HOST_DAYS, POPULATION

_NS: Final = 1_000_000_000
RECORD_S: Final = 600.0
"""Longest time that one interval record with packets stands for [s]. Captures stitched together
hold conversations with years of silence in them; nobody watched those."""


def population_of(labelled: pl.DataFrame) -> pl.DataFrame:
    """Return the population of a corpus, a row for each conversation.

    Parameters
    ----------
    labelled : columns of ``training.corpus.tables.LABELLED``.
    """
    length_s = (pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")) / _NS
    told = labelled.with_columns(
        duration_s=length_s, conversations=pl.lit(1), hours=_watched_s() / 3600.0
    )
    return told.select(pl.col(n).cast(dtype) for n, dtype in {**POPULATION, **FINER}.items())


def host_days_of(labelled: pl.DataFrame) -> pl.DataFrame:
    """Return for how long each host of each capture was seen talking to anybody.

    Parameters
    ----------
    labelled : columns of ``training.corpus.tables.LABELLED``.
    """
    keys = ["source", "capture", "host"]
    begin = pl.col("flow_start_nanoseconds") / _NS
    spans = labelled.select(*keys, begin=begin, end=begin + _watched_s()).sort(
        *keys, "begin", "end"
    )
    # What earlier conversations of the host covered counts once.
    covered = pl.col("end").cum_max().shift().over(keys)
    fresh = (pl.col("end") - pl.max_horizontal("begin", covered)).clip(lower_bound=0)
    days = spans.with_columns(days=fresh / 86_400).group_by(keys, maintain_order=True)
    return days.agg(pl.col("days").sum()).select(
        pl.col(name).cast(dtype) for name, dtype in HOST_DAYS.items()
    )


def _watched_s() -> pl.Expr:
    """Seconds of a conversation; a silence longer than a record is not one of them."""
    length_s = (pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")) / _NS
    return pl.min_horizontal(length_s, pl.col("interval_count") * RECORD_S)
