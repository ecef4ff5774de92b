# SPDX-License-Identifier: Apache-2.0
"""The benchmark: every recorder left out in turn, every detector asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from minewatch.contracts import Detector, FeatureSet
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.learnt import LearntDetector
from minewatch.experiments.benchmark.fold_models import (
    COUNTED,
    KEYS,
    TRAINING_AID,
    Bench,
    FoldModels,
    detectors_of,
    fused,
    make_folds,
)
from minewatch.experiments.benchmark.folds import Fold, folds_of
from minewatch.experiments.benchmark.population import host_days_of, population_of
from minewatch.experiments.benchmark.scores import FUSED, ROW, THRESHOLD, ScoreTable
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import HORIZONS_S, WHOLE
from minewatch.training.corpus.variants import varied
from minewatch.training.corpus.views import InputKind, View, view
from minewatch.training.recipe import Recipe
from minewatch.training.view_table import ViewTable, recorder_of, stacked, view_table
from minewatch.types import Conversations, FloatArray

MadeFold: TypeAlias = tuple[FoldModels, Sequence[Detector]]
"""What was made without some recorders, and the detectors that run it."""


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """What is measured.

    Parameters
    ----------
    recipes : how learnt detectors are made.
    learnt : their classes.
    fixed : detectors that learn nothing.
    fusion : weighs the detectors.
    inputs : kinds of input.
    horizons_s : moments.
    seed : of everything random.
    workers : processes that make the models of folds.
    """

    recipes: Sequence[Recipe]
    learnt: Sequence[type[LearntDetector]]
    fixed: Sequence[Detector]
    fusion: Fusion
    inputs: Sequence[InputKind] = tuple(InputKind)
    horizons_s: Sequence[int] = (*HORIZONS_S, WHOLE)
    seed: int = 0
    workers: int = 1


def training_table(corpus: Corpus, recipes: Sequence[Recipe], seed: int) -> ViewTable:
    """Return all rows that the recipes may learn from, varied copies among them.

    Parameters
    ----------
    corpus : labelled conversations.
    recipes : tell inputs, horizons and how many copies.
    seed : of the variations.
    """
    sets: dict[str, FeatureSet] = {one.feature_set.name: one.feature_set for one in recipes}
    inputs = [kind for kind in InputKind if any(kind in one.inputs for one in recipes)]
    horizons = sorted({h for one in recipes for h in one.horizons_s})
    variants = max(one.variants for one in recipes)
    tables = [view_table(corpus, list(sets.values()), inputs, horizons)]
    for number in range(1, variants + 1):
        copy = varied(corpus, seed + number)
        tables.append(view_table(copy, list(sets.values()), inputs, horizons, number))
    return stacked(tables)


def run_benchmark(
    corpus: Corpus,
    options: BenchmarkOptions,
    on_step: Callable[[str], None] = lambda step: None,
    folds: Sequence[Fold] | None = None,
    on_made: Callable[[Sequence[MadeFold]], None] = lambda made: None,
) -> ScoreTable:
    """Return what every detector said of conversations whose recorder it had not seen.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    options : what is measured.
    on_step : called with what is done next.
    folds : what is left out in turn; None for ``folds_of``.
    on_made : called with the models of each fold and its detectors.

    Raises
    ------
    ModelError : too few recorders to learn from when one is left out.
    """
    on_step("features of training rows")
    table = training_table(corpus, options.recipes, options.seed)
    on_step("views of what is tested")
    seen = list(tested_views(corpus, options))
    fixed = fixed_scores(seen, options.fixed)
    bench = Bench(
        options.recipes,
        fixed,
        options.fusion,
        corpus.conversations.select(COUNTED),
        options.seed,
    )
    chosen = list(folds or folds_of(corpus.conversations))
    on_step(f"models of {len(chosen)} folds")
    made = make_folds(chosen, table, bench, options.workers, on_step)
    on_step("scores")
    ready = [(one, detectors_of(one, options.learnt)) for one in made]
    on_made(ready)
    scored = [part for one in seen for part in _scored(one, fixed, ready, options)]
    rows = pl.concat(scored, how="diagonal")
    names = [*(d.name for d in options.fixed), *(cls.name for cls in options.learnt)]
    thresholds = pl.concat([one.thresholds for one in made])
    asked = rows.unpivot(names, index=["fold", "input"]).drop_nulls("value")
    asked = asked.select("fold", "input", detector="variable").unique()
    every = rows.select("fold", "input", detector=pl.lit(FUSED)).unique()
    labelled = corpus.conversations.filter(~pl.col("source").str.starts_with(TRAINING_AID))
    return ScoreTable(
        rows.select(*ROW, FUSED, *names),
        _complete(thresholds, asked, every).select(list(THRESHOLD)),
        population_of(labelled),
        tuple(names),
        host_days_of(labelled),
    )


def _complete(thresholds: pl.DataFrame, asked: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """The thresholds of what was asked, and no others.

    It is 1 where training had nothing to choose one by: nothing is flagged.
    """
    budgets = thresholds.select("budget").unique()
    wanted = pl.concat([asked, every]).join(budgets, how="cross")
    keys = ["fold", "input", "detector", "budget"]
    return (
        wanted.join(thresholds, on=keys, how="left")
        .with_columns(pl.col("threshold").fill_null(1.0))
        .sort(keys)
    )


def tested_views(
    corpus: Corpus, options: BenchmarkOptions
) -> Iterator[tuple[InputKind, int, View]]:
    """Yield what is seen of the conversations at each moment, training aids left out.

    Parameters
    ----------
    corpus : labelled conversations.
    options : which inputs and moments.
    """
    is_tested = ~pl.col("source").str.starts_with(TRAINING_AID)
    tested = corpus.conversations.filter(is_tested)
    wanted = pl.col("conversation").is_in(tested["conversation"].implode())
    part = Corpus(tested, corpus.packets.filter(wanted), corpus.decoded.filter(wanted))
    for kind in options.inputs:
        for horizon_s in options.horizons_s:
            found = view(part, kind, horizon_s)
            if found.labelled.height:
                yield kind, horizon_s, found


def fixed_scores(
    seen: Sequence[tuple[InputKind, int, View]], detectors: Sequence[Detector]
) -> pl.DataFrame:
    """Return scores of detectors that learn nothing; those that compare, within each source.

    Parameters
    ----------
    seen : of ``tested_views``.
    detectors : which.

    Returns
    -------
    ``fold_models.KEYS`` and a column for each detector, null where it is not ready.
    """
    frames = []
    for kind, horizon_s, found in seen:
        columns = {d.name: _by_source(d, found) for d in detectors}
        frames.append(
            found.labelled.select(
                "conversation",
                input=pl.lit(kind.value),
                horizon_s=pl.lit(horizon_s, pl.Int64),
                **{n: pl.Series(v, dtype=pl.Float64).fill_nan(None) for n, v in columns.items()},
            )
        )
    return pl.concat(frames)


def _by_source(detector: Detector, found: View) -> FloatArray:
    given = found.conversations
    if any(name not in given.frame.columns for name in detector.requires):
        return np.full(len(given), np.nan)
    if not getattr(detector, "is_collective", False):
        return detector.score(given).probability
    scores = np.full(len(given), np.nan)
    sources = found.labelled["source"].to_numpy()
    for source in np.unique(sources):
        rows = sources == source
        scores[rows] = detector.score(given.filter(rows)).probability
    return scores


def _scored(
    seen: tuple[InputKind, int, View],
    fixed: pl.DataFrame,
    made: Sequence[MadeFold],
    options: BenchmarkOptions,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each fold that has any in a view."""
    kind, horizon_s, found = seen
    frame = _rows_of(kind, horizon_s, found)
    for one, detectors in made:
        rows = one.fold.rows(frame)
        if rows.any():
            given = found.conversations.filter(rows)
            chosen = frame.filter(pl.Series(rows))
            yield _of_fold(one, detectors, given, chosen, fixed, options)


