# SPDX-License-Identifier: Apache-2.0
"""The metering process: packet batches in, flow tables out, memory bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from minewatch import schema
from minewatch.metering import biflow, eviction, kernel, saving, side, standing
from minewatch.metering import state as st
from minewatch.metering.tables import PacketTable, PayloadTable
from minewatch.types import BoolArray, FlowTable, Int64Array, PacketBatch

MOST_LOOKED_AT: Final = st.MAX_ENDED
"""Biflows at most that are looked at together: as many as are handed out together."""
_NS: Final = 1_000_000_000
_FLOW_TYPES: Final = schema.polars_schema(schema.FLOW)
_NULLABLE: Final = frozenset(
    name for name in st.RECORD_COLUMNS if name.endswith("_ip_total_length")
)


def flow_table(records: Int64Array) -> FlowTable:
    """Return interval records of the kernel as a table in the columns of ``schema.FLOW``."""
    columns = {}
    for word, name in enumerate(st.RECORD_COLUMNS):
        # A copy even of a single record: polars would go on reading the kernel's own memory.
        values = records[:, word].copy()
        dtype = _FLOW_TYPES[name]
        if dtype == pl.UInt64:
            columns[name] = pl.Series(name, values.view(np.uint64))
        else:
            columns[name] = pl.Series(name, values).cast(dtype)
    table = pl.DataFrame(columns).select(list(_FLOW_TYPES))
    return table.with_columns(
        pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name) for name in sorted(_NULLABLE)
    )


@dataclass(frozen=True, slots=True)
class DnsLog:
    """DNS responses that carried answers, as the metering kept them (bounded)."""

    octets: bytes
    records: Int64Array
    """Time, offset and length of each, shape (n, 3)."""

    def messages(self) -> Iterator[bytes]:
        """Yield each response."""
        for _, offset, length in self.records.tolist():
            yield self.octets[offset : offset + length]


class SideData:
    """What flow records cannot hold, of some biflows: their payload packets and kept payload.

    Parameters
    ----------
    pools : the memory of the metering process.
    rows : those of the biflows.
    """

    def __init__(self, pools: st.Pools, rows: Int64Array) -> None:
        self._pools = pools
        self._rows = rows
        self.flow_ids: Int64Array = pools.rows[rows, st.FLOW_ID]
        """Of the biflows, shape (n,)."""

    def __len__(self) -> int:
        """Return how many biflows these are."""
        return len(self._rows)

    def _wanted(self, flow_ids: Int64Array) -> Int64Array:
        rows: Int64Array = self._rows[np.isin(self.flow_ids, flow_ids)]
        return rows

    def packets(self, flow_ids: Int64Array) -> PacketTable:
        """Return the payload packets of biflows, by flow_id."""
        wanted = self._wanted(flow_ids)
        counts = self._pools.rows[wanted, st.SERIES_COUNT]
        first = np.minimum(counts, st.FIRST_PACKETS)
        stops = np.cumsum(first + np.clip(counts - st.FIRST_PACKETS, 0, st.LATEST_PACKETS))
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        total = int(stops[-1]) if len(stops) else 0
        time_ns, octets = np.empty(total, np.int64), np.empty(total, np.int64)
        from_initiator = np.empty(total, np.uint8)
        side.fetch_series(self._pools, wanted, starts, time_ns, octets, from_initiator)
        ids = self._pools.rows[wanted, st.FLOW_ID].tolist()
        return PacketTable(ids, stops, first, time_ns, octets, from_initiator.astype(np.bool_))

    def payloads(self, flow_ids: Int64Array, packets: PacketTable) -> PayloadTable:
        """Return the kept payload of biflows, by flow_id."""
        wanted = self._wanted(flow_ids)
        blocks = int(self._pools.rows[wanted, st.PAYLOAD_BLOCKS].sum())
        segments = np.empty((blocks, 7), np.int64)
        octets = np.empty(blocks * st.BLOCK_OCTETS, np.uint8)
        n, used = side.fetch_payload(self._pools, wanted, segments, octets)
        ids = self._pools.rows[wanted, st.FLOW_ID].tolist()
        protocols = (self._pools.rows[wanted, st.KEY_TAIL] & 0xFF).tolist()
        return PayloadTable(ids, protocols, segments[:n], octets[:used].tobytes(), packets)


class MeterOutput(SideData):
    """What the metering process hands out at a time.

    The side data of ended biflows can be fetched until the next output is asked for; after
    that their memory is used again.
    """

    def __init__(self, pools: st.Pools, is_last: bool) -> None:
        n_records, n_ended = pools.counts[st.N_RECORDS], pools.counts[st.N_ENDED]
        super().__init__(pools, pools.ended[:n_ended].copy())
        self.is_last = is_last
        self.flows: FlowTable = flow_table(pools.records[:n_records])
        """Interval records, finished since the last output."""
        self.ended: Int64Array = self.flow_ids
        """``flow_id`` of the biflows that ended, shape (n_ended,)."""


class StandingBiflows(SideData):
    """Biflows that were not handed out yet, as they stand; valid until metering goes on.

    Parameters
    ----------
    pools : the memory of the metering process.
    rows : those of the biflows.
    """

    def __init__(self, pools: st.Pools, rows: Int64Array) -> None:
        super().__init__(pools, rows)
        waiting = pools.records[: pools.counts[st.N_RECORDS]]
        self.has_ended: BoolArray = (pools.rows[rows, st.STATUS] & st.ENDED) != 0
        """Which of them will have no more packets, shape (n,)."""
        is_open = rows[~self.has_ended]
        now = np.zeros((len(is_open), st.RECORD_WORDS), np.int64)
        copies = pools._replace(
            rows=pools.rows[is_open], records=now, counts=np.zeros(st.N_COUNTS, np.int64)
        )
        standing.write_standing(copies, len(is_open), biflow.FORCED)
        waiting = waiting[np.isin(waiting[:, 0], self.flow_ids)]
        self.flows: FlowTable = flow_table(np.concatenate([waiting, now]))
        """Interval records not handed out yet, the last ones as if the input were over."""

    def keep(self, flow_ids: Int64Array) -> None:
        """Let these be the last to end when memory is full, and the others of them not."""
        is_suspect = np.isin(self.flow_ids, flow_ids).astype(np.int64)
        standing.mark_suspects(self._pools.rows, self._rows, is_suspect)


@dataclass(slots=True)
class MeterCounters:
    """What the metering process saw and could not do."""

    biflows: int = 0
    out_of_order_packets: int = 0
    payload_dropped_octets: int = 0
    """Payload that was not kept because the limit of all biflows was reached."""
    evicted_biflows: int = 0
    """Ended early because a limit was reached."""
    evicted_by_rank: dict[str, int] = field(default_factory=dict)
    """The same by what they told of mining: see ``eviction.RANKS``."""


class Meter:
    """Turns packet batches into interval biflow records.

    Parameters
    ----------
    options : time-outs and limits.

    Notes
    -----
    The same packets give the same records whatever the batches; only their order may differ.
    """

    def __init__(self, options: st.MeteringOptions) -> None:
        self.options = options
        self.counters = MeterCounters()
        self._pools = st.new_pools(options)
        self._params = np.zeros(biflow.N_PARAMETERS, np.int64)
        self._params[biflow.Q_INTERVAL] = int(options.interval_s * _NS)
        self._params[biflow.Q_IDLE] = int(options.idle_timeout_s * _NS)
        self._params[biflow.Q_CONVERSATION] = int(
            max(options.conversation_timeout_s, options.idle_timeout_s) * _NS
        )
        self._params[biflow.Q_LINGER] = int(options.closed_linger_s * _NS)
        self._params[biflow.Q_KEEP] = options.keep_packets

    def feed(
        self, batch: PacketBatch, start: int = 0, stop: int | None = None
    ) -> Iterator[MeterOutput]:
        """Meter a batch, or a part of its packets; yield an output whenever one is full."""
        done = start
        stop = batch.n_packets if stop is None else stop
        counts = self._pools.counts
        while True:
            done = kernel.meter_packets(
                batch.columns, batch.data, done, stop, self._pools, self._params
            )
            if done == stop:
                break
            if kernel.is_sweep_due(counts):
                yield from self._sweep(int(counts[st.CLOCK_NS]), self._params, 0)
                counts[st.SWEPT_NS] = counts[st.CLOCK_NS]
                counts[st.SWEPT_PACKETS] = counts[st.N_PACKETS]
            else:
                yield from self._make_room()

    def finish(self) -> Iterator[MeterOutput]:
        """End every biflow, because the input is over; yield what is left."""
        yield from self._sweep(int(self._pools.counts[st.CLOCK_NS]), self._params, 0)
        yield from self._sweep(-1, self._params, biflow.FORCED)
        yield from self._output(is_last=True)

    def due_biflows(
        self, before_ns: int, now_ns: int, ages_ns: Int64Array, least_packets: int
    ) -> Iterator[StandingBiflows]:
        """Yield the biflows that are due for a look, see ``standing``, at most so many at a time.

        Open ones are by their age, and those that have ended once, if they were not handed out.
        """
        rows = np.empty(len(self._pools.rows), np.int64)
        n = standing.find_due(self._pools, before_ns, now_ns, ages_ns, least_packets, rows)
        ended = np.empty(len(self._pools.ended), np.int64)
        start = int(self._pools.counts[st.N_LOOKED])
        m = standing.find_ended(self._pools, start, least_packets, ended)
        self._pools.counts[st.N_LOOKED] = self._pools.counts[st.N_ENDED]
        due = np.concatenate([rows[:n], ended[:m]])
        for at in range(0, len(due), MOST_LOOKED_AT):
            yield StandingBiflows(self._pools, due[at : at + MOST_LOOKED_AT])

    def set_back(self, now_ns: int) -> Iterator[MeterOutput]:
        """Let the clock show ``now_ns``, because what stamps the packets was set back.

        Biflows that began later than that end: nobody would look at them before that time comes
        again. What goes on becomes a biflow that begins now.
        """
        counts, rows = self._pools.counts, self._pools.rows[: self._pools.counts[st.N_ROWS]]
        counts[st.CLOCK_NS] = now_ns
        counts[st.SWEPT_NS] = min(int(counts[st.SWEPT_NS]), now_ns)
        is_open = (rows[:, st.STATUS] != st.FREE) & (rows[:, st.STATUS] & st.ENDED == 0)
        yield from self._end(
            np.flatnonzero(is_open & (rows[:, st.START_NS] > now_ns)), biflow.FORCED
        )

    def counted(self) -> MeterCounters:
        """Return the counters as they are now, and not as they were at the last output."""
        counts = self._pools.counts
        self.counters.biflows = int(counts[st.N_FLOWS])
        self.counters.out_of_order_packets = int(counts[st.OUT_OF_ORDER])
        self.counters.payload_dropped_octets = int(counts[st.PAYLOAD_DROPPED])
        return self.counters

    def open_and_room(self) -> tuple[int, int]:
        """Return how many biflows are open, and how many may be at most."""
        return int(self._pools.counts[st.N_LIVE]), self.options.max_biflows

    def save(self) -> dict[str, np.ndarray]:
        """Return copies of all that ``restore`` needs."""
        return saving.saved(self._pools)

    def restore(self, arrays: saving.Arrays, seed: int) -> None:
        """Go on where ``save`` was called, in a process with the same options.

        Raises
        ------
        ValueError : the arrays do not fit together.
        """
        pools = saving.restored(arrays, self.options, seed)
        rows = arrays["row_numbers"]
        try:
            flow_table(pools.records[: pools.counts[st.N_RECORDS]])
            for at in range(0, len(rows), MOST_LOOKED_AT):
                StandingBiflows(pools, rows[at : at + MOST_LOOKED_AT])
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"records that no packets make: {error}") from error
        self._pools = pools

    def dns_log(self) -> DnsLog:
        """Return the DNS responses kept so far."""
        counts = self._pools.counts
        return DnsLog(
            self._pools.dns[: counts[st.DNS_USED]].tobytes(),
            self._pools.dns_records[: counts[st.DNS_COUNT]].copy(),
        )

    def _output(self, is_last: bool = False) -> Iterator[MeterOutput]:
        counts = self._pools.counts
        self.counted()
        if counts[st.N_RECORDS] or counts[st.N_ENDED] or is_last:
            yield MeterOutput(self._pools, is_last)
            counts[st.N_RECORDS] = 0
            side.release_ended(self._pools)

    def _sweep(self, now_ns: int, params: Int64Array, reason: int) -> Iterator[MeterOutput]:
        while not kernel.sweep(self._pools, params, now_ns, reason):
            yield from self._output()

    def _make_room(self) -> Iterator[MeterOutput]:
        pools, counts = self._pools, self._pools.counts
        if counts[st.N_ENDED] or counts[st.N_RECORDS] > len(pools.records) // 2:
            yield from self._output()
        if not counts[st.N_FREE_ROWS] and counts[st.N_ROWS] == len(pools.rows):
            if len(pools.rows) < self.options.max_biflows:
                self._grow_rows()
            else:
                yield from self._evict(eviction.ANY)
        if not counts[st.N_FREE_SERIES] and counts[st.N_SERIES] == len(pools.series):
            if len(pools.series) < self.options.max_chunks:
                self._grow("series", "free_series", self.options.max_chunks)
            else:
                yield from self._evict(eviction.WITH_SERIES)
        if not counts[st.N_FREE_LATEST] and counts[st.N_LATEST] == len(pools.latest):
            if len(pools.latest) < self.options.max_rings:
                self._grow("latest", "free_latest", self.options.max_rings)
            else:
                yield from self._evict(eviction.WITH_RING)

    def _grow(self, name: str, free: str, most: int) -> None:
        size = min(2 * len(getattr(self._pools, name)), most)
        self._pools = self._pools._replace(
            **{
                name: st.grown(getattr(self._pools, name), size),
                free: st.grown(getattr(self._pools, free), size),
            }
        )

    def _grow_rows(self) -> None:
        self._grow("rows", "free_rows", self.options.max_biflows)
        index = np.zeros(1 << (2 * len(self._pools.rows) - 1).bit_length(), np.int64)
        kernel.rebuild_index(index, self._pools)
        self._pools = self._pools._replace(index=index)

    def _evict(self, holding: int) -> Iterator[MeterOutput]:
        """End what was silent for too long; if that is too little, an eighth of the open biflows.

        Those that tell least go first, see ``eviction``.
        """
        counts = self._pools.counts
        before = int(counts[st.N_LIVE])
        yield from self._sweep(int(counts[st.CLOCK_NS]), self._params, 0)
        yield from self._output()
        if before - counts[st.N_LIVE] >= max(1, before // 8):
            return
        numbers, ranks, last_ns = np.empty((3, len(self._pools.rows)), np.int64)
        n = eviction.rank_rows(self._pools, holding, numbers, ranks, last_ns)
        chosen = np.lexsort((last_ns[:n], ranks[:n]))[: max(1, n // 8)]
        self.counters.evicted_biflows += len(chosen)
        for rank, count in zip(*np.unique(ranks[chosen], return_counts=True), strict=True):
            name = eviction.RANKS[rank]
            told = self.counters.evicted_by_rank
            told[name] = told.get(name, 0) + int(count)
        yield from self._end(numbers[chosen], biflow.NO_RESOURCES)

    def _end(self, rows: Int64Array, reason: int) -> Iterator[MeterOutput]:
        """End open biflows."""
        done = 0
        while done < len(rows):
            done = eviction.end_rows(self._pools, rows, done, reason, self.options.keep_packets)
            yield from self._output()
