# SPDX-License-Identifier: Apache-2.0
"""How the model of the ``netflow`` detector is made."""

from __future__ import annotations

from typing import Final

from minewatch.features.volume import VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe
from minewatch.training.view_forest import view_forest

FEATURES: Final = (
    *("sent_packets", "received_packets", "sent_octets", "received_octets"),
    *("packets_ratio", "octets_ratio"),
    *("sent_bits_per_second", "received_bits_per_second"),
    *("sent_packets_per_minute", "received_packets_per_minute"),
    *("sent_octets_per_packet", "received_octets_per_packet"),
)
"""The counters of a NetFlow record of either direction, and what can be divided from them."""

RECIPES: Final = (
    Recipe(
        detector="netflow",
        part="netflow",
        feature_set=VolumeFeatures(),
        features=FEATURES,
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30, InputKind.FLOWS_60, InputKind.FLOWS_600),
        horizons_s=(60, 120, 600, 1800, WHOLE),
        estimator=view_forest,
        algorithm="random forest",
        min_known=10,
        max_simulated=12_000,
    ),
)
