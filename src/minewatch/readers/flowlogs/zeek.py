# SPDX-License-Identifier: Apache-2.0
"""Zeek's ``conn.log``, in columns or as JSON, with the names of ``ssl.log`` and ``dns.log``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from minewatch.errors import SourceError
from minewatch.readers.flowlogs.delimited import Lines
from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_rows import JsonRows
from minewatch.readers.flowlogs.row_faults import RowFaults
from minewatch.readers.flowlogs.settled import settled
from minewatch.readers.flowlogs.text_blocks import TextBlocks
from minewatch.readers.flowlogs.zeek_conn import CONN_FIELDS, NEEDED, conn_records
from minewatch.readers.flowlogs.zeek_heads import CONN, JSON, OTHER, zeek_log
from minewatch.readers.flowlogs.zeek_names import HEAD_OCTETS, ZeekNames
from minewatch.readers.flowlogs.zeek_tsv import ZeekTsv
from minewatch.readers.unpack import with_head
from minewatch.records import Names, RecordArray, RecordCounters


class ZeekFormat:
    """Tells and opens ``conn.log``; other logs of Zeek are known, and refused by themselves."""

    name = "zeek"
    title = "Zeek conn.log"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is a log of Zeek.

        Parameters
        ----------
        head : first octets, unpacked.
        """
        return zeek_log(head) is not None

    def is_beside(self, path: str, head: bytes) -> bool:
        """Return whether this is a log of Zeek that tells of no flows by itself.

        Parameters
        ----------
        path : where it lies.
        head : first octets, unpacked.
        """
        found = zeek_log(head)
        return found is not None and found.path not in (CONN, "")

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> ZeekSource:
        """Return a source that reads the log, and the logs beside it, and closes it.

        Parameters
        ----------
        name : what the user called it.
        path : where it lies; ``-`` for standard input.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : it is not ``conn.log``.
        """
        head, whole = with_head(stream, HEAD_OCTETS)
        found = zeek_log(head)
        if found is None:
            raise SourceError(
                name, "no log of Zeek: neither a #fields line nor JSON with id.orig_h"
            )
        if found.path not in (CONN, ""):
            which = "another log" if found.path == OTHER else f"{found.path}.log"
            raise SourceError(
                name, f"{which} of Zeek tells of no flows; give the conn.log beside it"
            )
        return ZeekSource(name, path, whole, is_json=found.encoding == JSON, strict=strict)


class ZeekSource:
    """The records of one ``conn.log``.

    Parameters
    ----------
    name : what the user called it.
    path : where it lies.
    stream : unpacked, at its start.
    is_json : one document a line, else columns.
    strict : the first fault raises SourceError.
    """

    def __init__(
        self, name: str, path: str, stream: BinaryIO, *, is_json: bool, strict: bool
    ) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self._beside = ZeekNames(path, self.names, self.counters, strict=strict)
        self._stream = stream
        self._is_json = is_json
        self._strict = strict
        self._place: Callable[[int], str] = lambda line: f"{name}:{line}"

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : a column is missing; or strict, and something is wrong.
        """
        self._beside.read()
        for lines in self._json_rows() if self._is_json else self._tsv_rows():
            faults = RowFaults(lines.numbers, self._place)
            records = conn_records(lines.frame, faults, is_json=self._is_json)
            records["server_name"] = self._beside.server_names(lines.frame["uid"])
            yield from settled(records, faults, self.counters, strict=self._strict)

    def close(self) -> None:
        """Close what it reads from."""
        self._stream.close()

    def _tsv_rows(self) -> Iterator[Lines]:
        blocks = TextBlocks(self.name, self._stream, self.counters, strict=self._strict)
        return ZeekTsv(
            self.name,
            CONN,
            blocks,
            list(CONN_FIELDS),
            NEEDED,
            self.counters,
            strict=self._strict,
        ).read()

    def _json_rows(self) -> Iterator[Lines]:
        documents = JsonDocuments(self.name, self._stream, self.counters, strict=self._strict)
        self._place = documents.place
        return JsonRows(
            documents, self.counters, CONN_FIELDS, strict=self._strict, prepare=_with_seconds
        ).read()


def _with_seconds(row: Any) -> None:
    """Put a time that is text in seconds; without a zone it is UTC, as Zeek writes it."""
    if isinstance(row.m_ts, str):
        time = datetime.fromisoformat(row.m_ts)
        time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        row.m_ts = time.timestamp()
