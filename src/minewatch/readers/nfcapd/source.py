# SPDX-License-Identifier: Apache-2.0
"""Reads the files that nfdump's collectors write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from minewatch.metering.nfcapd import R_OFFSET, R_SIZE, R_TYPE, ROW_WORDS, find_records
from minewatch.readers.flowlogs.damage import note_damage
from minewatch.readers.flowlogs.settled import sampling_of
from minewatch.readers.netflow.out_counts import OutCounts
from minewatch.readers.nfcapd import elements, maps
from minewatch.readers.nfcapd.compression import MAX_BLOCK_OCTETS
from minewatch.readers.nfcapd.exporters import (
    EXPORTER,
    MAX_EXPORTERS,
    OLD_SAMPLER,
    SAMPLER,
    Exporters,
)
from minewatch.readers.nfcapd.file import MAGIC, RECORD_BLOCKS, Block, NfcapdFile
from minewatch.readers.nfcapd.flows import FAULTS, FLOW, NO_FLOW, FlowArray, check, records_of
from minewatch.records import RECORD, Names, RecordArray, RecordCounters
from minewatch.types import BoolArray, Int64Array

_MIN_RECORD: Final = 4
_SWAPPED: Final = (b"\xa5\x0c\x00\x01", b"\xa5\x0c\x00\x02")
_FLOW_TYPES: Final = (elements.RECORD_TYPE, maps.RECORD_TYPE, maps.OLD_RECORD_TYPE)
_TEACHING: Final = (maps.MAP_TYPE, EXPORTER, OLD_SAMPLER, SAMPLER)
MAX_TEACHING: Final = 1 << 14
"""Maps and exporters that one block may have; each parts the flows before it from those after."""
NO_FLOW_RECORD: Final = "exporter, map or statistics"
"""Reason for which a record of another kind is ignored."""


class NfcapdFormat:
    """Files of nfcapd, sfcapd and nfpcapd, of nfdump 1.6 and 1.7."""

    name: Final = "nfcapd"
    title: Final = "nfdump's nfcapd files"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is of this kind.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return (head[:2] == MAGIC and head[3:4] == b"\0") or head[:4] in _SWAPPED

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> NfcapdSource:
        """Return a source that reads ``stream`` from its start, and closes it.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : another layout, byte order or compression than those that are read.
        """
        return NfcapdSource(name, stream, strict=strict)


class NfcapdSource:
    """The records of one file.

    Parameters
    ----------
    name : what the user called it.
    stream : the file, at its start.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : another layout, byte order or compression than those that are read.
    """

    def __init__(self, name: str, stream: BinaryIO, *, strict: bool) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._file = NfcapdFile(name, stream)
        self._strict = strict
        self._exporters = Exporters()
        self._maps = maps.ExtensionMaps()
        self._out = OutCounts(MAX_EXPORTERS)
        self._n_unknown_rate = 0
        self._file.read_head()

    def read(self) -> Iterator[RecordArray]:
        """Yield the records of one block after the other.

        Raises
        ------
        SourceError : a fault, if strict.
        """
        for block in self._file.blocks():
            self.counters.octets_read = self._file.octets_read
            records = self._read_block(block)
            if records.size:
                yield records
        self.counters.octets_read = self._file.octets_read
        for damage in self._file.notes:
            note_damage(damage, self.name, self.counters, strict=self._strict)
        if self._n_unknown_rate:
            self.counters.notes.append(
                f"{self._n_unknown_rate} records were scaled by a sampling rate that "
                "the file does not tell; they count as if nothing was sampled"
            )

    def close(self) -> None:
        """Close the file."""
        self._file.stream.close()

    def _read_block(self, block: Block) -> RecordArray:
        """Return the records of a block, and count all its rows."""
        if block.damage:
            n = min(max(block.records, 1), MAX_BLOCK_OCTETS // _MIN_RECORD)
            self._fault(block.damage, block, 0, "fetch the file again", n)
            return np.empty(0, RECORD)
        if block.kind not in RECORD_BLOCKS:
            self.counters.rows_seen += block.records
            self.counters.ignored[f"block of type {block.kind}"] += block.records
            return np.empty(0, RECORD)
        # A head that lies makes no room for more records than there are octets.
        wanted = min(block.records, block.octets.size // _MIN_RECORD)
        rows = np.empty((wanted, ROW_WORDS), np.int64)
        n, end = find_records(block.octets, rows)
        rows = rows[:n]
        if n < block.records:
            self._fault(
                "the file ends in it" if block.is_cut else "does not fit into its block",
                *(block, n, "fetch the file again, or look at it with nfdump -v"),
                min(block.records, wanted + 1) - n,
            )
        elif end < block.octets.size:
            self.counters.notes.append(
                f"block {block.number} has {block.octets.size - end} octets after its last record"
            )
        return self._read_rows(block, rows)

    def _read_rows(self, block: Block, rows: Int64Array) -> RecordArray:
        """Return the flows' records; maps and exporters count from where they stand."""
        self.counters.rows_seen += rows.shape[0]
        is_flow = np.isin(rows[:, R_TYPE], _FLOW_TYPES)
        teaching = np.flatnonzero(np.isin(rows[:, R_TYPE], _TEACHING))
        n_others = int(rows.shape[0] - np.count_nonzero(is_flow) - teaching.size)
        if n_others:
            self.counters.ignored[NO_FLOW_RECORD] += n_others
        if teaching.size > MAX_TEACHING:
            n = int(teaching.size - MAX_TEACHING)
            teaching = teaching[:MAX_TEACHING]
            self.counters.rows_seen -= n
            cure = f"the file is damaged: no collector writes more than {MAX_TEACHING}"
            self._fault("too many maps and exporters", block, int(teaching[-1]), cure, n)
        parts = []
        begin = 0
        for at in [*teaching.tolist(), rows.shape[0]]:
            flows = np.flatnonzero(is_flow[begin:at]) + begin
            if flows.size:
                parts.append(self._read_flows(block, rows, flows))
            if at < rows.shape[0]:
                self._learn(block, rows, at)
            begin = at + 1
        return np.concatenate(parts) if parts else np.empty(0, RECORD)

    def _learn(self, block: Block, rows: Int64Array, at: int) -> None:
        offset, kind, size = (int(rows[at, word]) for word in (R_OFFSET, R_TYPE, R_SIZE))
        record = block.octets[offset : offset + size].tobytes()
        is_map = kind == maps.MAP_TYPE
        if self._maps.learn(record) if is_map else self._exporters.learn(kind, record):
            self.counters.ignored[NO_FLOW_RECORD] += 1
        else:
            reason = "extension map is damaged" if is_map else "exporter's record is damaged"
            self.counters.rows_seen -= 1
            self._fault(reason, block, at, "fetch the file again", 1)

    def _read_flows(self, block: Block, rows: Int64Array, at: Int64Array) -> RecordArray:
        """Return the records of the rows at ``at``, which are flows."""
        flows = np.zeros(at.size, FLOW)
        is_sound = np.zeros(at.size, bool)
        is_new = rows[at, R_TYPE] == elements.RECORD_TYPE
        for chosen, read in (
            (np.flatnonzero(is_new), elements.read_elements),
            (np.flatnonzero(~is_new), self._maps.read),
        ):
            if chosen.size:
                flows[chosen], is_sound[chosen] = read(block.octets, rows[at[chosen]])
        self.counters.rows_seen -= at.size
        self._fault_rows(
            "its parts do not fit it, or have no map", block, at, ~is_sound, "fetch the file again"
        )
        return self._records(block, at[is_sound], flows[is_sound])

    def _records(self, block: Block, at: Int64Array, flows: FlowArray) -> RecordArray:
        faults, is_empty = check(flows)
        is_good = ~is_empty
        for reason, cure in FAULTS.items():
            self._fault_rows(reason, block, at, faults[reason], cure)
            is_good &= ~faults[reason]
        n_empty = int(np.count_nonzero(is_empty))
        self.counters.rows_seen += n_empty
        if n_empty:
            self.counters.ignored[NO_FLOW] += n_empty
        records, n_unknown = records_of(flows[is_good], self._exporters, self._out)
        self._n_unknown_rate += n_unknown
        self.counters.rows_seen += records.size
        self.counters.rows_parsed += records.size
        self.counters.sampling.update(sampling_of(records))
        return records

    def _fault_rows(
        self, reason: str, block: Block, at: Int64Array, is_bad: BoolArray, cure: str
    ) -> None:
        n = int(np.count_nonzero(is_bad))
        if n:
            self._fault(reason, block, int(at[int(np.argmax(is_bad))]), cure, n)

    def _fault(self, reason: str, block: Block, row: int, cure: str, n: int) -> None:
        """Count ``n`` rows of a block, from ``row`` on, that are seen and cannot be used."""
        self.counters.rows_seen += n
        place = f"{self.name}: block {block.number}, record {row + 1}"
        self.counters.fault(reason, place, cure, n, strict=self._strict)
