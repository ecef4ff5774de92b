# SPDX-License-Identifier: Apache-2.0
"""Which normal service a conversation resembles most, what fits and what does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.doubt.services import OF_MESSAGES, OF_RECORDS, Range, Service, services
from minewatch.features.rhythm import FAMILIES
from minewatch.types import Conversations

FEWEST: Final = 4
"""Known features below which nothing is compared."""
GOOD: Final = 0.8
"""Share of the features within their ranges from which a service explains what was seen; of a
service's own conversations nine in ten features are, by definition."""
ROUNDING: Final = 0.02
"""A value this near to a range, relatively, is in it."""
_SHARE_SPREAD: Final = 0.1
_LOG_SPREAD: Final = 0.2
"""No range counts as narrower than this on its scale, shares as they are and others as logarithms:
else the narrowest range would decide alone."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One feature of a conversation beside what a service has."""

    feature: str
    phrase: str
    unit: str
    value: float
    usual: Range

    @property
    def fits(self) -> bool:
        """Return whether the value is what the service has."""
        low, high = self.usual.low, self.usual.high
        return low - ROUNDING * abs(low) <= self.value <= high + ROUNDING * abs(high)

    @property
    def width(self) -> float:
        """Return how much of its scale the range covers: a narrow one says more."""
        if self.unit == "1":
            return self.usual.high - self.usual.low
        return math.log(max(self.usual.high, 1e-3) / max(self.usual.low, 1e-3)) / math.log(1e3)

    @property
    def excess(self) -> float:
        """Return how far the value is outside of the range, relatively; 0 within it."""
        edge = min(max(self.value, self.usual.low), self.usual.high)
        return abs(self.value - edge) / max(abs(edge), abs(self.value), 1e-9)

    @property
    def likeness(self) -> float:
        """Return the logarithm of the density of the value: how much it speaks for the service."""
        is_share = self.unit == "1"
        ends = (self.usual.low, self.usual.median, self.usual.high, self.value)
        low, middle, high, value = ends if is_share else (math.log(max(x, 1e-3)) for x in ends)
        spread = max((high - low) / 2, _SHARE_SPREAD if is_share else _LOG_SPREAD)
        return -math.log(spread) - math.log(1 + ((value - middle) / spread) ** 2)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well one service explains a conversation."""

    service: Service
    likeness: float
    """Higher is more alike; only its order means something."""
    measured: Sequence[Measured]

    @property
    def n_fitting(self) -> int:
        """Return how many features are what the service has."""
        return sum(one.fits for one in self.measured)

    @property
    def is_good(self) -> bool:
        """Return whether the service explains what was seen."""
        return self.n_fitting >= GOOD * len(self.measured)


def known_features(conversations: Conversations, row: int = 0) -> dict[str, float]:
    """Return what can be compared of one conversation: of messages, else of flow records.

    Parameters
    ----------
    conversations : n of them.
    row : which.
    """
    found: dict[str, float] = {}
    for features in FAMILIES:
        values = features.transform(conversations).values[row]
        found |= dict(zip(features.feature_names, values.tolist(), strict=True))
    for names in (OF_MESSAGES, OF_RECORDS):
        known = {name: found[name] for name in names if math.isfinite(found[name])}
        if len(known) >= FEWEST:
            return known
    return {}


def nearest(values: Mapping[str, float], among: Sequence[Service] | None = None) -> list[Fit]:
    """Return every service that can be compared, the most alike first.

    Each feature has a bell with heavy tails around the service's median, as wide as its range, so
    that of two services that fit the narrower one is the likelier.

    Parameters
    ----------
    values : by feature; NaN is left out.
    among : services; None for those that ship.
    """
    fits = []
    for service in services() if among is None else among:
        measured = [
            Measured(name, *_WORDS[name], value, service.features[name])
            for name, value in values.items()
            if name in service.features and math.isfinite(value)
        ]
        if len(measured) >= FEWEST:
            likeness = float(np.mean([one.likeness for one in measured]))
            fits.append(Fit(service, likeness, measured))
    return sorted(fits, key=lambda fit: (not fit.is_good, -fit.likeness))


def _words(families: Sequence[FeatureSet]) -> dict[str, tuple[str, str]]:
    """Phrase and unit of every feature."""
    return {
        name: (phrase, unit)
        for features in families
        for name, phrase, unit in zip(
            features.feature_names, features.feature_phrases, features.feature_units, strict=True
        )
    }


_WORDS: Final = _words(FAMILIES)
