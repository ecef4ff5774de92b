# SPDX-License-Identifier: Apache-2.0
"""How the model of the ``weak-indicators`` detector is made."""

from __future__ import annotations

from typing import Final

from minewatch.features.volume import VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe
from minewatch.training.view_forest import view_forest

FEATURES: Final = (
    *("sent_octets", "received_octets", "sent_packets", "received_packets"),
    *("packets_ratio", "packet_interval", "duration", "octets_per_packet"),
    *("push_ratio", "minimum_packet", "octets_ratio"),
)
"""DeCrypto's twelve, in its order: BYTES, BYTES_REV, PACKETS, PACKETS_REV, SENT_PERCENTAGE (as a
ratio, the same to a tree; RECV_PERCENTAGE is what remains of it), AVG_PKT_INTERVAL,
OVERALL_DURATION, AVG_PKT_LEN, PSH_RATIO, MIN_PKT_LEN, DATA_SYMMETRY (sent by received octets)."""

RECIPES: Final = (
    Recipe(
        detector="weak-indicators",
        part="weak-indicators",
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
