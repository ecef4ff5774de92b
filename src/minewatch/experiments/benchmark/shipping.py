# SPDX-License-Identifier: Apache-2.0
"""The model files that ship, made of every recorder, and the operating points beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from minewatch.experiments.benchmark.fold_models import (
    Bench,
    made_by_us,
    making_of,
    pass_share,
)
from minewatch.experiments.benchmark.folds import BY_REMOTE, MADE
from minewatch.experiments.benchmark.scores import FUSED, ScoreTable
from minewatch.experiments.operating_points import NormalScores, operating_points
from minewatch.models.operating_points import FILE
from minewatch.training.recipe import Making, follow, model_file
from minewatch.training.view_table import ViewTable

PER_HOST_DAY: Final = 843.4
PER_HOST_DAY_SOURCE: Final = "84,344 conversations of ten servers in a day (Kwedza and Chindipha)"


def ship_models(
    table: ViewTable,
    bench: Bench,
    folder: Path,
    on_step: Callable[[str], None] = lambda step: None,
) -> None:
    """Write a model file for each recipe, of all rows.

    Parameters
    ----------
    table : all rows.
    bench : recipes, and what all models share.
    folder : gets ``<part>.onnx``.
    on_step : called with what is made next.

    Raises
    ------
    ModelError : a file differs from what was fitted.
    """
    share = pass_share(bench.labelled)
    for recipe in bench.recipes:
        on_step(f"model {recipe.part}")
        one = follow(recipe, table, bench.seed)
        plain = making_of(recipe, share)
        making = Making(
            plain.metering,
            plain.pass_share,
            parameters={"classifier": _described(one.estimator)},
            training=training_of(table.take(recipe.rows(table)), bench.seed),
        )
        (folder / f"{recipe.part}.onnx").write_bytes(model_file(one, table, making))


def _described(estimator: Any) -> str:
    return " ".join(repr(estimator).split())[:500]


def training_of(table: ViewTable, seed: int) -> dict[str, Any]:
    """Return what a card says of the rows that a model learnt from.

    Parameters
    ----------
    table : the rows.
    seed : of everything random.
    """
    original = table.rows.filter(pl.col("variant") == 0)
    counts = (
        original.unique(["source", "conversation"])
        .group_by("source", "label")
        .len()
        .sort("source", "label")
    )
    sources: dict[str, dict[str, int]] = {}
    for source, label, n in counts.iter_rows():
        sources.setdefault(source, {})[label] = n
    mining = int(table.is_mining.sum())
    return {
        "seed": seed,
        "rows": {"mining": mining, "normal": len(table) - mining},
        "horizons": sorted(table.rows["horizon_s"].unique().to_list()),
        "inputs": sorted(table.rows["input"].unique().to_list()),
        "varied_copies": int(table.rows["variant"].n_unique()) - 1,
        "sources": sources,
    }


def ship_points(scores: ScoreTable, detectors: Sequence[str], folder: Path, made_by: str) -> None:
    """Write the operating points of real recorders left out.

    A conversation counts with its highest score of all moments, as for someone who watches.

    Parameters
    ----------
    scores : of the benchmark.
    detectors : names of those that are fused when a user scans.
    folder : holds the model files, and gets ``operating_points.json``.
    made_by : the command.
    """
    is_real = ~pl.col("recorder").is_in(MADE)
    rows = (
        scores.rows.filter(is_real & (pl.col("label") == "normal"))
        .group_by("input", "recorder", "conversation", maintain_order=True)
        .agg(pl.col(FUSED).max())
    )
    everyone = scores.population.filter((pl.col("label") == "normal") & ~made_by_us())
    if "is_first_only" in everyone.columns:
        everyone = everyone.filter(~pl.col("is_first_only").fill_null(value=False))
        rows = rows.filter(pl.col("recorder") != BY_REMOTE)
    n = int(everyone["conversations"].sum())
    inputs = {}
    for (kind,), part in rows.group_by("input", maintain_order=True):
        _, group = np.unique(part["recorder"].to_numpy(), return_inverse=True)
        inputs[str(kind)] = NormalScores(part[FUSED].to_numpy(), n, group.astype(np.int64))
    content = operating_points(
        inputs,
        made_by=made_by,
        sources={
            str(source): int(total)
            for source, total in everyone.group_by("source")
            .agg(pl.col("conversations").sum())
            .sort("source")
            .iter_rows()
        },
        per_host_day=(PER_HOST_DAY, PER_HOST_DAY_SOURCE),
        detectors=detectors,
        models={
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.glob("*.onnx"))
        },
    )
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
