# SPDX-License-Identifier: Apache-2.0
"""The same benchmark with something changed: a family of features left out, a random split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from minewatch.experiments.benchmark.folds import Fold
from minewatch.experiments.benchmark.run import BenchmarkOptions
from minewatch.features.rhythm import FAMILIES
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe

ALL: Final = "all features"
RANDOM: Final = "random split"
INPUTS: Final = (InputKind.NO_PAYLOAD, InputKind.FLOWS_600)
HORIZONS_S: Final = (300, 1800, WHOLE)
MAX_SIMULATED: Final = 4_000
INSTEAD: Final = {"message_rate": "turn_share"}
"""Where a feature that a model needs is left out: what else is known of the same conversations."""
DETECTOR: Final = "rhythm"
"""The detector whose features are left out; the fused verdict is then made of it alone."""


def reduced(options: BenchmarkOptions) -> BenchmarkOptions:
    """Return the options of an ablation: one detector, fewer moments and rows, no varied copies.

    Parameters
    ----------
    options : of the benchmark.
    """
    recipes = [
        replace(one, horizons_s=HORIZONS_S, variants=0, max_simulated=MAX_SIMULATED)
        for one in options.recipes
        if one.detector == DETECTOR
    ]
    learnt = [cls for cls in options.learnt if cls.name == DETECTOR]
    return replace(
        options,
        recipes=recipes,
        learnt=learnt,
        fixed=(),
        workers=1,
        inputs=INPUTS,
        horizons_s=HORIZONS_S,
    )


def ablations(options: BenchmarkOptions) -> Iterator[tuple[str, BenchmarkOptions]]:
    """Yield the name of each variant and its options: all features, and without each family.

    Parameters
    ----------
    options : of the benchmark.
    """
    small = reduced(options)
    yield ALL, small
    for family in FAMILIES:
        recipes = [without(one, frozenset(family.feature_names)) for one in small.recipes]
        yield f"without {family.name}", replace(small, recipes=recipes)


def without(recipe: Recipe, names: frozenset[str]) -> Recipe:
    """Return a recipe that does without some features.

    Parameters
    ----------
    recipe : any.
    names : what is left out; what it does not have is ignored. If the model needs one of them, it
        needs that of ``INSTEAD`` from then on.
    """
    kept = tuple(name for name in recipe.features if name not in names)
    least = max(1, recipe.min_known * len(kept) // len(recipe.features))
    needs = [name if name in kept else INSTEAD.get(name) for name in recipe.needs]
    return replace(
        recipe, features=kept, min_known=least, needs=tuple(name for name in needs if name in kept)
    )


def real_only(folds: Sequence[Fold], made: Sequence[str]) -> list[Fold]:
    """Return the folds without those of recorders of our own, and of far ends.

    Parameters
    ----------
    folds : of the benchmark.
    made : recorders of our own.
    """
    return [one for one in folds if not one.remotes and not set(one.recorders) & set(made)]
