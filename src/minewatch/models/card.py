# SPDX-License-Identifier: Apache-2.0
"""The card inside a model file: what the model expects, what it learnt from, what it achieved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

CARD_VERSION = 2
"""Version 1 lacked ``min_known``, ``needs`` and ``calibration``; it is read as what it meant."""
MAX_FEATURES = 1024


@dataclass(frozen=True, slots=True)
class FeatureCard:
    """One input of a model, with what it looks like in the normal part of the training data."""

    name: str
    unit: str
    median: float
    """Median of normal training conversations: what ``explain`` puts in place of a value."""
    low: float
    """5th percentile of normal training conversations."""
    high: float
    """95th percentile of normal training conversations."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that is known about a model; stored as JSON in the model file itself."""

    name: str
    """The detector it is for: ``flowstats``."""
    schema_version: int
    """``schema.SCHEMA_VERSION`` of the tables it was trained on."""
    feature_set: str
    """Name of the feature set that computes its inputs: ``volume``, ``paper``."""
    features: tuple[FeatureCard, ...]
    """Its inputs, in order: all of the feature set's, or some."""
    metering: Mapping[str, float]
    """How packets became conversations: ``interval_s``, ``idle_timeout_s`` and others."""
    algorithm: str
    """``random forest``, ``decision tree``, ``support vector machine`` and others."""
    prevalence: float
    """Share of mining in the training data, to which the probabilities were calibrated."""
    base_rate: float
    """Share of mining, among all conversations, to which probabilities are corrected."""
    pass_share: float
    """Share of normal conversations that the gate lets through, at most: what having passed it
    says is part of the correction."""
    min_known: int
    """How many of its features must be known of a conversation for it to be scored; what is not
    known is NaN to the model."""
    needs: tuple[str, ...] = ()
    """Features that must be known whatever else is: what tells an input with packets from one
    without."""
    calibration: tuple[float, float] = (1.0, 0.0)
    """Slope and offset that make calibrated log-odds of the model's own, fitted to scores of
    sources that it had not seen."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The classifier's parameters, and the calibration's."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Sources with counts, licences and hashes; what the gate dropped; the seed."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Figures on sources left out of training."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Libraries that made it."""
    created: str = ""
    """ISO date that the maker stated, or empty: the file is then reproducible to the byte."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the inputs' names, in order."""
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> str:
        """Return the card as JSON, always the same text for the same card."""
        return json.dumps({"card_version": CARD_VERSION, **asdict(self)}, sort_keys=True)


def card_from_json(text: str) -> ModelCard:
    """Return the card in ``text``.

    Raises
    ------
    ValueError : it is not JSON, of another card version, lacks a field, or one is out of range.

    Examples
    --------
    >>> card_from_json("{}")
    Traceback (most recent call last):
    ValueError: card version None instead of 2
    """
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("the card is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("the card is not a JSON object")
    data = _converted(data)
    try:
        features = tuple(_feature(entry) for entry in _list(data["features"]))
        card = ModelCard(
            name=_text(data["name"]),
            schema_version=_whole(data["schema_version"]),
            feature_set=_text(data["feature_set"]),
            features=features,
            metering={k: _number(v, 0, math.inf) for k, v in _mapping(data["metering"]).items()},
            algorithm=_text(data["algorithm"]),
            prevalence=_number(data["prevalence"], 0, 1),
            base_rate=_number(data["base_rate"], 0, 1),
            pass_share=_number(data["pass_share"], 1e-6, 1, closed=True),
            min_known=_whole(data["min_known"]),
            needs=tuple(_text(name) for name in _list(data["needs"])),
            calibration=_calibration(data["calibration"]),
            parameters=_mapping(data["parameters"]),
            training=_mapping(data["training"]),
            metrics=_mapping(data["metrics"]),
            versions=_mapping(data["versions"]),
            created=_text(data["created"], empty=True),
        )
    except KeyError as error:
        raise ValueError(f"the card lacks {error.args[0]}") from error
    if not 0 < len(features) <= MAX_FEATURES:
        raise ValueError(f"{len(features)} features instead of 1 to {MAX_FEATURES}")
    if len(set(card.feature_names)) < len(features):
        raise ValueError("a feature is named twice")
    if not 1 <= card.min_known <= len(features):
        raise ValueError(f"min_known {card.min_known} of {len(features)} features")
    if strange := set(card.needs) - set(card.feature_names):
        raise ValueError(f"it needs {sorted(strange)[0][:40]!r}, which is none of its features")
    return card


def _converted(data: dict[str, Any]) -> dict[str, Any]:
    """Return a card of any known version as one of this version."""
    version = data.get("card_version")
    if version == 1:
        features = data.get("features")
        n = len(features) if isinstance(features, list) else 0
        return data | {"min_known": n, "needs": [], "calibration": [1.0, 0.0]}
    if version != CARD_VERSION:
        raise ValueError(f"card version {_short(version)} instead of {CARD_VERSION}")
    return data


def _calibration(value: object) -> tuple[float, float]:
    """A slope that is not negative (more suspicion stays more) and an offset."""
    pair = _list(value)
    if len(pair) != 2:
        raise ValueError(f"{_short(value)} is not a slope and an offset")
    return _number(pair[0], 0, 1e6, closed=True), _number(pair[1], -1e6, 1e6)


def _feature(entry: object) -> FeatureCard:
    data = _mapping(entry)
    low, median, high = (
        _number(data[name], -math.inf, math.inf, closed=True) for name in ("low", "median", "high")
    )
    return FeatureCard(_text(data["name"]), _text(data["unit"]), median, low, high)


def _short(value: object) -> str:
    """A value of a card for an error: a file of megabytes must not make a line of megabytes."""
    return repr(value)[:40]


def _text(value: object, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(f"{_short(value)} is not a text")
    return value


def _number(value: object, low: float, high: float, closed: bool = False) -> float:
    """A finite number between the bounds, without them unless ``closed``."""
    try:
        number = float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]
    except OverflowError:  # an integer of more than 308 digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{_short(value)} is not a finite number")
    if not (low <= number <= high if closed else low < number < high):
        raise ValueError(f"{_short(value)} is not between {low} and {high}")
    return number


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{_short(value)} is not a whole number")
    return value


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{_short(value)} is not an object")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{_short(value)} is not a list")
    return value
