# SPDX-License-Identifier: Apache-2.0
"""The audit log: a line for every deed, each holding the hash of the one before.

Beside the log lies its anchor, ``<log>.anchor``, with the number and the hash of the last line.
``checking.py`` compares all of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from minewatch.errors import ResponseError
from minewatch.response.entries import MAX_LINE_OCTETS, Action, Deed, Entry, entry_of, line_of

NOTHING: Final = "0" * 64
"""What the first line has for the hash of the line before."""
ANCHOR_SUFFIX: Final = ".anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last line of a log: its number and its hash."""

    number: int
    digest: str

    def __str__(self) -> str:
        """Return it as ``--expect`` takes it."""
        return f"{self.number}:{self.digest}"


START: Final = Anchor(0, NOTHING)


def anchor_of(text: str) -> Anchor:
    """Return an anchor from ``NUMBER:HASH``.

    Parameters
    ----------
    text : as ``Anchor`` prints it.

    Raises
    ------
    ValueError : it is none.

    Examples
    --------
    >>> anchor_of("0:" + "0" * 64) == START
    True
    """
    number, _, digest = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise ValueError(f"{text[:80]!r}: write NUMBER:HASH, as `minewatch respond verify` prints")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{text[:80]!r}: the hash has 64 digits of 0-9 and a-f")
    return Anchor(int(number), digest)


class AuditLog:
    """Appends to a log, and reads it.

    Parameters
    ----------
    path : the file; made if there is none, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.anchor_path = path.with_name(path.name + ANCHOR_SUFFIX)

    def append(self, deed: Deed) -> Entry:
        """Write an entry; it is on the disk when this returns.

        Parameters
        ----------
        deed : what it tells.

        Raises
        ------
        ResponseError : it cannot be written, or lines at the end of the log are gone.
        """
        try:
            with self._locked() as file:
                anchor = read_anchor(self.anchor_path)
                last, is_torn = self._tail(file, anchor)
                if is_torn:
                    last = self._recover(file, last, deed)
                elif last != anchor:
                    # A crash came between the two; the anchor is never more than one line behind.
                    self._write_anchor(last)
                entry = Entry(last.number + 1, last.digest, deed)
                self._write(file, entry)
                return entry
        except OSError as error:
            raise ResponseError(
                f"{self.path}: cannot be written ({error.strerror}); nothing is done without an "
                "audit log: make room, or name another file by --log"
            ) from error

    def read(self, offset: int = 0) -> Iterator[tuple[int, Entry]]:
        """Yield the entries from an octet on, each with the octet at which the next begins.

        Lines that are no entries are left to ``checking.check_log``.

        Parameters
        ----------
        offset : where a line begins.

        Raises
        ------
        ResponseError : it cannot be read.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(offset)
                for line in lines_of(file):
                    offset += len(line)
                    if not line.endswith(b"\n"):
                        return
                    try:
                        entry = entry_of(line[:-1])
                    except ValueError:
                        continue
                    yield offset, entry
        except FileNotFoundError:
            return
        except OSError as error:
            raise ResponseError(f"{self.path}: cannot be read ({error.strerror})") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The log, open for appending, with nobody else writing."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not os.fstat(file).st_size:
                _give_to_owner(file, self.path.parent.stat())
            yield file
        finally:
            os.close(file)

    def _tail(self, file: int, anchor: Anchor) -> tuple[Anchor, bool]:
        """The last line, and whether a crash tore it; compared with the anchor."""
        size = os.fstat(file).st_size
        if not size:
            if anchor != START:
                raise self._cut(anchor, 0)
            return START, False
        window = os.pread(file, 2 * MAX_LINE_OCTETS, max(0, size - 2 * MAX_LINE_OCTETS))
        lines = window.removesuffix(b"\n").split(b"\n")
        digest = digest_of(lines[-1])
        if digest == anchor.digest:
            return anchor, _entry(lines[-1]) is None or not window.endswith(b"\n")
        entry = _entry(lines[-1])
        if entry is None:
            before = digest_of(lines[-2]) if len(lines) > 1 else NOTHING
            if before != anchor.digest:
                raise self._cut(anchor, anchor.number + 1)
            return Anchor(anchor.number + 1, digest), True
        if entry.number != anchor.number + 1 or entry.previous != anchor.digest:
            raise self._cut(anchor, entry.number)
        return Anchor(entry.number, digest), not window.endswith(b"\n")

    def _recover(self, file: int, torn: Anchor, deed: Deed) -> Anchor:
        """Give a torn line its end and its place in the chain, and tell of it."""
        if os.pread(file, 1, os.fstat(file).st_size - 1) != b"\n":
            os.write(file, b"\n")
            os.fsync(file)
        self._write_anchor(torn)
        reason = "the line before was cut off while it was written"
        recovered = Deed(deed.time_ns, Action.RECOVERED, "", deed.user, None, reason)
        return self._write(file, Entry(torn.number + 1, torn.digest, recovered))

    def _cut(self, anchor: Anchor, number: int) -> ResponseError:
        return ResponseError(
            f"{self.path}: ends with line {number}, and its anchor knows line {anchor.number}, or "
            "another text of it: somebody changed the log. See `minewatch respond verify`; keep "
            "both files, and begin a new log"
        )

    def _write(self, file: int, entry: Entry) -> Anchor:
        line = line_of(entry)
        if len(line) > MAX_LINE_OCTETS:
            raise ResponseError(
                f"{self.path}: an entry of {len(line):,} octets, which nobody could read again"
            )
        octets = memoryview(line + b"\n")
        while octets:
            octets = octets[os.write(file, octets) :]
        os.fsync(file)
        anchor = Anchor(entry.number, digest_of(line))
        self._write_anchor(anchor)
        return anchor

    def _write_anchor(self, anchor: Anchor) -> None:
        new = self.anchor_path.with_name(self.anchor_path.name + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(new, flags, 0o600)
        try:
            _give_to_owner(file, self.path.stat())
            os.write(file, json.dumps({"number": anchor.number, "hash": anchor.digest}).encode())
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(new, self.anchor_path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _give_to_owner(file: int, owner: os.stat_result) -> None:
    """Leave what root writes to the service's user, who must go on with it."""
    if os.geteuid() == 0:
        os.fchown(file, owner.st_uid, owner.st_gid)


def digest_of(line: bytes) -> str:
    """Return the hash of a line.

    Parameters
    ----------
    line : without its end.
    """
    return hashlib.sha256(line).hexdigest()


def read_anchor(path: Path) -> Anchor:
    """Return the anchor of a file, ``START`` if there is none.

    Parameters
    ----------
    path : of the anchor.

    Raises
    ------
    ResponseError : it is damaged.
    """
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read(1_000))
        return anchor_of(f"{data['number']}:{data['hash']}")
    except FileNotFoundError:
        return START
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ResponseError(f"{path}: no anchor of an audit log ({error}); see verify") from error


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file with their ends, the longer ones in pieces.

    Parameters
    ----------
    file : open at the start of a line.
    """
    yield from iter(lambda: file.readline(MAX_LINE_OCTETS + 2), b"")


def _entry(line: bytes) -> Entry | None:
    try:
        return entry_of(line)
    except ValueError:
        return None
