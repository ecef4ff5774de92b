# SPDX-License-Identifier: Apache-2.0
"""A folder from which a watch goes on after it was killed.

It holds the latest two checkpoints and, for each, what was told since (``told-N.jsonl``). An alert
is written there before it is given to anybody. After a restart all of these are given again: the
same ids and revisions, so that whoever has them already drops them; and the watch goes on counting
revisions from there, also where it has lost what made it tell.

Checkpoints are written by a thread of their own, from copies, while packets are read on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from minewatch.alert import Alert
from minewatch.alerts.saved_book import Telling, catch_up, telling_of, tellings_of
from minewatch.errors import ConfigError, SourceError
from minewatch.watching.container import read_whole, sync_folder, write_whole
from minewatch.watching.saved_watch import VERSION
from minewatch.watching.saving import AnyWatch, load_any, save_any

KEPT: Final = 2
"""Checkpoints: should the disk have damaged the latest, the one before it serves."""
MAX_LINE_OCTETS: Final = 1 << 22
_SUFFIXES: Final = {"checkpoint": "state", "told": "jsonl"}


class CheckpointFolder:
    """The checkpoints of one watch.

    Parameters
    ----------
    folder : made if it is not there.
    origin : what is read; empty if it cannot be read again from its start.

    Raises
    ------
    ConfigError : the folder cannot be used, or another watch uses it.
    """

    def __init__(self, folder: str | Path, origin: Sequence[str | int] = ()) -> None:
        self._folder = Path(folder)
        self._origin = list(origin)
        self.failures: list[str] = []
        """Why checkpoints, or what was told, could not be written; for the caller to take."""
        self.written = 0
        """Checkpoints that were written."""
        self._lock = self._locked()
        numbers = [*self._numbers("checkpoint"), *self._numbers("told")]
        self._number = max(numbers, default=-1)
        self._useless: set[int] = set()
        """Checkpoints that could not be used, and do not count among those that are kept."""
        self._thread: threading.Thread | None = None
        self._told: BinaryIO | None = None

    def _locked(self) -> int:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            cure = "name a folder that may be written to"
            raise ConfigError(f"--checkpoint {self._folder}: {error.strerror}; {cure}") from error
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(number)
            raise ConfigError(
                f"--checkpoint {self._folder}: another watch uses it; name another folder, or end "
                "that one"
            ) from error
        return number

    def _numbers(self, kind: str) -> list[int]:
        """The numbers of our files of a kind, rising; whatever else lies there is left alone."""
        pattern = re.compile(rf"{kind}-([0-9]{{1,18}})\.{_SUFFIXES[kind]}")
        found = (pattern.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def _path(self, kind: str, number: int) -> Path:
        return self._folder / f"{kind}-{number}.{_SUFFIXES[kind]}"

    def restore(self, watch: AnyWatch) -> tuple[list[Alert], bool]:
        """Let a new watch go on; return what is to be given again, and whether to skip packets.

        Packets that were counted are to be skipped where the same file is read from its start once
        more; anything else is taken for what came after them.

        Parameters
        ----------
        watch : new.

        Raises
        ------
        SourceError : there are checkpoints, and none can be used.
        """
        numbers = self._numbers("checkpoint")
        used, origin = -1, []
        problem: SourceError | None = None
        for number in reversed(numbers):
            try:
                origin = self._load(watch, number)
                used = number
                break
            except SourceError as error:
                problem = problem or error
                self._useless.add(number)
        if problem is not None:
            if used < 0:
                raise problem
            self.failures.append(f"{problem}; the one before it is used")
        again = [
            telling
            for number in self._numbers("told")
            if number >= used
            for telling in self._tellings(number)
        ]
        for telling in again:
            catch_up(watch.book, telling)
        is_same = used >= 0 and bool(origin) and origin == self._origin
        return [telling.alert for telling in again], is_same

    def _load(self, watch: AnyWatch, number: int) -> list[str | int]:
        path = self._path("checkpoint", number)
        head, arrays = read_whole(path, VERSION)
        try:
            return load_any(watch, head, arrays)
        except (ValueError, KeyError) as error:
            raise SourceError(str(path), f"cannot be used: {error}") from error

    def _tellings(self, number: int) -> Iterator[Telling]:
        """What was told; a line that was cut by a kill is the last one, and was given to nobody."""
        path = self._path("told", number)
        try:
            with open(path, "rb") as file:
                while (line := file.readline(MAX_LINE_OCTETS)).endswith(b"\n"):
                    yield telling_of(json.loads(line))
                if len(line) == MAX_LINE_OCTETS:
                    raise ValueError("a line without end")
        except OSError as error:
            raise SourceError(str(path), f"cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise SourceError(str(path), f"is damaged: {error}; remove it") from error

    def tell(self, watch: AnyWatch, alerts: Sequence[Alert]) -> None:
        """Write down what is about to be given to others.

        Parameters
        ----------
        watch : which told it just now.
        alerts : what it told.
        """
        lines = [json.dumps(one).encode() + b"\n" for one in tellings_of(watch.book, alerts)]
        try:
            if self._told is None:
                self._told = self._begin(max(self._number, 0))
            self._told.write(b"".join(lines))
            self._told.flush()
            os.fsync(self._told.fileno())
        except OSError as error:
            self.failures.append(f"what was told cannot be written: {error.strerror}")
            self._end()

    def _begin(self, number: int) -> BinaryIO:
        """Open the file of what is told from now on, so that its name outlives a loss of power."""
        self._end()
        self._number = number
        path = self._path("told", number)
        self._cut(path)
        file = open(path, "ab", opener=_private)  # noqa: SIM115 - it stays open
        try:
            sync_folder(self._folder)
        except OSError:
            file.close()
            raise
        return file

    def _end(self) -> None:
        """Close the file of what was told; what a full disk did not take is lost, and was told."""
        if self._told is not None:
            with contextlib.suppress(OSError):
                self._told.close()
            self._told = None

    @staticmethod
    def _cut(path: Path) -> None:
        """Take away a line that was not finished, so that the next one stands by itself."""
        with contextlib.suppress(FileNotFoundError):
            octets = path.read_bytes()
            whole = octets.rfind(b"\n") + 1
            if whole < len(octets):
                os.truncate(path, whole)

    def save(self, watch: AnyWatch, *, wait: bool = False) -> bool:
        """Write a checkpoint; return False if the one before is not written yet.

        Parameters
        ----------
        watch : between two strikes, or while it yields at one.
        wait : until it is written; also until the one before is.
        """
        if self._thread is not None:
            if self._thread.is_alive() and not wait:
                return False
            self._thread.join()
        number = self._number + 1
        try:
            self._told = self._begin(number)
        except OSError as error:
            self.failures.append(f"no checkpoint: {error.strerror}")
            return False
        head, arrays = save_any(watch, self._origin)
        self._thread = threading.Thread(
            target=self._write, args=(number, head, arrays), name="minewatch-checkpoint"
        )
        self._thread.start()
        if wait:
            self._thread.join()
        return True

    def _write(self, number: int, head: Any, arrays: dict[str, np.ndarray]) -> None:
        try:
            write_whole(self._path("checkpoint", number), VERSION, head, arrays)
            self.written += 1
            self._remove_before(number)
        except OSError as error:
            self.failures.append(f"no checkpoint: {error.strerror}")

    def _remove_before(self, number: int) -> None:
        whole = set(self._numbers("checkpoint")) - self._useless
        kept = sorted(one for one in whole if one <= number)[-KEPT:]
        for kind in ("checkpoint", "told"):
            for old in self._numbers(kind):
                if kept and old < kept[0]:
                    self._path(kind, old).unlink(missing_ok=True)
        for part in self._folder.glob(".checkpoint-*.part"):
            part.unlink(missing_ok=True)

    def close(self) -> None:
        """Wait for what is being written, and let others use the folder."""
        if self._thread is not None:
            self._thread.join()
        self._end()
        os.close(self._lock)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
