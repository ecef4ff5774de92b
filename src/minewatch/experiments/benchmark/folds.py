# SPDX-License-Identifier: Apache-2.0
"""What is left out of training in turn: recorders, never a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.training.algorithms import ObjectArray
from minewatch.training.view_table import recorder_of

MADE: Final = ("lab", "simulator")
"""Recorders of our own; each is left out by itself."""
REAL_FOLDS: Final = 4


@dataclass(frozen=True, slots=True)
class Fold:
    """Recorders that are left out together.

    Parameters
    ----------
    name : what the results call it.
    recorders : who is left out.
    """

    name: str
    recorders: tuple[str, ...]


def folds_of(labelled: pl.DataFrame, n_real: int = REAL_FOLDS) -> list[Fold]:
    """Return folds that cover every recorder once.

    Real recorders with mining are dealt over ``n_real`` folds, the largest first; those without go
    to the fold with the fewest normal conversations. Leaving several out at once is stricter than
    leaving out one.

    Parameters
    ----------
    labelled : conversations with ``source`` and ``label``.
    n_real : folds of real recorders, at most.
    """
    counted = (
        labelled.select(
            recorder=pl.col("source").map_elements(recorder_of, return_dtype=pl.String),
            is_mining=pl.col("label") == "mining",
        )
        .group_by("recorder")
        .agg(mining=pl.col("is_mining").sum(), normal=(~pl.col("is_mining")).sum())
        .sort("recorder")
    )
    made = [name for name in counted["recorder"].to_list() if name in MADE]
    real = [row for row in counted.iter_rows(named=True) if row["recorder"] not in made]
    return _dealt(real, n_real) + [Fold(name, (name,)) for name in made]


def _dealt(rows: Sequence[dict[str, object]], n_folds: int) -> list[Fold]:
    sizes = {str(row["recorder"]): (_count(row, "mining"), _count(row, "normal")) for row in rows}
    mining = sorted((n for n in sizes if sizes[n][0]), key=lambda n: (-sizes[n][0], n))
    rest = sorted((n for n in sizes if not sizes[n][0]), key=lambda n: (-sizes[n][1], n))
    folds: list[list[str]] = [[] for _ in range(min(n_folds, max(len(mining), 1)))]
    for i, name in enumerate(mining):
        folds[i % len(folds)].append(name)
    for name in rest:
        min(folds, key=lambda fold: sum(sizes[one][1] for one in fold)).append(name)
    return [Fold("+".join(sorted(fold)), tuple(sorted(fold))) for fold in folds if fold]


def _count(row: dict[str, object], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def random_folds(n_conversations: int, n_folds: int, seed: int) -> ObjectArray:
    """Return a fold's name for each conversation by chance alone: the flattering split.

    Parameters
    ----------
    n_conversations : how many there are.
    n_folds : how many folds.
    seed : of the dealing.

    Examples
    --------
    >>> sorted(set(random_folds(10, 3, 0)))
    ['random 1', 'random 2', 'random 3']
    """
    number = np.random.default_rng(seed).permutation(n_conversations) % n_folds
    return np.array([f"random {i + 1}" for i in number], object)
