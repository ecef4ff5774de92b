# SPDX-License-Identifier: Apache-2.0
"""How ``flowstats`` is made for the benchmark: the paper's statistics and its best classifier."""

from __future__ import annotations

from typing import Final

from minewatch.features.volume import LENGTH_FEATURES, STACK_FEATURES, VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe
from minewatch.training.view_forest import view_forest

FEATURES: Final = tuple(
    name
    for name in VolumeFeatures.feature_names
    if name not in {*LENGTH_FEATURES, *STACK_FEATURES} and "payload" not in name
)
"""The paper's sizes and rates of either direction and their ratios: what every input tells."""

RECIPES: Final = (
    Recipe(
        detector="flowstats",
        part="flowstats",
        feature_set=VolumeFeatures(),
        features=FEATURES,
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30, InputKind.FLOWS_60, InputKind.FLOWS_600),
        horizons_s=(60, 120, 600, 1800, WHOLE),
        estimator=view_forest,
        algorithm="random forest",
        min_known=8,
        max_simulated=12_000,
    ),
)
