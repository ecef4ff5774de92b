# SPDX-License-Identifier: Apache-2.0
"""A capture's packets become log records as data time passes, memory bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.address import Network
from minewatch.exporting.observing import observed, sampled
from minewatch.exporting.settings import SECOND_NS, ExportSettings
from minewatch.exporting.telling import logged
from minewatch.exporting.tracking import WORDS, Tracker
from minewatch.exporting.windows import ROW, windowed
from minewatch.types import PacketBatch

CHUNK_PACKETS: Final = 1 << 18
"""Packets that are summed at a time."""
MAX_OPEN: Final = 2_000_000
"""Windows that may be open, and conversations that are remembered; when there are more, half of
the windows are closed early, those first that would have been over first."""
OUT_OF_ORDER_NS: Final = 10 * SECOND_NS
"""How much later than its time a packet may come and still be counted in its window."""


@dataclass(slots=True)
class ExportCounters:
    """What became of a capture's packets."""

    packets: int = 0
    """Packets that were read and have addresses."""
    unobserved_packets: int = 0
    """Packets that no interface at home saw."""
    records: int = 0
    """Records as ``logged`` gives them; of Azure each is one or two tuples."""
    closed_early: int = 0
    """Windows that were closed because ``MAX_OPEN`` was reached."""


class Aggregator:
    """Sums packets into the windows of one kind of log.

    Parameters
    ----------
    settings : what the log does.
    home : networks of the watched side.
    chunk_packets : packets that are summed at a time.
    max_open : windows open at the same time at most.
    first_conversation : number of the first conversation.
    """

    def __init__(
        self,
        settings: ExportSettings,
        home: Sequence[Network],
        chunk_packets: int = CHUNK_PACKETS,
        max_open: int = MAX_OPEN,
        first_conversation: int = 1,
    ) -> None:
        self.counters = ExportCounters()
        self._settings = settings
        self._max_open = max_open
        self._tracker = Tracker(home, first_conversation, splits=settings.is_biflow)
        self._chunk = np.empty((chunk_packets, len(WORDS)), np.int64)
        self._n = 0
        self._open = pl.DataFrame()

    def add(self, batch: PacketBatch) -> Iterator[pl.DataFrame]:
        """Take a batch's packets; yield records whose windows are over, as ``logged`` has them.

        Parameters
        ----------
        batch : parsed packets; they are copied.
        """
        done = 0
        while done < batch.n_packets:
            n = min(batch.n_packets - done, len(self._chunk) - self._n)
            self._chunk[self._n : self._n + n] = batch.columns[done : done + n][:, WORDS]
            self._n += n
            done += n
            if self._n == len(self._chunk):
                yield from self._sum()

    def finish(self) -> Iterator[pl.DataFrame]:
        """Yield the records of all windows that are open, because the capture is over."""
        yield from self._sum()
        if self._open.height:
            yield self._told(self._open, is_forced=True)
        self._open = pl.DataFrame()

    @property
    def next_conversation(self) -> int:
        """Return the number that the next conversation will have."""
        return self._tracker.next_conversation

    def _sum(self) -> Iterator[pl.DataFrame]:
        if self._n == 0:
            return
        packets = self._tracker.track(self._chunk[: self._n])
        first_number = self.counters.packets
        self.counters.packets += self._n
        self._n = 0
        rows = observed(packets, self._tracker.endpoints, self._settings, first_number)
        self.counters.unobserved_packets += len(packets) - rows["number"].n_unique()
        rows = sampled(rows, self._settings).select(ROW)
        if self._open.height:
            rows = pl.concat([self._open.select(ROW), rows])
        rows = windowed(rows, self._settings)
        over = pl.col("closes_ns") <= self._clock_ns(packets) - OUT_OF_ORDER_NS
        closed, self._open = rows.filter(over), rows.filter(~over)
        if len(self._open) > self._max_open:
            closed = pl.concat([closed, self._close_early()])
        if closed.height:
            yield self._told(closed)
        self._forget(packets)

    def _clock_ns(self, packets: pl.DataFrame) -> int:
        """Return up to when packets have come; a few from the future do not count."""
        times = np.sort(packets["time_ns"].to_numpy())
        return int(times[len(times) - 1 - len(times) // 100])

    def _close_early(self) -> pl.DataFrame:
        """Take the windows that would be over first out of those that are open.

        Those of one conversation that close at one time, as both directions of a biflow do, stay
        together.
        """
        order = ("closes_ns", "conversation")
        last = len(self._open) - self._max_open // 2 - 1
        time_ns, conversation = self._open.select(order).sort(order).row(last)
        is_last = (pl.col("closes_ns") == time_ns) & (pl.col("conversation") <= conversation)
        until = (pl.col("closes_ns") < time_ns) | is_last
        early, self._open = self._open.filter(until), self._open.filter(~until)
        self.counters.closed_early += len(early)
        return early

    def _forget(self, packets: pl.DataFrame) -> None:
        """Forget conversations without an open window, unless they were active just now."""
        if len(self._tracker.endpoints) <= self._max_open // 2:
            return
        recent = packets["conversation"].tail(self._max_open // 8)
        self._tracker.forget_all_but(
            pl.concat([self._open["conversation"], recent]).unique()
            if self._open.height
            else recent.unique()
        )

    def _told(self, rows: pl.DataFrame, *, is_forced: bool = False) -> pl.DataFrame:
        ends = self._tracker.endpoints
        told = logged(rows, ends, self._settings, is_forced=is_forced)
        self.counters.records += len(told)
        return told.sort("closes_ns", "flow_start_nanoseconds", maintain_order=True)
