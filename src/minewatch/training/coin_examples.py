# SPDX-License-Identifier: Apache-2.0
"""Mining conversations of which it is known what they mine, as a detector sees them, and folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import polars as pl

from minewatch.errors import ConfigError
from minewatch.features.volume import LENGTH_FEATURES, STACK_FEATURES
from minewatch.identify.card import Kind
from minewatch.identify.model import FEATURES
from minewatch.identify.names import ONLY_ALGORITHM, algorithm_family
from minewatch.training.algorithms import ObjectArray
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind, view
from minewatch.types import BoolArray, Float32Array

MIN_ROWS: Final = 20
"""A class of fewer rows is not learnt: it would be a memory of one recording."""
FOLDS: Final = 5
INPUT_KINDS: Final = (
    InputKind.NO_PAYLOAD,
    InputKind.FIRST_30,
    InputKind.FLOWS_60,
    InputKind.FLOWS_600,
)
HORIZONS_S: Final = (120, 600, 1800, WHOLE)
_NOT_LEARNT: Final = {*LENGTH_FEATURES, *STACK_FEATURES, "interval_records", "interval_spacing"}


@dataclass(frozen=True, slots=True)
class CoinExamples:
    """Mining conversations as they stood in several views, with what they mined."""

    values: Float32Array
    """Shape (n, n_features)."""
    names: tuple[str, ...]
    rows: pl.DataFrame
    """Per row the columns of ``coin_truth``, ``input`` and ``horizon_s``."""

    def take(self, keep: BoolArray) -> CoinExamples:
        """Return some of the rows.

        Parameters
        ----------
        keep : shape (n,).
        """
        return CoinExamples(self.values[keep], self.names, self.rows.filter(pl.Series(keep)))

    @property
    def has_packets(self) -> BoolArray:
        """Return whether sizes and times of packets are known, shape (n,)."""
        logs = [kind.value for kind in InputKind if kind.is_flow_log]
        return cast(BoolArray, (~self.rows["input"].is_in(logs)).to_numpy())

    @property
    def kinds(self) -> list[Kind]:
        """Return the class of each row."""
        return [Kind(*pair) for pair in self.rows.select("fine", "algorithm").iter_rows()]


def coin_examples(
    corpus: Corpus,
    inputs: Sequence[InputKind] = INPUT_KINDS,
    horizons_s: Sequence[int] = HORIZONS_S,
) -> CoinExamples:
    """Return the mining conversations of a corpus of which it is known what they mined.

    Labels say so, or else the messages themselves; a conversation of which neither is known is
    left out. No view shows payload.

    Parameters
    ----------
    corpus : any; what is not mining is left out.
    inputs : what is seen of them.
    horizons_s : when they are looked at.
    """
    truth = coin_truth(corpus)
    names = tuple(name for name in FEATURES.feature_names if name not in _NOT_LEARNT)
    columns = [FEATURES.feature_names.index(name) for name in names]
    chosen = _mining_of(corpus, truth)
    values: list[Float32Array] = [np.empty((0, len(names)), np.float32)]
    frames: list[pl.DataFrame] = []
    for kind in inputs:
        for horizon_s in horizons_s:
            seen = view(chosen, kind, horizon_s)
            values.append(FEATURES.transform(seen.conversations).values[:, columns])
            frames.append(
                seen.labelled.select("conversation")
                .join(truth, on="conversation", how="left", maintain_order="left")
                .with_columns(input=pl.lit(kind.value), horizon_s=pl.lit(horizon_s, pl.Int64))
            )
    return CoinExamples(np.concatenate(values), names, pl.concat(frames))


def coin_truth(corpus: Corpus) -> pl.DataFrame:
    """Return what is known of mining conversations.

    Columns: ``conversation``, ``source``, ``pool``, ``fine`` (dialect by its finest name known),
    ``algorithm`` (its family), ``is_family_known`` (whether a label and no mere message told the
    dialect: messages do not tell what kind of pool sent them).

    Parameters
    ----------
    corpus : any.
    """
    read = corpus.decoded.filter(pl.col("horizon_s") == WHOLE).select(
        "conversation", "stratum_dialect", "stratum_algorithm"
    )
    fine = pl.coalesce("dialect", "stratum_dialect")
    implied = fine.replace_strict(dict(ONLY_ALGORITHM), default=None, return_dtype=pl.String)
    return (
        corpus.conversations.filter(pl.col("label") == "mining")
        .join(read, on="conversation", how="left", maintain_order="left")
        .select(
            "conversation",
            "source",
            # Addresses of a recording may be anonymised, or several of one pool: where the label
            # names no pool, all of a source counts as one.
            pool=pl.concat_str("source", pl.lit(" "), pl.col("pool").fill_null("")),
            fine=fine,
            is_family_known=pl.col("dialect").is_not_null(),
            algorithm=pl.coalesce("algorithm", "stratum_algorithm", implied).map_elements(
                algorithm_family, return_dtype=pl.String
            ),
        )
        .drop_nulls()
    )


def _mining_of(corpus: Corpus, truth: pl.DataFrame) -> Corpus:
    wanted = pl.col("conversation").is_in(truth["conversation"].implode())
    return Corpus(
        corpus.conversations.filter(wanted),
        corpus.packets.filter(wanted),
        corpus.decoded.filter(wanted),
    )


def learnable(examples: CoinExamples) -> CoinExamples:
    """Return the rows of classes that are frequent enough, seen at two pools or more.

    Parameters
    ----------
    examples : all rows.
    """
    enough = examples.rows.select(
        (pl.len().over("fine", "algorithm") >= MIN_ROWS)
        & (pl.col("pool").n_unique().over("fine", "algorithm") >= 2)
    ).to_series()
    return examples.take(cast(BoolArray, enough.to_numpy()))


def pool_folds(
    examples: CoinExamples, seed: int, n_folds: int = FOLDS
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Yield (train, test) rows so that no pool is on both sides.

    Parameters
    ----------
    examples : the rows.
    seed : of the grouping.
    n_folds : how many, at most.

    Raises
    ------
    ConfigError : there is but one pool.
    """
    yield from grouped_folds(examples.rows["pool"].to_numpy(), examples, seed, n_folds)


def grouped_folds(
    groups: ObjectArray, examples: CoinExamples, seed: int, n_folds: int = FOLDS
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Yield (train, test) rows so that no group is on both sides; classes spread over the folds.

    Parameters
    ----------
    groups : of each row, shape (n,).
    examples : the rows.
    seed : of the grouping.
    n_folds : how many, at most.

    Raises
    ------
    ConfigError : there is but one group.
    """
    names, first, where = np.unique(groups, return_index=True, return_inverse=True)
    n = min(n_folds, len(names))
    if n < 2:
        raise ConfigError("coins: mining conversations of two pools are needed, at least")
    classes = examples.rows.select(pl.concat_str("fine", "algorithm")).to_series().to_numpy()
    by_class = np.lexsort((np.random.default_rng(seed).random(len(names)), classes[first]))
    fold = np.empty(len(names), np.int64)
    fold[by_class] = np.arange(len(names)) % n
    for number in range(n):
        is_test = fold[where] == number
        yield ~is_test, is_test
