# SPDX-License-Identifier: Apache-2.0
"""A log of JSON documents, each of which tells of one flow, of names, or of nothing.

What a document tells is decided one by one; logs of which every document has the same members, and
that are written as columns too, are read with ``json_rows``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import BinaryIO, Final, Generic, TypeVar

import msgspec

from minewatch.readers.flowlogs.json_documents import JsonDocuments
from minewatch.readers.flowlogs.json_values import RowError, shown
from minewatch.readers.flowlogs.known_names import KnownNames
from minewatch.readers.flowlogs.row_packing import RowPacker
from minewatch.readers.flowlogs.settled import sampling_of
from minewatch.records import Names, RecordArray, RecordCounters

Document = TypeVar("Document")

SWAPPED_NS: Final = 10**9
"""Clocks and threads disagree by less; times that lie further apart are wrong."""
MAX_IGNORED_KINDS: Final = 32
_KIND_CHARACTERS: Final = 40
DECODE_ERRORS: Final = (ValueError, RecursionError)
"""What msgspec raises: its own errors and that of bad UTF-8 are ``ValueError``."""


class JsonSource(ABC, Generic[Document]):
    """One such log; a kind of log says by ``take`` what a document means.

    Parameters
    ----------
    name : what the user called the input.
    stream : unpacked.
    decoder : of one document.
    strict : the first fault raises SourceError.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        decoder: msgspec.json.Decoder[Document],
        *,
        strict: bool,
    ) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        self.known = KnownNames(self.names)
        self.packer = RowPacker()
        self._stream = stream
        self._decoder = decoder
        self._strict = strict
        self._documents = JsonDocuments(name, stream, self.counters, strict=strict)
        self._number = 0

    @abstractmethod
    def take(self, document: Document) -> str | None:
        """Add one row to the packer, or return why the document tells of no flow.

        Parameters
        ----------
        document : decoded.

        Raises
        ------
        RowError : it cannot be used; nothing was added.
        """

    def other_kind(self, octets: bytes) -> str | None:
        """Return what a document is that need not be understood, None if it is a fault.

        Parameters
        ----------
        octets : of the document, which could not be decoded.
        """
        return None

    def finish(self, records: RecordArray) -> None:
        """Put right in place what is put right fastest for a whole block.

        Parameters
        ----------
        records : of the block.
        """

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks, each valid until the next is asked for.

        Raises
        ------
        SourceError : strict, and something is wrong.
        """
        counters, decode, take, packer = (
            self.counters,
            self._decoder.decode,
            self.take,
            self.packer,
        )
        for number, octets in self._documents.read():
            self._number = number
            counters.rows_seen += 1
            try:
                ignored = take(decode(octets))
            except DECODE_ERRORS as error:
                ignored = self._ignored_or_faulty(octets, error)
                if ignored is None:
                    continue
            if ignored is not None:
                self._ignore(ignored)
            elif packer.is_full:
                yield self._block()
        if note := self.known.note():
            counters.notes.append(note)
        records = self._block()
        if len(records):
            yield records

    def close(self) -> None:
        """Close the log."""
        self._stream.close()

    def repair(self, what: str, cure: str) -> None:
        """Tell that something of the document at hand was put right.

        Parameters
        ----------
        what : in a few words.
        cure : what was done.

        Raises
        ------
        SourceError : strict.
        """
        place = self._documents.place(self._number)
        self.counters.repair(what, place, cure, strict=self._strict)

    def in_order(self, start: int, end: int) -> tuple[int, int]:
        """Return the times of a flow, swapped if they are the wrong way round by little.

        Parameters
        ----------
        start : first packet.
        end : last packet.

        Raises
        ------
        RowError : they are wrong by much.
        SourceError : strict, and they were swapped.
        """
        if start <= end:
            return start, end
        if start - end > SWAPPED_NS:
            raise RowError("end before start", f"by {(start - end) / 10**9:.3f} s; check the log")
        self.repair("end before start", "by less than a second: they were swapped")
        return end, start

    def _block(self) -> RecordArray:
        records = self.packer.take()
        self.counters.rows_parsed += len(records)
        if len(records):
            self.counters.sampling.update(sampling_of(records))
            self.finish(records)
        return records

    def _ignore(self, kind: str) -> None:
        ignored = self.counters.ignored
        kind = kind[:_KIND_CHARACTERS]
        if kind not in ignored and (len(ignored) >= MAX_IGNORED_KINDS or not kind.isprintable()):
            kind = "other"
        ignored[kind] += 1

    def _ignored_or_faulty(self, octets: bytes, error: Exception) -> str | None:
        if isinstance(error, msgspec.ValidationError):
            try:
                ignored = self.other_kind(octets)
            except DECODE_ERRORS:
                ignored = None
            if ignored is not None:
                return ignored
        reason, cure = fault_of(error)
        place = self._documents.place(self._number)
        self.counters.fault(reason, place, cure, strict=self._strict)
        return None


def fault_of(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a document, in a few words, and the cure.

    Parameters
    ----------
    error : that decoding or taking it raised.

    Examples
    --------
    >>> fault_of(RecursionError())
    ('nested too deep', 'no log does so; check where it comes from')
    """
    if isinstance(error, RowError):
        return error.reason, error.cure
    if isinstance(error, RecursionError):
        return "nested too deep", "no log does so; check where it comes from"
    if isinstance(error, msgspec.ValidationError):
        return "a member of the wrong type", f"check what wrote it: {shown(str(error))}"
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8", "write the log as UTF-8"
    return "not JSON", f"a document may be cut: {shown(str(error))}"
