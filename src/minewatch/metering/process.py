# SPDX-License-Identifier: Apache-2.0
"""The metering process: packet batches in, flow tables out, memory bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch import schema
from minewatch.metering import biflow, kernel, side
from minewatch.metering import state as st
from minewatch.metering.tables import PacketTable, PayloadTable
from minewatch.types import FlowTable, Int64Array, PacketBatch

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


class MeterOutput:
    """What the metering process hands out at a time.

    The side data of ended biflows can be fetched until the next output is asked for; after
    that their memory is used again.
    """

    def __init__(self, pools: st.Pools, is_last: bool) -> None:
        self._pools = pools
        self.is_last = is_last
        n_records, n_ended = pools.counts[st.N_RECORDS], pools.counts[st.N_ENDED]
        self.flows: FlowTable = flow_table(pools.records[:n_records])
        """Interval records, finished since the last output."""
        self._rows: Int64Array = pools.ended[:n_ended].copy()
        self.ended: Int64Array = pools.rows[self._rows, st.FLOW_ID]
        """``flow_id`` of the biflows that ended, shape (n_ended,)."""

    def _wanted(self, flow_ids: Int64Array) -> Int64Array:
        rows: Int64Array = self._rows[np.isin(self.ended, flow_ids)]
        return rows

    def packets(self, flow_ids: Int64Array) -> PacketTable:
        """Return the payload packets of ended biflows, by flow_id."""
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
        """Return the kept payload of ended biflows, by flow_id."""
        wanted = self._wanted(flow_ids)
        blocks = int(self._pools.rows[wanted, st.PAYLOAD_BLOCKS].sum())
        segments = np.empty((blocks, 7), np.int64)
        octets = np.empty(blocks * st.BLOCK_OCTETS, np.uint8)
        n, used = side.fetch_payload(self._pools, wanted, segments, octets)
        ids = self._pools.rows[wanted, st.FLOW_ID].tolist()
        protocols = (self._pools.rows[wanted, st.KEY_TAIL] & 0xFF).tolist()
        return PayloadTable(ids, protocols, segments[:n], octets[:used].tobytes(), packets)


@dataclass(slots=True)
class MeterCounters:
    """What the metering process saw and could not do."""

    biflows: int = 0
    out_of_order_packets: int = 0
    payload_dropped_octets: int = 0
    """Payload that was not kept because the limit of all biflows was reached."""
    evicted_biflows: int = 0
    """Ended early because ``max_biflows`` was reached."""


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

    def feed(self, batch: PacketBatch) -> Iterator[MeterOutput]:
        """Meter a batch; yield an output whenever one is full."""
        done = 0
        counts = self._pools.counts
        while True:
            done = kernel.meter_packets(
                batch.columns, batch.data, done, batch.n_packets, self._pools, self._params
            )
            if done == batch.n_packets:
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

    def dns_log(self) -> DnsLog:
        """Return the DNS responses kept so far."""
        counts = self._pools.counts
        return DnsLog(
            self._pools.dns[: counts[st.DNS_USED]].tobytes(),
            self._pools.dns_records[: counts[st.DNS_COUNT]].copy(),
        )

    def _output(self, is_last: bool = False) -> Iterator[MeterOutput]:
        counts = self._pools.counts
        self.counters.biflows = int(counts[st.N_FLOWS])
        self.counters.out_of_order_packets = int(counts[st.OUT_OF_ORDER])
        self.counters.payload_dropped_octets = int(counts[st.PAYLOAD_DROPPED])
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
                yield from self._evict()
        if not counts[st.N_FREE_SERIES] and counts[st.N_SERIES] == len(pools.series):
            self._grow("series", "free_series", 2 * len(pools.series))
        if not counts[st.N_FREE_LATEST] and counts[st.N_LATEST] == len(pools.latest):
            self._grow("latest", "free_latest", 2 * len(pools.latest))

    def _grow(self, name: str, free: str, size: int) -> None:
        self._pools = self._pools._replace(
            **{
                name: st.grown(getattr(self._pools, name), size),
                free: st.grown(getattr(self._pools, free), size),
            }
        )

    def _grow_rows(self) -> None:
        size = min(2 * len(self._pools.rows), self.options.max_biflows)
        self._grow("rows", "free_rows", size)
        index = np.zeros(1 << (2 * size - 1).bit_length(), np.int64)
        kernel.rebuild_index(index, self._pools)
        self._pools = self._pools._replace(index=index)

    def _evict(self) -> Iterator[MeterOutput]:
        """End the longest silent biflows until an eighth of the rows is free."""
        counts = self._pools.counts
        before = int(counts[st.N_LIVE])
        params = self._params.copy()
        for _ in range(64):
            for timeout in (biflow.Q_IDLE, biflow.Q_CONVERSATION, biflow.Q_LINGER):
                params[timeout] //= 2
            yield from self._sweep(int(counts[st.CLOCK_NS]), params, biflow.NO_RESOURCES)
            yield from self._output()
            if counts[st.N_FREE_ROWS] >= len(self._pools.rows) // 8:
                break
        else:
            # All of them had a packet just now: nothing is left but to end them all.
            yield from self._sweep(-1, params, biflow.NO_RESOURCES)
            yield from self._output()
        self.counters.evicted_biflows += before - int(counts[st.N_LIVE])
