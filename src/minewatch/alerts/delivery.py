# SPDX-License-Identifier: Apache-2.0
"""Delivery of alerts to any number of sinks, none of which can hold up detection or another sink.

``put`` writes to the spool and returns; threads bring what is there to the sinks. Every alert that
``put`` took arrives at every sink once or more, in the order of ``put``, over restarts and after a
``kill -9``, as long as the spool has room. Who gets one twice knows it by id and revision.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from minewatch.alert import Alert
from minewatch.alerts.courier import Courier, Patience, SinkCounters
from minewatch.alerts.cursors import Cursor, cursor_path, furthest
from minewatch.alerts.forms.stored import write
from minewatch.alerts.measures import Measure
from minewatch.alerts.segments import MAX_LINE
from minewatch.alerts.spool import MIB, Spool
from minewatch.contracts import Sink
from minewatch.errors import SinkError

LIMIT_MIB: Final = 64
CLOSE_S: Final = 10.0


def _say_nothing(_: str) -> None:
    """Be the listener where there is none."""


def _heard_or_not(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return a listener that may be gone, as standard error is when its pipe was closed.

    What cannot be told must end neither a courier nor detection.
    """

    def say(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            tell(text)

    return say


class Delivery:
    """Brings alerts to sinks.

    Parameters
    ----------
    sinks : where to; no two have the same name. They are closed with the delivery.
    folder : of the spool; made if it is not there; of one delivery at a time.
    limit_mib : room of the spool.
    tell : gets one line when a sink or the disk fails, and when it is well again. Called from
        other threads.
    patience : how long is waited after failures.

    Raises
    ------
    SinkError : the folder cannot be used, or another delivery uses it.
    ValueError : two sinks have one name, no room.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        folder: str | Path,
        limit_mib: int = LIMIT_MIB,
        tell: Callable[[str], None] = _say_nothing,
        patience: Patience | None = None,
    ) -> None:
        names = [sink.name for sink in sinks]
        if len(set(names)) != len(names):
            raise ValueError(f"two sinks have one name: {sorted(names)}")
        if not 1 <= limit_mib <= 1 << 16:
            raise ValueError(f"limit_mib {limit_mib}: 1 to 65,536")
        self._tell = tell = _heard_or_not(tell)
        self._folder = Path(folder)
        self._changed = threading.Condition()
        self._is_closed = False
        self._oversized = 0
        self._was_full = ""
        self._lock = _locked(self._folder)
        try:
            cursors = [Cursor(cursor_path(self._folder, name)) for name in names]
            self._spool = Spool(self._folder, limit_mib * MIB, furthest(self._folder))
        except OSError as error:
            os.close(self._lock)
            raise SinkError(f"{error.filename or folder}: {error.strerror or error}") from error
        self._couriers = [
            Courier(
                sink,
                self._spool,
                self._changed,
                cursor,
                tell=tell,
                idle=self._save,
                patience=patience or Patience(),
            )
            for sink, cursor in zip(sinks, cursors, strict=True)
        ]
        for courier in self._couriers:
            courier.start()

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def put(self, alerts: Sequence[Alert]) -> None:
        """Take alerts; they are on disk before this returns, if the disk takes them.

        Parameters
        ----------
        alerts : in the order in which they are to arrive.

        Raises
        ------
        ValueError : the delivery is closed, or a number in an alert is not finite.
        """
        texts = [write(alert) for alert in alerts]
        fitting = [text for text in texts if len(text) <= MAX_LINE]
        with self._changed:
            if self._is_closed:
                raise ValueError("the delivery is closed")
            self._oversized += len(texts) - len(fitting)
            if not self._couriers or not fitting:
                return
            self._spool.forget(min(courier.next for courier in self._couriers))
            self._spool.append(fitting)
            news = self._disk_news()
            self._changed.notify_all()
        if news:
            self._tell(news)

    def _save(self) -> None:
        """Try again to write what the disk did not take."""
        with self._changed:
            if self._is_closed or not self._spool.unsaved:
                return
            self._spool.save()
            news = self._disk_news()
        if news:
            self._tell(news)

    def _disk_news(self) -> str:
        """Return what to tell of the disk, empty if nothing changed; the lock is held."""
        was_full, self._was_full = self._was_full, self._spool.trouble
        if bool(was_full) == bool(self._was_full):
            return ""
        if self._was_full:
            return f"{self._folder}: {self._was_full}: alerts are kept in memory alone"
        return f"{self._folder}: takes alerts again"

    def counters(self) -> dict[str, SinkCounters]:
        """Return what became of the alerts, by the name of the sink."""
        with self._changed:
            found = {courier.sink.name: courier.counters() for courier in self._couriers}
        for counters in found.values():
            counters.dropped += self._oversized
        return found

    def measures(self) -> Iterator[Measure]:
        """Yield the counters as measures."""
        for name, c in self.counters().items():
            label = {"sink": name}
            yield Measure("sink_delivered", c.delivered, "Alerts that a sink has taken.", label)
            yield Measure("sink_retried", c.retried, "Tries in vain.", label)
            yield Measure("sink_refused", c.refused, "Alerts given up as refused.", label)
            yield Measure("sink_dropped", c.dropped, "Alerts lost for want of room.", label)
            yield Measure("sink_waiting", c.waiting, "Alerts that wait.", label, is_counter=False)
            is_up = float(not c.trouble)
            yield Measure("sink_up", is_up, "1 if the last try went well.", label, is_counter=False)
        with self._changed:
            octets, unsaved = self._spool.octets, self._spool.unsaved
        yield Measure("spool_octets", octets, "Size of the spool.", is_counter=False)
        yield Measure("spool_unsaved", unsaved, "Alerts in memory alone.", is_counter=False)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Deliver what waits and end; what a sink does not take now waits for the next start.

        Parameters
        ----------
        timeout_s : a sink that takes longer is left alone.
        """
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            for courier in self._couriers:
                courier.finish()
            self._changed.notify_all()
        deadline = time.monotonic() + timeout_s
        for courier in self._couriers:
            if not courier.join(max(0.0, deadline - time.monotonic())):
                self._tell(f"{courier.sink.name}: takes too long and is left alone")
        with self._changed:
            self._spool.forget(
                min((courier.next for courier in self._couriers), default=self._spool.next)
            )
            if self._spool.unsaved:
                self._spool.save()
            if lost := self._spool.unsaved:
                self._tell(f"{self._folder}: {self._spool.trouble}: {lost:,} alerts are lost")
            self._spool.close()
        os.close(self._lock)


def _locked(folder: Path) -> int:
    """Return the open lock of a folder, which is made if need be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SinkError(f"{folder}: cannot keep alerts there: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SinkError(f"{folder}: another minewatch keeps its alerts there") from error
    return lock
