# SPDX-License-Identifier: Apache-2.0
"""One run of ``minewatch watch``: packets through the watch, alerts to people and sinks."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from minewatch.cli.errors import complain
from minewatch.errors import MinewatchError

if TYPE_CHECKING:
    from minewatch.alert import Alert
    from minewatch.alerts.delivery import Delivery
    from minewatch.alerts.suppression import Suppression
    from minewatch.cli.watch_feeds import Feed
    from minewatch.contracts import Sink
    from minewatch.watching.checkpoint import CheckpointFolder
    from minewatch.watching.saving import AnyWatch


@dataclass
class WatchJob:
    """One run of the command.

    Parameters
    ----------
    watch : new.
    allow : file of allowances.
    suppress : file of suppressions.
    quiet : print nothing but errors.
    """

    watch: AnyWatch
    allow: str | None
    suppress: str | None
    quiet: bool = False
    is_stale: bool = field(default=False, init=False)
    """The user's files are to be read again."""
    is_stopped: bool = field(default=False, init=False)
    _feed: Feed | None = field(default=None, init=False)
    _kept: CheckpointFolder | None = field(default=None, init=False)
    _delivery: Delivery | None = field(default=None, init=False)
    _suppressions: Sequence[Suppression] = field(default=(), init=False)
    _ends_s: float | None = field(default=None, init=False)
    _told: int = field(default=0, init=False)

    def stop(self) -> None:
        """Ask for the end."""
        self.is_stopped = True
        if self._feed is not None:
            self._feed.stop()

    def run(
        self,
        feed: Feed,
        kept: CheckpointFolder | None,
        sinks: Sequence[str],
        folder: str | None,
        duration_s: float | None,
    ) -> None:
        """Watch until the input is over or somebody stops it.

        Parameters
        ----------
        feed : of what the watch takes.
        kept : checkpoints, if any.
        sinks : addresses.
        folder : of the checkpoints.
        duration_s : end after so long.
        """
        from minewatch.watching.engine import Watch
        from minewatch.watching.running import Run

        self._suppressions = self._read_suppressions()
        self._feed, self._kept = feed, kept
        if self.is_stopped:  # by a signal that came before there was anything to stop
            feed.stop()
        with _delivery(sinks, folder, self._measures) as self._delivery:
            if feed.is_live and isinstance(self.watch, Watch):
                from minewatch.cli.warming import warm_up

                warm_up(self.watch.scan)
            run = Run(self.watch, self._give, kept, data_time_ns=feed.data_time_ns)
            run.restore()
            if feed.is_live and not self.quiet:
                self._say_ready()
            if duration_s is not None:
                self._ends_s = time.monotonic() + duration_s
            with contextlib.closing(feed.batches()) as batches:
                run.over(batches, self._attend, ends_by_itself=feed.is_live)
        self._complain()
        if not self.quiet:
            self._sum_up(feed)

    def _say_ready(self) -> None:
        from minewatch.output.terminal import error_console, safe

        error_console().print(safe(f"watching {self.watch.book.source}; Ctrl-C ends"))

    def _attend(self) -> bool:
        """See to signals, the time and what went wrong; return whether the end was asked for."""
        if self.is_stale:
            self.is_stale = False
            self._reread()
        if self._ends_s is not None and time.monotonic() >= self._ends_s and not self.is_stopped:
            self.stop()
        self._complain()
        return self.is_stopped

    def _reread(self) -> None:
        """Read the user's files again; one with a mistake leaves all as it was."""
        from minewatch.allow.file import read_known

        try:
            suppressions = self._read_suppressions()
            if self.allow is not None:
                self.watch.know(read_known(self.allow))
        except MinewatchError as error:
            complain(f"{error}; what was read before stays in use")
            return
        self._suppressions = suppressions

    def _read_suppressions(self) -> Sequence[Suppression]:
        from minewatch.alerts.suppression import read_suppressions

        return () if self.suppress is None else read_suppressions(self.suppress)

    def _complain(self) -> None:
        """Say once what checkpoints could not do."""
        while self._kept is not None and self._kept.failures:
            complain(self._kept.failures.pop(0))

    def _give(self, alerts: Sequence[Alert]) -> None:
        """Bring alerts to people and sinks."""
        from minewatch.alerts.suppression import to_tell

        wanted = to_tell(alerts, self._suppressions)
        self._told += len(wanted)
        if wanted and self._delivery is not None:
            self._delivery.put(wanted)
        if not self.quiet:
            _print(wanted)

    def _measures(self) -> Iterator[object]:
        from minewatch.cli.watch_feeds import PacketFeed
        from minewatch.watching.engine import Watch
        from minewatch.watching.measures import measures_of
        from minewatch.watching.record_measures import measures_of_records

        if isinstance(self.watch, Watch):
            if isinstance(self._feed, PacketFeed):
                yield from measures_of(self.watch, self._feed.counters, self._kept)
        else:
            yield from measures_of_records(self.watch, self._kept)
        if self._delivery is not None:
            yield from self._delivery.measures()

    def _sum_up(self, feed: Feed) -> None:
        from minewatch.output.terminal import error_console, safe

        console = error_console()
        parts = [*_what_came(self.watch), f"{self._told:,} times told"]
        console.print(safe(f"{self.watch.book.source}: {', '.join(parts)}"))
        for note in feed.notes:
            console.print(safe(note, style="yellow"))
        for name, failure in self.watch.report.failures.items():
            console.print(safe(f"{name} failed: {failure}", style="yellow"))


def _what_came(watch: AnyWatch) -> list[str]:
    """What was watched, and what was lost of it."""
    from minewatch.output.terminal import counted
    from minewatch.watching.engine import Watch

    if isinstance(watch, Watch):
        n, lost = watch.meter.counted().biflows, watch.meter.counted().evicted_biflows
        parts = [counted(watch.counters.packets, "packet"), counted(n, "conversation")]
        return [*parts, f"{lost:,} ended early for want of memory"] if lost else parts
    counters = watch.counters
    told = {
        "conversations forgotten for want of memory": counters.evicted,
        "records without room": counters.refused,
        "records ahead of time": counters.ahead,
    }
    missing = [f"{n:,} {what}" for what, n in told.items() if n]
    return [counted(counters.records, "flow record"), *missing]


def _print(alerts: Sequence[Alert]) -> None:
    from minewatch.output.alert_lines import alert_lines

    encoding = sys.stdout.encoding or "utf-8"
    for alert in alerts:
        for line in alert_lines(alert):
            print(line.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


@contextlib.contextmanager
def _delivery(
    addresses: Sequence[str], folder: str | None, measures: object
) -> Iterator[Delivery | None]:
    """Open the sinks; without checkpoints, what they do not take before the end is lost."""
    if not addresses:
        yield None
        return
    from minewatch.alerts.delivery import Delivery
    from minewatch.alerts.sinks.opening import open_sink

    sinks: list[Sink] = []
    try:
        for address in addresses:
            sinks.append(open_sink(address))
            if attach := getattr(sinks[-1], "attach", None):
                attach(measures)
        with contextlib.ExitStack() as stack:
            if folder is None:
                spool = stack.enter_context(tempfile.TemporaryDirectory(prefix="minewatch-"))
            else:
                spool = str(Path(folder) / "spool")
            delivery = stack.enter_context(Delivery(sinks, spool, tell=complain))
            sinks = []
            yield delivery
    finally:
        for sink in sinks:
            sink.close()
