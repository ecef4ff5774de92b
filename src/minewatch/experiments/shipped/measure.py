# SPDX-License-Identifier: Apache-2.0
"""Scan labelled inputs with what ships, and count what was found of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from minewatch.contracts import FlowFormat, FlowSource
from minewatch.errors import SourceError
from minewatch.experiments.shipped.counting import Counts, Tally
from minewatch.experiments.shipped.inputs import PACKETS, Labelled, Plan
from minewatch.experiments.shipped.mistakes import Mistakes
from minewatch.output.summary import Totals
from minewatch.readers.formats import open_flows
from minewatch.readers.groups import InputGroup, groups_of
from minewatch.readers.source import Input
from minewatch.scanning import ScannedChunk, ScanOptions, scan_capture, scan_logs
from minewatch.training.rules import Rule
from minewatch.types import BoolArray, FloatArray, Int64Array

TRIED: Final = (0.05, 0.1)
"""Thresholds to try besides those that are in use."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Counts of one kind of input, one source and one label."""

    kind: str
    source: str
    is_mining: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class ReadInput:
    """What one cell of the column ``capture`` came to."""

    name: str
    kind: str
    files: int
    mining: int
    normal: int
    uncounted: int
    unmatched: Sequence[Rule]
    """Rules of mining that match no conversation."""


@dataclass(slots=True)
class Measured:
    """What was found, and what could not be read."""

    thresholds: tuple[float, ...]
    own: dict[str, float] = field(default_factory=dict)
    """The threshold by which each kind of input is labelled."""
    cells: list[Cell] = field(default_factory=list)
    inputs: list[ReadInput] = field(default_factory=list)
    false_alarms: Mistakes = field(default_factory=Mistakes)
    missed: Mistakes = field(default_factory=Mistakes)
    totals: Totals = field(default_factory=Totals)
    """What was read, and which rows of it could not be used."""
    problems: list[str] = field(default_factory=list)
    """Inputs that could not be read, or not to their end."""
    notes: list[str] = field(default_factory=list)


def measure(
    made: Plan,
    options: ScanOptions,
    formats: Sequence[FlowFormat],
    on_step: Callable[[str], None] = lambda step: None,
) -> Measured:
    """Scan all labelled inputs; one that cannot be read is a problem, and the others go on.

    Parameters
    ----------
    made : what to read.
    options : of the scan.
    formats : kinds of flow logs that there are.
    on_step : called with what is read next.
    """
    thresholds = {*TRIED, options.threshold, options.for_logs().threshold}
    measured = Measured(tuple(sorted(thresholds)))
    measured.problems += made.problems
    measured.notes += made.notes
    for labelled in made.labelled:
        on_step(f"scanning {labelled.name}")
        _Run(labelled, options, formats, measured).run()
    return measured


class _Run:
    """The scan of one labelled input.

    Parameters
    ----------
    labelled : the input.
    options : of the scan.
    formats : kinds of flow logs that there are.
    measured : takes what is found.
    """

    def __init__(
        self,
        labelled: Labelled,
        options: ScanOptions,
        formats: Sequence[FlowFormat],
        measured: Measured,
    ) -> None:
        self._labelled = labelled
        self._options = options
        self._formats = formats
        self._measured = measured
        own = options if labelled.kind == PACKETS else options.for_logs()
        measured.own[labelled.kind] = own.threshold
        self._tally = Tally(labelled.rules, measured.thresholds, own.threshold)

    def run(self) -> None:
        """Scan, and add what was found."""
        if self._labelled.kind == PACKETS:
            for source in self._labelled.inputs:
                self._scan_capture(source)
        for group in groups_of(self._labelled.inputs):
            self._scan_logs(group)
        self._finish()

    def _scan_capture(self, source: Input) -> None:
        try:
            report, chunks = scan_capture(source, self._options)
            for chunk in chunks:
                self._add(chunk, source.name)
        except SourceError as error:
            self._measured.problems.append(str(error))
        else:
            self._measured.totals.add(report)

    def _scan_logs(self, group: InputGroup) -> None:
        report, chunks = scan_logs(group.name, self._opened(group), self._options)
        for chunk in chunks:
            self._add(chunk, group.name)
        self._measured.problems += [str(error) for error in report.input.errors]
        self._measured.totals.add(report)

    def _opened(self, group: InputGroup) -> Iterator[FlowSource]:
        for source in group.inputs:
            try:
                yield open_flows(source, self._formats, group.format, strict=False)
            except SourceError as error:
                self._measured.problems.append(str(error))

    def _add(self, chunk: ScannedChunk, name: str) -> None:
        """Count a chunk's conversations, and remember those that were labelled wrongly."""
        frame, probability = chunk.conversations.frame, chunk.probability
        numbers = self._tally.label(frame)
        self._tally.add_scored(numbers, probability)
        label = self._tally.labels_of(numbers)
        wrong = (label == 0) & chunk.is_mining
        self._note(self._measured.false_alarms, frame, numbers, wrong, name, probability)
        wrong = (label == 1) & ~chunk.is_mining
        self._note(self._measured.missed, frame, numbers, wrong, name, probability)
        gated = self._tally.label(chunk.gated)
        self._tally.add_gated(gated, chunk.gated.get_column("gate_reason"))
        wrong = self._tally.labels_of(gated) == 1
        self._note(self._measured.missed, chunk.gated, gated, wrong, name, None)

    def _note(
        self,
        mistakes: Mistakes,
        frame: pl.DataFrame,
        numbers: Int64Array,
        wrong: BoolArray,
        name: str,
        probability: FloatArray | None,
    ) -> None:
        if np.any(wrong):
            sources = [self._labelled.rules[number].source for number in numbers[wrong].tolist()]
            mistakes.add(frame, wrong, sources, name, probability)

    def _finish(self) -> None:
        labelled, tally = self._labelled, self._tally
        totals = {1: 0, 0: 0}
        for source, label, counts in tally.counts():
            totals[label] += counts.conversations
            self._measured.cells.append(Cell(labelled.kind, source, label == 1, counts))
        self._measured.inputs.append(
            ReadInput(
                labelled.name,
                labelled.kind,
                len(labelled.inputs),
                totals[1],
                totals[0],
                tally.n_uncounted,
                tally.unmatched(),
            )
        )
