# SPDX-License-Identifier: Apache-2.0
"""Everything that is measured of a table of scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from minewatch.experiments.benchmark import evasions
from minewatch.experiments.benchmark.by_format import measured
from minewatch.experiments.benchmark.by_moment import ByMoment
from minewatch.experiments.benchmark.delays import Delay, delay_of, in_plaintext, lasting
from minewatch.experiments.benchmark.evasions import Hidden, hidden
from minewatch.experiments.benchmark.flow_logs import FlowLog, flow_log
from minewatch.experiments.benchmark.intervals import DRAWS, Draws, draws_for, interval
from minewatch.experiments.benchmark.measures import Measures, areas_of, measures_of
from minewatch.experiments.benchmark.ranking import Areas, own_threshold
from minewatch.experiments.benchmark.scores import FUSED, ScoreTable
from minewatch.experiments.benchmark.units import (
    REAL,
    SCOPES,
    Units,
    recorders,
    scope_of,
    seen_by,
    units_of,
)
from minewatch.experiments.paper.metrics import Interval
from minewatch.training.corpus.views import InputKind
from minewatch.types import FloatArray

BUDGET: Final = evasions.BUDGET
"""Of what is told of one budget alone: 10 in 100,000, which is 1 in 10,000."""
ACTIVE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Time to detect, by threshold."""

    trained: Delay | None
    own: Delay | None
    """By the threshold that spends the budget on the whole conversations of the same sources."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The joint verdict against one detector, at the budget, each at the point of its own ROC."""

    detector: str
    recall: float
    fused: float
    difference: Interval
    """Fused less the detector, both in the same draws."""
    pr_auc_at_base: float
    fused_pr_auc_at_base: float

    @property
    def is_better(self) -> bool:
        """Return whether fused finds more, or as many with a better ranking of all."""
        if self.fused == self.recall:
            return self.fused_pr_auc_at_base > self.pr_auc_at_base
        return self.fused > self.recall


