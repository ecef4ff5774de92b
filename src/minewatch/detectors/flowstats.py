# SPDX-License-Identifier: Apache-2.0
"""The paper's detector: a classifier over statistics of volume, run from a model file."""

from __future__ import annotations

from typing import Final

from minewatch.contracts import FeatureSet
from minewatch.detectors.learnt import LearntDetector
from minewatch.features.volume import PaperFeatures, VolumeFeatures

FEATURE_SETS: Final[tuple[FeatureSet, ...]] = (VolumeFeatures(), PaperFeatures())


class FlowStatsDetector(LearntDetector):
    """Scores a conversation by its sizes, rates and ratios with a trained model.

    The model is a support vector machine, decision tree, random forest or nearest neighbours as
    in the paper, calibrated and corrected to the base rate in its card. It uses sizes and rates
    alone: no payload's content, no port, no address. Blind spots: whatever looks like mining by
    volume alone (job queues, IoT heartbeats), dialects and pools that were not in the training
    data, miners padded or throttled to other sizes.

    Parameters
    ----------
    models : one loaded model; None for the one that ships.

    Raises
    ------
    ModelError : the model was made for another feature set, or for features that are unknown.

    Notes
    -----
    Not ready (NaN) where one of the model's features is NaN. One thread; rows never affect each
    other.

    References
    ----------
    .. [1] P. Kwedza, S. D. Chindipha, "Cryptojacking Detection in Cloud Infrastructure using
       Network Traffic", section III-E.
    """

    name = "flowstats"
    parts = ("flowstats",)
    feature_sets = FEATURE_SETS
