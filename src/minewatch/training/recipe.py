# SPDX-License-Identifier: Apache-2.0
"""How the model of a detector is made: from rows of features to a model file.

A recipe is data: the benchmark follows it once for each source left out, ``make models`` once for
all sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from minewatch.contracts import FeatureSet
from minewatch.detectors.fusion import BASE_RATE
from minewatch.errors import ModelError
from minewatch.models.card import FeatureCard, ModelCard
from minewatch.odds import from_log_odds, log_odds
from minewatch.schema import SCHEMA_VERSION
from minewatch.training.corpus.views import InputKind
from minewatch.training.export import PARITY, largest_difference, library_versions, to_onnx
from minewatch.training.view_table import ViewTable, balanced_weights
from minewatch.types import BoolArray, Float32Array, FloatArray

INNER_FOLDS: Final = 3
SIMULATOR: Final = "simulator"
"""Recorder of simulated conversations, as ``view_table.recorder_of`` names it."""
CERTAIN: Final = 1e-6
LEAST_SHARE: Final = 0.15
"""Share of the mining rows' weight that must be left to an inner model. One that learnt from a
handful says nothing of the model that learns from all, and would spoil the calibration."""
MAX_SLOPE: Final = 2.0
"""Calibration may make a model twice as sure as it is, and no more: the mean vote of many trees is
shy, and a few held-out recorders without a mistake would ask for any slope."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is made.

    Parameters
    ----------
    detector : the detector that runs it.
    part : name of the model; its file is ``<part>.onnx``.
    feature_set : computes its inputs.
    features : names of the inputs, in order.
    inputs : kinds of input that it learns from.
    horizons_s : moments that it learns from.
    estimator : from a seed to a classifier of scikit-learn's kind; ``fit`` takes sample weights.
    algorithm : what that is, for the card.
    min_known : how many features must be known of a row.
    needs : features that must be.
    variants : varied copies of the corpus that it learns from too.
    max_simulated : rows of the simulator that it learns from, at most, by chance; there can be any
        number of these, and every row costs time.
    is_one_class : learns from mining alone; calibrated with normal conversations all the same.
    exporter : from the fitted classifier, the number of features and the card to a file's octets.
    """

    detector: str
    part: str
    feature_set: FeatureSet
    features: tuple[str, ...]
    inputs: tuple[InputKind, ...]
    horizons_s: tuple[int, ...]
    estimator: Callable[[int], Any]
    algorithm: str
    min_known: int
    needs: tuple[str, ...] = ()
    variants: int = 0
    max_simulated: int | None = None
    is_one_class: bool = False
    exporter: Callable[[Any, int, ModelCard], bytes] = to_onnx

    @property
    def columns(self) -> list[int]:
        """Return the places of the features in the feature set."""
        names = self.feature_set.feature_names
        return [names.index(name) for name in self.features]

    def rows(self, table: ViewTable) -> BoolArray:
        """Return which rows of a table this model learns from, shape (n,).

        Parameters
        ----------
        table : n rows.
        """
        chosen = (
            table.rows["input"].is_in([kind.value for kind in self.inputs])
            & table.rows["horizon_s"].is_in(list(self.horizons_s))
            & (table.rows["variant"] <= self.variants)
        ).to_numpy()
        found: BoolArray = chosen & self.is_ready(self.inputs_of(table))
        simulated = np.flatnonzero(found & (table.recorders == SIMULATOR))
        if self.max_simulated is not None and len(simulated) > self.max_simulated:
            order = np.random.default_rng(0).permutation(simulated)
            found[order[self.max_simulated :]] = False
        return found

    def is_asked(self, table: ViewTable) -> BoolArray:
        """Return which rows the model could be asked about, as they were recorded, shape (n,).

        Parameters
        ----------
        table : n rows.
        """
        kinds = table.rows["input"].is_in([kind.value for kind in self.inputs])
        as_recorded = (kinds & (table.rows["variant"] == 0)).to_numpy()
        found: BoolArray = as_recorded & self.is_ready(self.inputs_of(table))
        return found

    def inputs_of(self, table: ViewTable) -> Float32Array:
        """Return the model's inputs, shape (n, n_features).

        Parameters
        ----------
        table : n rows.
        """
        return table.values[self.feature_set.name][:, self.columns]

    def is_ready(self, values: Float32Array) -> BoolArray:
        """Return for which rows enough is known, shape (n,).

        Parameters
        ----------
        values : shape (n, n_features).
        """
        known = np.isfinite(values)
        ready: BoolArray = known.sum(axis=1) >= self.min_known
        return ready & known[:, [self.features.index(name) for name in self.needs]].all(axis=1)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A recipe that was followed."""

    recipe: Recipe
    estimator: Any
    slope: float
    offset: float
    held_out: FloatArray
    """Calibrated log-odds, at a prevalence of a half, of each row that was learnt from or could be
    asked about, by a model that had not seen its recorder; NaN for other rows, and where too little
    would have been left to learn from, shape (n,)."""

    def log_odds(self, table: ViewTable) -> FloatArray:
        """Return log-odds of mining at a prevalence of a half; NaN where not ready, shape (n,).

        Parameters
        ----------
        table : n rows.
        """
        values = self.recipe.inputs_of(table)
        ready = self.recipe.is_ready(values)
        found = np.full(len(values), np.nan)
        if ready.any():
            found[ready] = self.slope * raw_log_odds(self.estimator, values[ready]) + self.offset
        return found


