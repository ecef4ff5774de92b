# SPDX-License-Identifier: Apache-2.0
"""Which part each group goes to, so that every part gets its share of both labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from minewatch.errors import ConfigError
from minewatch.types import FloatArray

Counts: TypeAlias = Mapping[str, tuple[int, int]]
"""Mining and normal conversations of each group."""

_TRIES: Final = 16
_EMPTY_COST: Final = 10.0
"""A part without one label is worse than any imbalance, which costs 2 at most a label."""


def assign_groups(counts: Counts, shares: Sequence[float], seed: int) -> dict[str, int]:
    """Return the number of the part of each group.

    Groups are dealt in random order, those with mining first, each to the part that lacks most of
    its share; of some such deals the one nearest to the shares of both labels is taken.

    Parameters
    ----------
    counts : mining and normal conversations of each group.
    shares : size of each part, above 0, in any unit.
    seed : of the order.

    Raises
    ------
    ConfigError : a share is not above 0.

    Examples
    --------
    >>> parts = assign_groups({"a": (6, 0), "b": (3, 1), "c": (3, 1), "d": (0, 9)}, [1, 1], seed=0)
    >>> parts["b"] == parts["c"] != parts["a"]
    True
    """
    if not shares or min(shares) <= 0:
        raise ConfigError(f"shares {list(shares)}: each above 0")
    wanted = np.array(shares, np.float64) / sum(shares)
    rng, names = np.random.default_rng(seed), sorted(counts)
    best: tuple[float, dict[str, int]] = (np.inf, {})
    for _ in range(_TRIES):
        order = [names[number] for number in rng.permutation(len(names)).tolist()]
        cost, numbers = _deal(counts, order, wanted)
        if cost < best[0]:
            best = cost, numbers
    return best[1]


def _deal(counts: Counts, order: Sequence[str], wanted: FloatArray) -> tuple[float, dict[str, int]]:
    """Deal groups to parts; return how far from the shares it came out, and the parts."""
    given = np.zeros((2, len(wanted)))
    both = np.array([counts[name] for name in order], np.float64).reshape(-1, 2)
    totals = np.maximum(both.sum(axis=0), 1)
    numbers: dict[str, int] = {}
    for label in (0, 1):
        for name in order:
            if (counts[name][0] > 0) == (label == 0):
                lack = wanted - given[label] / totals[label]
                number = numbers[name] = int(np.argmax(lack / wanted))
                given[:, number] += counts[name]
    has_any = given.sum(axis=1, keepdims=True) > 0
    empty = int(((given == 0) & has_any).sum())
    return float(np.abs(given / totals[:, None] - wanted).sum()) + _EMPTY_COST * empty, numbers
