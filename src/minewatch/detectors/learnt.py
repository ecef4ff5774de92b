# SPDX-License-Identifier: Apache-2.0
"""What detectors with a trained model share: scoring, readiness, and reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.errors import ModelError
from minewatch.models.model_file import TRAIN_AGAIN, Model, load_model, shipped_model
from minewatch.types import BoolArray, Conversations, Evidence, Float32Array, Scores

MAX_EVIDENCE: Final = 6
LEAST_CONTRIBUTION: Final = 0.05
"""Log-odds below which a feature is not worth a sentence (a probability moves by 1 % at most)."""


class LearntDetector:
    """Base of detectors that run one trained model, or several for inputs that tell less and less.

    A subclass gives ``name``, ``parts`` and ``feature_sets``. Each row is scored by the first of
    its models that knows enough of the row's features (``min_known`` and ``needs`` in its card).

    Parameters
    ----------
    models : loaded models, the one that needs most first; None for those that ship.

    Raises
    ------
    ModelError : a model was made for another detector or feature set, or for unknown features.
    """

    name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    """Names of the models that ship, in the order in which they are tried."""
    feature_sets: ClassVar[tuple[FeatureSet, ...]]
    """Those that a model of this detector may be made for."""
    uses: tuple[str, ...] = ()

    def __init__(self, models: Sequence[Model] | None = None) -> None:
        if models is None:
            models = [load_model(shipped_model(part)) for part in self.parts]
        self.models = tuple(models)
        for model in self.models:
            if model.card.name not in self.parts:
                raise ModelError(
                    f"{model.path}: made for {model.card.name[:40]!r}, not for {self.name}: "
                    f"{TRAIN_AGAIN}"
                )
        self._inputs = [ModelInput(model, self.feature_sets) for model in self.models]
        # A column that one model lacks leaves the others able to speak.
        needs = [one.features.requires for one in self._inputs]
        self.requires: tuple[str, ...] = tuple(
            name for name in needs[0] if all(name in columns for columns in needs)
        )

    def score(self, conversations: Conversations) -> Scores:
        """Return a probability for each row; NaN where no model knows enough."""
        probability = np.full(len(conversations), np.nan)
        for one in self._inputs:
            open_rows = np.isnan(probability)
            if not open_rows.any():
                break
            values = one.values(conversations)
            rows = open_rows & one.is_ready(values)
            if rows.any():
                probability[rows] = one.model.probability(values[rows])
        return Scores(self.name, probability)

    def explain(self, conversations: Conversations, row: int) -> Sequence[Evidence]:
        """Return what each feature does to the score of one row, strongest first.

        A feature's contribution is the change of log-odds when its value is put back in place of
        the median of normal traffic, all others left as they are (occlusion). That is exact for
        the question "what if only this had been ordinary?"; contributions do not add up to the
        score where features act together. *Usual* is what nine in ten of the normal training
        conversations have (5th to 95th percentile).
        """
        for one in self._inputs:
            values = one.values(conversations)[row]
            if one.is_ready(values[None])[0]:
                return one.evidence(values)
        return []


class ModelInput:
    """One model with the feature set that computes its inputs.

    Parameters
    ----------
    model : a loaded model.
    feature_sets : those that it may be made for.

    Raises
    ------
    ModelError : it was made for none of them.
    """

    def __init__(self, model: Model, feature_sets: Sequence[FeatureSet]) -> None:
        self.model = model
        self.features = feature_set_for(model, feature_sets)
        names = self.features.feature_names
        self._columns = [names.index(name) for name in model.card.feature_names]
        places = {name: i for i, name in enumerate(model.card.feature_names)}
        self._needed = [places[name] for name in model.card.needs]
        self._medians = np.array([card.median for card in model.card.features], np.float32)

    def values(self, conversations: Conversations) -> Float32Array:
        """Return the model's features, in its order; computed once for the same conversations.

        Parameters
        ----------
        conversations : n of them.
        """
        return features_of(conversations, self.features)[:, self._columns]

    def is_ready(self, values: Float32Array) -> BoolArray:
        """Return for which rows enough is known, shape (n,).

        Parameters
        ----------
        values : shape (n, n_features).
        """
        known = np.isfinite(values)
        ready: BoolArray = known.sum(axis=1) >= self.model.card.min_known
        return ready & known[:, self._needed].all(axis=1)

    def evidence(self, values: Float32Array) -> list[Evidence]:
        """Return one sentence a feature, the strongest first.

        Parameters
        ----------
        values : of one row, shape (n_features,).
        """
        known = np.flatnonzero(np.isfinite(values)).tolist()
        rows = np.tile(values, (len(known) + 1, 1))
        for i, index in enumerate(known, 1):
            rows[i, index] = self._medians[index]
        log_odds = self.model.log_odds(rows)
        contributions = dict(zip(known, (log_odds[0] - log_odds[1:]).tolist(), strict=True))
        strongest = sorted(known, key=lambda i: -abs(contributions[i]))
        return [
            self._sentence(index, float(values[index]), contributions[index])
            for index in strongest[:MAX_EVIDENCE]
            if abs(contributions[index]) >= LEAST_CONTRIBUTION
        ]

    def _sentence(self, index: int, value: float, contribution: float) -> Evidence:
        """What was measured, what is usual, which way it pushed."""
        card = self.model.card.features[index]
        phrase = self.features.feature_phrases[self._columns[index]]
        place = "below" if value < card.low else "above" if value > card.high else "within"
        way = "towards" if contribution > 0 else "away from"
        usual = f"{readable(card.low)} to {readable(card.high, card.unit)}"
        text = (
            f"{phrase[0].upper()}{phrase[1:]}: {readable(value, card.unit)}, {place} the usual "
            f"{usual}; combined with the rest it pushes {way} mining."
        )
        return Evidence(card.name, value, card.unit, contribution, text, card.low, card.high)


def features_of(conversations: Conversations, features: FeatureSet) -> Float32Array:
    """Return a feature set's values, computed once for the same conversations.

    Parameters
    ----------
    conversations : n of them.
    features : the set; told by its name.
    """
    key = f"features {features.name}"
    known = conversations.memory.get(key)
    if isinstance(known, np.ndarray):
        return known
    values = features.transform(conversations).values
    conversations.memory[key] = values
    return values


def feature_set_for(model: Model, feature_sets: Sequence[FeatureSet]) -> FeatureSet:
    """Return the feature set that computes a model's inputs.

    Parameters
    ----------
    model : a loaded model.
    feature_sets : those that a model of this detector may be made for.

    Raises
    ------
    ModelError : no feature set has the name or the features, or one has another unit.
    """
    card = model.card
    by_name: Mapping[str, FeatureSet] = {features.name: features for features in feature_sets}
    features = by_name.get(card.feature_set)
    if features is None:
        raise ModelError(
            f"{model.path}: made for the feature set {card.feature_set[:40]!r}, which this "
            f"detector does not know: {TRAIN_AGAIN}"
        )
    units = dict(zip(features.feature_names, features.feature_units, strict=True))
    strange = [one.name for one in card.features if units.get(one.name) != one.unit]
    if strange:
        raise ModelError(
            f"{model.path}: feature {strange[0][:40]!r} is unknown or has another unit: "
            f"{TRAIN_AGAIN}"
        )
    return features


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
