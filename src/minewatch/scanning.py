# SPDX-License-Identifier: Apache-2.0
"""From conversations to verdicts: decode, score, fuse, explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Final, Generic, TypeVar

import numpy as np
import polars as pl

from minewatch import gate
from minewatch.allow.entries import Known
from minewatch.allow.marking import ALLOWED, EXPIRED, with_known
from minewatch.contracts import Decoder, Detector, FlowSource
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.sampled import believed_share, with_sampling
from minewatch.identify.identity import with_identity
from minewatch.logs import LogReport, log_conversations
from minewatch.pipeline import (
    CaptureReport,
    ConversationChunk,
    PipelineOptions,
    conversations,
)
from minewatch.readers.source import Input
from minewatch.schema import polars_schema
from minewatch.types import BoolArray, Conversations, Evidence, FloatArray, Verdict

MINING: Final = "mining"
NORMAL: Final = "normal"
NAME_COLUMN: Final = "destination_name"


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a scan uses.

    Parameters
    ----------
    pipeline : how inputs become conversations.
    decoders : read kept payload into columns.
    detectors : give probabilities.
    fusion : makes one probability of them.
    threshold : probability from which a conversation is labelled mining, in (0, 1].
    decode_all : read what only informs a person (TLS, names) of every conversation, and not only
        of those labelled mining.
    known : what may mine, tags and transit hosts; None if the user said nothing of them.
    promise : how the threshold came from a budget of false alarms; None if it was given.
    log_threshold : the same as ``threshold`` for flow logs, which tell less; None for the same.
    log_promise : how it came from a budget.
    """

    pipeline: PipelineOptions
    decoders: Sequence[Decoder]
    detectors: Sequence[Detector]
    fusion: Fusion
    threshold: float = 0.5
    decode_all: bool = False
    known: Known | None = None
    promise: str | None = None
    log_threshold: float | None = None
    log_promise: str | None = None

    def for_logs(self) -> ScanOptions:
        """Return the options for flow logs: their threshold, and no payload to decode."""
        threshold = self.threshold if self.log_threshold is None else self.log_threshold
        return replace(self, decoders=(), threshold=threshold, promise=self.log_promise)


Report = TypeVar("Report", CaptureReport, LogReport)


@dataclass(slots=True)
class ScanReport(Generic[Report]):
    """What a scan of one capture, or of flow logs of one kind, saw and could not do."""

    input: Report
    scored: int = 0
    mining: int = 0
    """Conversations that are labelled mining and not allowed."""
    allowed: int = 0
    """Conversations that are labelled mining and allowed."""
    expired: int = 0
    """Conversations that are labelled mining and were allowed once."""
    failures: dict[str, str] = field(default_factory=dict)
    """Plug-ins that failed, with their error; their scores count as not ready."""


@dataclass
class ScannedChunk:
    """Conversations with their probabilities."""

    conversations: Conversations
    """Those that passed the gate, with the columns of the decoders."""
    make_gated: Callable[[], pl.DataFrame]
    """Makes the table of those that did not: most users never look at it."""
    probability: FloatArray
    """Fused, for each of ``conversations``."""
    scores: Mapping[str, FloatArray]
    """By detector; NaN where it was not ready."""
    options: ScanOptions

    @cached_property
    def gated(self) -> pl.DataFrame:
        """Return the conversations that did not pass the gate, with ``gate_reason``."""
        return self.make_gated()

    @property
    def is_mining(self) -> BoolArray:
        """Return which of ``conversations`` are labelled mining."""
        flagged: BoolArray = self.probability >= self.options.threshold
        return flagged

    @property
    def is_allowed(self) -> BoolArray:
        """Return which of ``conversations`` are labelled mining and may mine."""
        return self._has(ALLOWED)

    @property
    def was_allowed(self) -> BoolArray:
        """Return which of ``conversations`` are labelled mining, by an allowance that expired."""
        return self._has(EXPIRED)

    def _has(self, name: str) -> BoolArray:
        frame = self.conversations.frame
        if name not in frame.columns:
            return np.zeros(frame.height, np.bool_)
        has: BoolArray = frame.get_column(name).is_not_null().to_numpy()
        return has

    def verdict(self, row: int) -> Verdict:
        """Return the verdict on one of ``conversations``, with its evidence, strongest first."""
        contributions = self.options.fusion.contributions(
            {name: scores[row : row + 1] for name, scores in self.scores.items()}
        )
        believed = float(believed_share(self.conversations.frame[row : row + 1])[0])
        evidence: list[Evidence] = []
        for detector in self.options.detectors:
            name = detector.name
            if np.isnan(self.scores[name][row]):
                continue
            probability = float(self.scores[name][row])
            total = believed * float(contributions[name][0])
            evidence.extend(_explained(detector, self.conversations, row, probability, total))
        evidence.sort(key=lambda item: -abs(item.contribution))
        probability = float(self.probability[row])
        return Verdict(
            flow_id=int(self.conversations.frame.item(row, "flow_id")),
            mining_probability=probability,
            label=MINING if probability >= self.options.threshold else NORMAL,
            detectors={
                name: None if np.isnan(scores[row]) else float(scores[row])
                for name, scores in self.scores.items()
            },
            evidence=evidence,
        )


