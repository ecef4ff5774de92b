# SPDX-License-Identifier: Apache-2.0
"""What was found in each kind of input: logs by their settings, captures, and our own records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from minewatch.experiments.benchmark.by_moment import ByMoment, by_moment
from minewatch.experiments.benchmark.intervals import DRAWS, draws_for
from minewatch.experiments.benchmark.scores import ScoreTable
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.training.corpus.views import InputKind

OWN: Final = tuple(InputKind)
"""Captures, and the records that our own metering makes of them."""


def measured(
    logs: Mapping[str, ScoreTable],
    captures: ScoreTable | None = None,
    scope: str = REAL,
    n_draws: int = DRAWS,
) -> dict[str, ByMoment]:
    """Return what was found in each kind of log, and of packets.

    Parameters
    ----------
    logs : scores by name of the log's setting.
    captures : scores of packets, by kind of input; None if they were not measured.
    scope : whose conversations.
    n_draws : for the intervals.
    """
    found = {}
    if captures is not None:
        there = set(captures.rows["input"].unique())
        for kind in OWN:
            if kind.value in there:
                found[kind.value] = of_scope(captures, kind, scope, n_draws)
    for name, table in logs.items():
        kinds = table.rows["input"].unique().to_list()
        if kinds:
            found[name] = of_scope(table, InputKind(kinds[0]), scope, n_draws)
    return {name: one for name, one in found.items() if one is not None}


def of_scope(table: ScoreTable, kind: InputKind, scope: str, n_draws: int) -> ByMoment | None:
    """Return what was found of the conversations of one scope; None if there are none.

    Parameters
    ----------
    table : scores.
    kind : of input.
    scope : of recorders.
    n_draws : for the intervals.
    """
    units = units_of(table, kind).of_scope(scope)
    return by_moment(units, draws_for(units, n_draws)) if len(units) else None
