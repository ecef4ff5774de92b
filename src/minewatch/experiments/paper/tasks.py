# SPDX-License-Identifier: Apache-2.0
"""The paper's two experiments: mining against normal, and coin against coin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from minewatch.errors import ConfigError
from minewatch.experiments.paper.protocol import Task
from minewatch.experiments.paper.samples import Samples, codes
from minewatch.experiments.paper.splits import (
    Honest,
    honest_rotations,
    random_folds,
    random_split,
)


def mining_task(samples: Samples, seed: int) -> Task:
    """Return its first experiment: mining against normal.

    Parameters
    ----------
    samples : all rows.
    seed : of splits and models.
    """
    labels = samples.is_mining.astype(np.int64)
    split = random_split(labels, seed)
    folds = random_folds(labels[split[0]], seed)
    honest = honest_rotations(samples, seed)
    return Task(samples, labels, ("normal", "mining"), split, folds, honest, seed)


def coin_task(samples: Samples, honest: Honest, seed: int) -> Task:
    """Return its second experiment: which coin is mined.

    Parameters
    ----------
    samples : all rows; the mining ones are used.
    honest : the rotations of all rows.
    seed : of splits and models.

    Raises
    ------
    ConfigError : fewer than two coins, or one of fewer than five rows.
    """
    mining = samples.mining()
    coins = mining.table["coin"].to_list()
    names, counts = np.unique(np.array(coins, dtype=str), return_counts=True)
    if len(names) < 2 or counts.min() < 5 or "" in names:
        told = ", ".join(
            f"{name or 'not told'} {count}" for name, count in zip(names, counts, strict=True)
        )
        raise ConfigError(
            f"coins of the mining conversations: {told}; the coin experiment needs two coins with "
            "five conversations each at least, named in the labels' column coin"
        )
    labels = codes(coins)
    split = random_split(labels, seed)
    folds = random_folds(labels[split[0]], seed)
    classes = tuple(str(name) for name in names)
    return Task(mining, labels, classes, split, folds, _of_mining(samples, honest), seed)


def _of_mining(samples: Samples, honest: Honest) -> Honest:
    """The same rotations with mining rows only, by their place among those."""
    is_mining = samples.is_mining
    place = np.cumsum(is_mining) - 1
    splits = []
    for train, test in honest.splits:
        few, tested = place[train[is_mining[train]]], place[test[is_mining[test]]]
        if len(few) and len(tested):
            splits.append((few, tested))
    return replace(honest, splits=splits)
