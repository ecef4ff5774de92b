# SPDX-License-Identifier: Apache-2.0
"""AWS flow logs as text: blocks of octets from a stream to whole lines."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, cast

import numpy as np

from minewatch.errors import SourceError
from minewatch.metering.text_records import MAX_LINE_OCTETS
from minewatch.metering.text_scan import SCAN_OCTETS
from minewatch.readers.flowlogs.aws_fields import (
    DEFAULT_FIELDS,
    Layout,
    is_header,
    layout_of,
    layout_without_header,
    names_of,
)
from minewatch.readers.flowlogs.aws_records import (
    TOO_LONG_CURE,
    RecordReader,
    missing_column,
    note_skipped,
)
from minewatch.readers.flowlogs.damage import note_damage
from minewatch.readers.unpack import UnpackError
from minewatch.records import Names, RecordArray, RecordCounters

BLOCK_OCTETS: Final = 1 << 20
"""Read at once: what is parsed then still lies in the processor's second cache."""
_START: Final = SCAN_OCTETS + MAX_LINE_OCTETS
"""Where a block begins; before it is room for the line that the last one ended within."""
_BOM: Final = b"\xef\xbb\xbf"
_UNKNOWN_ORDER: Final = (
    "the order of its fields cannot be known, for there is no header line; give the format that"
    f" the flow log was created with: --aws-fields '{' '.join(DEFAULT_FIELDS)}'"
)


def first_line(head: bytes) -> str:
    r"""Return the first line that is not blank, without a byte order mark.

    Examples
    --------
    >>> first_line(b"\xef\xbb\xbf\r\nversion srcaddr\r\n2 10.0.0.1")
    'version srcaddr'
    """
    lines = head[:MAX_LINE_OCTETS].removeprefix(_BOM).lstrip().splitlines()
    return lines[0].decode("utf-8", "backslashreplace").strip() if lines else ""


class AwsTextSource:
    """One flow log.

    Parameters
    ----------
    name : what the user called it.
    stream : unpacked, read from where it stands, and closed at the end.
    strict : the first fault raises SourceError.
    fields : names of the fields in order, for a log without a header line; None if nobody said.

    Raises
    ------
    SourceError : its fields are not known, or one is missing without which none can be used.
    """

    def __init__(
        self, name: str, stream: BinaryIO, *, strict: bool, fields: Sequence[str] | None = None
    ) -> None:
        self._name = name
        self._fields = fields
        self._stream = cast(io.RawIOBase, stream)
        self._strict = strict
        self._counters = RecordCounters()
        self._names = Names()
        self._octets = bytearray(_START + BLOCK_OCTETS + SCAN_OCTETS)
        self._data = np.frombuffer(self._octets, np.uint8)
        self._damage = ""
        self._is_within_long_line = False
        self._n_octets = self._fill()
        self._reader = RecordReader(
            self._first_layout(),
            self._counters,
            self._place,
            MAX_LINE_OCTETS + BLOCK_OCTETS + 1,
            strict=strict,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def counters(self) -> RecordCounters:
        return self._counters

    @property
    def names(self) -> Names:
        return self._names

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def read(self) -> Iterator[RecordArray]:
        """Yield the records in blocks, each valid until the next is asked for.

        Raises
        ------
        SourceError : strict, and a line is faulty.
        """
        octets, start = self._octets, _START
        if octets.startswith(_BOM, _START):
            start += len(_BOM)
        while self._n_octets:
            end = _START + self._n_octets
            last = octets.rfind(b"\n", start, end) + 1
            if self._is_within_long_line:
                # ``start`` is _START: nothing of it was kept.
                start = octets.find(b"\n", start, end) + 1 or end
                self._is_within_long_line = start == end and not last
            if last > start:
                yield from self._reader.read(self._data, start, last)
                start = last
            if end - start > MAX_LINE_OCTETS:
                self._reader.fault("line is too long", TOO_LONG_CURE)
                self._is_within_long_line = True
                start = end
            rest = end - start
            octets[_START - rest : _START] = octets[start:end]
            start = _START - rest
            self._n_octets = self._fill()
        yield from self._read_last_line(start)
        block = self._reader.take()
        if len(block):
            yield block
        self._take_stock()

    def _read_last_line(self, start: int) -> Iterator[RecordArray]:
        """Read what stands behind the last line feed, which is a line unless the input was cut."""
        if start == _START:
            return
        if self._damage:
            self._reader.fault("line is cut", "the input ends within it; copy it again")
            return
        self._octets[_START] = ord("\n")
        yield from self._reader.read(self._data, start, _START + 1)

    def _fill(self) -> int:
        """Read a block behind what is kept; return its octets, 0 if nothing more can be read."""
        room = memoryview(self._octets)[_START : _START + BLOCK_OCTETS]
        n = 0
        try:
            while n < len(room):
                part = self._stream.readinto(room[n:]) or 0
                if not part:
                    break
                n += part
        except UnpackError as error:
            self._damage = f"cannot be unpacked any further: {error}"
        except OSError as error:
            self._damage = f"cannot be read any further: {error.strerror or error}"
        self._counters.octets_read += n
        return n

    def _first_layout(self) -> Layout:
        """Return what the first line says of the fields, or the default.

        Raises
        ------
        SourceError : neither is possible.
        """
        line = first_line(
            bytes(self._octets[_START : _START + min(self._n_octets, MAX_LINE_OCTETS)])
        )
        if not line:
            reason = self._damage or "no line in it; look whether the right file was given"
            raise SourceError(self._name, reason)
        if is_header(line):
            layout = layout_of(names_of(line))
        elif self._fields is not None:
            layout = layout_of(self._fields)
        else:
            known = layout_without_header(line)
            if known is None:
                raise SourceError(self._name, _UNKNOWN_ORDER)
            return known
        if layout.missing:
            raise SourceError(self._name, "; ".join(missing_column(layout)))
        return layout

    def _place(self, line: int) -> str:
        return f"{self._name}:{line}"

    def _take_stock(self) -> None:
        """Note what the user should know of the log as a whole.

        Raises
        ------
        SourceError : strict, and the input is damaged.
        """
        note_skipped(self._counters)
        if self._damage:
            note_damage(self._damage, self._name, self._counters, strict=self._strict)
