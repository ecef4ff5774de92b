# SPDX-License-Identifier: Apache-2.0
"""The paper's detector: a classifier over statistics of volume, run from a model file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from minewatch.contracts import FeatureSet
from minewatch.detectors.latest import Latest
from minewatch.errors import ModelError
from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.models.model_file import TRAIN_AGAIN, Model, load_model, shipped_model
from minewatch.types import Conversations, Evidence, Float32Array, Scores

FEATURE_SETS: Final[tuple[FeatureSet, ...]] = (VolumeFeatures(), PaperFeatures())
MAX_EVIDENCE: Final = 6
LEAST_CONTRIBUTION: Final = 0.05
"""Log-odds below which a feature is not worth a sentence (a probability moves by 1 % at most)."""


class FlowStatsDetector:
    """Scores a conversation by its sizes, rates and ratios with a trained model.

    The model is a support vector machine, decision tree, random forest or nearest neighbours as
    in the paper, calibrated and corrected to the base rate in its card. It uses sizes and rates
    alone: no payload's content, no port, no address. Blind spots: whatever looks like mining by
    volume alone (job queues, IoT heartbeats), dialects and pools that were not in the training
    data, miners padded or throttled to other sizes.

    Parameters
    ----------
    model : a loaded model; None for the one that ships.

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
    uses = ()

    def __init__(self, model: Model | None = None) -> None:
        self.model = load_model(shipped_model("flowstats")) if model is None else model
        self.features = feature_set_for(self.model)
        self.requires: tuple[str, ...] = self.features.requires
        names = self.features.feature_names
        self._columns = [names.index(name) for name in self.model.card.feature_names]
        self._medians = [card.median for card in self.model.card.features]
        self._latest = Latest(self._values)

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where a feature of the model is missing."""
        values = self._values(conversations.frame)
        probability = np.full(len(values), np.nan)
        is_ready = np.isfinite(values).all(axis=1)
        if is_ready.any():
            probability[is_ready] = self.model.probability(values[is_ready])
        return Scores(self.name, probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return what each feature does to the score of one row, strongest first.

        A feature's contribution is the change of log-odds when its value is put back in place of
        the median of normal traffic, all others left as they are (occlusion). That is exact for
        the question "what if only this had been ordinary?"; contributions do not add up to the
        score where features act together. *Usual* is what nine in ten of the normal training
        conversations have (5th to 95th percentile).
        """
        values = self._latest.of(conversations.frame)[row]
        if not np.isfinite(values).all():
            return []
        rows = np.tile(values, (len(values) + 1, 1))
        np.fill_diagonal(rows[1:], self._medians)
        log_odds = self.model.log_odds(rows)
        contributions = (log_odds[0] - log_odds[1:]).tolist()
        strongest = sorted(range(len(values)), key=lambda i: -abs(contributions[i]))
        return [
            self._evidence(index, float(values[index]), contributions[index])
            for index in strongest[:MAX_EVIDENCE]
            if abs(contributions[index]) >= LEAST_CONTRIBUTION
        ]

    def _values(self, frame: pl.DataFrame) -> Float32Array:
        """The model's features, in its order."""
        matrix = self.features.transform(Conversations(frame))
        values: Float32Array = matrix.values[:, self._columns]
        return values

    def _evidence(self, index: int, value: float, contribution: float) -> Evidence:
        """One sentence: what was measured, what is usual, which way it pushed."""
        card = self.model.card.features[index]
        phrase = self.features.feature_phrases[self._columns[index]]
        place = "below" if value < card.low else "above" if value > card.high else "within"
        way = "towards" if contribution > 0 else "away from"
        usual = f"{readable(card.low)} to {readable(card.high, card.unit)}"
        text = (
            f"{phrase[0].upper()}{phrase[1:]}: {readable(value, card.unit)}, {place} the usual "
            f"{usual}; combined with the rest it pushes {way} mining."
        )
        return Evidence(card.name, value, card.unit, contribution, text)


def feature_set_for(model: Model) -> FeatureSet:
    """Return the feature set that computes a model's inputs.

    Parameters
    ----------
    model : a loaded model.

    Raises
    ------
    ModelError : no feature set has the name or the features, or one has another unit.
    """
    card = model.card
    for features in FEATURE_SETS:
        if features.name == card.feature_set:
            units = dict(zip(features.feature_names, features.feature_units, strict=True))
            strange = [f.name for f in card.features if units.get(f.name) != f.unit]
            if not strange:
                return features
            raise ModelError(
                f"{model.path}: feature {strange[0][:40]!r} is unknown or has another unit: "
                f"{TRAIN_AGAIN}"
            )
    raise ModelError(
        f"{model.path}: made for the feature set {card.feature_set[:40]!r}, which flowstats does "
        f"not know: {TRAIN_AGAIN}"
    )


def readable(value: float, unit: str = "1") -> str:
    """Return a number with three digits or more, never as a power of ten, and its unit.

    Examples
    --------
    >>> readable(12345.6, "bit/s"), readable(0.0123456), readable(40, "1/min")
    ('12,346 bit/s', '0.0123', '40 per min')
    """
    size = abs(value)
    digits = 0 if size >= 100 or not size else min(2 - math.floor(math.log10(size)), 9)
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if unit == "1":
        return text
    return f"{text} per {unit[2:]}" if unit.startswith("1/") else f"{text} {unit}"
