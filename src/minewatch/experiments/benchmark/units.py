# SPDX-License-Identifier: Apache-2.0
"""The conversations of some sources, as the measures take them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from minewatch.errors import ConfigError
from minewatch.experiments.benchmark.scores import BUDGETS, ROW, ScoreTable
from minewatch.training.corpus.tables import WHOLE
from minewatch.training.corpus.views import InputKind
from minewatch.training.view_table import recorder_of
from minewatch.types import BoolArray, FloatArray

IntArray: TypeAlias = npt.NDArray[np.intp]
REAL: Final = "real"
LAB: Final = "lab"
SIMULATOR: Final = "simulator"
SCOPES: Final = (REAL, LAB, SIMULATOR)
_OWN_LAB: Final = re.compile(r"lab(-\d+)?")
_KEPT: Final = (
    *("label", "source", "recorder", "capture", "host", "remote", "transport", "evasion"),
    "duration_s",
)


@dataclass(frozen=True, slots=True)
class Units:
    """Conversations of one kind of input, and those that nobody scored."""

    frame: pl.DataFrame
    """``label``, ``source``, ``recorder``, ``capture``, ``host``, ``remote``, ``transport``,
    ``evasion`` and ``duration_s`` of each, shape (n, 9)."""
    is_mining: BoolArray
    """Label of each, shape (n,)."""
    far: IntArray
    """Far end of each, as a number, shape (n,)."""
    weight: FloatArray
    """1 for a conversation that was scored; for a row of others, how many they are. Shape (n,)."""
    horizons_s: tuple[int, ...]
    """Rising; ``WHOLE`` is the last."""
    scores: Mapping[str, FloatArray]
    """By detector, shape (n, n_horizons); NaN where it was not ready or not asked."""
    thresholds: Mapping[tuple[str, int], FloatArray]
    """By detector and budget, shape (n,); NaN where there is none."""
    cluster: IntArray
    """Host of each, or capture where the host is not known, from 0, shape (n,)."""
    cluster_recorder: IntArray
    """Recorder of each cluster, from 0, shape (n_clusters,)."""
    cluster_days: FloatArray
    """How long each cluster was watched [days]; NaN if not known, shape (n_clusters,)."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.frame.height

    def of_scope(self, scope: str) -> Units:
        """Return the conversations that recorders of a scope recorded.

        Parameters
        ----------
        scope : one of ``SCOPES``.
        """
        names = self.frame["recorder"].unique().to_list()
        wanted = [name for name in names if scope_of(name) == scope]
        return self.take(self.frame["recorder"].is_in(wanted).to_numpy())

    def whole(self, detector: str) -> FloatArray:
        """Return the scores of conversations as they ended, shape (n,).

        Parameters
        ----------
        detector : name of the scores.
        """
        return self.scores[detector][:, -1]

    def per_cluster(self, values: FloatArray) -> FloatArray:
        """Return sums over the rows of each cluster, shape (n_clusters,).

        Parameters
        ----------
        values : of each row, shape (n,).
        """
        found: FloatArray = np.bincount(
            self.cluster, values.astype(np.float64), len(self.cluster_recorder)
        ).astype(np.float64)
        return found

    def take(self, rows: BoolArray) -> Units:
        """Return some of the rows, with the clusters that they are of.

        Parameters
        ----------
        rows : shape (n,).
        """
        kept, cluster = np.unique(self.cluster[rows], return_inverse=True)
        _, recorder = np.unique(self.cluster_recorder[kept], return_inverse=True)
        return replace(
            self,
            frame=self.frame.filter(rows),
            is_mining=self.is_mining[rows],
            far=self.far[rows],
            weight=self.weight[rows],
            scores={name: values[rows] for name, values in self.scores.items()},
            thresholds={key: values[rows] for key, values in self.thresholds.items()},
            cluster=cluster,
            cluster_recorder=recorder,
            cluster_days=self.cluster_days[kept],
        )


def scope_of(recorder: str) -> str:
    """Return which of ``SCOPES`` a recorder belongs to.

    Parameters
    ----------
    recorder : who recorded a source.

    Examples
    --------
    >>> scope_of("simulator"), scope_of("lab-41"), scope_of("lab-xmrig")
    ('simulator', 'lab', 'real')
    """
    if recorder == SIMULATOR:
        return SIMULATOR
    return LAB if _OWN_LAB.fullmatch(recorder) else REAL


def recorders(table: ScoreTable) -> dict[str, str]:
    """Return the recorder of each source.

    Parameters
    ----------
    table : its rows tell; a source without any is named by ``recorder_of``.
    """
    told = dict(table.rows.select("source", "recorder").unique().iter_rows())
    sources = sorted({*told, *table.population["source"]})
    return {source: told.get(source) or recorder_of(source) for source in sources}


