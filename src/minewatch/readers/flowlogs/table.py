# SPDX-License-Identifier: Apache-2.0
"""Tables of flows that minewatch wrote itself: Parquet, CSV or JSON Lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from minewatch.contracts import FlowSource
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_rows import JsonRows
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.parquet_file import ParquetFile
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import settled
from minewatch.readers.flowlogs.table_columns import (
    FIELDS,
    check_columns,
    is_table,
    needed_columns,
    read_columns,
    record_frame,
    records_from,
    table_records,
)
from minewatch.readers.flowlogs.table_parquet import ParquetTableSource
from minewatch.readers.flowlogs.text_table import TextTableSource, header_of
from minewatch.readers.source import PARQUET_MAGIC
from minewatch.readers.unpack import with_head
from minewatch.records import Names, RecordArray, RecordCounters

__all__ = ["JsonTableSource", "TableFormat", "record_frame", "records_from"]

HEAD_OCTETS: Final = 1 << 16
_FIRST_LINE: Final = re.compile(rb"\s*(\{[^\r\n]*)")
_MEMBER: Final = re.compile(rb'"(\w+)"\s*:')


class TableFormat:
    """Tells and opens what ``minewatch meter`` and ``minewatch collect`` write."""

    name = "minewatch"
    title = "Tables of minewatch"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so has the columns of minewatch.

        Parameters
        ----------
        head : first octets, unpacked; of Parquet those of its footer as well, which has the names.
        """
        if head.startswith(PARQUET_MAGIC):
            return is_table([name for name in FIELDS if name.encode() in head])
        return is_table(_members(head)) or is_table(header_of(head))

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> FlowSource:
        """Return a source that reads the table, and closes it.

        Parameters
        ----------
        name : what the user called it.
        path : where it lies; Parquet that is not packed is read from there.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : a column is missing, or it is of another version.
        """
        head, whole = with_head(stream, HEAD_OCTETS)
        if head.startswith(PARQUET_MAGIC):
            return ParquetTableSource(ParquetFile(name, path, whole), strict=strict)
        members = _members(head)
        if members:
            return JsonTableSource(name, whole, members, strict=strict)
        columns = {column: (column,) for column in FIELDS}
        needed = needed_columns(header_of(head))
        return TextTableSource(name, whole, columns, needed, table_records, strict=strict)


class JsonTableSource:
    """The records of one table in JSON Lines.

    Parameters
    ----------
    name : what the user called it.
    stream : unpacked, at its start.
    columns : members of its first document.
    strict : the first fault raises SourceError.

    Raises
    ------
    SourceError : a column is missing.
    """

    def __init__(
        self, name: str, stream: BinaryIO, columns: tuple[str, ...], *, strict: bool
    ) -> None:
        check_columns(name, columns)
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._stream = stream
        self._strict = strict
        self._known = KnownNames(self.names)
        self._fields = {column: FIELDS[column] for column in read_columns(columns)}

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : strict, and something is wrong.
        """
        documents = JsonDocuments(self.name, self._stream, self.counters, strict=self._strict)
        rows = JsonRows(documents, self.counters, self._fields, strict=self._strict)
        for lines in rows.read():
            faults = RowFaults(lines.numbers, documents.place)
            records = table_records(lines.frame, faults, self._known)
            yield from settled(records, faults, self.counters, strict=self._strict)
        note = self._known.note()
        if note is not None:
            self.counters.notes.append(note)

    def close(self) -> None:
        """Close what it reads from."""
        self._stream.close()


def _members(head: bytes) -> tuple[str, ...]:
    line = _FIRST_LINE.match(head.removeprefix(b"\xef\xbb\xbf"))
    return tuple(member.decode() for member in _MEMBER.findall(line[1])) if line else ()
