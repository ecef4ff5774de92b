# SPDX-License-Identifier: Apache-2.0
"""All that a conversation's rhythm tells: what the detector ``rhythm`` learns from."""

from __future__ import annotations

from typing import Final

import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.features.matrix import is_complete, unknown
from minewatch.features.persistence import PersistenceFeatures
from minewatch.features.sequence import SequenceFeatures
from minewatch.features.timing import TimingFeatures
from minewatch.features.volume import VolumeFeatures
from minewatch.types import Conversations, FeatureMatrix

FAMILIES: Final[tuple[FeatureSet, ...]] = (
    TimingFeatures(),
    SequenceFeatures(),
    PersistenceFeatures(),
    VolumeFeatures(),
)


class RhythmFeatures:
    """The features of ``timing``, ``sequence``, ``persistence`` and ``volume`` as one set.

    What an input does not tell is NaN, so that one set serves packets and flow logs.

    Notes
    -----
    Cost and blind spots are those of its parts.

    Examples
    --------
    >>> "push_gap_median" in RhythmFeatures().feature_names
    True
    """

    name = "rhythm"
    feature_names: tuple[str, ...] = tuple(n for part in FAMILIES for n in part.feature_names)
    feature_units: tuple[str, ...] = tuple(u for part in FAMILIES for u in part.feature_units)
    feature_phrases: tuple[str, ...] = tuple(p for part in FAMILIES for p in part.feature_phrases)
    requires: tuple[str, ...] = tuple(
        dict.fromkeys(name for part in FAMILIES for name in part.requires)
    )

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        frame = conversations.frame
        if not is_complete(frame, self.requires):
            return unknown(frame.height, self.feature_names, self.feature_units)
        parts = [part.transform(conversations).values for part in FAMILIES]
        return FeatureMatrix(np.concatenate(parts, axis=1), self.feature_names, self.feature_units)
