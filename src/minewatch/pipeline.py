# SPDX-License-Identifier: Apache-2.0
"""The one loop: read, meter, merge, gate; what follows takes ``Conversations``."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.address import PRIVATE_NETWORKS, Network, parse_networks
from minewatch.contracts import PacketSource
from minewatch.conversations import ConversationBuilder
from minewatch.decoders.names import names_of
from minewatch.metering.process import Meter, MeterCounters, MeterOutput, SideData
from minewatch.metering.state import MeteringOptions
from minewatch.readers.capture import CaptureCounters, CaptureSource
from minewatch.readers.source import Input
from minewatch.types import Conversations, PacketBatch


def private_networks() -> tuple[Network, ...]:
    """Return the networks that count as home unless the user says otherwise."""
    return parse_networks(PRIVATE_NETWORKS)


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How inputs become conversations.

    Parameters
    ----------
    metering : time-outs and limits.
    home : networks of the watched side.
    on_progress : called with the octets read so far, once a batch.
    with_gate : if false, packets and payload come with every conversation, and not only with
        those that passed the gate: for labelling, which must not miss the short ones.
    """

    metering: MeteringOptions = field(default_factory=MeteringOptions)
    home: Sequence[Network] = field(default_factory=private_networks)
    on_progress: Callable[[int], None] | None = None
    with_gate: bool = True

    def settings(self) -> dict[str, float]:
        """Return the settings of metering and gate that shape conversations, by name.

        A model's card holds those it was trained with, and the model refuses any others.

        Examples
        --------
        >>> PipelineOptions().settings()["interval_s"]
        60.0
        """
        names = ("interval_s", "idle_timeout_s", "conversation_timeout_s")
        return {name: float(getattr(self.metering, name)) for name in names} | gate.SETTINGS


@dataclass(slots=True)
class CaptureReport:
    """What was read of one capture, and what could not be."""

    name: str
    capture: CaptureCounters
    metering: MeterCounters
    gated: dict[str, int] = field(default_factory=dict)
    """Conversations by gate reason."""

    @property
    def conversations(self) -> int:
        """Return how many conversations there were."""
        return sum(self.gated.values())


@dataclass
class ConversationChunk:
    """Conversations that ended together, all of them and those that passed the gate."""

    passed: Conversations
    """Those with gate reason ``passed``, with what the input kept; without a gate all of them."""
    names: Callable[[pl.DataFrame], pl.Series]
    """Returns ``destination_name``, the name of each conversation's responder, or null: what the
    input has told so far."""
    make_everything: Callable[[], pl.DataFrame]

    @cached_property
    def everything(self) -> pl.DataFrame:
        """Return all conversations: columns of ``schema.CONVERSATION`` and ``gate_reason``."""
        return self.make_everything()


_PATIENCE_S: Final = 1.0
"""How long to wait for a reader that may hang in a pipe nobody writes to; it ends with us."""


def read_ahead(
    source: PacketSource, depth: int = 4, patience_s: float | None = None
) -> Generator[PacketBatch, None, None]:
    """Yield a source's batches, read by one thread and parsed by another while the caller works.

    Reading, framing and decoding release the interpreter lock, as metering does, so that two
    processors are used. A batch is valid until the next one is asked for.

    Parameters
    ----------
    source : closed at the end.
    depth : batches that are read ahead.
    patience_s : yield a batch without packets when nothing came for so long, so that the caller can
        see to other things; None waits for ever.
    """
    free: _Queue = queue.SimpleQueue()
    raw: _Queue = queue.SimpleQueue()
    ready: _Queue = queue.SimpleQueue()
    for _ in range(depth):
        free.put(PacketBatch())

    def read() -> None:
        while isinstance(batch := free.get(), PacketBatch):
            if not source.read(batch):
                raw.put(_End.OF_SOURCE)
                return
            raw.put(batch)
        raw.put(_End.BY_CALLER)

    def parse() -> None:
        while isinstance(batch := raw.get(), PacketBatch):
            source.parse(batch)
            (ready if batch.n_packets else free).put(batch)
        if batch is _End.OF_SOURCE:
            source.finish()
        ready.put(batch)

    threads = [_start(read, raw), _start(parse, ready)]
    try:
        while isinstance(item := _next(ready, patience_s), PacketBatch):
            yield item
            if item is not _NOTHING:
                free.put(item)
        if isinstance(item, BaseException):
            raise item
    finally:
        free.put(_End.BY_CALLER)
        for thread in threads:
            thread.join(_PATIENCE_S)
        if not any(thread.is_alive() for thread in threads):
            source.close()


