# SPDX-License-Identifier: Apache-2.0
"""Looking at what a stream begins with, and reading it from its start nevertheless."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from minewatch.readers.source import UnpackError


class _Peeked(io.RawIOBase):
    """A stream whose first octets were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        end = len(self._head) if size < 0 else size
        part, self._head = self._head[:end], self._head[end:]
        return part

    def close(self) -> None:
        self._stream.close()
        super().close()


def peek(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """Return the first octets, and a stream that begins with them.

    Parameters
    ----------
    stream : not read yet.
    size : octets to look at; fewer come only where the stream ends or is damaged.

    Examples
    --------
    >>> head, stream = peek(io.BytesIO(b"abc"), 2)
    >>> head, stream.read(8), stream.read(8)
    (b'ab', b'ab', b'c')
    """
    head = b""
    try:
        while len(head) < size and (part := stream.read(size - len(head))):
            head += part
    except (UnpackError, OSError):
        # Whoever reads on meets it again, after what came before it.
        pass
    return head, cast(BinaryIO, _Peeked(head, stream))
