# SPDX-License-Identifier: Apache-2.0
"""How the models of the ``rhythm`` detector are made."""

from __future__ import annotations

from typing import Any, Final

from minewatch.features.persistence import PersistenceFeatures
from minewatch.features.rhythm import RhythmFeatures
from minewatch.features.volume import LENGTH_FEATURES, STACK_FEATURES, VolumeFeatures
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.recipe import Recipe

_LEFT_OUT: Final = {*LENGTH_FEATURES, *STACK_FEATURES, "interval_records"}
"""What tells how long a recording was, or what stack a host has."""
_PAYLOAD: Final = {name for name in VolumeFeatures.feature_names if "payload" in name}
"""What flow logs cannot know."""

PACKET_FEATURES: Final = tuple(
    name for name in RhythmFeatures.feature_names if name not in _LEFT_OUT
)
FLOW_FEATURES: Final = tuple(
    name
    for name in (*PersistenceFeatures().feature_names, *VolumeFeatures.feature_names)
    if name not in _LEFT_OUT | _PAYLOAD
)


def random_trees(seed: int) -> Any:
    """Return extremely randomised trees, each split on a third of the features.

    On recorders left out they miss half of what boosted trees miss at the same false alarms: they
    lean on no single feature, and a value that was never seen falls to one side at random.

    Parameters
    ----------
    seed : of everything random.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=100,
        min_samples_leaf=3,
        max_leaf_nodes=400,
        max_features=0.3,
        n_jobs=1,
        random_state=seed,
    )


def boosted_trees(seed: int) -> Any:
    """Return small boosted trees, each split on a third of the features.

    Of flow logs there are few features and little to average; here boosting misses less.

    Parameters
    ----------
    seed : of everything random.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )


RECIPES: Final = (
    Recipe(
        detector="rhythm",
        part="rhythm",
        feature_set=RhythmFeatures(),
        features=PACKET_FEATURES,
        inputs=(InputKind.NO_PAYLOAD, InputKind.FIRST_30),
        horizons_s=(60, 120, 600, WHOLE),
        estimator=random_trees,
        algorithm="extremely randomised trees",
        min_known=30,
        needs=("message_rate",),
        variants=1,
        max_simulated=20_000,
    ),
    Recipe(
        detector="rhythm",
        part="rhythm-flows",
        feature_set=RhythmFeatures(),
        features=FLOW_FEATURES,
        inputs=(InputKind.FLOWS_60, InputKind.FLOWS_600),
        horizons_s=(600, 1800, WHOLE),
        estimator=boosted_trees,
        algorithm="boosted trees",
        min_known=14,
        variants=1,
        max_simulated=60_000,
    ),
)
