# SPDX-License-Identifier: Apache-2.0
"""Reading from a pipe what is there, without waiting until a whole block has come."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from minewatch.readers.source import Input, open_input

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Prompt(io.RawIOBase):
    """A stream that is read in the pieces in which it comes.

    Parameters
    ----------
    stream : closed together with this.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, room: WriteableBuffer) -> int:
        """Read what is there, and wait only if nothing is.

        Parameters
        ----------
        room : takes it.
        """
        return self._stream.readinto1(room)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


def open_prompt(source: Input) -> io.RawIOBase | io.BufferedIOBase:
    """Open an input for reading, so that what a pipe brings is not waited for.

    Parameters
    ----------
    source : where it lies.

    Raises
    ------
    SourceError : it cannot be opened.
    """
    stream = open_input(source)
    return Prompt(stream) if isinstance(stream, io.BufferedReader) else stream
