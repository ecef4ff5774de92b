# SPDX-License-Identifier: Apache-2.0
"""Brings alerts from the spool to one sink, in a thread of its own, until they are there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from minewatch.alert import Alert
from minewatch.alerts.cursors import Cursor
from minewatch.alerts.forms.stored import read
from minewatch.alerts.segments import Record
from minewatch.alerts.sinks.refusal import RefusedError
from minewatch.alerts.spool import Spool
from minewatch.contracts import Sink
from minewatch.errors import SinkError

MOST_AT_ONCE: Final = 128
_IDLE_S: Final = 1.0
_REASON: Final = 300


@dataclass(slots=True)
class SinkCounters:
    """What became of the alerts of one sink."""

    delivered: int = 0
    """Taken by the sink, repetitions included."""
    retried: int = 0
    """Times that a batch was tried in vain."""
    refused: int = 0
    """Not taken by a sink that was up, and given up."""
    dropped: int = 0
    """Gone from the spool before the sink could have them."""
    waiting: int = 0
    """Not taken yet."""
    trouble: str = ""
    """Why the last try was in vain, empty if it was not."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait after a failure: twice as long each time, up to a limit, less a random part.

    Parameters
    ----------
    first_s : after the first.
    most_s : at most.
    """

    first_s: float = 0.5
    most_s: float = 60.0

    def wait_s(self, failures: int, share: float) -> float:
        """Return how long to wait.

        Parameters
        ----------
        failures : one after another, from 1.
        share : random, from 0 to 1.

        Examples
        --------
        >>> Patience().wait_s(1, 1.0), Patience().wait_s(3, 0.0), Patience().wait_s(99, 1.0)
        (0.5, 1.0, 60.0)
        """
        whole = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + 0.5 * share)


class Courier:
    """Delivers to one sink.

    Parameters
    ----------
    sink : where to.
    spool : where from.
    changed : lock of the spool, told whenever there is something new.
    cursor : how far the sink is.
    tell : gets one line when something goes wrong and when it is well again.
    idle : called now and then while nothing can be delivered.
    patience : after failures.
    """

    def __init__(
        self,
        sink: Sink,
        spool: Spool,
        changed: threading.Condition,
        cursor: Cursor,
        *,
        tell: Callable[[str], None],
        idle: Callable[[], None],
        patience: Patience,
    ) -> None:
        self.sink = sink
        self._spool = spool
        self._changed = changed
        self._cursor = cursor
        self._tell = tell
        self._idle = idle
        self._patience = patience
        self._chance = random.Random()
        self._most = min(MOST_AT_ONCE, int(getattr(sink, "most_at_once", MOST_AT_ONCE)))
        self._counters = SinkCounters()
        self._failures = 0
        self._is_finishing = False
        self._stop = threading.Event()
        self._is_cursor_kept = True
        self._next = 0
        self._move(spool.next if cursor.next is None else min(cursor.next, spool.next))
        self._thread = threading.Thread(target=self._run, name=f"to {sink.name}", daemon=True)

    @property
    def next(self) -> int:
        """Number of the first alert that the sink does not have."""
        return self._next

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def counters(self) -> SinkCounters:
        """Return a copy of the counters, with what waits; the lock is held."""
        c = self._counters
        waiting = self._spool.next - self._next
        return SinkCounters(c.delivered, c.retried, c.refused, c.dropped, waiting, c.trouble)

    def finish(self) -> None:
        """Deliver what waits and end; a sink that is down is tried once more. The lock is held."""
        self._is_finishing = True
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (batch := self._batch()) is not None:
            if not batch:
                self._idle()
                continue
            if self._deliver(batch):
                self._failures = 0
            elif self._is_finishing:
                break
            else:
                self._failures += 1
                self._stop.wait(self._patience.wait_s(self._failures, self._chance.random()))
                self._idle()
        try:
            self.sink.close()
        except Exception as error:  # noqa: BLE001  a stranger's sink may raise anything
            self._tell(f"{self.sink.name}: while closing: {_reason(error)}")

    def _batch(self) -> list[Record] | None:
        """Return what is next, nothing to be asked again, None at the end."""
        with self._changed:
            if self._next >= self._spool.next:
                if self._is_finishing:
                    return None
                self._changed.wait(_IDLE_S)
                return []
            trouble = ""
            try:
                batch = _unbroken(self._spool.read(self._next, self._most))
            except OSError as error:
                trouble = f"the spool cannot be read: {error.strerror}"
            else:
                first = batch[0][0] if batch else self._spool.next
                lost = first - self._next
                self._counters.dropped += lost
        # From here on without the lock, which detection needs too.
        if trouble:
            self._failed(SinkError(trouble))
            self._stop.wait(_IDLE_S)
            return None if self._is_finishing else []
        if lost:
            self._tell(f"{self.sink.name}: {lost:,} alerts are lost: there was no room for them")
            self._move(first)
        return batch

    def _deliver(self, batch: Sequence[Record]) -> bool:
        """Bring a batch to the sink; return whether to go on at once."""
        alerts = self._alerts(batch)
        try:
            if alerts:
                self.sink.send(alerts)
        except RefusedError as error:
            if len(batch) > 1:
                return all(self._deliver([record]) for record in batch)
            self._refused(error)
        except Exception as error:  # noqa: BLE001  a stranger's sink may raise anything
            with self._changed:
                self._counters.retried += 1
            self._failed(error)
            return False
        else:
            self._arrived(len(alerts))
        self._move(batch[-1][0] + 1)
        return True

    def _alerts(self, batch: Sequence[Record]) -> list[Alert]:
        alerts = []
        for number, text in batch:
            try:
                alerts.append(read(text))
            except ValueError as error:
                with self._changed:
                    self._counters.dropped += 1
                self._tell(f"{self.sink.name}: alert {number} of the spool: {_reason(error)}")
        return alerts

    def _arrived(self, count: int) -> None:
        with self._changed:
            self._counters.delivered += count
            was_down, self._counters.trouble = self._counters.trouble, ""
        if was_down:
            self._tell(f"{self.sink.name}: takes alerts again")

    def _refused(self, error: RefusedError) -> None:
        with self._changed:
            self._counters.refused += 1
        self._tell(f"{_reason(error)}; this alert is given up there")

    def _failed(self, error: Exception) -> None:
        reason = _reason(error)
        with self._changed:
            was_down, self._counters.trouble = self._counters.trouble, reason
        if not was_down:
            self._tell(f"{reason}: alerts wait and are tried again")

    def _move(self, number: int) -> None:
        """Write down how far the sink is; where that fails, some alerts come twice later."""
        try:
            self._cursor.move(number)
            self._is_cursor_kept = True
        except OSError as error:
            if self._is_cursor_kept:
                self._tell(f"{self.sink.name}: cannot write down what is delivered: {error}")
            self._is_cursor_kept = False
        # Not before: what the spool forgets must not be missed after a crash.
        self._next = number


def _unbroken(batch: list[Record]) -> list[Record]:
    """Return the records before the first gap: what is missing there is counted by itself."""
    for i, (number, _) in enumerate(batch):
        if number != batch[0][0] + i:
            return batch[:i]
    return batch


def _reason(error: Exception) -> str:
    told = str(error) if isinstance(error, SinkError) else f"{type(error).__name__}: {error}"
    return " ".join(told.split())[:_REASON]
