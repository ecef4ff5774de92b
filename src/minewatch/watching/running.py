# SPDX-License-Identifier: Apache-2.0
"""The loop of a watch: packets or records in, alerts out, checkpoints on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from minewatch.alert import Alert
from minewatch.errors import SourceError
from minewatch.watching.checkpoint import CheckpointFolder
from minewatch.watching.saving import AnyWatch

CHECKPOINT_S: Final = 5.0
"""A checkpoint is written about this often: the time between two strikes of a live watch."""
_EARLY: Final = 0.2
"""A checkpoint may come early by this part of the time. Strikes are some moments early or late: one
that was not waited for would make it twice the time."""


@dataclass(slots=True)
class Run:
    """One run of a watch.

    Parameters
    ----------
    watch : new.
    give : takes alerts, all that are told at one moment together; must not wait for anybody.
    checkpoints : where to go on from, and what to leave; None to do without.
    checkpoint_s : how long to wait between two checkpoints [s].
    data_time_ns : what the clock that stamps the packets says now, or that records are judged by;
        None for what is neither an interface nor a collector.
    """

    watch: AnyWatch
    give: Callable[[Sequence[Alert]], None]
    checkpoints: CheckpointFolder | None = None
    checkpoint_s: float = CHECKPOINT_S
    data_time_ns: Callable[[], int | None] | None = None
    _left_out: int = field(default=0, init=False)
    _next_s: float = field(default=0.0, init=False)

    def restore(self) -> None:
        """Go on where the last run was stopped, or killed.

        Raises
        ------
        SourceError : there are checkpoints, and none can be used.
        """
        if self.checkpoints is None:
            return
        again, is_same = self.checkpoints.restore(self.watch)
        if again:
            self.give(again)
        self._left_out = self.watch.taken if is_same else 0

    def over(
        self,
        batches: Iterable[Any],
        is_stopped: Callable[[], bool],
        *,
        ends_by_itself: bool = False,
    ) -> None:
        """Watch until the input is over, or somebody stops it.

        At the end of the input every conversation is over. Stopped, a watch with checkpoints leaves
        the last one, for the next run to go on from; without, its conversations are over too. A
        fault of the input, such as an interface that is gone, is the same as a stop.

        Parameters
        ----------
        batches : of packets or records, as the watch takes them; an empty one lets time pass.
        is_stopped : whether somebody asked for the end.
        ends_by_itself : the batches end soon after that, and until then none may be left out.

        Raises
        ------
        SourceError : the input cannot be read any longer.
        """
        try:
            for batch in batches:
                if self.watch.size_of(batch):
                    self._feed(batch)
                else:
                    self._pass_time()
                if is_stopped() and not ends_by_itself:
                    break
        except SourceError:
            self._end(is_stopped=True)
            raise
        self._end(is_stopped=is_stopped())

    def _end(self, *, is_stopped: bool) -> None:
        """Leave a checkpoint, or the last word on every conversation."""
        if self.checkpoints is None or not is_stopped:
            self._tell(self.watch.finish())
        if self.checkpoints is not None:
            self.checkpoints.save(self.watch, wait=True)

    def _feed(self, batch: Any) -> None:
        """Take in a batch, but for what a run before has counted."""
        start = min(self._left_out, self.watch.size_of(batch))
        self._left_out -= start
        for alerts in self.watch.feed(batch, start):
            self._tell(alerts)
            self._save_if_due()

    def _pass_time(self) -> None:
        now_ns = None if self.data_time_ns is None else self.data_time_ns()
        if now_ns is not None:
            self._tell(self.watch.advance(now_ns))
            self._save_if_due()

    def _tell(self, alerts: Sequence[Alert]) -> None:
        if not alerts:
            return
        if self.checkpoints is not None:
            self.checkpoints.tell(self.watch, alerts)
        self.give(alerts)

    def _save_if_due(self) -> None:
        now_s = time.monotonic()
        if self.checkpoints is None or now_s < self._next_s:
            return
        if self.checkpoints.save(self.watch):
            self._next_s = now_s + self.checkpoint_s * (1 - _EARLY)
