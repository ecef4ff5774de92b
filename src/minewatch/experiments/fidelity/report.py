# SPDX-License-Identifier: Apache-2.0
"""The fidelity report: distances of made traffic from real traffic, and of real from real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from minewatch.experiments.fidelity.classifier import FOLDS, compare, windows
from minewatch.experiments.fidelity.distances import Spread, distance, sample, spread
from minewatch.experiments.fidelity.observations import MEASURES, observations

_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Group:
    """Packets of one origin, under the name that the report gives it."""

    name: str
    packets: pl.DataFrame
    """What ``mining_packets`` returns."""


def fidelity_report(
    pairs: Sequence[tuple[Group, Group]],
    within: Sequence[Group],
    judged: Sequence[tuple[Group, Group]] | None = None,
) -> str:
    """Return tables in Markdown.

    Parameters
    ----------
    pairs : what to compare, in the order of the rows.
    within : groups whose captures are compared with each other: what chance and circumstance do.
    judged : what a classifier shall tell apart; `pairs` if not said otherwise.
    """
    groups = {group.name: group for pair in pairs for group in pair}
    groups.update({group.name: group for group in within})
    observed = {name: observations(group.packets) for name, group in groups.items()}
    lines = ["## Distances", ""]
    lines += _distance_table(pairs, within, observed)
    lines += ["", "## Observations", "", "5, 50 and 95 %.", ""]
    lines += _quantile_table(observed)
    lines += ["", "## Classifier two-sample test", ""]
    lines += _classifier_table(pairs if judged is None else judged)
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(cells: Sequence[str]) -> list[str]:
    return [_row(cells), "|" + "---|" * len(cells)]


def _distance_table(
    pairs: Sequence[tuple[Group, Group]],
    within: Sequence[Group],
    observed: Mapping[str, pl.DataFrame],
) -> list[str]:
    lines = _head(["pair", *MEASURES])
    for a, b in pairs:
        found = [distance(observed[a.name], observed[b.name], measure) for measure in MEASURES]
        cells = ["-" if value is None else f"{value:.2f}" for value in found]
        lines.append(_row([f"{a.name} / {b.name}", *cells]))
    for group in within:
        cells = [_spread_text(spread(observed[group.name], measure)) for measure in MEASURES]
        lines.append(_row([f"within {group.name}: median (9 in 10)", *cells]))
    return lines


def _spread_text(found: Spread | None) -> str:
    return "-" if found is None else f"{found.median:.2f} ({found.highest:.2f})"


def _quantile_table(observed: Mapping[str, pl.DataFrame]) -> list[str]:
    lines = _head(["origin", *(f"{name} [{unit}]" for name, (unit, _) in MEASURES.items())])
    for name, frame in observed.items():
        cells = []
        for measure in MEASURES:
            values = sample(frame, measure)
            edges = np.quantile(values, _QUANTILES).tolist() if len(values) else []
            cells.append(" ".join(f"{edge:,.4g}" for edge in edges) or "-")
        lines.append(_row([name, *cells]))
    return lines


def _classifier_table(pairs: Sequence[tuple[Group, Group]]) -> list[str]:
    lines = _head(
        ["pair", "AUC", "by chance", "windows", "conversations", "what tells most, alone (AUC)"]
    )
    for a, b in pairs:
        left, right = windows(a.packets), windows(b.packets)
        name = f"{a.name} / {b.name}"
        if min(len(set(left.groups)), len(set(right.groups))) < FOLDS:
            lines.append(_row([name, "-", "-", "-", "-", "too few conversations of ten minutes"]))
            continue
        found = compare(left, right)
        telling = ", ".join(f"{feature} {auc:.2f}" for feature, auc in found.telling[:4])
        counts = [f"{x} / {y}" for x, y in (found.windows, found.conversations)]
        chance = f"{found.chance[0]:.2f} to {found.chance[1]:.2f}"
        lines.append(_row([name, f"{found.auc:.2f}", chance, *counts, telling]))
    return lines
