# SPDX-License-Identifier: Apache-2.0
"""Interval records merged over a biflow's whole life, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from minewatch import schema
from minewatch.address import Network, is_inside
from minewatch.types import FlowTable, Int64Array

MAX_INTERVALS: Final = 1440
"""Interval records kept of one conversation: a day at 60 s. Older ones are merged into one."""
_COMPACT_AT: Final = 500_000
"""Open interval records at which it is worth to look for conversations with too many."""
_MOST_RECORDS: Final = 2_000_000
"""Open interval records of all conversations, about."""

_FIRST: Final = tuple(column.name for column in schema.ENDPOINTS)
_SUMS: Final = tuple(column.name for column in schema.COUNTERS)
_FLAGS: Final = (*(column.name for column in schema.FLAGS), "payload_kinds")


def merge_intervals(flows: FlowTable) -> pl.DataFrame:
    """Return one row a conversation from interval records in the order of time.

    The totals add up; times, extremes and flags span all intervals; the end reason is the last.
    """
    if "interval_count" not in flows.columns:
        flows = flows.with_columns(interval_count=pl.lit(1, pl.Int64))
    lone = ~pl.col("flow_id").is_duplicated()
    several = flows.filter(~lone)
    if several.is_empty():
        return flows
    merged = several.group_by("flow_id", maintain_order=True).agg(
        *(pl.col(name).last() for name in _FIRST),
        pl.col("flow_start_nanoseconds").min(),
        pl.col("flow_end_nanoseconds").max(),
        *(pl.col(name).sum() for name in _SUMS),
        pl.col("^.*minimum_ip_total_length$").min(),
        pl.col("^.*maximum_ip_total_length$").max(),
        *(pl.col(name).bitwise_or() for name in _FLAGS),
        pl.col("flow_end_reason").last(),
        pl.col("is_initiator_known").last(),
        pl.col("interval_count").sum(),
    )
    return pl.concat([flows.filter(lone), merged.select(flows.columns)])


def is_source_home(home: Sequence[Network]) -> pl.Expr:
    """Return an expression: whether the initiator is the watched side.

    It is if its address alone is at home, and also where the addresses do not tell (both or
    neither at home), because servers that mine open the connection themselves.
    """
    source, destination = is_inside("source_address", home), is_inside("destination_address", home)
    return (source | ~destination).alias("is_source_home")


class ConversationBuilder:
    """Collects interval records until their biflow has ended.

    Parameters
    ----------
    home : networks of the watched side.
    most_records : open interval records of all conversations, about: with more, fewer are kept of
        each; None for two million.
    """

    def __init__(self, home: Sequence[Network], most_records: int | None = None) -> None:
        self._home = home
        self._most_records = _MOST_RECORDS if most_records is None else most_records
        self._open: FlowTable = pl.DataFrame(schema=schema.polars_schema(schema.FLOW))
        self._open = self._open.with_columns(interval_count=pl.lit(1, pl.Int64))
        self._compact_at = min(_COMPACT_AT, self._most_records)

    def add(self, flows: FlowTable, ended: Int64Array) -> tuple[pl.DataFrame, FlowTable]:
        """Take in records; return the conversations that ended and their interval records."""
        flows = flows.with_columns(interval_count=pl.lit(1, pl.Int64))
        records = pl.concat([self._open, flows])
        is_over = records.get_column("flow_id").is_in(pl.Series(ended).cast(pl.UInt64).implode())
        done = records.filter(is_over)
        self._open = records.filter(~is_over)
        if self._open.height > self._compact_at:
            self._compact()
        return self._as_conversations(merge_intervals(done)), done

    def open_conversations(self) -> pl.DataFrame:
        """Return the conversations that have not ended, as they stand."""
        return self._as_conversations(merge_intervals(self._open))

    def standing(self, flows: FlowTable) -> tuple[pl.DataFrame, FlowTable]:
        """Return some of the open conversations as they stand, and their interval records.

        Parameters
        ----------
        flows : what the metering process has of them and did not hand out yet.
        """
        asked = pl.col("flow_id").is_in(flows.get_column("flow_id").implode())
        latest = flows.with_columns(interval_count=pl.lit(1, pl.Int64))
        records = pl.concat([self._open.filter(asked), latest])
        return self._as_conversations(merge_intervals(records)), records

    def save(self) -> FlowTable:
        """Return the interval records of what is open, for ``restore``."""
        return self._open

    def restore(self, records: FlowTable) -> None:
        """Go on with interval records of conversations that are open.

        Parameters
        ----------
        records : what ``save`` returned.

        Raises
        ------
        ValueError : they have other columns.
        """
        if records.schema != self._open.schema:
            raise ValueError("interval records with other columns")
        self._open = records

    def _as_conversations(self, merged: pl.DataFrame) -> pl.DataFrame:
        return merged.with_columns(is_source_home(self._home))

    def _compact(self) -> None:
        """Merge what lies before the latest ``MAX_INTERVALS`` records of each conversation.

        Half as many are kept, and half of that, while they are too many altogether.
        """
        kept = MAX_INTERVALS
        self._merge_older(kept)
        while self._open.height > self._most_records and kept > 1:
            kept //= 2
            self._merge_older(kept)
        least = min(_COMPACT_AT, self._most_records)
        self._compact_at = max(least, 2 * self._open.height)

    def _merge_older(self, kept: int) -> None:
        age = pl.int_range(pl.len()).reverse().over("flow_id")
        recent = self._open.select(age < kept).to_series()
        older = merge_intervals(self._open.filter(~recent))
        self._open = pl.concat([older, self._open.filter(recent)])
