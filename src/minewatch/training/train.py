# SPDX-License-Identifier: Apache-2.0
"""``minewatch train``: a labels file in, a model file out, always the same octets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minewatch.detectors.fusion import BASE_RATE
from minewatch.errors import ConfigError, ModelError
from minewatch.models.card import ModelCard
from minewatch.schema import SCHEMA_VERSION
from minewatch.training import require_extra
from minewatch.training.algorithms import ALGORITHMS, DEFAULT_ALGORITHM, calibrate, folds_for
from minewatch.training.dataset import Dataset, read_dataset
from minewatch.training.evaluate import held_out, metrics_of
from minewatch.training.examples import Examples, feature_set, training_features
from minewatch.training.export import (
    PARITY,
    feature_cards,
    largest_difference,
    library_versions,
    to_onnx,
)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """What to train.

    Parameters
    ----------
    algorithm : a name in ``ALGORITHMS``.
    feature_set : ``volume`` or ``paper``.
    features : names of the features to use; if empty all of the set's but
        ``LENGTH_FEATURES`` and ``STACK_FEATURES``.
    seed : of everything random.
    base_rate : share of mining to which probabilities are corrected when scoring.
    created : date to state in the card; empty, and the file is reproducible to the octet.
    with_metrics : leave each source out in turn, and put the figures into the card.
    """

    algorithm: str = DEFAULT_ALGORITHM
    feature_set: str = "volume"
    features: Sequence[str] = ()
    seed: int = 0
    base_rate: float = BASE_RATE
    created: str = ""
    with_metrics: bool = True

    def __post_init__(self) -> None:
        """Refuse names that are unknown."""
        if self.algorithm not in ALGORITHMS:
            raise ConfigError(f"algorithm {self.algorithm!r}: one of {', '.join(ALGORITHMS)}")
        if not 0 < self.base_rate < 1:
            raise ConfigError(f"base rate {self.base_rate}: between 0 and 1")


def fit(
    labels: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: TrainingOptions | None = None,
) -> ModelCard:
    """Train a model for ``flowstats`` from labelled captures and write its file.

    Parameters
    ----------
    labels : the labels file (``training.labels``).
    out : the model file to write; an existing one is replaced.
    options : what to train; None for the model that ships.

    Raises
    ------
    ConfigError : scikit-learn is not installed, or the labels or options are wrong.
    SourceError : a capture is missing.
    ModelError : the exported model does not give the same probabilities.
    """
    require_extra()
    options = options or TrainingOptions()
    data, card = fit_dataset(read_dataset(labels), options)
    path = Path(out)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return card


def fit_dataset(dataset: Dataset, options: TrainingOptions) -> tuple[bytes, ModelCard]:
    """Return a model file's octets and its card.

    Parameters
    ----------
    dataset : labelled conversations.
    options : what to train.

    Raises
    ------
    ModelError : the exported model does not give the same probabilities.
    """
    features = feature_set(options.feature_set)
    examples = dataset.examples(features, options.features or training_features(features))
    metrics: Mapping[str, Any] = {}
    if options.with_metrics:
        folds = folds_for(examples.sources, examples.captures, examples.is_mining, options.seed)
        metrics = metrics_of(held_out(options.algorithm, examples, folds, options.seed), examples)
    pass_share = examples.pass_share()
    examples = examples.take(examples.is_ready)
    folds = folds_for(examples.sources, examples.captures, examples.is_mining, options.seed)
    model = calibrate(options.algorithm, examples.values, examples.is_mining, folds, options.seed)
    card = ModelCard(
        name="flowstats",
        schema_version=SCHEMA_VERSION,
        feature_set=options.feature_set,
        features=feature_cards(examples),
        metering=dataset.options.settings(),
        algorithm=options.algorithm,
        prevalence=float(examples.is_mining.mean()),
        base_rate=options.base_rate,
        pass_share=pass_share,
        min_known=len(examples.names),
        parameters=_parameters(options, model),
        training=_training(dataset, examples, options.seed),
        metrics=metrics,
        versions=library_versions(),
        created=options.created,
    )
    data = to_onnx(model, examples.values.shape[1], card)
    difference = largest_difference(model, data, examples.values)
    if difference > PARITY:
        raise ModelError(
            f"the exported {options.algorithm} differs from the fitted one by {difference:.2g} "
            f"(at most {PARITY:g}): take another algorithm or other versions of its libraries"
        )
    return data, card


def _parameters(options: TrainingOptions, model: Any) -> dict[str, Any]:
    """The classifier's own parameters, and the sigmoid's."""
    (inner,) = model.calibrated_classifiers_
    sigmoid = inner.calibrators[0]
    return {
        # What differs from the library's defaults, as the library itself writes it.
        "classifier": " ".join(repr(ALGORITHMS[options.algorithm](options.seed)).split()),
        "calibration": "sigmoid on scores of the source left out",
        "calibration_slope": float(sigmoid.a_),
        "calibration_offset": float(sigmoid.b_),
    }


def _training(dataset: Dataset, examples: Examples, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "rows": {
            "mining": int(examples.is_mining.sum()),
            "normal": int((~examples.is_mining).sum()),
        },
        "horizons": sorted({int(horizon) for horizon in examples.horizons}),
        "sources": {
            name: dataset.summaries[name].as_mapping() for name in sorted(dataset.summaries)
        },
    }
