# SPDX-License-Identifier: Apache-2.0
"""Flow logs as conversations: read all that belongs together, arrange, gate.

The counterpart of ``pipeline``, which does the same for packets; what follows takes both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import polars as pl

from minewatch.arranging.arrange import Arranged, arrange
from minewatch.arranging.frames import SERVER
from minewatch.arranging.settings import ArrangeSettings
from minewatch.arranging.spool import RecordSpool
from minewatch.contracts import FlowSource
from minewatch.conversations import is_source_home
from minewatch.errors import SourceError
from minewatch.features.octets import with_estimated_octets
from minewatch.pipeline import ConversationChunk, PipelineOptions
from minewatch.records import UNKNOWN, RecordArray, RecordCounters
from minewatch.types import Conversations, Int64Array

SERVER_NAME: Final = "tls_sni"
"""Column of the name that a client asked for in TLS, as the decoder of handshakes has it."""
_RESPONDER: Final = "destination_name"
MAX_SERVERS: Final = 1 << 20
MAX_ANSWERS: Final = 1 << 20
"""Names of servers and answers of DNS that are kept of all logs of a run."""
_HALVES: Final = ["destination_address_high", "destination_address_low"]


@dataclass(slots=True)
class LogReport:
    """What was read of flow logs of one kind, and what could not be."""

    name: str
    files: list[tuple[str, RecordCounters]] = field(default_factory=list)
    """Each log that was opened, with what became of its rows."""
    errors: list[SourceError] = field(default_factory=list)
    """Logs that could not be read to their end, or not at all."""
    denied: int = 0
    """Records of packets that were not let through: kept apart."""
    gated: dict[str, int] = field(default_factory=dict)
    """Conversations by gate reason."""

    @property
    def conversations(self) -> int:
        """Return how many conversations there were."""
        return sum(self.gated.values())

    @property
    def records(self) -> int:
        """Return how many records there were, denied ones among them."""
        return sum(counters.rows_parsed for _, counters in self.files)


class LogNames(Protocol):
    """Gives the names that logs told."""

    def of_responders(self, frame: pl.DataFrame) -> pl.Series:
        """Return ``destination_name``: for which name DNS gave the responder's address.

        Parameters
        ----------
        frame : conversations.
        """
        ...

    def with_servers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace the places of server names by the names; no column where there are none.

        Parameters
        ----------
        frame : conversations.
        """
        ...


