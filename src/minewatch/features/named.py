# SPDX-License-Identifier: Apache-2.0
"""Features with their names, units and phrases in one table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from minewatch.features.matrix import as_matrix, is_complete, unknown
from minewatch.types import Conversations, FeatureMatrix, FloatArray


class NamedFeatures(ABC):
    """Base of feature sets that list their features as (name, unit, phrase).

    A subclass gives ``name``, ``requires``, ``features`` and the method ``columns``.
    """

    name: ClassVar[str]
    requires: tuple[str, ...]
    features: ClassVar[tuple[tuple[str, str, str], ...]]
    """Name, unit and phrase of each feature, in the order of the columns."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names, in the order of the columns."""
        return tuple(name for name, _, _ in self.features)

    @property
    def feature_units(self) -> tuple[str, ...]:
        """Units, in the same order."""
        return tuple(unit for _, unit, _ in self.features)

    @property
    def feature_phrases(self) -> tuple[str, ...]:
        """What each one measures in a few words for a person, in the same order."""
        return tuple(phrase for _, _, phrase in self.features)

    def transform(self, conversations: Conversations) -> FeatureMatrix:
        """Return one float32 row a conversation, in the order of ``feature_names``."""
        frame = conversations.frame
        if not is_complete(frame, self.requires):
            return unknown(frame.height, self.feature_names, self.feature_units)
        columns = self.columns(conversations)
        return as_matrix(columns, self.feature_names, self.feature_units)

    @abstractmethod
    def columns(self, conversations: Conversations) -> list[FloatArray]:
        """Return one array of shape (n,) a feature, in the order of ``features``.

        Parameters
        ----------
        conversations : n of them, with the columns of ``requires``.
        """
