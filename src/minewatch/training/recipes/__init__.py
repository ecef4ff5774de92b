# SPDX-License-Identifier: Apache-2.0
"""The recipe of every model that ships, one file a detector, each with a tuple ``RECIPES``."""

from __future__ import annotations

from typing import Final

from minewatch.training.recipe import Recipe
from minewatch.training.recipes import (
    flowstats,
    naive_bayes,
    netflow,
    one_class,
    rhythm,
    sequence,
    spectrum,
    weak_indicators,
)

DEFAULT: Final[tuple[Recipe, ...]] = (*rhythm.RECIPES, *sequence.RECIPES, *one_class.RECIPES)
"""Of the detectors that make a verdict."""
BASELINES: Final[tuple[Recipe, ...]] = (
    *flowstats.RECIPES,
    *netflow.RECIPES,
    *naive_bayes.RECIPES,
    *weak_indicators.RECIPES,
    *spectrum.RECIPES,
)
"""Of the systems of others."""

__all__ = ["BASELINES", "DEFAULT"]
