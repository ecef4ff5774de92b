# SPDX-License-Identifier: Apache-2.0
"""The model of ``detectors.sequence``: small convolutional networks over the first messages."""

from __future__ import annotations

from typing import Final

from minewatch.features.opening import OpeningFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe
from minewatch.training.sequence_net import SequenceNetwork, sequence_net_file

FEATURES: Final = OpeningFeatures()
KNOWN_OF_SIX_MESSAGES: Final = 21
"""Six sizes, six directions, five gaps, and at least four steps in size."""

RECIPES: Final = (
    Recipe(
        detector="sequence",
        part="sequence",
        feature_set=FEATURES,
        features=FEATURES.feature_names,
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30),
        horizons_s=(120, 600, WHOLE),
        estimator=SequenceNetwork,
        algorithm="mean of two networks with three convolutions over messages",
        min_known=KNOWN_OF_SIX_MESSAGES,
        variants=1,
        max_simulated=12_000,
        exporter=sequence_net_file,
    ),
)
