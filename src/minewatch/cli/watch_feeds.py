# SPDX-License-Identifier: Apache-2.0
"""Where a watch gets from what it watches: packets, flow logs, or exporters that send records."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from minewatch.contracts import FlowSource, PacketSource
    from minewatch.readers.netflow.collector import Collector
    from minewatch.watching.record_watch import RecordWatch

PATIENCE_S: Final = 0.5
"""Signals are seen to this often while nothing comes."""
_READ_AHEAD: Final = 4
"""Blocks of records."""


class Feed(Protocol):
    """Gives batches to a watch."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on until somebody stops it, and then gives what it still has."""
        ...

    @property
    def data_time_ns(self) -> Callable[[], int | None] | None:
        """What the time is while nothing comes; None where only the data tells."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What is wrong with what was read."""
        ...

    def batches(self) -> Generator[Any, None, None]:
        """Yield batches; one that holds nothing lets time pass."""
        ...

    def stop(self) -> None:
        """End soon; may be called by a signal."""
        ...


class PacketFeed:
    """Packets of a capture or of interfaces.

    Parameters
    ----------
    source : open.
    """

    def __init__(self, source: PacketSource) -> None:
        from minewatch.readers.live.source import LiveSource

        self.source = source
        self._live = source if isinstance(source, LiveSource) else None

    @property
    def is_live(self) -> bool:
        """Return whether it is of interfaces."""
        return self._live is not None

    @property
    def data_time_ns(self) -> Callable[[], int | None] | None:
        """Return the clock of the interfaces."""
        return None if self._live is None else self._live.data_time_ns

    @property
    def counters(self) -> Any:
        """Return what the source counts."""
        return self.source.counters  # type: ignore[attr-defined]

    @property
    def notes(self) -> Sequence[str]:
        """Return what is wrong with the source."""
        notes: Sequence[str] = self.counters.notes
        return notes

    def batches(self) -> Generator[Any, None, None]:
        """Yield batches of packets."""
        from minewatch.pipeline import read_ahead

        return read_ahead(self.source, patience_s=PATIENCE_S)

    def stop(self) -> None:
        """Stop interfaces; a capture is left where it is."""
        if self._live is not None:
            self._live.stop()


class LogFeed:
    """Flow logs, one after the other, their records in the order in which they stand there.

    Parameters
    ----------
    sources : opened when it is their turn.
    watch : takes the records.
    """

    is_live = False
    data_time_ns = None

    def __init__(self, sources: Sequence[Callable[[], FlowSource]], watch: RecordWatch) -> None:
        self._sources = sources
        self._watch = watch
        self._counters: list[Any] = []

    @property
    def notes(self) -> list[str]:
        """Return what is wrong with the logs, and how many rows were faulty."""
        from minewatch.output.terminal import counted

        notes = [note for one in self._counters for note in one.notes]
        faulty = sum(one.faulty.total() for one in self._counters)
        if faulty:
            example = next((one.examples[0] for one in self._counters if one.examples), "")
            notes.append(f"{counted(faulty, 'faulty row')}, such as {example}")
        return notes

    def batches(self) -> Generator[Any, None, None]:
        """Yield blocks of records, and empty ones while none come.

        A thread reads: from a pipe that nobody writes to, one waits for ever. It ends with us.
        """
        from minewatch.records import Names, new_records

        nothing = new_records(0)
        read: queue.Queue[Any] = queue.Queue(_READ_AHEAD)
        is_over = threading.Event()
        work = (read, is_over)
        threading.Thread(target=self._read, args=work, name="minewatch-logs", daemon=True).start()
        try:
            while not is_over.is_set():
                try:
                    item = read.get(timeout=PATIENCE_S)
                except queue.Empty:
                    yield nothing
                    continue
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, Names):
                    self._watch.names.hear(item)
                else:
                    yield item
        finally:
            is_over.set()

    def _read(self, read: queue.Queue[Any], is_over: threading.Event) -> None:
        """Read all logs; what is raised goes to whoever takes the blocks."""

        def put(item: Any) -> None:
            while not is_over.is_set():
                with contextlib.suppress(queue.Full):
                    read.put(item, timeout=PATIENCE_S)
                    return

        try:
            for open_source in self._sources:
                source = open_source()
                self._counters.append(source.counters)
                put(source.names)
                with contextlib.closing(source):
                    for records in source.read():
                        put(records.copy())
                        if is_over.is_set():
                            return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            put(error)

    def stop(self) -> None:
        """Do nothing: whoever takes the blocks stops."""


class CollectorFeed:
    """What exporters send; the time is that of this machine, whatever they claim.

    Parameters
    ----------
    collector : not begun yet.
    """

    is_live = True

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._is_stopped = False

    @staticmethod
    def data_time_ns() -> int:
        """Return the time."""
        return time.time_ns()

    @property
    def notes(self) -> list[str]:
        """Return what did not come, or could not be used."""
        from minewatch.output.terminal import counted

        counts = self.collector.counts
        told = {
            "lost by sequence numbers": counts.lost,
            "dropped by the kernel": counts.dropped,
            "refused": counts.refused,
            "faulty": counts.faults,
            "over the limits of memory": counts.over_limits,
        }
        missing = [f"{n:,} {what}" for what, n in told.items() if n]
        return [f"{counted(counts.datagrams, 'datagram')}, {', '.join(missing)}"] if missing else []

    def batches(self) -> Generator[Any, None, None]:
        """Yield records as they come, and let time pass before each of them."""
        from minewatch.records import new_records

        nothing = new_records(0)
        yield nothing
        with self.collector as collector:
            while not self._is_stopped:
                yield from collector.take(PATIENCE_S)
                yield nothing
            yield from collector.finish()
            yield nothing

    def stop(self) -> None:
        """End when what was received is decoded."""
        self._is_stopped = True