def units_of(table: ScoreTable, kind: InputKind) -> Units:
    """Return the conversations that an input of a kind would have seen.

    Parameters
    ----------
    table : scores and population.
    kind : of input.

    Raises
    ------
    ConfigError : more conversations were scored than there are.
    """
    rows = table.rows.filter(pl.col("input") == kind.value)
    scored = rows.unique("conversation", keep="first", maintain_order=True).sort("conversation")
    frame = pl.concat(
        [
            scored.select(*_KEPT, weight=pl.lit(1.0), fold="fold"),
            _unscored(table, kind, scored),
        ],
        how="diagonal",
    ).with_columns(
        recorder=pl.col("source").replace_strict(recorders(table), return_dtype=pl.String)
    )
    cluster, cluster_recorder, days = _clusters(frame, table.host_days)
    horizons = (*sorted(set(rows["horizon_s"]) - {WHOLE}), WHOLE)
    i, j = _places(scored, rows, horizons)
    scores = {}
    for name in table.names:
        values = np.full((len(frame), len(horizons)), np.nan)
        values[i, j] = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        scores[name] = values
    return Units(
        frame.select(_KEPT),
        (frame["label"] == "mining").to_numpy(),
        frame["remote"].fill_null("").rank("dense").to_numpy().astype(np.intp),
        frame["weight"].to_numpy(),
        horizons,
        scores,
        _thresholds(table, kind, frame["fold"]),
        cluster,
        cluster_recorder,
        days,
    )


def _places(
    scored: pl.DataFrame, rows: pl.DataFrame, horizons: tuple[int, ...]
) -> tuple[IntArray, IntArray]:
    order = scored["conversation"].to_numpy()
    i = np.searchsorted(order, rows["conversation"].to_numpy())
    column = {horizon_s: number for number, horizon_s in enumerate(horizons)}
    j = np.array([column[horizon_s] for horizon_s in rows["horizon_s"].to_list()], np.intp)
    return i, j


def _unscored(table: ScoreTable, kind: InputKind, scored: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each group of conversations that this input sees and nobody scored."""
    there = seen_by(table.population, kind).drop("is_first_only", strict=False)
    keys = [name for name in there.columns if name not in {"conversations", "hours"}]
    # Durations come from one subtraction each, here and there; rounded, they group exactly.
    rounded = [pl.col("duration_s").round(3)] if "duration_s" in keys else []
    counted = (
        there.with_columns(rounded)
        .group_by(keys, maintain_order=True)
        .agg(pl.col("conversations").cast(pl.Int64).sum())
    )
    asked = scored.with_columns(rounded).group_by(keys).agg(asked=pl.len().cast(pl.Int64))
    left = counted.join(asked, on=keys, how="full", coalesce=True, nulls_equal=True)
    left = left.with_columns(
        rest=pl.col("conversations").fill_null(0) - pl.col("asked").fill_null(0)
    ).sort(keys)
    if (left["rest"] < 0).any():
        where = left.filter(pl.col("rest") < 0).row(0, named=True)
        told = ", ".join(f"{name} {where[name]}" for name in keys)
        raise ConfigError(f"not a table of scores: more scored than the population has: {told}")
    rest = left.filter(pl.col("rest") > 0)
    return rest.select(
        *(pl.col(n) if n in keys else pl.lit(None, ROW[n]).alias(n) for n in _KEPT),
        weight=pl.col("rest").cast(pl.Float64),
    )


def seen_by(population: pl.DataFrame, kind: InputKind) -> pl.DataFrame:
    """Return the part of a population that an input of a kind sees.

    Parameters
    ----------
    population : of a table of scores.
    kind : of input.
    """
    if kind is InputKind.FIRST_30 or "is_first_only" not in population.columns:
        return population
    return population.filter(~pl.col("is_first_only").fill_null(value=False))


def _clusters(
    frame: pl.DataFrame, host_days: pl.DataFrame
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return cluster of each row, recorder of each cluster, and how long it was watched."""
    end = pl.coalesce("host", "capture", pl.lit(""))
    days = host_days.group_by("source", end=end).agg(pl.col("days").sum())
    known = frame.select("source", "recorder", end=end)
    clusters = known.unique().sort("source", "end").with_row_index("cluster")
    number = known.join(clusters, on=["source", "end"], how="left", maintain_order="left")
    recorder = clusters["recorder"].rank("dense").cast(pl.Int64).to_numpy() - 1
    watched = clusters.join(days, on=["source", "end"], how="left", maintain_order="left")["days"]
    return (
        number["cluster"].to_numpy().astype(np.intp),
        recorder.astype(np.intp),
        watched.fill_null(float("nan")).to_numpy(),
    )


def _thresholds(
    table: ScoreTable, kind: InputKind, fold: pl.Series
) -> dict[tuple[str, int], FloatArray]:
    chosen = table.thresholds.filter(pl.col("input") == kind.value)
    by_fold: dict[tuple[str, int], dict[str, float]] = {}
    for name, budget, of, value in chosen.select(
        "detector", "budget", "fold", "threshold"
    ).iter_rows():
        by_fold.setdefault((name, budget), {})[of] = value
    names, place = np.unique(fold.fill_null("").to_numpy(), return_inverse=True)
    found = {}
    for name in table.names:
        for budget in BUDGETS:
            own = by_fold.get((name, budget), {})
            values = np.array([own.get(of, float("nan")) for of in names.tolist()], np.float64)
            found[name, budget] = values[place]
    return found
