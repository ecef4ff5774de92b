# SPDX-License-Identifier: Apache-2.0
"""Made-up talks of miners and of others in the rows that a recipe over packets learns from."""

import numpy as np
import polars as pl

from minewatch.training.recipe import Recipe
from minewatch.training.view_table import ROW, ViewTable
from minewatch.types import Conversations
from talks import Said, heard


def mining_talk(rng: np.random.Generator, length_s: float = 590.0) -> list[Said]:
    """Shares by chance, each answered; jobs of one size every half minute or so."""
    talk: list[Said] = [(0.0, True, 180), (0.1, False, 410)]
    shares = np.cumsum(rng.exponential(rng.uniform(12, 25), 80)) + 1
    for at in shares[shares < length_s]:
        talk += [(at, True, 166), (at + 0.15, False, 63)]
    jobs = np.cumsum(rng.uniform(15, 45, 60)) + 1
    talk += [(at, False, 378) for at in jobs[jobs < length_s]]
    return sorted(talk)


def other_talk(rng: np.random.Generator, length_s: float = 590.0) -> list[Said]:
    """A heartbeat every few seconds, and answers of any size."""
    period = rng.uniform(8, 30)
    talk: list[Said] = []
    for at in np.arange(0, length_s, period):
        talk += [(at, True, 40), (at + 0.05, False, int(rng.integers(50, 1400)))]
    return talk


def talks_of(n: int, seed: int) -> tuple[Conversations, np.ndarray]:
    """Return conversations, and which of them mine: every other one."""
    rng = np.random.default_rng(seed)
    is_mining = np.arange(n) % 2 == 0
    return heard(*((mining_talk if one else other_talk)(rng) for one in is_mining)), is_mining


def talk_table(recipe: Recipe, n: int = 40) -> ViewTable:
    """Return the talks as three recorders heard them, in one view of the recipe."""
    values, rows = [], []
    for number, source in enumerate(("one", "two", "three")):
        given, is_mining = talks_of(n, number)
        values.append(recipe.feature_set.transform(given).values)
        rows.append(
            pl.DataFrame(
                {
                    **{name: pl.Series([None] * n, dtype=pl.String) for name in ROW},
                    "conversation": np.arange(n) + number * n,
                    "label": np.where(is_mining, "mining", "normal"),
                    "source": [source] * n,
                    "input": [recipe.inputs[0].value] * n,
                    "horizon_s": [recipe.horizons_s[0]] * n,
                    "variant": [0] * n,
                }
            )
        )
    return ViewTable({recipe.feature_set.name: np.concatenate(values)}, pl.concat(rows))
