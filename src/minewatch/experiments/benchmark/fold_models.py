# SPDX-License-Identifier: Apache-2.0
"""The detectors of one fold: every model made again without the recorders that are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import polars as pl

from minewatch.detectors.fusion import Fusion
from minewatch.detectors.learnt import LearntDetector
from minewatch.experiments.benchmark.folds import MADE, Fold
from minewatch.experiments.benchmark.scores import BUDGETS, FUSED, PER, THRESHOLD
from minewatch.experiments.benchmark.units import seen_by
from minewatch.gate import PASSED
from minewatch.models.model_file import load_model
from minewatch.odds import from_log_odds, logit
from minewatch.pipeline import PipelineOptions
from minewatch.training.corpus.views import InputKind
from minewatch.training.metrics import threshold_for
from minewatch.training.recipe import Fitted, Making, Recipe, follow, model_file
from minewatch.training.view_table import ViewTable, recorder_of
from minewatch.types import FloatArray

KEYS: Final = ("conversation", "input", "horizon_s")
TRAINING_AID: Final = "simulator-look-alikes-"
"""Sources that no network is like: learnt from, never counted when a threshold is chosen."""
MAIN: Final = "rhythm"
"""Without its score there is no joint verdict to choose a threshold by."""
COUNTED: Final = ("conversation", "source", "remote", "label", "gate_reason", "is_first_only")
"""What must be known of conversations to count those that a threshold is chosen on."""
LEAST_CONVERSATIONS: Final = 100
"""Fewer normal conversations of a source tell no share."""


@dataclass(frozen=True, slots=True)
class FoldModels:
    """What was made for one fold."""

    fold: Fold
    files: Mapping[str, Mapping[str, bytes]]
    """Octets of the model files, by detector and part: as they would ship."""
    thresholds: pl.DataFrame
    """Columns of ``scores.THRESHOLD``, chosen on training conversations alone."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all folds share.

    Parameters
    ----------
    recipes : of every learnt detector.
    fixed : scores of the detectors that learn nothing: ``KEYS`` and one column each.
    fusion : weighs the detectors.
    labelled : all labelled conversations, columns of ``COUNTED`` at least.
    seed : of everything random.
    """

    recipes: Sequence[Recipe]
    fixed: pl.DataFrame
    fusion: Fusion
    labelled: pl.DataFrame
    seed: int = 0


def make_folds(
    folds: Sequence[Fold],
    table: ViewTable,
    bench: Bench,
    workers: int = 1,
    on_step: Callable[[str], None] = lambda step: None,
) -> list[FoldModels]:
    """Make the models of every fold.

    Parameters
    ----------
    folds : what is left out in turn.
    table : all rows, of all recorders.
    bench : what all folds share.
    workers : processes, each with a copy of the table.
    on_step : called with what was made.

    Raises
    ------
    ModelError : too little is left to learn from, or a file differs from what was fitted.
    """
    if workers <= 1:
        made = []
        for fold in folds:
            on_step(f"models without {fold.name}")
            made.append(make_fold(fold, table, bench))
        return made
    # What a process is sent must be copied, which a read-only view of a dictionary cannot be.
    fusion = replace(bench.fusion, parts=dict(bench.fusion.parts))
    work = partial(make_fold, table=table, bench=replace(bench, fusion=fusion))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        done = []
        for one in pool.map(work, folds):
            on_step(f"made models without {one.fold.name}")
            done.append(one)
    return done


def make_fold(fold: Fold, table: ViewTable, bench: Bench) -> FoldModels:
    """Make every model without a fold's recorders, and choose thresholds.

    Parameters
    ----------
    fold : who is left out.
    table : all rows, of all recorders.
    bench : what all folds share.

    Raises
    ------
    ModelError : too little is left to learn from, or a file differs from what was fitted.
    """
    learnt = table.take(~fold.rows(table.rows))
    share = pass_share(bench.labelled.filter(~pl.Series(fold.rows(bench.labelled))))
    fitted = [follow(recipe, learnt, bench.seed) for recipe in bench.recipes]
    held_out = held_out_scores(learnt, fitted, bench, share)
    files: dict[str, dict[str, bytes]] = {}
    for one in fitted:
        data = model_file(one, learnt, making_of(one.recipe, share))
        files.setdefault(one.recipe.detector, {})[one.recipe.part] = data
    return FoldModels(fold, files, thresholds(fold, held_out, bench))


def detectors_of(
    made: FoldModels, learnt: Sequence[type[LearntDetector]]
) -> tuple[LearntDetector, ...]:
    """Return each learnt detector with a fold's models, read from files as a user's would be.

    Parameters
    ----------
    made : models of a fold.
    learnt : classes of the detectors.
    """
    found = []
    with TemporaryDirectory() as folder:
        for cls in learnt:
            models = []
            for part, data in made.files[cls.name].items():
                path = Path(folder) / f"{part}.onnx"
                path.write_bytes(data)
                models.append(load_model(path))
            found.append(cls(models))
    return tuple(found)


GATE_COUNTED_BY: Final = ("rhythm", "flowstats")
"""Detectors that count having passed the gate as evidence; once is enough for those fused."""


def making_of(recipe: Recipe, pass_share: float) -> Making:
    """Return what a recipe's card says of the gate and of the metering.

    Parameters
    ----------
    recipe : of the model.
    pass_share : share of normal conversations that the gate lets through, at most.
    """
    settings = PipelineOptions().settings()
    if any(kind.is_flow_log for kind in recipe.inputs):
        settings.pop("interval_s")  # flow logs come in intervals of their own
    counted = recipe.detector in GATE_COUNTED_BY
    return Making(metering=settings, pass_share=pass_share if counted else 1.0)


def held_out_scores(
    table: ViewTable, fitted: Sequence[Fitted], bench: Bench, share: float
) -> pl.DataFrame:
    """Return what models that had not seen a recorder said of its conversations.

    Parameters
    ----------
    table : the training rows.
    fitted : recipes that were followed on it.
    bench : what all folds share.
    share : of normal conversations, what the gate lets through: ``pass_share``.

    Returns
    -------
    ``KEYS``, label, source, and a probability at the base rate for each detector, null where it is
    not ready or where no other recorder could be learnt from; rows as they were recorded alone.
    What learnt detectors see of packets is the same with payload and without, and counts for both.
    """
    prior = logit(bench.fusion.prior)
    rows = table.rows.select(*KEYS, "label", "source", "variant")
    columns: dict[str, FloatArray] = {}
    for one in fitted:
        gate = making_of(one.recipe, share).pass_share
        probability = from_log_odds(one.held_out + prior - np.log(gate))
        before = columns.get(one.recipe.detector)
        known = probability if before is None else np.where(np.isnan(before), probability, before)
        columns[one.recipe.detector] = known
    rows = rows.with_columns(
        pl.Series(name, values).fill_nan(None) for name, values in columns.items()
    ).filter(pl.col("variant") == 0)
    with_payload = rows.filter(pl.col("input") == InputKind.NO_PAYLOAD.value).with_columns(
        input=pl.lit(InputKind.PACKETS.value)
    )
    return (
        pl.concat([rows, with_payload])
        .drop("variant")
        .join(bench.fixed, on=list(KEYS), how="left", maintain_order="left")
    )


def scored_names(frame: pl.DataFrame) -> list[str]:
    """Return the columns of probabilities.

    Parameters
    ----------
    frame : of ``held_out_scores``.
    """
    return [name for name in frame.columns if name not in (*KEYS, "label", "source")]


def fused(frame: pl.DataFrame, names: Sequence[str], fusion: Fusion) -> FloatArray:
    """Return the fused probability of each row, shape (n,).

    Parameters
    ----------
    frame : a column of probabilities for each name, null where not ready.
    names : of the detectors.
    fusion : weighs them.
    """
    scores = {name: frame[name].fill_null(np.nan).to_numpy() for name in names}
    return fusion.probability(scores, frame.height)


def thresholds(fold: Fold, held_out: pl.DataFrame, bench: Bench) -> pl.DataFrame:
    """Return the threshold of each detector, input and budget: what training may flag.

    A normal conversation counts with the highest score of all moments, as an alert would. The
    budget is a share of the normal conversations that were not left out and that the input sees,
    of sources that were scored; those that the gate stopped are among them. A detector that had
    nothing to choose by has no threshold.

    Parameters
    ----------
    fold : who is left out.
    held_out : of ``held_out_scores``.
    bench : what all folds share.
    """
    names = scored_names(held_out)
    scored = held_out.with_columns(pl.Series(FUSED, fused(held_out, names, bench.fusion)))
    is_counted = ~pl.col("source").str.starts_with(TRAINING_AID)
    normal = scored.filter((pl.col("label") == "normal") & is_counted)
    learnt_from = bench.labelled.filter(
        (pl.col("label") == "normal") & ~pl.Series(fold.rows(bench.labelled))
    )
    is_main = pl.col(MAIN).is_not_null() if MAIN in names else pl.lit(value=True)
    rows = []
    for (kind,), part in normal.group_by("input", maintain_order=True):
        seen = seen_by(learnt_from, InputKind(kind))
        for name in (FUSED, *names):
            # A joint verdict without its main part is not the one that is given to others.
            asked = part.filter(is_main if name == FUSED else pl.col(name).is_not_null())
            if asked.is_empty():
                continue
            ordered = asked.group_by("conversation").agg(pl.col(name).max())[name].to_numpy()
            counted = pl.col("source").is_in(asked["source"].unique().to_list())
            everyone = seen.filter(counted).height
            for budget in BUDGETS:
                allowed = int(budget * everyone / PER)
                least = threshold_for(ordered, allowed) if len(ordered) > allowed else 0.0
                # Nothing that looks less like mining than a conversation at random is flagged.
                rows.append((fold.name, kind, name, budget, max(least, bench.fusion.prior)))
    return pl.DataFrame(rows, schema=THRESHOLD, orient="row")


def pass_share(labelled: pl.DataFrame) -> float:
    """Return the largest share of normal conversations that the gate lets through at a source.

    Of sources of real networks with ``LEAST_CONVERSATIONS`` or more: the most careful estimate of
    how much having passed says by itself.

    Parameters
    ----------
    labelled : all labelled conversations, columns of ``COUNTED`` at least.
    """
    first_only = pl.col("is_first_only").fill_null(value=False)
    normal = labelled.filter((pl.col("label") == "normal") & ~made_by_us() & ~first_only)
    shares = (
        normal.group_by("source")
        .agg(n=pl.len(), share=(pl.col("gate_reason") == PASSED).mean())
        .filter(pl.col("n") >= LEAST_CONVERSATIONS)["share"]
    )
    most = shares.max()
    return float(most) if isinstance(most, float) and most > 0 else 1.0


def made_by_us() -> pl.Expr:
    """Return whether a ``source`` is a simulation or a run of our lab."""
    recorder = pl.col("source").map_elements(recorder_of, return_dtype=pl.String)
    return recorder.is_in(list(MADE))