class _Names:
    """Names that logs told, of all logs of a run: each kept once, and not without end."""

    def __init__(self) -> None:
        self.n_told = 0
        """Names of servers that the logs told, the same ones again among them."""
        self._servers: dict[str, int] = {}
        self._places: list[Int64Array] = []
        self._answers: dict[tuple[int, int], str] = {}

    def add(self, source: FlowSource) -> None:
        """Take in the names of a log that was read."""
        told = source.names.servers
        for name in told:
            if len(self._servers) < MAX_SERVERS:
                self._servers.setdefault(name, len(self._servers))
        known = (self._servers.get(name, UNKNOWN) for name in told)
        places = np.fromiter(known, np.int64, len(told))
        self._places.append(places)
        self.n_told += len(told)
        for address, name in source.names.answers.items():
            if len(self._answers) < MAX_ANSWERS:
                self._answers.setdefault(address, name)
        if (places == UNKNOWN).any() or not source.names.answers.keys() <= self._answers.keys():
            source.counters.notes.append("more names in all logs than are kept; scan fewer at once")

    def of_responders(self, frame: pl.DataFrame) -> pl.Series:
        """Return ``destination_name``: for which name DNS gave the responder's address."""
        if not self._answers:
            return pl.Series(_RESPONDER, [None] * frame.height, pl.String)
        joined = frame.select(_HALVES).join(
            self._answer_table, on=_HALVES, how="left", maintain_order="left"
        )
        return joined.get_column(_RESPONDER)

    def with_servers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace the places of server names by the names; no column where there are none."""
        if self._servers:
            names = self._server_names.gather(frame.get_column(SERVER))
            frame = frame.with_columns(names.alias(SERVER_NAME))
        return frame.drop(SERVER)

    @cached_property
    def _server_names(self) -> pl.Series:
        """The name at each place that records of the run have; asked for when all logs are read."""
        places = pl.Series(np.concatenate(self._places))
        return pl.Series(list(self._servers), dtype=pl.String).gather(
            places.set(places == UNKNOWN, None)
        )

    @cached_property
    def _answer_table(self) -> pl.DataFrame:
        return pl.DataFrame(
            [(*halves, text) for halves, text in self._answers.items()],
            schema={_HALVES[0]: pl.UInt64, _HALVES[1]: pl.UInt64, _RESPONDER: pl.String},
            orient="row",
        )


def log_conversations(
    name: str, sources: Iterable[FlowSource], options: PipelineOptions, *, strict: bool = False
) -> tuple[LogReport, Iterator[ConversationChunk]]:
    """Return the report of logs, complete when the chunks are used up, and the chunks.

    A conversation may span logs and records come in any order, so that nothing is handed out
    before all was read.

    Parameters
    ----------
    name : what the user called them.
    sources : the logs, opened one after the other; each is closed when it was read.
    options : how records become conversations: interval, time-out, home networks, gate.
    strict : what cannot be read to its end raises, and is not only reported.
    """
    report = LogReport(name)
    return report, _chunks(report, sources, options, strict)


def _chunks(
    report: LogReport, sources: Iterable[FlowSource], options: PipelineOptions, strict: bool
) -> Iterator[ConversationChunk]:
    settings = arrange_settings(options)
    names = _Names()
    next_id = 1
    with RecordSpool(settings.memory_octets, settings.folder) as spool:
        for source in sources:
            first_name = names.n_told
            for records in records_of(source, report, options.on_progress, strict=strict):
                spool.add(records, first_name)
            names.add(source)
        report.denied = spool.denied
        for part in spool.parts():
            found = arrange(part, settings, next_id, with_intervals_of_all=not options.with_gate)
            next_id += sum(found.reasons.values())
            yield _chunk(found, names, report, options)


def arrange_settings(options: PipelineOptions) -> ArrangeSettings:
    """Return how records are arranged, so that it agrees with how packets are metered.

    Parameters
    ----------
    options : how inputs become conversations.
    """
    metering = options.metering
    return ArrangeSettings(metering.interval_s, metering.conversation_timeout_s)


def records_of(
    source: FlowSource,
    report: LogReport,
    on_progress: Callable[[int], None] | None = None,
    *,
    strict: bool = False,
) -> Iterator[RecordArray]:
    """Yield the records of a log to its end, or as far as it can be read; it is closed then.

    Parameters
    ----------
    source : the log.
    report : takes what became of its rows, and the error if there is one.
    on_progress : called with the octets read so far, once a block.
    strict : an error raises.

    Raises
    ------
    SourceError : ``strict``, and the log cannot be read to its end.
    """
    report.files.append((source.name, source.counters))
    with closing(source):
        try:
            for records in source.read():
                if on_progress is not None:
                    on_progress(source.counters.octets_read)
                yield records
        except SourceError as error:
            if strict:
                raise
            report.errors.append(error)


def _chunk(
    found: Arranged, names: _Names, report: LogReport, options: PipelineOptions
) -> ConversationChunk:
    for reason, count in found.reasons.items():
        report.gated[reason] = report.gated.get(reason, 0) + count
    return chunk_of(found, names, options)


def chunk_of(found: Arranged, names: LogNames, options: PipelineOptions) -> ConversationChunk:
    """Return conversations of flow logs as those of captures come.

    Parameters
    ----------
    found : the conversations.
    names : what logs told.
    options : how inputs become conversations.
    """

    def as_conversations(arranged: pl.DataFrame) -> pl.DataFrame:
        frame = names.with_servers(arranged)
        return with_estimated_octets(frame.with_columns(is_source_home(options.home)))

    return ConversationChunk(
        Conversations(as_conversations(found.passed), with_estimated_octets(found.intervals)),
        names.of_responders,
        lambda: as_conversations(found.conversations),
    )