@dataclass(frozen=True, slots=True)
class OfInput:
    """One kind of input, some sources."""

    measures: Mapping[str, Measures]
    delays: Mapping[str, Delays]
    flow_logs: Mapping[str, FlowLog]
    """For flow logs."""
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the report tells."""

    detectors: tuple[str, ...]
    scopes: Mapping[str, Mapping[str, OfInput]]
    """By scope and kind of input."""
    recorders: Mapping[str, Mapping[str, Mapping[str, Measures]]]
    """By recorder, kind of input and detector; budgets are spent on real normal traffic."""
    plaintext: Delays | None
    """Joint verdict on real packets that can be read."""
    active: Delays | None
    """Joint verdict without payload, on real conversations that last longer than ``ACTIVE_S``."""
    evasions: Mapping[str, Mapping[str, Hidden]]
    """By way of hiding and kind of input, over all sources."""
    variants: Mapping[str, Mapping[str, Measures]]
    """Joint verdict of other tables on the main scope, by name and kind of input."""
    main_scope: str
    """Scope of the variants and figures: the first that has both labels."""
    formats: Mapping[str, Mapping[str, ByMoment]] = field(default_factory=dict)
    """Joint verdict on kinds of flow logs, by scope and name of the log."""


def find(
    scores: ScoreTable,
    variants: Mapping[str, ScoreTable],
    n_draws: int = DRAWS,
    logs: Mapping[str, ScoreTable] | None = None,
) -> Findings:
    """Return all measures.

    Parameters
    ----------
    scores : of sources left out.
    variants : other tables of the same conversations, by name.
    n_draws : for the intervals.
    logs : tables of the same conversations as kinds of flow logs tell of them, by name.
    """
    everything = {kind: units_of(scores, kind) for kind in kinds_in(scores)}
    real = {kind: units.of_scope(REAL) for kind, units in everything.items()}
    main = main_scope(scores)
    return Findings(
        detectors=scores.detectors,
        scopes=_by_scope(scores, everything, n_draws),
        recorders={
            recorder: found
            for recorder in sorted(set(recorders(scores).values()))
            if (found := _of_recorder(recorder, everything, real, n_draws))
        },
        plaintext=_subset(real, InputKind.PACKETS, n_draws),
        active=_subset(real, InputKind.NO_PAYLOAD, n_draws),
        evasions=_evasions(everything, real, n_draws),
        variants={
            name: {
                kind.value: _fused_alone(units_of(table, kind).of_scope(main), n_draws)
                for kind in kinds_in(table)
            }
            for name, table in variants.items()
        },
        main_scope=main,
        formats={
            scope: by_log
            for scope in SCOPES
            if (by_log := measured(logs or {}, scope=scope, n_draws=n_draws))
        },
    )


def kinds_in(scores: ScoreTable) -> list[InputKind]:
    """Return the kinds of input that occur, in their order.

    Parameters
    ----------
    scores : the table.
    """
    there = set(scores.rows["input"].unique())
    return [kind for kind in InputKind if kind.value in there]


def main_scope(scores: ScoreTable) -> str:
    """Return the first scope that has both labels.

    Parameters
    ----------
    scores : the table.
    """
    of = recorders(scores)
    labels: dict[str, set[str]] = {}
    for source, label in scores.population.select("source", "label").iter_rows():
        labels.setdefault(scope_of(of[source]), set()).add(label)
    return next((scope for scope in SCOPES if len(labels.get(scope, ())) == 2), REAL)


def _by_scope(
    scores: ScoreTable, everything: Mapping[InputKind, Units], n_draws: int
) -> dict[str, dict[str, OfInput]]:
    found: dict[str, dict[str, OfInput]] = {}
    for scope in SCOPES:
        for kind, units in everything.items():
            own = units.of_scope(scope)
            if len(own):
                hours = _normal_hours(scores, kind, scope)
                found.setdefault(scope, {})[kind.value] = of_input(own, kind, hours, n_draws)
    return found


def of_input(units: Units, kind: InputKind, hours: float, n_draws: int) -> OfInput:
    """Return what is measured of one kind of input on the sources of one scope.

    Parameters
    ----------
    units : the conversations.
    kind : of input.
    hours : of all their normal conversations.
    n_draws : for the intervals.
    """
    names = tuple(units.scores)
    draws = draws_for(units, n_draws)
    areas = {name: areas_of(units, name, draws) for name in names}
    measures = {name: measures_of(units, name, draws, areas[name]) for name in names}
    logs = {}
    if kind.is_flow_log:
        for name in names:
            chosen = units.thresholds[name, BUDGET]
            found = flow_log(units, name, hours, chosen, draws)
            if found is not None:
                logs[name] = found
    return OfInput(
        measures,
        {name: _delays(units, name, draws, units) for name in names},
        logs,
        tuple(_comparisons(measures, areas)),
    )


def _normal_hours(scores: ScoreTable, kind: InputKind, scope: str) -> float:
    of = [source for source, name in recorders(scores).items() if scope_of(name) == scope]
    there = seen_by(scores.population, kind)
    there = there.filter(pl.col("source").is_in(of), pl.col("label") == "normal")
    return float(there["hours"].sum())


def _delays(units: Units, name: str, draws: Draws, reference: Units) -> Delays:
    chosen, own = units.thresholds[name, BUDGET], own_threshold(reference, name, BUDGET)
    return Delays(
        None if np.isnan(chosen).all() else delay_of(units, name, chosen, draws),
        None if np.isnan(own) else delay_of(units, name, own, draws),
    )


def _comparisons(
    measures: Mapping[str, Measures], areas: Mapping[str, Areas]
) -> Iterator[Comparison]:
    fused = measures[FUSED]
    for name, other in measures.items():
        own, its = fused.budgets[BUDGET].own, other.budgets[BUDGET].own
        if name == FUSED or own is None or its is None or not own.mining:
            continue
        drawn: FloatArray = areas[FUSED].recall_at[BUDGET] - areas[name].recall_at[BUDGET]
        yield Comparison(
            name,
            its.recall.value,
            own.recall.value,
            interval(own.recall.value - its.recall.value, drawn),
            other.pr_auc_at_base.value,
            fused.pr_auc_at_base.value,
        )


def _of_recorder(
    recorder: str,
    everything: Mapping[InputKind, Units],
    real: Mapping[InputKind, Units],
    n_draws: int,
) -> dict[str, dict[str, Measures]]:
    found = {}
    for kind, units in everything.items():
        own = units.take((units.frame["recorder"] == recorder).to_numpy())
        if len(own):
            reference, draws = _reference(real[kind], units), draws_for(own, n_draws)
            found[kind.value] = {
                name: measures_of(own, name, draws, areas_of(own, name, draws), reference)
                for name in units.scores
            }
    return found


def _reference(real: Units, everything: Units) -> Units:
    """Return whose normal traffic the budget is spent on: the real, if there is any."""
    return everything if real.is_mining.all() else real


def _subset(real: Mapping[InputKind, Units], kind: InputKind, n_draws: int) -> Delays | None:
    """Return the delays that a target is about; None if there is no such mining."""
    if kind not in real:
        return None
    whole = real[kind]
    rows = in_plaintext(whole) if kind is InputKind.PACKETS else lasting(whole, ACTIVE_S)
    part = whole.take(rows)
    if not part.is_mining.any():
        return None
    return _delays(part, FUSED, draws_for(part, n_draws), whole)


def _evasions(
    everything: Mapping[InputKind, Units], real: Mapping[InputKind, Units], n_draws: int
) -> dict[str, dict[str, Hidden]]:
    found: dict[str, dict[str, Hidden]] = {name: {} for name in evasions.ROWS}
    for kind in evasions.INPUTS:
        if kind in everything:
            units = everything[kind]
            threshold = own_threshold(_reference(real[kind], units), FUSED, BUDGET)
            draws = draws_for(units, n_draws)
            for name, row in found.items():
                row[kind.value] = hidden(units, name, threshold, draws)
    return found


def _fused_alone(units: Units, n_draws: int) -> Measures:
    draws = draws_for(units, n_draws)
    return measures_of(units, FUSED, draws, areas_of(units, FUSED, draws))
