# SPDX-License-Identifier: Apache-2.0
"""What detectors say of conversations as each kind of flow log tells of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import polars as pl

from minewatch.contracts import Detector
from minewatch.detectors.fusion import Fusion
from minewatch.detectors.sampled import with_sampling
from minewatch.experiments.benchmark.fold_models import (
    COUNTED,
    KEYS,
    TRAINING_AID,
    Bench,
    detectors_of,
    make_folds,
)
from minewatch.experiments.benchmark.folds import Fold, folds_of
from minewatch.experiments.benchmark.population import host_days_of, population_of
from minewatch.experiments.benchmark.run import BenchmarkOptions, MadeFold, training_table
from minewatch.experiments.benchmark.scores import FUSED, ROW, THRESHOLD, ScoreTable
from minewatch.training.corpus.log_views import LogSetting, log_view
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import View
from minewatch.training.view_table import recorder_of
from minewatch.types import Conversations, FloatArray

HORIZONS_S: Final = (600, 1800, 3600, WHOLE)


def format_scores(
    corpus: Corpus,
    made: Sequence[MadeFold],
    fusion: Fusion,
    settings: Sequence[LogSetting],
    on_step: Callable[[str], None] = lambda step: None,
    horizons_s: Sequence[int] = HORIZONS_S,
) -> dict[str, ScoreTable]:
    """Return a table of scores for each kind of log, by its name; ``input`` is the kind it is like.

    Training aids are not tested, and nothing has a threshold of training. Of a conversation that a
    log breaks into several the highest score counts, as an alert would.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    made : models of each fold, and its detectors; those that learn nothing have no say here.
    fusion : weighs the detectors.
    settings : kinds of log.
    on_step : called with what is done next.
    horizons_s : moments.
    """
    tested = without_aids(corpus)
    population, days = population_of(tested.conversations), host_days_of(tested.conversations)
    names = tuple(dict.fromkeys(one.name for _, detectors in made for one in detectors))
    found = {}
    for setting in settings:
        on_step(f"scores of {setting.title}")
        parts = [_empty(names)]
        for horizon_s in horizons_s:
            seen = log_view(tested, setting, horizon_s)
            parts += [_of_fold(seen, one, fusion, setting, horizon_s) for one in made]
        rows = pl.concat(parts, how="diagonal").select(_empty(names).columns)
        found[setting.name] = ScoreTable(
            rows, pl.DataFrame(schema=THRESHOLD), population, names, days
        )
    return found


def run_formats(
    corpus: Corpus,
    options: BenchmarkOptions,
    settings: Sequence[LogSetting],
    on_step: Callable[[str], None] = lambda step: None,
    folds: Sequence[Fold] | None = None,
) -> dict[str, ScoreTable]:
    """Return the same of models that are made for it: of flow logs alone, in a few minutes.

    Parameters
    ----------
    corpus : labelled conversations of all sources.
    options : recipes, detectors, seed and processes; inputs and moments are not looked at.
    settings : kinds of log.
    on_step : called with what is done next.
    folds : what is left out in turn; None for ``folds_of``.

    Raises
    ------
    ModelError : too few recorders to learn from when one is left out.
    """
    recipes = [one for one in options.recipes if all(kind.is_flow_log for kind in one.inputs)]
    classes = [cls for cls in options.learnt if any(one.detector == cls.name for one in recipes)]
    on_step("features of training rows")
    table = training_table(corpus, recipes, options.seed)
    nothing = pl.DataFrame(schema={name: ROW[name] for name in KEYS})
    counted = corpus.conversations.select(COUNTED)
    bench = Bench(recipes, nothing, options.fusion, counted, options.seed)
    chosen = list(folds or folds_of(corpus.conversations))
    on_step(f"models of {len(chosen)} folds")
    made = make_folds(chosen, table, bench, options.workers, on_step)
    ready = [(one, detectors_of(one, classes)) for one in made]
    return format_scores(corpus, ready, options.fusion, settings, on_step)


def without_aids(corpus: Corpus) -> Corpus:
    """Return the conversations of a corpus that are tested.

    Parameters
    ----------
    corpus : of all sources.
    """
    tested = corpus.conversations.filter(~pl.col("source").str.starts_with(TRAINING_AID))
    wanted = pl.col("conversation").is_in(tested["conversation"].implode())
    return Corpus(tested, corpus.packets.filter(wanted), corpus.decoded.filter(wanted))


def _empty(names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(schema={**ROW, FUSED: pl.Float64(), **dict.fromkeys(names, pl.Float64())})


def _of_fold(
    seen: View,
    made: MadeFold,
    fusion: Fusion,
    setting: LogSetting,
    horizon_s: int,
) -> pl.DataFrame:
    models, detectors = made
    left_out = models.fold.rows(seen.labelled)
    if not left_out.any():
        return _empty(())
    given = seen.conversations.filter(left_out)
    length_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
    told = {
        "duration_s": length_ns / 1e9,
        "input": pl.lit(setting.kind.value),
        "horizon_s": pl.lit(horizon_s),
        "recorder": pl.col("source").map_elements(recorder_of, return_dtype=pl.String),
        "fold": pl.lit(models.fold.name),
    }
    rows = seen.labelled.filter(pl.Series(left_out)).with_columns(**told)
    scores = {one.name: _asked(one, given) for one in detectors}
    fused = fusion.probability(scores, len(given))
    rows = rows.select(pl.col(name).cast(dtype) for name, dtype in ROW.items()).with_columns(
        pl.Series(FUSED, with_sampling(fused, given.frame, fusion.prior)),
        *(pl.Series(name, values, pl.Float64).fill_nan(None) for name, values in scores.items()),
    )
    return rows.group_by(list(ROW), maintain_order=True).agg(pl.all().max())


def _asked(detector: Detector, given: Conversations) -> FloatArray:
    if any(name not in given.frame.columns for name in detector.requires):
        return np.full(len(given), np.nan)
    return detector.score(given).probability
