# SPDX-License-Identifier: Apache-2.0
"""The model of ``detectors.spectrum``: small perceptrons, as in the work that it follows."""

from __future__ import annotations

from typing import Final

from minewatch.features.spectrum import SpectrumFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe
from minewatch.training.small_network import SmallNetwork, small_network_file

FEATURES: Final = SpectrumFeatures()

RECIPES: Final = (
    Recipe(
        detector="spectrum",
        part="spectrum",
        feature_set=FEATURES,
        features=FEATURES.feature_names,
        inputs=(InputKind.NO_PAYLOAD,),
        horizons_s=(120, 600, WHOLE),
        estimator=SmallNetwork,
        algorithm="mean of five multilayer perceptrons with one hidden layer",
        min_known=20,
        variants=1,
        max_simulated=12_000,
        exporter=small_network_file,
    ),
)
