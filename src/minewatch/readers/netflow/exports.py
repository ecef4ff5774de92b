# SPDX-License-Identifier: Apache-2.0
"""Files of what exporters sent: messages one after the other, or a capture of their datagrams."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Final, cast

from minewatch.readers.flowlogs.damage import next_octets
from minewatch.readers.netflow.captures import CaptureExports, holds_exports
from minewatch.readers.netflow.datagrams import ExportDecoder
from minewatch.readers.netflow.messages import (
    MAX_MESSAGE_OCTETS,
    looks_like_messages,
    message_octets,
)
from minewatch.readers.netflow.templates import DecoderLimits
from minewatch.readers.source import is_capture_magic
from minewatch.readers.unpack import with_head
from minewatch.records import Names, RecordArray, RecordCounters

_MAGIC_OCTETS: Final = 4
_READ_OCTETS: Final = 1 << 20
_MAX_GATHERED: Final = 1 << 16
"""Records that are decoded together at most, but for those of one message."""


class NetflowFormat:
    """What exporters sent, in a capture of it or as it was."""

    name: Final = "netflow"
    title: Final = "NetFlow v5, v9, IPFIX and sFlow"

    def recognises(self, head: bytes) -> bool:
        """Return whether an input that begins so is of this kind.

        A capture is, if all that its packets carry are datagrams of exporters; one that merely
        holds some is a capture like others.

        Parameters
        ----------
        head : the first octets of the unpacked input.
        """
        return holds_exports(head) if is_capture_magic(head) else looks_like_messages(head)

    def open(
        self, name: str, path: str, stream: BinaryIO, *, strict: bool
    ) -> CaptureExports | MessageExports:
        """Return a source that reads ``stream`` from its start, and closes it.

        Parameters
        ----------
        name : what the user called the input.
        path : where it lies.
        stream : unpacked.
        strict : the first fault raises SourceError.

        Raises
        ------
        SourceError : it begins like a capture, and is none.
        """
        head, whole = with_head(stream, _MAGIC_OCTETS)
        raw = cast(io.RawIOBase, whole)
        if is_capture_magic(head):
            return CaptureExports(name, path, raw, strict=strict)
        return MessageExports(name, raw, strict=strict)


class MessageExports:
    """A file of messages, as IPFIX files are (RFC 5655), or of datagrams one after the other.

    Parameters
    ----------
    name : what the user called it.
    stream : its octets, unpacked.
    strict : the first fault raises SourceError.

    Notes
    -----
    Who sent them is not told, and templates hold to the end of the file.
    """

    def __init__(self, name: str, stream: io.RawIOBase, *, strict: bool) -> None:
        self.name = name
        self.counters = RecordCounters()
        self.names = Names()
        limits = replace(DecoderLimits(), template_lifetime_ns=None)
        self._decoder = ExportDecoder(self.counters, strict, limits)
        self._stream = stream
        self._strict = strict
        self._offset = 0
        self._n_messages = 0

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks.

        Raises
        ------
        SourceError : strict, and there is a fault.
        """
        for message in self._messages():
            self._n_messages += 1
            place = f"{self.name}: message {self._n_messages}"
            self._decoder.add(message, "", place, None)
            if self._decoder.n_gathered >= _MAX_GATHERED:
                yield from self._decoder.take()
        yield from self._decoder.finish()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _messages(self) -> Iterator[memoryview]:
        rest = b""
        is_last = False
        while not is_last:
            more = next_octets(
                self._stream, _READ_OCTETS, self.name, self.counters, strict=self._strict
            )
            is_last = not more
            data = memoryview(rest + more)
            at = 0
            while at < len(data) and (is_last or len(data) - at > 2 * MAX_MESSAGE_OCTETS):
                octets = message_octets(data[at:])
                if octets == 0:
                    skipped = _zeros(data[at:])
                    if skipped == 0:
                        yield from self._damage(data[at:], self._offset + at)
                        return
                    at += skipped
                    continue
                yield data[at : at + octets]
                at = min(at + octets, len(data))
            self._offset += at
            rest = bytes(data[at:])

    def _damage(self, data: memoryview, offset: int) -> Iterator[memoryview]:
        """Give what is no message to the decoder, which says what is wrong; nothing follows."""
        self.counters.notes.append(
            f"offset {offset}: no message stands here; what follows is not used"
        )
        faults = self.counters.faulty.total()
        yield data[:MAX_MESSAGE_OCTETS]
        if self.counters.faulty.total() == faults:
            self.counters.rows_seen += 1
            self.counters.fault(
                "no message",
                f"{self.name}: offset {offset}",
                "what follows is not used; cut it off",
                strict=self._strict,
            )


def _zeros(data: memoryview) -> int:
    """Return with how many zeros octets begin that are padding: whole words, or all there is."""
    if not any(data):
        return len(data)
    at = 0
    while not any(data[at : at + 4]):
        at += 4
    return at
