# SPDX-License-Identifier: Apache-2.0
"""Reads on in a file of alerts while another process writes it, over the turns of the file."""

from __future__ import annotations

import os
from typing import BinaryIO, Final

from minewatch.alert import Alert
from minewatch.alerts.forms.told import alert_of
from minewatch.errors import SourceError

READ_OCTETS: Final = 1 << 20
MAX_LINE_OCTETS: Final = 1 << 20


class Follower:
    """Yields what was appended since it was asked last.

    Parameters
    ----------
    path : the file of a jsonl sink; it may not be there yet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._skips = False
        self.n_damaged = 0

    def read(self) -> list[Alert]:
        """Return the alerts of the next octets, at most ``READ_OCTETS`` of them.

        Raises
        ------
        SourceError : the file cannot be read.
        """
        try:
            octets = self._next()
        except FileNotFoundError:
            return []
        except OSError as error:
            self.close()
            raise SourceError(self._path, f"{error.strerror}; let its group read it") from error
        lines = (self._rest + octets).split(b"\n")
        self._rest = lines.pop()
        alerts = []
        for line in lines:
            if self._skips:
                self._skips = False
                continue
            try:
                alerts.append(alert_of(line))
            except ValueError:
                self.n_damaged += 1
        if len(self._rest) > MAX_LINE_OCTETS:
            self.n_damaged += not self._skips
            self._rest, self._skips = b"", True
        return alerts

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._rest, self._skips = None, b"", False

    def _next(self) -> bytes:
        if self._file is None:
            self._file = open(self._path, "rb")  # noqa: SIM115  until it is turned over
        octets = self._file.read(READ_OCTETS)
        if octets:
            return octets
        here = os.fstat(self._file.fileno())
        there = os.stat(self._path)
        is_cut = here.st_size < self._file.tell()
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) and not is_cut:
            return b""
        # Something may have been written between the last reading and the turn, and no more after.
        if octets := self._file.read(READ_OCTETS):
            return octets
        # All of the old file was read; whatever is left of a line in it has no end.
        self.n_damaged += bool(self._rest)
        self.close()
        self._file = open(self._path, "rb")  # noqa: SIM115  until it is turned over
        return self._file.read(READ_OCTETS)
