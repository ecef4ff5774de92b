# SPDX-License-Identifier: Apache-2.0
"""Watches packets: meters them, judges conversations while they last, and says what to tell.

Time is the data's, so that a replay and a live run tell the same alerts whatever the batches are.
A clock of the data strikes every few seconds, always before the same packet. At each strike those
conversations are judged that have reached one of a few ages since the last, or have ended. The last
word on each is spoken when the metering process hands it out, together with the others that a scan
judges it with (some detectors compare conversations), so that at the end of a capture the alerts
are those of a scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.alert import Alert
from minewatch.alerts.grouping import AlertBook
from minewatch.allow.entries import Known
from minewatch.conversations import ConversationBuilder
from minewatch.metering import ticks
from minewatch.metering.process import Meter, MeterOutput
from minewatch.pipeline import ConversationChunk, as_chunk, count_gated
from minewatch.scanning import ScannedChunk, ScanOptions, ScanReport, Scorer, gated_verdict
from minewatch.types import BoolArray, Int64Array, PacketBatch, Verdict
from minewatch.watching.findings import findings_of
from minewatch.watching.options import WatchOptions

_NS: Final = 1_000_000_000


@dataclass(slots=True)
class WatchCounters:
    """What a watch did so far."""

    packets: int = 0
    strikes: int = 0
    """Times that the clock of the data struck."""
    looks: int = 0
    """Conversations that were judged before the last word on them, each time counted."""
    gated: dict[str, int] = field(default_factory=dict)
    """Conversations that ended, by gate reason."""
    tellings: int = 0


class Watch:
    """Everything that is known of the watched traffic.

    Parameters
    ----------
    source : what the user called what is watched.
    scan : how conversations are made and judged.
    options : how often, and how much is kept.
    """

    def __init__(self, source: str, scan: ScanOptions, options: WatchOptions | None = None) -> None:
        self.scan = scan
        self.options = options or WatchOptions()
        self.meter = Meter(scan.pipeline.metering)
        self.builder = ConversationBuilder(scan.pipeline.home, self.options.most_records)
        self.book = AlertBook(source, self.options.most_alert_octets)
        self.counters = WatchCounters()
        self.report: ScanReport[Any] = ScanReport(None)
        """What plug-ins could not do."""
        self.clock = np.zeros(ticks.N_WORDS, np.int64)
        self.clock[ticks.TICK_NS] = int(self.options.tick_s * _NS)
        self.clock[ticks.NOW_NS] = ticks.UNSET
        self.looked_ns = ticks.UNSET
        """Time of the last strike."""
        self._ages = np.array([age * _NS for age in self.options.ages_s], np.int64)
        self._scorer = Scorer(scan)

    @property
    def now_ns(self) -> int:
        """Return the data's time; ``ticks.UNSET`` before the first packet."""
        return int(self.clock[ticks.NOW_NS])

    @property
    def taken(self) -> int:
        """Return how many packets were taken in."""
        return self.counters.packets

    @staticmethod
    def size_of(batch: PacketBatch) -> int:
        """Return how many packets a batch holds.

        Parameters
        ----------
        batch : that ``feed`` takes.
        """
        return batch.n_packets

    def know(self, known: Known | None) -> None:
        """Use another list of what may mine from now on.

        Parameters
        ----------
        known : what the user knows of the network.
        """
        self.scan = replace(self.scan, known=known)
        self._scorer = Scorer(self.scan)

    def feed(self, batch: PacketBatch, start: int = 0) -> Iterator[list[Alert]]:
        """Take in packets; yield what is to be told each time that the clock strikes.

        Parameters
        ----------
        batch : any number of packets.
        start : the first of them that was not taken in before.
        """
        at, n = start, batch.n_packets
        while at < n:
            stop = ticks.until_strike(batch.columns, at, n, self.clock)
            for output in self.meter.feed(batch, at, stop):
                self._end(output)
            self.counters.packets += stop - at
            at = stop
            if stop < n:
                yield self._strike()

    def advance(self, now_ns: int) -> list[Alert]:
        """Let time pass without packets; return what is to be told.

        Parameters
        ----------
        now_ns : what the clock that stamps the packets says.
        """
        if self.now_ns == ticks.UNSET or now_ns < self.clock[ticks.NEXT_NS]:
            return []
        self.clock[ticks.NOW_NS] = now_ns
        return self._strike()

    def finish(self) -> list[Alert]:
        """End every conversation, because the input is over; return what is still to be told."""
        for output in self.meter.finish():
            self._end(output)
        alerts = self.book.settle(self.now_ns)
        self.counters.tellings += len(alerts)
        return alerts

    def _strike(self) -> list[Alert]:
        set_back = self.clock[ticks.SET_BACK]
        now_ns = ticks.strike(self.clock)
        self.counters.strikes += 1
        if set_back:
            self.clock[ticks.SET_BACK] = 0
            for output in self.meter.set_back(now_ns):
                self._end(output)
            self.book.set_back(now_ns)
            self.looked_ns = now_ns
        self._look(now_ns)
        alerts = self.book.tell(now_ns)
        self.counters.tellings += len(alerts)
        return alerts

    def _look(self, now_ns: int) -> None:
        """Judge what has reached one of the ages, and what has ended and was not handed out yet."""
        before_ns, self.looked_ns = self.looked_ns, now_ns
        if before_ns == ticks.UNSET:
            return
        suspect_from = min(self.options.suspect_from, self.scan.threshold)
        least = gate.MIN_PAYLOAD_PACKETS
        for due in self.meter.due_biflows(before_ns, now_ns, self._ages, least):
            chunk = as_chunk(*self.builder.standing(due.flows), due, self.meter)
            scanned = self._judge(chunk, due.flow_ids, due.has_ended, are_final=False)
            self.counters.looks += len(scanned.conversations)
            due.keep(_ids(scanned)[scanned.probability >= suspect_from])

    def _end(self, output: MeterOutput) -> None:
        """Judge the conversations that are handed out, as a scan does."""
        ended, intervals = self.builder.add(output.flows, output.ended)
        chunk = as_chunk(ended, intervals, output, self.meter)
        count_gated(chunk, self.counters.gated)
        are_over = np.ones(len(output.ended), np.bool_)
        self._judge(chunk, output.ended, are_over, are_final=True)

    def _judge(
        self,
        chunk: ConversationChunk,
        flow_ids: Int64Array,
        has_ended: BoolArray,
        *,
        are_final: bool,
    ) -> ScannedChunk:
        """Score conversations and take what is found of them into the book.

        Parameters
        ----------
        chunk : of the conversations ``flow_ids``.
        flow_ids : all of them, those that the gate stopped too.
        has_ended : which of all will have no more packets.
        are_final : this is the last word on them.
        """
        scanned = self._scorer.score(chunk, self.report)
        ids = _ids(scanned)
        follows = self.book.follows
        wanted = scanned.is_mining | np.fromiter(map(follows, ids.tolist()), np.bool_, len(ids))
        are_over = np.isin(ids, flow_ids[has_ended])
        for found in findings_of(scanned, wanted, are_over, are_final=are_final):
            self.book.add(found)
        for at in np.flatnonzero(~np.isin(flow_ids, ids)).tolist():
            if follows(int(flow_ids[at])):
                verdict = self._gated(chunk, int(flow_ids[at]))
                self.book.dismiss(verdict, has_ended=bool(has_ended[at]), is_final=are_final)
        return scanned

    def _gated(self, chunk: ConversationChunk, flow_id: int) -> Verdict:
        """What there is to say of a conversation that the gate stopped."""
        row = chunk.everything.row(by_predicate=pl.col("flow_id") == flow_id, named=True)
        names = [detector.name for detector in self.scan.detectors]
        return gated_verdict(flow_id, row["gate_reason"], self.scan.fusion, names)


def _ids(scanned: ScannedChunk) -> Int64Array:
    return scanned.conversations.frame.get_column("flow_id").to_numpy().astype(np.int64)
