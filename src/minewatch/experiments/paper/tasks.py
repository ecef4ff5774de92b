# SPDX-License-Identifier: Apache-2.0
"""The paper's two experiments: mining against normal, and coin against coin."""

from __future__ import annotations

import numpy as np

from minewatch.errors import ConfigError
from minewatch.experiments.paper.protocol import Task
from minewatch.experiments.paper.samples import Samples, codes
from minewatch.experiments.paper.splits import (
    coin_rotations,
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


def coin_task(samples: Samples, seed: int) -> Task:
    """Return its second experiment: which coin is mined.

    Parameters
    ----------
    samples : all rows; the mining ones are used.
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
    honest = coin_rotations(mining, labels, seed)
    return Task(mining, labels, classes, split, folds, honest, seed)
