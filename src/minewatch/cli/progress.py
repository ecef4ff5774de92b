# SPDX-License-Identifier: Apache-2.0
"""The progress bar: on standard error, only where a person looks at it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from minewatch.output.records import printable
from minewatch.readers.capture import CaptureCounters
from minewatch.readers.source import CAPTURE, Input, is_capture_magic
from minewatch.readers.urls import is_url
from minewatch.records import RecordCounters

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

UPDATE_EVERY_S: Final = 0.1
_NAME_WIDTH: Final = 32


def is_shown(quiet: bool) -> bool:
    """Return whether there is a terminal to show progress on.

    Parameters
    ----------
    quiet : the user wants none.
    """
    return not quiet and sys.stderr.isatty()


def total_octets(inputs: Sequence[Input]) -> int | None:
    """Return the octets that will be read, None if an input is a pipe or a compressed capture.

    Of flow logs the octets on disk are told, packed as they are.

    Parameters
    ----------
    inputs : what will be read.
    """
    total = 0
    for source in inputs:
        if source.octets is None:
            return None
        if source.format != CAPTURE:
            total += source.octets
            continue
        if is_url(source.path):
            return None
        try:
            with open(source.path, "rb") as file:
                head = file.read(4)
        except OSError:
            continue
        if not is_capture_magic(head):
            return None
        total += source.octets
    return total


class ProgressBar:
    """Octets and packets or records read, their rates and the time left; silent without a terminal.

    Parameters
    ----------
    inputs : what will be read.
    quiet : show nothing.
    """

    def __init__(self, inputs: Sequence[Input], quiet: bool) -> None:
        self._bar: Progress | None = None
        self._counters: CaptureCounters | RecordCounters | None = None
        self._done_octets = 0
        self._done = 0
        self._started = self._next = 0.0
        if is_shown(quiet) and inputs:
            self._bar = _new_bar()
            self._task: TaskID = self._bar.add_task(
                "starting (the first run compiles)", total=total_octets(inputs), rate=""
            )

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, source: Input, counters: CaptureCounters | RecordCounters) -> None:
        """Go on with another input.

        Parameters
        ----------
        source : what is read now.
        counters : of that input, while it is read.
        """
        if self._counters is not None:
            self._done_octets += self._counters.octets_read
            self._done += _items(self._counters)
        self._counters = counters
        if self._bar is not None:
            self._name = printable(source.name)[-_NAME_WIDTH:]
            self._started = self._started or time.monotonic()

    def advance(self, octets: int) -> None:
        """Show how far the input is.

        Parameters
        ----------
        octets : read of it so far.
        """
        if self._bar is None or self._counters is None or time.monotonic() < self._next:
            return
        now = time.monotonic()
        self._next = now + UPDATE_EVERY_S
        done = self._done + _items(self._counters)
        rate = done / max(now - self._started, 1e-3) / 1e6
        unit = "packets" if isinstance(self._counters, CaptureCounters) else "records"
        self._bar.update(
            self._task,
            description=self._name,
            completed=self._done_octets + octets,
            rate=f"{rate:.2f} M {unit}/s",
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar away while results are written to the same terminal."""
        if self._bar is None or not sys.stdout.isatty():
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


def _items(counters: CaptureCounters | RecordCounters) -> int:
    """The packets or records that were read."""
    if isinstance(counters, CaptureCounters):
        return counters.packets_seen
    return counters.rows_seen


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    ]
    return Progress(*columns, console=Console(stderr=True), transient=True)
