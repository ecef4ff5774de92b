# SPDX-License-Identifier: Apache-2.0
"""How the models of ``one-class`` are made: from mining alone, with and without packets.

The shape of the density, its features' scales and its prototypes are learnt from conversations that
mine. Normal conversations are seen by the calibration alone, which moves and stretches the scores
and does not change their order.
"""

from __future__ import annotations

from typing import Final

from minewatch.features.stratum_messages import MESSAGE_FEATURES
from minewatch.features.stratum_records import RECORD_FEATURES, TOTALS
from minewatch.features.stratum_shape import StratumShapeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.density import MiningDensity
from minewatch.training.density_export import density_to_onnx
from minewatch.training.recipe import Recipe

HORIZONS_S: Final = (120, 600, 1800, WHOLE)
N_PROTOTYPES: Final = 100
ALGORITHM: Final = "kernel density of mining alone, by prototypes"


def mining_density(seed: int) -> MiningDensity:
    """Return the classifier, not yet fitted.

    Parameters
    ----------
    seed : of k-means.

    Examples
    --------
    >>> mining_density(0).n_prototypes
    100
    """
    return MiningDensity(N_PROTOTYPES, seed)


RECIPES: Final = (
    Recipe(
        detector="one-class",
        part="one-class",
        feature_set=StratumShapeFeatures(),
        features=tuple(name for name, _, _ in (*MESSAGE_FEATURES, *TOTALS)),
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30),
        horizons_s=HORIZONS_S,
        estimator=mining_density,
        algorithm=ALGORITHM,
        min_known=18,
        variants=1,
        max_simulated=12_000,
        is_one_class=True,
        exporter=density_to_onnx,
    ),
    Recipe(
        detector="one-class",
        part="one-class-flows",
        feature_set=StratumShapeFeatures(),
        features=tuple(name for name, _, _ in RECORD_FEATURES),
        inputs=(InputKind.FLOWS_60, InputKind.FLOWS_600),
        horizons_s=HORIZONS_S,
        estimator=mining_density,
        algorithm=ALGORITHM,
        min_known=14,
        variants=1,
        max_simulated=12_000,
        is_one_class=True,
        exporter=density_to_onnx,
    ),
)
