# SPDX-License-Identifier: Apache-2.0
"""Rows of features with labels, and where each row comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from minewatch.contracts import FeatureSet
from minewatch.detectors.flowstats import FEATURE_SETS
from minewatch.errors import ConfigError
from minewatch.features.volume import LENGTH_FEATURES, STACK_FEATURES
from minewatch.training.algorithms import ObjectArray
from minewatch.types import BoolArray, Float32Array

HORIZONS: Final = (5, 15, 60)
"""Long conversations are also taken as they stood after so many intervals (of 60 s): a miner
must be known while it mines, and totals must not tell how long the recording was."""
WHOLE: Final = 0
"""Horizon of a conversation as it ended."""


MIN_CONVERSATIONS: Final = 100

Stopped: TypeAlias = tuple[bool, str, str]
"""Whether it is mining, source, capture."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Features with labels, and where each row comes from."""

    values: Float32Array
    """Shape (n, n_features); NaN where a feature is unknown."""
    names: tuple[str, ...]
    units: tuple[str, ...]
    is_mining: BoolArray
    sources: ObjectArray
    captures: ObjectArray
    horizons: npt.NDArray[np.int64]
    """Intervals watched, 0 for the whole conversation."""
    stopped: Mapping[Stopped, int]
    """Labelled conversations that the gate stopped: never scored, so never flagged."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    @property
    def is_ready(self) -> BoolArray:
        """Return which rows have every feature: only they are trained on, and scored."""
        return cast(BoolArray, np.isfinite(self.values).all(axis=1))

    def stopped_by_capture(self, is_mining: bool, source: str | None = None) -> Counter[str]:
        """Return how many conversations of each capture the gate stopped.

        Parameters
        ----------
        is_mining : their label.
        source : of one source; None for all.
        """
        found: Counter[str] = Counter()
        for (label, here, capture), count in self.stopped.items():
            if label == is_mining and source in (None, here):
                found[capture] += count
        return found

    def pass_share(self) -> float:
        """Return the largest share of normal conversations that a source's gate let through.

        Of the sources with ``MIN_CONVERSATIONS`` or more: the most careful estimate of how much
        passing the gate says by itself. 1 (it says nothing) if no source has so many.
        """
        shares = []
        for source in np.unique(self.sources).tolist():
            here = (self.sources == source) & ~self.is_mining & (self.horizons == WHOLE)
            passed, stopped = int(here.sum()), self.stopped_by_capture(False, source).total()
            if passed + stopped >= MIN_CONVERSATIONS:
                shares.append(passed / (passed + stopped))
        return max(shares, default=1.0) or 1.0

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> Examples:
        """Return some of the rows, and of what the gate stopped that of their sources.

        Parameters
        ----------
        rows : row numbers, or a mask of shape (n,).
        """
        sources = set(self.sources[rows])
        return Examples(
            self.values[rows],
            self.names,
            self.units,
            self.is_mining[rows],
            self.sources[rows],
            self.captures[rows],
            self.horizons[rows],
            {key: count for key, count in self.stopped.items() if key[1] in sources},
        )


def feature_set(name: str) -> FeatureSet:
    """Return a feature set by name.

    Parameters
    ----------
    name : ``volume`` or ``paper``.

    Raises
    ------
    ConfigError : there is none of that name.

    Examples
    --------
    >>> feature_set("paper").feature_names[0]
    'outbound_bits_per_packet'
    """
    for features in FEATURE_SETS:
        if features.name == name:
            return features
    known = ", ".join(features.name for features in FEATURE_SETS)
    raise ConfigError(f"feature set {name!r}: one of {known}")


def training_features(features: FeatureSet) -> tuple[str, ...]:
    """Return the features to train on: all but those that tell the recording or the host.

    Parameters
    ----------
    features : the feature set.

    Examples
    --------
    >>> "duration" in training_features(feature_set("volume"))
    False
    """
    left_out = {*LENGTH_FEATURES, *STACK_FEATURES}
    return tuple(name for name in features.feature_names if name not in left_out)
