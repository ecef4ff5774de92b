# SPDX-License-Identifier: Apache-2.0
"""A flow format of a few lines, to test what is the same for all of them."""

from collections.abc import Iterator
from typing import BinaryIO

from minewatch.errors import SourceError
from minewatch.records import Names, RecordArray, RecordCounters, new_records


class MadeUpFormat:
    """Logs whose first line is ``magic``; each other line is a record, whatever it says."""

    def __init__(self, name: str = "made-up", magic: bytes = b"#made-up") -> None:
        self.name = name
        self.title = f"{name} log"
        self.magic = magic
        self.seen: list[bytes] = []

    def recognises(self, head: bytes) -> bool:
        self.seen.append(head)
        return head.startswith(self.magic)

    def open(self, name: str, path: str, stream: BinaryIO, *, strict: bool) -> "MadeUpSource":
        return MadeUpSource(name, path, stream, strict)


class MadeUpFormatWithSideLogs(MadeUpFormat):
    """Of which some files say that they belong to others."""

    def is_beside(self, path: str, head: bytes) -> bool:
        return head.startswith(b"#side of made-up")


class MadeUpSource:
    """One record a line; a line ``refuse`` is an error."""

    def __init__(self, name: str, path: str, stream: BinaryIO, strict: bool) -> None:
        self.name = name
        self.path = path
        self.strict = strict
        self.counters = RecordCounters()
        self.names = Names()
        self.stream = stream

    def read(self) -> Iterator[RecordArray]:
        text = b""
        while part := self.stream.read(1 << 12):
            text += part
            self.counters.octets_read += len(part)
            lines = text.split(b"\n")
            text = lines.pop()
            yield self._records([line for line in lines if not line.startswith(b"#")])

    def _records(self, lines: list[bytes]) -> RecordArray:
        if b"refuse" in lines:
            raise SourceError(self.name, "refused; write something else")
        self.counters.rows_seen += len(lines)
        self.counters.rows_parsed += len(lines)
        return new_records(len(lines))

    def close(self) -> None:
        self.stream.close()


def log(n: int = 3, magic: bytes = b"#made-up") -> bytes:
    """A log of the format, of so many records."""
    return magic + b"\n" + b"".join(b"%d\n" % row for row in range(n))