def _explained(
    detector: Detector, given: Conversations, row: int, probability: float, total: float
) -> Iterator[Evidence]:
    """Yield a detector's evidence, so that its parts add up to what fusion took from it.

    They are scaled; where that would turn them round, or there are none, the rest stands by itself.
    """
    balance = f"What else made {detector.name} give its probability."
    try:
        evidence = list(detector.explain(given, row))
    except Exception as error:  # noqa: BLE001 - a plug-in's defect: shown in place of its reasons
        balance = f"{detector.name} cannot explain itself: {type(error).__name__}: {error}."
        evidence = []
    own = sum(item.contribution for item in evidence)
    largest = max((abs(item.contribution) for item in evidence), default=0.0)
    is_scalable = total == 0 or (own * total > 0 and abs(own) > 1e-6 * largest)
    scale = total / own if is_scalable and total else float(not is_scalable)
    for item in evidence:
        yield replace(item, contribution=scale * item.contribution)
    if not is_scalable:
        yield Evidence(detector.name, probability, "1", total - own, balance)


def gated_verdict(flow_id: int, reason: str, fusion: Fusion, detectors: Sequence[str]) -> Verdict:
    """Return the verdict on a conversation that the gate stopped: the base rate, and why."""
    return Verdict(
        flow_id=flow_id,
        mining_probability=fusion.prior,
        label=NORMAL,
        detectors=dict.fromkeys(detectors),
        evidence=[Evidence("gate", reason, "text", 0.0, f"Not scored: {gate.REASONS[reason]}.")],
    )


def scan_capture(
    source: Input, options: ScanOptions
) -> tuple[ScanReport[CaptureReport], Iterator[ScannedChunk]]:
    """Open a capture; return its report, complete when the chunks are used up, and the chunks.

    Raises
    ------
    SourceError : it cannot be opened, or is no capture.
    """
    capture_report, chunks = conversations(source, options.pipeline)
    report = ScanReport(capture_report)
    return report, _scan_chunks(chunks, report, options)


def scan_logs(
    name: str, sources: Iterable[FlowSource], options: ScanOptions, *, strict: bool = False
) -> tuple[ScanReport[LogReport], Iterator[ScannedChunk]]:
    """Return the report of flow logs, complete when the chunks are used up, and the chunks.

    Parameters
    ----------
    name : what the user called them.
    sources : the logs, as ``logs.log_conversations`` takes them.
    options : how to scan; there is no payload to decode.
    strict : what cannot be read to its end raises, and is not only reported.
    """
    log_report, chunks = log_conversations(name, sources, options.pipeline, strict=strict)
    report = ScanReport(log_report)
    return report, _scan_chunks(chunks, report, options.for_logs())


def _scan_chunks(
    chunks: Iterator[ConversationChunk], report: ScanReport[Any], options: ScanOptions
) -> Iterator[ScannedChunk]:
    scorer = Scorer(options)
    for chunk in chunks:
        scanned = scorer.score(chunk, report)
        _count(scanned, report)
        yield scanned


class Scorer:
    """Decodes, scores and fuses chunks of conversations.

    Parameters
    ----------
    options : how.
    """

    def __init__(self, options: ScanOptions) -> None:
        self._options = options
        self._used = {name for detector in options.detectors for name in detector.uses}
        self._early, self._late = _by_use(options.decoders, self._used)

    def score(self, chunk: ConversationChunk, report: ScanReport[Any]) -> ScannedChunk:
        """Return the conversations that passed the gate, with their probabilities.

        Parameters
        ----------
        chunk : conversations that ended together, or are looked at together.
        report : takes the failures.
        """
        options = self._options
        everyone = np.ones(len(chunk.passed), np.bool_)
        decoded = decode(chunk.passed, self._early, everyone, report)
        if NAME_COLUMN in self._used:
            decoded = with_names(decoded, chunk, everyone)
        scores = score(decoded, options.detectors, report)
        probability = options.fusion.probability(scores, len(decoded))
        probability = with_sampling(probability, decoded.frame, options.fusion.prior)
        told = everyone if options.decode_all else probability >= options.threshold
        decoded = decode(decoded, self._late, told, report)
        if NAME_COLUMN not in self._used:
            decoded = with_names(decoded, chunk, told)
        is_mining = probability >= options.threshold
        decoded = with_identity(decoded, is_mining)
        if options.known is not None:
            frame = with_known(decoded.frame, is_mining, options.known)
            decoded = with_frame(decoded, frame)
        return ScannedChunk(
            decoded, partial(_gated, chunk, options.known), probability, scores, options
        )


