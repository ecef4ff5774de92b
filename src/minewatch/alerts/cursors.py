# SPDX-License-Identifier: Apache-2.0
"""How far a sink has got, in a file that is overwritten in place: that works on a full disk."""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from pathlib import Path
from typing import Final

SUFFIX: Final = ".cursor"
_MODE: Final = 0o600
_SIZE: Final = 30
_NAME_CHARACTERS: Final = 48


class Cursor:
    """Number of the first alert that a sink does not have.

    Parameters
    ----------
    path : of the file.

    Raises
    ------
    OSError : the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.next = _read(path)
        """None if there was no file; 0, so that all is sent again, if it was damaged."""

    def move(self, number: int) -> None:
        """Remember that everything below a number is where it belongs.

        Parameters
        ----------
        number : of the first alert that is not.

        Raises
        ------
        OSError : after a restart, some are sent again.
        """
        self.next = number
        body = b" %020d" % number
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            os.pwrite(file, b"%08x%b\n" % (zlib.crc32(body), body), 0)
        finally:
            os.close(file)


def cursor_path(folder: Path, name: str) -> Path:
    """Return where the cursor of a sink lies.

    Parameters
    ----------
    folder : of the spool.
    name : of the sink.

    Examples
    --------
    >>> cursor_path(Path("spool"), "jsonl:alerts.jsonl").name
    'jsonl-alerts.jsonl-f2676b13.cursor'
    """
    shown = re.sub(r"[^A-Za-z0-9.]+", "-", name)[:_NAME_CHARACTERS].strip("-.")
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return folder / f"{shown}-{digest}{SUFFIX}"


def furthest(folder: Path) -> int:
    """Return the highest number that any sink has got to, those that are not used now too.

    Numbers go on from there, so that such a sink misses nothing if it is used again.

    Parameters
    ----------
    folder : of the spool.

    Raises
    ------
    OSError : a cursor cannot be read.
    """
    return max((_read(path) or 0 for path in folder.glob(f"*{SUFFIX}")), default=0)


def _read(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE + 1)
    except FileNotFoundError:
        return None
    checksum, body = data[:8], data[8:-1]
    is_whole = len(data) == _SIZE and checksum == b"%08x" % zlib.crc32(body)
    return int(body) if is_whole and body[1:].isdigit() else 0
