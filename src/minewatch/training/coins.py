# SPDX-License-Identifier: Apache-2.0
"""The model of ``identify``: from labelled mining conversations to its file's octets.

Its threshold for "unknown" is chosen on pools left out of its fitting, so that what it answers is
right as often as ``PRECISION`` says for a pool it has never seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.errors import ConfigError, ModelError
from minewatch.identify.card import QUESTIONS, CoinCard, Kind, threshold_name
from minewatch.identify.model import CARD_KEY, CoinModel, parse_coin_model
from minewatch.models.model_file import INPUT, OUTPUT
from minewatch.schema import SCHEMA_VERSION
from minewatch.training import require_extra
from minewatch.training.algorithms import ObjectArray
from minewatch.training.coin_examples import (
    MIN_ROWS,
    CoinExamples,
    coin_examples,
    learnable,
    pool_folds,
)
from minewatch.training.corpus.stored import Corpus
from minewatch.training.export import OPSETS
from minewatch.types import BoolArray, Float32Array, FloatArray

PRECISION: Final = 0.98
"""Of the answers on pools left out, the share that is to be right; the rest is "unknown"."""
PARITY: Final = 1e-5


def estimator(seed: int) -> Any:
    """Return extremely randomised trees, all classes weighing the same; NaN becomes -1.

    Parameters
    ----------
    seed : of everything random.
    """
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        ExtraTreesClassifier(
            n_estimators=60,
            max_leaf_nodes=96,
            min_samples_leaf=3,
            max_features=0.3,
            class_weight="balanced",
            n_jobs=1,
            random_state=seed,
        ),
    )


@dataclass(frozen=True, slots=True)
class FittedCoins:
    """Fitted trees with their classes."""

    kinds: tuple[Kind, ...]
    trees: Any

    def shares(self, values: Float32Array, kinds: Sequence[Kind] | None = None) -> FloatArray:
        """Return the probability of each kind, shape (n, n_kinds).

        Parameters
        ----------
        values : shape (n, n_features).
        kinds : in which order; one that was not fitted gets 0. None for ``self.kinds``.
        """
        own: FloatArray = self.trees.predict_proba(values)
        if kinds is None:
            return own
        found = np.zeros((len(values), len(kinds)))
        for i, kind in enumerate(self.kinds):
            if kind in kinds:
                found[:, list(kinds).index(kind)] = own[:, i]
        return found


def fit_trees(examples: CoinExamples, seed: int) -> FittedCoins:
    """Return the classifier fitted to all rows.

    Parameters
    ----------
    examples : what to learn from.
    seed : of everything random.
    """
    kinds = examples.kinds
    known = tuple(sorted(set(kinds), key=lambda kind: (kind.fine, kind.algorithm)))
    place = {kind: i for i, kind in enumerate(known)}
    trees = estimator(seed).fit(examples.values, np.array([place[kind] for kind in kinds]))
    return FittedCoins(known, trees)


def out_of_fold(
    examples: CoinExamples,
    kinds: Sequence[Kind],
    folds: Iterator[tuple[BoolArray, BoolArray]],
    seed: int,
) -> FloatArray:
    """Return each row's probabilities by a model that has not seen its group; NaN if in no fold.

    Parameters
    ----------
    examples : the rows.
    kinds : order of the columns.
    folds : (train, test) rows.
    seed : of everything random.
    """
    shares = np.full((len(examples.values), len(kinds)), np.nan)
    for train, test in folds:
        fitted = fit_trees(examples.take(train), seed)
        shares[test] = fitted.shares(examples.values[test], kinds)
    return shares


def threshold_for(
    right: BoolArray, surest: FloatArray, weight: FloatArray, precision: float = PRECISION
) -> float:
    """Return the least probability above which answers are right as often as wanted.

    Parameters
    ----------
    right : whether the likeliest answer was right, shape (n,).
    surest : its probability, shape (n,).
    weight : of each row, shape (n,).
    precision : share of answers that is to be right.

    Examples
    --------
    >>> right, surest = np.array([True, True, False, True]), np.array([0.9, 0.8, 0.4, 0.3])
    >>> threshold_for(right, surest, np.ones(4), precision=0.95)
    0.8
    """
    order = np.argsort(-surest, kind="stable")
    total = np.cumsum(weight[order])
    good = np.cumsum((weight * right)[order]) / total
    # Rows of one probability stand and fall together.
    last = np.append(np.diff(surest[order]) != 0, True)
    fits = np.flatnonzero((good >= precision) & last)
    return float(surest[order][fits[-1]]) if len(fits) else 1.0


def is_known(examples: CoinExamples, question: str) -> BoolArray:
    """Return of which rows the true answer is known, shape (n,).

    Parameters
    ----------
    examples : the rows.
    question : one of ``QUESTIONS``.
    """
    known: BoolArray = examples.rows["is_family_known"].to_numpy()
    return known if question == "pool_family" else np.ones(len(known), np.bool_)


def thresholds_of(
    examples: CoinExamples, kinds: Sequence[Kind], shares: FloatArray
) -> dict[str, float]:
    """Return the threshold of each question, every class weighing the same.

    Parameters
    ----------
    examples : the rows.
    kinds : order of the columns of ``shares``.
    shares : out-of-fold probabilities, shape (n, n_kinds).
    """
    found = {}
    for question in QUESTIONS:
        names = np.array([kind.answer(question) for kind in kinds], object)
        choices, code = np.unique(names, return_inverse=True)
        each = np.stack([shares[:, code == i].sum(axis=1) for i in range(len(choices))], axis=1)
        truth = np.array([kind.answer(question) for kind in examples.kinds], object)
        _, where, counts = np.unique(truth, return_inverse=True, return_counts=True)
        right = choices[each.argmax(axis=1)] == truth
        weight = 1.0 / np.sqrt(counts[where])
        known = is_known(examples, question) & np.isfinite(shares).all(axis=1)
        surest = each.max(axis=1)
        for has_packets in (True, False):
            rows = known & (examples.has_packets == has_packets)
            least = threshold_for(right[rows], surest[rows], weight[rows])
            found[threshold_name(question, has_packets)] = math.floor(least * 1e4) / 1e4
    return found


def fit_coins(corpus: Corpus, seed: int = 0) -> bytes:
    """Return the octets of the model file, for ``src/minewatch/identify/coins.onnx``.

    Parameters
    ----------
    corpus : labelled conversations (``training.corpus``), several sources joined.
    seed : of everything random.

    Raises
    ------
    ConfigError : scikit-learn is not installed, or too little is labelled.
    ModelError : the exported model does not give the same probabilities.
    """
    require_extra()
    examples = learnable(coin_examples(corpus))
    if not len(examples.values):
        raise ConfigError(f"coins: no class has {MIN_ROWS} rows at two pools or more")
    return fit_examples(examples, seed)


def fit_examples(examples: CoinExamples, seed: int) -> bytes:
    """Return the octets of a model fitted to some rows; see ``fit_coins``.

    Parameters
    ----------
    examples : what to learn from.
    seed : of everything random.
    """
    fitted = fit_trees(examples, seed)
    left_out = out_of_fold(examples, fitted.kinds, pool_folds(examples, seed), seed)
    card = CoinCard(
        schema_version=SCHEMA_VERSION,
        features=examples.names,
        kinds=fitted.kinds,
        thresholds=thresholds_of(examples, fitted.kinds, left_out),
        training={
            "seed": seed,
            "precision": PRECISION,
            "rows": len(examples.values),
            "conversations": _counts(examples, "source"),
            "pools": int(examples.rows["pool"].n_unique()),
        },
    )
    data = _to_onnx(fitted.trees, card)
    model = parse_coin_model(data, "coins")
    difference = float(np.abs(model.shares(examples.values) - fitted.shares(examples.values)).max())
    if difference > PARITY:
        raise ModelError(f"coins: the exported model differs by {difference:.2g}")
    return data


def _counts(examples: CoinExamples, column: str) -> dict[str, int]:
    counted = examples.rows.group_by(column).agg(pl.col("conversation").n_unique()).sort(column)
    return dict(counted.iter_rows())


def _to_onnx(trees: Any, card: CoinCard) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    proto = convert_sklearn(
        trees,
        name="coins",
        initial_types=[(INPUT, FloatTensorType([None, len(card.features)]))],
        options={id(trees): {"zipmap": False}},
        target_opset=OPSETS,
    )
    if [output.name for output in proto.graph.output] != ["label", OUTPUT]:
        raise ModelError(f"skl2onnx names the outputs {[o.name for o in proto.graph.output]}")
    opsets = sorted(proto.opset_import, key=lambda opset: opset.domain)
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    entry = proto.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def answers_of(
    shares: FloatArray,
    kinds: Sequence[Kind],
    thresholds: Mapping[str, float],
    question: str,
    has_packets: BoolArray,
) -> ObjectArray:
    """Return what a model of such kinds and thresholds answers.

    Parameters
    ----------
    shares : shape (n, n_kinds).
    kinds : order of the columns.
    thresholds : by ``threshold_name``.
    question : one of ``QUESTIONS``.
    has_packets : shape (n,).
    """
    card = CoinCard(SCHEMA_VERSION, ("none",), tuple(kinds), thresholds)
    return CoinModel(card, None).answers(shares.astype(np.float32), question, has_packets)