def _gated(chunk: ConversationChunk, known: Known | None) -> pl.DataFrame:
    """Return the conversations of a chunk that the gate stopped."""
    gated = chunk.everything.filter(pl.col("gate_reason") != gate.PASSED)
    if known is None:
        return gated
    return with_known(gated, np.zeros(gated.height, np.bool_), known)


def _count(scanned: ScannedChunk, report: ScanReport[Any]) -> None:
    report.scored += len(scanned.conversations)
    report.allowed += int(scanned.is_allowed.sum())
    report.expired += int(scanned.was_allowed.sum())
    report.mining += int((scanned.is_mining & ~scanned.is_allowed).sum())


def with_frame(given: Conversations, frame: pl.DataFrame) -> Conversations:
    """Return the same conversations with more columns; what was computed of them is kept.

    Parameters
    ----------
    given : the conversations.
    frame : the same rows in the same order, with all columns of ``given`` unchanged.
    """
    return Conversations(frame, given.intervals, given.packets, given.payloads, given.memory)


def _by_use(decoders: Sequence[Decoder], used: set[str]) -> tuple[list[Decoder], list[Decoder]]:
    """Return the decoders that a detector needs, and those that only tell a person more."""
    early = [d for d in decoders if any(column.name in used for column in d.columns)]
    return early, [d for d in decoders if d not in early]


def decode(
    given: Conversations, decoders: Sequence[Decoder], rows: BoolArray, report: ScanReport[Any]
) -> Conversations:
    """Return the conversations with the decoders' columns, null where they saw nothing.

    Parameters
    ----------
    given : the conversations.
    decoders : each is asked about conversations whose payload began like its protocol.
    rows : which conversations to decode at all, shape (n,).
    report : takes the failures.
    """
    frame = given.frame
    ids = frame.get_column("flow_id").to_numpy()
    kinds = frame.get_column("payload_kinds").to_numpy()
    for decoder in decoders:
        found: dict[int, Mapping[str, object]] = {}
        for row in np.flatnonzero(rows & ((kinds & decoder.kinds) != 0)).tolist():
            payload = given.payloads.get(int(ids[row]))
            # One conversation that a decoder breaks on must not hide the others from it.
            try:
                seen = decoder.decode(payload) if payload is not None else None
            except Exception as error:  # noqa: BLE001 - a plug-in's defect: shown, this row null
                report.failures[decoder.name] = f"{type(error).__name__}: {error}"
                continue
            if seen is not None:
                found[row] = seen
        try:
            columns = _sparse_columns(decoder, found, frame.height)
        except Exception as error:  # noqa: BLE001 - a plug-in's defect: shown, its columns null
            report.failures[decoder.name] = f"{type(error).__name__}: {error}"
            columns = _sparse_columns(decoder, {}, frame.height)
        frame = frame.with_columns(columns)
    return with_frame(given, frame)


def _sparse_columns(
    decoder: Decoder, found: Mapping[int, Mapping[str, object]], height: int
) -> list[pl.Series]:
    return [
        _sparse(name, dtype, found, height)
        for name, dtype in polars_schema(decoder.columns).items()
    ]


def _sparse(
    name: str, dtype: pl.DataType, found: Mapping[int, Mapping[str, object]], height: int
) -> pl.Series:
    """Return a column that is null but for the rows in ``found``."""
    values = pl.Series(name, [row.get(name) for row in found.values()], dtype)
    return pl.Series(name, [None] * height, dtype).scatter(list(found), values)


def with_names(given: Conversations, chunk: ConversationChunk, rows: BoolArray) -> Conversations:
    """Return the conversations with the names of their responders, where ``rows`` is true."""
    names = pl.Series(NAME_COLUMN, [None] * len(given), pl.String)
    if rows.any():
        known = chunk.names(given.frame.filter(pl.Series(rows)))
        names = names.scatter(np.flatnonzero(rows).tolist(), known)
    return with_frame(given, given.frame.with_columns(names))


def score(
    conversations: Conversations, detectors: Sequence[Detector], report: ScanReport[Any]
) -> dict[str, FloatArray]:
    """Return each detector's probabilities; NaN where it was not ready, or failed."""
    scores: dict[str, FloatArray] = {}
    for detector in detectors:
        if any(name not in conversations.frame.columns for name in detector.requires):
            scores[detector.name] = np.full(len(conversations), np.nan)
            continue
        try:
            probability = detector.score(conversations).probability
            scores[detector.name] = _checked(probability, len(conversations))
        except Exception as error:  # noqa: BLE001 - a plug-in's defect: counted, shown, not ready
            report.failures[detector.name] = f"{type(error).__name__}: {error}"
            scores[detector.name] = np.full(len(conversations), np.nan)
    return scores


def _checked(probability: FloatArray, n: int) -> FloatArray:
    """Return what a detector gave, if it can be one."""
    if probability.shape != (n,):
        raise ValueError(f"probabilities of shape {probability.shape} for {n} conversations")
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError("a probability outside [0, 1]")
    return probability