class _End(Enum):
    """Why no more batches come."""

    OF_SOURCE = 1
    BY_CALLER = 2


_NOTHING: Final = PacketBatch()
"""What is yielded when nothing came; its memory is never touched, so that it takes none."""


def _next(ready: _Queue, patience_s: float | None) -> PacketBatch | _End | BaseException:
    try:
        return ready.get(timeout=patience_s)
    except queue.Empty:
        return _NOTHING


_Queue: TypeAlias = "queue.SimpleQueue[PacketBatch | _End | BaseException]"


def _start(work: Callable[[], None], results: _Queue) -> threading.Thread:
    """Run ``work`` in a thread; what it raises goes to whoever takes its results."""

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            results.put(error)

    thread = threading.Thread(target=run, name="minewatch-reader", daemon=True)
    thread.start()
    return thread


def meter_capture(
    source: PacketSource, meter: Meter, options: PipelineOptions
) -> Iterator[MeterOutput]:
    """Yield what the metering process hands out for one capture, the last one marked."""
    with closing(read_ahead(source)) as batches:
        for batch in batches:
            if options.on_progress is not None:
                options.on_progress(batch.octets_read)
            yield from meter.feed(batch)
    yield from meter.finish()


def open_capture(source: Input, options: PipelineOptions) -> tuple[CaptureSource, Meter]:
    """Open a capture and a metering process for it.

    Raises
    ------
    SourceError : it cannot be opened, or is no capture.
    """
    return (
        CaptureSource(source, decapsulate=options.metering.decapsulate),
        Meter(options.metering),
    )


def conversations(
    source: Input, options: PipelineOptions
) -> tuple[CaptureReport, Iterator[ConversationChunk]]:
    """Open a capture; return its report, complete when the chunks are used up, and the chunks.

    Raises
    ------
    SourceError : it cannot be opened, or is no capture.
    """
    if not options.metering.keep_packets:
        raise ValueError("keep_packets must be true: conversations come with their packets")
    capture, meter = open_capture(source, options)
    report = CaptureReport(source.name, capture.counters, meter.counters)
    return report, _chunks(capture, meter, report, options)


def _chunks(
    capture: CaptureSource, meter: Meter, report: CaptureReport, options: PipelineOptions
) -> Iterator[ConversationChunk]:
    builder = ConversationBuilder(options.home)
    for output in meter_capture(capture, meter, options):
        ended, intervals = builder.add(output.flows, output.ended)
        chunk = as_chunk(ended, intervals, output, meter, with_gate=options.with_gate)
        count_gated(chunk, report.gated)
        yield chunk


def as_chunk(
    merged: pl.DataFrame,
    intervals: pl.DataFrame,
    side: SideData,
    meter: Meter,
    *,
    with_gate: bool = True,
) -> ConversationChunk:
    """Return conversations with what was kept of those that pass the gate.

    Parameters
    ----------
    merged : conversations that ended together, or are looked at together.
    intervals : their interval records.
    side : their packets and payload.
    meter : where they come from; knows the names that were asked for.
    with_gate : see ``PipelineOptions``.
    """
    everything = merged.with_columns(gate.gate_reason())
    passed = everything
    if with_gate:
        passed = everything.filter(pl.col("gate_reason") == gate.PASSED)
    ids = passed.get_column("flow_id").to_numpy().astype(np.int64)
    packets = side.packets(ids)
    return ConversationChunk(
        Conversations(
            passed,
            intervals.filter(pl.col("flow_id").is_in(passed.get_column("flow_id").implode())),
            packets,
            side.payloads(ids, packets),
        ),
        partial(_asked_names, meter),
        partial(_same, everything),
    )


def count_gated(chunk: ConversationChunk, gated: dict[str, int]) -> None:
    """Count conversations by gate reason.

    Parameters
    ----------
    chunk : of conversations that ended.
    gated : takes the counts.
    """
    for reason, count in chunk.everything.group_by("gate_reason").len().iter_rows():
        gated[reason] = gated.get(reason, 0) + count


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def _asked_names(meter: Meter, frame: pl.DataFrame) -> pl.Series:
    return names_of(frame, meter.dns_log())