def _rows_of(kind: InputKind, horizon_s: int, found: View) -> pl.DataFrame:
    length_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    told: Mapping[str, pl.Expr] = {
        "duration_s": length_ns / 1e9,
        "input": pl.lit(kind.value),
        "horizon_s": pl.lit(horizon_s),
        "recorder": pl.col("source").map_elements(recorder_of, return_dtype=pl.String),
        "fold": pl.lit(""),
    }
    frame = found.labelled.with_columns(**told)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in ROW.items())


def _of_fold(
    made: FoldModels,
    detectors: Sequence[Detector],
    given: Conversations,
    frame: pl.DataFrame,
    fixed: pl.DataFrame,
    options: BenchmarkOptions,
) -> pl.DataFrame:
    scores = {}
    for detector in detectors:
        if any(name not in given.frame.columns for name in detector.requires):
            scores[detector.name] = np.full(len(given), np.nan)
        else:
            scores[detector.name] = detector.score(given).probability
    frame = frame.with_columns(
        pl.lit(made.fold.name).alias("fold"),
        *(pl.Series(n, v, pl.Float64).fill_nan(None) for n, v in scores.items()),
    ).join(fixed, on=list(KEYS), how="left", maintain_order="left")
    names = [*(d.name for d in options.fixed), *scores]
    return frame.with_columns(pl.Series(FUSED, fused(frame, names, options.fusion)))
