# SPDX-License-Identifier: Apache-2.0
"""The card inside the model file of ``identify``: inputs, classes, thresholds, training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from minewatch.identify.names import dialect_name, pool_family

CARD_VERSION: Final = 1
MAX_NAMES: Final = 1024

QUESTIONS: Final = ("algorithm", "dialect", "pool_family")
"""What the model answers, each by itself: it may know one and not another."""


def threshold_name(question: str, has_packets: bool) -> str:
    """Return the name of a question's threshold: what a flow log shows needs another one.

    Parameters
    ----------
    question : one of ``QUESTIONS``.
    has_packets : whether sizes and times of packets are known.

    Examples
    --------
    >>> threshold_name("dialect", True), threshold_name("dialect", False)
    ('dialect', 'dialect without packets')
    """
    return question if has_packets else f"{question} without packets"


THRESHOLDS: Final = tuple(threshold_name(q, has) for q in QUESTIONS for has in (True, False))


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of the model: a dialect by its finest name, with an algorithm."""

    fine: str
    algorithm: str

    def answer(self, question: str) -> str:
        """Return what this class says to a question.

        Parameters
        ----------
        question : one of ``QUESTIONS``.

        Examples
        --------
        >>> [Kind("cryptonote-p2pool", "randomx").answer(question) for question in QUESTIONS]
        ['randomx', 'cryptonote', 'p2pool']
        """
        if question == "algorithm":
            return self.algorithm
        return dialect_name(self.fine) if question == "dialect" else pool_family(self.fine)


@dataclass(frozen=True, slots=True)
class CoinCard:
    """All that is known about the model; stored as JSON in the model file itself."""

    schema_version: int
    """``schema.SCHEMA_VERSION`` of the tables it was trained on."""
    features: tuple[str, ...]
    """Its inputs, in order: names in ``RhythmFeatures``."""
    kinds: tuple[Kind, ...]
    """Its classes, in the order of its outputs."""
    thresholds: Mapping[str, float]
    """Least probability of an answer, by ``threshold_name``; below it the answer is "unknown"."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Sources with counts, the seed, the precision that the thresholds were chosen for."""

    def to_json(self) -> str:
        """Return the card as JSON, always the same text for the same card."""
        return json.dumps({"coin_card_version": CARD_VERSION, **asdict(self)}, sort_keys=True)


def card_from_json(text: str) -> CoinCard:
    """Return the card in ``text``.

    Raises
    ------
    ValueError : it is not JSON, of another card version, lacks a field, or one is out of range.

    Examples
    --------
    >>> card_from_json("{}")
    Traceback (most recent call last):
    ValueError: card version None instead of 1
    """
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("the card is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("the card is not a JSON object")
    if data.get("coin_card_version") != CARD_VERSION:
        raise ValueError(
            f"card version {data.get('coin_card_version')!r} instead of {CARD_VERSION}"
        )
    try:
        kinds = tuple(
            Kind(_text(entry["fine"]), _text(entry["algorithm"])) for entry in data["kinds"]
        )
        card = CoinCard(
            schema_version=int(data["schema_version"]),
            features=tuple(_text(name) for name in data["features"]),
            kinds=kinds,
            thresholds={name: _share(data["thresholds"][name]) for name in THRESHOLDS},
            training=dict(data["training"]),
        )
    except KeyError as error:
        raise ValueError(f"the card lacks {error.args[0]}") from error
    except TypeError as error:
        raise ValueError(f"the card is built otherwise ({error})") from error
    for what, names in (("features", card.features), ("kinds", card.kinds)):
        if not 0 < len(names) <= MAX_NAMES or len(set(names)) < len(names):
            raise ValueError(f"{len(names)} {what}, or one is named twice")
    return card


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not value.isprintable():
        raise ValueError(f"{str(value)[:40]!r} is not a name")
    return value


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError(f"{value!r} is not between 0 and 1")
    return float(value)
