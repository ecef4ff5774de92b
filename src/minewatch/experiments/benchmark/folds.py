# SPDX-License-Identifier: Apache-2.0
"""What is left out of training in turn: recorders, never a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from minewatch.training.recipe import dealt
from minewatch.training.view_table import recorder_of
from minewatch.types import BoolArray

MADE: Final = ("lab", "simulator")
"""Recorders of our own; each is left out by itself."""
REAL_FOLDS: Final = 4
BY_REMOTE: Final = "cesnet"
"""Recorder of so many networks that its far ends are left out in groups, and not all of it."""
REMOTE_FOLDS: Final = 2


@dataclass(frozen=True, slots=True)
class Fold:
    """Recorders that are left out together.

    Parameters
    ----------
    name : what the results call it.
    recorders : who is left out.
    remotes : of these recorders, only the conversations with these far ends are left out; all of
        them if empty.
    conversations : of these, only those; all of them if empty.
    """

    name: str
    recorders: tuple[str, ...]
    remotes: tuple[str, ...] = ()
    conversations: tuple[int, ...] = ()

    def rows(self, frame: pl.DataFrame) -> BoolArray:
        """Return which rows are left out, shape (n,).

        Parameters
        ----------
        frame : ``conversation``, ``source`` and ``remote`` of n rows.

        Examples
        --------
        >>> frame = pl.DataFrame({"conversation": [1, 2, 3], "source": ["cesnet"] * 2 + ["lab-7"],
        ...     "remote": ["a", "b", "a"]})
        >>> Fold("a", ("cesnet",), ("a",)).rows(frame), Fold("lab", ("lab",)).rows(frame)
        (array([ True, False, False]), array([False, False,  True]))
        """
        sources = frame["source"].to_list()
        left_out = {source for source in set(sources) if recorder_of(source) in self.recorders}
        chosen = pl.col("source").is_in(sorted(left_out))
        if self.remotes:
            chosen &= pl.col("remote").is_in(list(self.remotes))
        if self.conversations:
            chosen &= pl.col("conversation").is_in(list(self.conversations))
        found: BoolArray = frame.select(chosen.fill_null(value=False)).to_series().to_numpy()
        return found


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
    apart = {*made, BY_REMOTE}
    real = [row for row in counted.iter_rows(named=True) if row["recorder"] not in apart]
    by_remote = _remotes(labelled.filter(pl.col("source") == BY_REMOTE))
    return [*_dealt(real, n_real), *by_remote, *(Fold(name, (name,)) for name in made)]


def _remotes(labelled: pl.DataFrame) -> list[Fold]:
    """Deal far ends over folds, those with the most mining first, then the most of anything."""
    counted = (
        labelled.group_by("remote")
        .agg(mining=(pl.col("label") == "mining").sum(), n=pl.len())
        .sort("mining", "n", "remote", descending=[True, True, False])
    )
    dealt: list[list[str]] = [[] for _ in range(min(REMOTE_FOLDS, counted.height))]
    for i, remote in enumerate(counted["remote"].to_list()):
        dealt[i % len(dealt)].append(str(remote))
    return [
        Fold(f"{BY_REMOTE} far ends {i}", (BY_REMOTE,), tuple(sorted(one)))
        for i, one in enumerate(dealt, 1)
    ]


def _dealt(rows: Sequence[dict[str, object]], n_folds: int) -> list[Fold]:
    sizes = {str(row["recorder"]): (_count(row, "mining"), _count(row, "normal")) for row in rows}
    with_mining = sum(mining > 0 for mining, _ in sizes.values())
    folds = dealt(sizes, min(n_folds, max(with_mining, 1)))
    return [Fold("+".join(sorted(fold)), tuple(sorted(fold))) for fold in folds if fold]


def _count(row: dict[str, object], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def random_folds(labelled: pl.DataFrame, n_folds: int, seed: int) -> list[Fold]:
    """Return folds of real conversations dealt by chance: the flattering split.

    Parameters
    ----------
    labelled : conversations with ``conversation`` and ``source``.
    n_folds : how many folds, at most.
    seed : of the dealing.
    """
    recorders = {recorder_of(source) for source in labelled["source"].unique().to_list()}
    real = tuple(sorted(recorders - {*MADE, BY_REMOTE}))
    names = [source for source in labelled["source"].unique() if recorder_of(source) in real]
    numbers = labelled.filter(pl.col("source").is_in(names))["conversation"].to_numpy()
    n_folds = min(n_folds, len(numbers))  # a fold of no conversation would mean all of them
    dealt = np.random.default_rng(seed).permutation(len(numbers)) % n_folds
    return [
        Fold(f"random {i + 1}", real, conversations=tuple(numbers[dealt == i].tolist()))
        for i in range(n_folds)
    ]
