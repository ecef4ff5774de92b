# SPDX-License-Identifier: Apache-2.0
"""A file of alerts, one a line, that is turned over when it is full.

``path`` is written; ``path.1`` is the one before, ``path.2`` the one before that. Lines are on
disk before ``send`` returns. A file that another program turned over is opened anew.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from minewatch.alert import Alert
from minewatch.alerts.forms.named import Form
from minewatch.alerts.segments import sync_folder
from minewatch.errors import SinkError

MAX_MIB: Final = 64
KEEP: Final = 8
STANDARD_OUTPUT: Final = "-"
_TORN_OCTETS: Final = 1 << 22
"""As far back a line that was cut off by a crash is looked for."""
_MODE: Final = 0o640


class LineSink:
    """Writes alerts to a file.

    Parameters
    ----------
    name : for people.
    path : of the file; ``-`` is standard output.
    form : how a line looks.
    max_octets : the file is turned over before it grows beyond.
    keep : older files that are kept; 0 for none.
    """

    def __init__(self, name: str, path: str, form: Form, max_octets: int, keep: int) -> None:
        self.name = name
        self._path = path
        self._form = form
        self._max_octets = max_octets
        self._keep = keep
        self._file = -1
        self._size = 0
        self._is_regular = False

    def send(self, alerts: Sequence[Alert]) -> None:
        """Write alerts, all or none."""
        data = b"".join(self._form(alert).encode("ascii") + b"\n" for alert in alerts)
        try:
            self._open()
            if self._is_regular and self._size and self._size + len(data) > self._max_octets:
                self._turn_over()
            self._write(data)
        except OSError as error:
            self.close()
            raise SinkError(f"{self.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        if self._file >= 0 and self._is_the_same():
            return
        self.close()
        if self._path == STANDARD_OUTPUT:
            self._file = os.dup(1)
        elif _is_pipe(self._path):
            # Without a reader this fails at once, where opening for reading too would lose all.
            self._file = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.set_blocking(self._file, True)
        else:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
            self._file = os.open(self._path, flags, _MODE)
        status = os.fstat(self._file)
        self._is_regular = self._path != STANDARD_OUTPUT and stat.S_ISREG(status.st_mode)
        self._size = status.st_size
        if self._is_regular:
            sync_folder(Path(self._path).parent)
            self._mend_torn_line()

    def _is_the_same(self) -> bool:
        """Whether the path still leads to the open file."""
        if not self._is_regular:
            return True
        try:
            there, here = os.stat(self._path), os.fstat(self._file)
        except FileNotFoundError:
            return False
        self._size = here.st_size
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _mend_torn_line(self) -> None:
        """Cut off what a crash left of a line; its alert comes again. Nothing else is touched."""
        start = max(0, self._size - _TORN_OCTETS)
        tail = os.pread(self._file, self._size - start, start)
        torn = tail[tail.rfind(b"\n") + 1 :]
        if not torn:
            return
        if (len(torn) == len(tail) and start) or not torn.startswith(b"{"):
            raise OSError(0, "ends with no line of minewatch; name another file")
        if _is_object(torn):
            os.write(self._file, b"\n")
            self._size += 1
        else:
            self._size -= len(torn)
            os.ftruncate(self._file, self._size)

    def _turn_over(self) -> None:
        path = Path(self._path)
        for number in range(self._keep, 0, -1):
            older = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if older.exists():
                os.replace(older, path.with_name(f"{path.name}.{number}"))
        if not self._keep:
            path.unlink()
        self.close()
        self._open()

    def _write(self, data: bytes) -> None:
        """Write everything and see it to the disk; what fails half-way is taken back."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if self._is_regular:
                os.fsync(self._file)
        except OSError:
            if self._is_regular:
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)


def _is_object(line: bytes) -> bool:
    """Whether a line is whole, and lacks nothing but its end."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
