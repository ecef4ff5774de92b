# SPDX-License-Identifier: Apache-2.0
"""Flow logs of Azure: records of a minute and an interface, in which each tuple is a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Generic, TypeVar

import msgspec

from minewatch.readers.flowlogs.azure_tuples import AzureTuples, FlowTuple, OpenFlows
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_source import DECODE_ERRORS, MAX_IGNORED_KINDS, fault_of
from minewatch.readers.flowlogs.json_values import RowError, shown
from minewatch.readers.flowlogs.row_packing import BLOCK_ROWS, RowPacker
from minewatch.records import Names, RecordArray, RecordCounters

Record = TypeVar("Record")


class AzureSource(ABC, Generic[Record]):
    """One such log.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    decoder : of one record.
    unit_ns : nanoseconds of one in its times.
    open_flows : those of the logs that were read before.
    strict : the first fault raises SourceError.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        decoder: msgspec.json.Decoder[Record],
        unit_ns: int,
        open_flows: OpenFlows,
        *,
        strict: bool,
    ) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._stream = stream
        self._decoder = decoder
        self._strict = strict
        self._documents = JsonDocuments(name, stream, self.counters, strict=strict)
        self._packer = RowPacker(BLOCK_ROWS)
        self._tuples = AzureTuples(self._packer, unit_ns, open_flows)

    @abstractmethod
    def category(self, record: Record) -> str | None:
        """Return what a record tells of if not of flows; None if it does tell of flows.

        Parameters
        ----------
        record : decoded.

        Raises
        ------
        RowError : it lacks what a record of flows has.
        """

    @abstractmethod
    def groups(self, record: Record) -> Iterable[tuple[int, list[str]]]:
        """Yield the tuples of a record, each list with the number of the interface.

        Parameters
        ----------
        record : decoded.
        """

    @abstractmethod
    def parse(self, text: str) -> FlowTuple:
        """Return the fields of a tuple.

        Parameters
        ----------
        text : of the tuple.

        Raises
        ------
        RowError : it has another number of fields.
        """

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks, each valid until the next is asked for.

        Raises
        ------
        SourceError : strict, and something is wrong.
        """
        for number, octets in self._documents.read():
            try:
                record = self._decoder.decode(octets)
                other = self.category(record)
            except DECODE_ERRORS as error:
                self.counters.rows_seen += 1
                self._fault(error, self._documents.place(number))
                continue
            if other is not None:
                self.counters.rows_seen += 1
                self._ignore(other)
                continue
            yield from self._read_record(number, record)
        records = self._block()
        if len(records):
            yield records

    def close(self) -> None:
        """Close the log."""
        self._stream.close()

    def _read_record(self, number: int, record: Record) -> Iterator[RecordArray]:
        place = 0
        for observer, texts in self.groups(record):
            for text in texts:
                place += 1
                self.counters.rows_seen += 1
                try:
                    ignored = self._tuples.take(self.parse(text), observer)
                except RowError as error:
                    self._fault(error, self._place(number, place))
                    continue
                if self._tuples.repaired_unit:
                    self._repair(self._tuples.repaired_unit, self._place(number, place))
                if ignored is not None:
                    self.counters.ignored[ignored] += 1
                elif self._packer.is_full:
                    yield self._block()

    def _place(self, number: int, place: int) -> str:
        return f"{self._documents.place(number)}, tuple {place}"

    def _block(self) -> RecordArray:
        records = self._packer.take()
        self.counters.rows_parsed += len(records)
        if len(records):
            self.counters.sampling[1] += len(records)
        return records

    def _ignore(self, category: str) -> None:
        ignored = self.counters.ignored
        kind = f"category {shown(category)}"
        ignored[kind if kind in ignored or len(ignored) < MAX_IGNORED_KINDS else "other"] += 1

    def _fault(self, error: Exception, place: str) -> None:
        reason, cure = fault_of(error)
        self.counters.fault(reason, place, cure, strict=self._strict)

    def _repair(self, what: str, place: str) -> None:
        self.counters.repair(what, place, "they were read as such", strict=self._strict)
