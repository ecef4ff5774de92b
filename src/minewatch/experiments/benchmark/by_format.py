# SPDX-License-Identifier: Apache-2.0
"""What was found in each kind of input: logs by their settings, captures, and our own records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from minewatch.detectors.fusion import LABEL_THRESHOLD
from minewatch.errors import ConfigError
from minewatch.experiments.benchmark.by_moment import ByMoment, by_moment
from minewatch.experiments.benchmark.intervals import DRAWS, draws_for
from minewatch.experiments.benchmark.scores import FUSED, ScoreTable
from minewatch.experiments.benchmark.units import REAL, units_of
from minewatch.models.operating_points import FLOW_LOG_INPUTS, shipped_points
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
    if not len(units):
        return None
    return by_moment(units, draws_for(units, n_draws), FUSED, label_threshold(kind))


def label_threshold(kind: InputKind) -> float:
    """Return from which probability on ``scan`` labels mining if nobody chooses.

    Of flow logs that is the lowest at which nothing normal was labelled in our own records, as
    the operating points that ship have it.

    Parameters
    ----------
    kind : of input.
    """
    if not kind.is_flow_log:
        return LABEL_THRESHOLD
    try:
        return shipped_points().quiet_threshold(FLOW_LOG_INPUTS)
    except ConfigError:  # none were measured yet
        return LABEL_THRESHOLD
