# SPDX-License-Identifier: Apache-2.0
"""The paper's detector: a classifier over statistics of volume, run from a model file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.errors import ModelError
from minewatch.features.volume import PaperFeatures, VolumeFeatures
from minewatch.models.card import FeatureCard
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

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where a feature of the model is missing."""
        values = self._values(conversations)
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
        score where features act together.
        """
        keep = np.arange(len(conversations)) == row
        values = self._values(conversations.filter(keep))
        if not np.isfinite(values).all():
            return []
        cards = self.model.card.features
        rows = np.repeat(values, len(cards) + 1, axis=0)
        medians = np.array([card.median for card in cards], np.float32)
        np.fill_diagonal(rows[1:], medians)
        log_odds = self.model.log_odds(rows)
        contributions = log_odds[0] - log_odds[1:]
        strongest = np.argsort(-np.abs(contributions), kind="stable")[:MAX_EVIDENCE]
        return [
            _evidence(cards[index], float(values[0, index]), float(contributions[index]))
            for index in strongest
            if abs(contributions[index]) >= LEAST_CONTRIBUTION
        ]

    def _values(self, conversations: Conversations) -> Float32Array:
        """The model's features, in its order."""
        values: Float32Array = self.features.transform(conversations).values[:, self._columns]
        return values


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
                f"{model.path}: feature {strange[0]} is unknown or has another unit: {TRAIN_AGAIN}"
            )
    raise ModelError(
        f"{model.path}: made for the feature set {card.feature_set}, which flowstats does not "
        f"know: {TRAIN_AGAIN}"
    )


def _evidence(card: FeatureCard, value: float, contribution: float) -> Evidence:
    """One sentence: what was measured, what is normal, which way it speaks."""
    unit = "" if card.unit == "1" else f" {card.unit}"
    place = "within" if card.low <= value <= card.high else "outside"
    side = "for" if contribution > 0 else "against"
    text = (
        f"{card.name.replace('_', ' ').capitalize()} is {value:,.4g}{unit}, {place} what 90 % of "
        f"normal training traffic has ({card.low:,.4g} to {card.high:,.4g}{unit}); with the rest "
        f"as it is, this speaks {side} mining."
    )
    return Evidence(card.name, value, card.unit, contribution, text)