def raw_log_odds(estimator: Any, values: Float32Array) -> FloatArray:
    """Return a fitted classifier's own log-odds of mining, shape (n,).

    Parameters
    ----------
    estimator : has ``predict_proba``.
    values : shape (n, n_features).
    """
    return log_odds(estimator.predict_proba(values)[:, 1].astype(np.float64), CERTAIN)


def follow(recipe: Recipe, table: ViewTable, seed: int = 0) -> Fitted:
    """Fit a model, and its calibration to scores of recorders that it had not seen.

    Parameters
    ----------
    recipe : what to make.
    table : rows to learn from; those of other inputs, horizons and variants are passed over.
    seed : of everything random.

    Raises
    ------
    ModelError : mining, or something normal, of two recorders at least is needed.
    """
    chosen = recipe.rows(table)
    learnt = table.take(chosen)
    values, is_mining = recipe.inputs_of(learnt), learnt.is_mining
    weights = balanced_weights(learnt)
    everything = recipe.inputs_of(table)
    asked = chosen | recipe.is_asked(table)
    scores = np.full(len(table), np.nan)
    for left_out in recorder_groups(learnt, INNER_FOLDS):
        kept = ~np.isin(learnt.recorders, left_out)
        share = weights[kept & is_mining].sum() / weights[is_mining].sum()
        if share >= LEAST_SHARE and 0 < is_mining[kept].sum() < kept.sum():
            fitted = _fit(recipe, values, is_mining, weights, kept, seed)
            rows = asked & np.isin(table.recorders, left_out)
            scores[rows] = raw_log_odds(fitted, everything[rows])
    known = np.isfinite(scores) & chosen
    if not 0 < table.is_mining[known].sum() < known.sum():
        raise ModelError(
            f"{recipe.part}: training needs mining and normal conversations of two recorders"
        )
    known_weights = balanced_weights(table.take(known))
    slope, offset = fit_sigmoid(scores[known], table.is_mining[known], known_weights)
    estimator = _fit(recipe, values, is_mining, weights, np.ones(len(learnt), np.bool_), seed)
    return Fitted(recipe, estimator, slope, offset, slope * scores + offset)


def _fit(
    recipe: Recipe,
    values: Float32Array,
    is_mining: BoolArray,
    weights: FloatArray,
    rows: BoolArray,
    seed: int,
) -> Any:
    if recipe.is_one_class:
        rows = rows & is_mining
    return recipe.estimator(seed).fit(
        values[rows], is_mining[rows].astype(np.int64), sample_weight=weights[rows]
    )


def recorder_folds(table: ViewTable, n_folds: int) -> list[BoolArray]:
    """Return the test rows of folds that no recorder is split by; see ``recorder_groups``.

    Parameters
    ----------
    table : n rows.
    n_folds : at most.
    """
    recorders = table.recorders
    return [np.isin(recorders, group) for group in recorder_groups(table, n_folds)]


def recorder_groups(table: ViewTable, n_folds: int) -> list[list[str]]:
    """Return recorders dealt over folds.

    Recorders with mining are dealt first, so that every fold has some if there are enough of them;
    then the rest, each to the fold with the fewest normal conversations.

    Parameters
    ----------
    table : n rows.
    n_folds : at most.
    """
    recorders, is_mining = table.recorders, table.is_mining
    numbers = table.rows["conversation"].to_numpy()
    sizes = {
        name: (
            len(np.unique(numbers[(recorders == name) & is_mining])),
            len(np.unique(numbers[(recorders == name) & ~is_mining])),
        )
        for name in np.unique(recorders)
    }
    return dealt(sizes, min(n_folds, len(sizes)))


def dealt(sizes: Mapping[str, tuple[int, int]], n_folds: int) -> list[list[str]]:
    """Return recorders dealt over folds, in the order in which they were dealt.

    Parameters
    ----------
    sizes : conversations of each recorder: mining, normal.
    n_folds : exactly so many, at least one if there is a recorder.

    Examples
    --------
    >>> dealt({"a": (9, 1), "b": (2, 0), "c": (0, 8), "d": (0, 5)}, 2)
    [['a', 'd'], ['b', 'c']]
    """
    mining = sorted((n for n in sizes if sizes[n][0]), key=lambda n: (-sizes[n][0], n))
    rest = sorted((n for n in sizes if not sizes[n][0]), key=lambda n: (-sizes[n][1], n))
    folds: list[list[str]] = [[] for _ in range(n_folds)]
    for i, name in enumerate(mining):
        folds[i % len(folds)].append(name)
    for name in rest:
        min(folds, key=lambda fold: sum(sizes[one][1] for one in fold)).append(name)
    return folds


def fit_sigmoid(
    scores: FloatArray, is_mining: BoolArray, weights: FloatArray
) -> tuple[float, float]:
    """Return slope and offset that make calibrated log-odds, both labels weighing the same.

    Parameters
    ----------
    scores : log-odds of rows that the model had not seen, shape (n,).
    is_mining : labels, shape (n,).
    weights : of the rows, shape (n,).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(0, 2, 4000)
    >>> is_mining = rng.random(4000) < from_log_odds(truth)
    >>> slope, offset = fit_sigmoid(3 * truth, is_mining, np.ones(4000))
    >>> round(slope, 1), abs(offset) < 0.1
    (0.3, True)
    """
    from scipy.optimize import minimize

    share = np.where(is_mining, weights[is_mining].sum(), weights[~is_mining].sum())
    weight = weights / share / 2
    signs = np.where(is_mining, 1.0, -1.0)

    def loss(line: FloatArray) -> tuple[float, FloatArray]:
        margin = signs * (line[0] * scores + line[1])
        slope = -signs * weight * from_log_odds(-np.clip(margin, -500, 500))
        value = float(weight @ np.logaddexp(0, -margin))
        return value, np.array([slope @ scores, slope.sum()])

    found = minimize(loss, np.array([0.5, 0.0]), jac=True, bounds=[(0, MAX_SLOPE), (None, None)])
    return float(found.x[0]), float(found.x[1])


@dataclass(frozen=True, slots=True)
class Making:
    """What a card says of how a model came about."""

    metering: Mapping[str, float]
    pass_share: float
    base_rate: float = BASE_RATE
    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def model_file(fitted: Fitted, table: ViewTable, making: Making) -> bytes:
    """Return the octets of a model's file.

    Parameters
    ----------
    fitted : a recipe that was followed.
    table : what it learnt from.
    making : for the card.

    Raises
    ------
    ModelError : what the file gives differs from what was fitted.
    """
    recipe = fitted.recipe
    learnt = table.take(recipe.rows(table))
    card = ModelCard(
        name=recipe.part,
        schema_version=SCHEMA_VERSION,
        feature_set=recipe.feature_set.name,
        features=_feature_cards(recipe, learnt),
        metering=making.metering,
        algorithm=recipe.algorithm,
        prevalence=0.5,
        base_rate=making.base_rate,
        pass_share=making.pass_share,
        min_known=recipe.min_known,
        needs=recipe.needs,
        calibration=(fitted.slope, fitted.offset),
        parameters=making.parameters,
        training=making.training,
        metrics=making.metrics,
        versions=library_versions(),
    )
    data = recipe.exporter(fitted.estimator, len(recipe.features), card)
    difference = largest_difference(fitted.estimator, data, recipe.inputs_of(learnt))
    if difference > PARITY:
        raise ModelError(
            f"{recipe.part}: the exported model differs from the fitted one by {difference:.2g} "
            f"(at most {PARITY:g}): take other versions of its libraries"
        )
    return data


def _feature_cards(recipe: Recipe, learnt: ViewTable) -> tuple[FeatureCard, ...]:
    """What each feature looks like in normal traffic; one never known there is 0 throughout."""
    normal = recipe.inputs_of(learnt)[~learnt.is_mining].astype(np.float64)
    units = dict(
        zip(recipe.feature_set.feature_names, recipe.feature_set.feature_units, strict=True)
    )
    cards = []
    for i, name in enumerate(recipe.features):
        known = normal[np.isfinite(normal[:, i]), i]
        low, median, high = np.quantile(known, (0.05, 0.5, 0.95)) if len(known) else (0.0, 0.0, 0.0)
        cards.append(FeatureCard(name, units[name], float(median), float(low), float(high)))
    return tuple(cards)
