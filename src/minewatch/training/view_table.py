# SPDX-License-Identifier: Apache-2.0
"""Features of many conversations, as they stood at several moments of several inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import polars as pl

from minewatch.contracts import FeatureSet
from minewatch.detectors.learnt import features_of
from minewatch.training.algorithms import ObjectArray
from minewatch.training.corpus.stored import Corpus
from minewatch.training.corpus.views import InputKind, view
from minewatch.types import BoolArray, Float32Array, FloatArray

ROW: Final = (
    *("conversation", "label", "source", "capture", "host", "remote", "service"),
    *("dialect", "algorithm", "transport", "evasion"),
)
"""What is kept of ``corpus.tables.LABELLED``; beside it ``duration_s``, ``input``, ``horizon_s``
and ``variant``."""


@dataclass(frozen=True, slots=True)
class ViewTable:
    """Rows of features: a conversation occurs once for each input and horizon that it has."""

    values: Mapping[str, Float32Array]
    """By name of the feature set, each of shape (n, n_features)."""
    rows: pl.DataFrame
    """Where each row comes from: columns of ``ROW`` and those beside it, shape (n, ...)."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows.height

    @property
    def is_mining(self) -> BoolArray:
        """Return the label of each row, shape (n,)."""
        return cast(BoolArray, (self.rows["label"] == "mining").to_numpy())

    @property
    def recorders(self) -> ObjectArray:
        """Return who recorded each row, shape (n,)."""
        return np.array([recorder_of(source) for source in self.rows["source"]], object)

    def take(self, rows: BoolArray) -> ViewTable:
        """Return some of the rows.

        Parameters
        ----------
        rows : shape (n,).
        """
        kept = {name: values[rows] for name, values in self.values.items()}
        return ViewTable(kept, self.rows.filter(pl.Series(rows)))


def recorder_of(source: str) -> str:
    """Return who recorded a source: what is left out as one.

    Parameters
    ----------
    source : as labels call it.

    Examples
    --------
    >>> recorder_of("cj-sniffer-monero"), recorder_of("simulator-wild-101"), recorder_of("lab-7")
    ('cj-sniffer', 'simulator', 'lab')
    >>> recorder_of("lab-xmrig")
    'lab-xmrig'
    """
    for family in ("cj-sniffer", "simulator"):
        if source.startswith(f"{family}-"):
            return family
    # Our lab names its runs by their seeds.
    return "lab" if source.startswith("lab-") and source[4:].isdigit() else source


def view_table(
    corpus: Corpus,
    feature_sets: Sequence[FeatureSet],
    inputs: Iterable[InputKind],
    horizons_s: Iterable[int],
    variant: int = 0,
) -> ViewTable:
    """Return the features of every view of a corpus.

    Parameters
    ----------
    corpus : labelled conversations.
    feature_sets : what to compute.
    inputs : what is seen of the conversations.
    horizons_s : when, ``corpus.tables.WHOLE`` for as it ended.
    variant : number of the corpus's variation; 0 if it is as it was recorded.
    """
    horizons = tuple(horizons_s)
    rows: list[pl.DataFrame] = []
    values: dict[str, list[Float32Array]] = {features.name: [] for features in feature_sets}
    for kind in inputs:
        for horizon_s in horizons:
            seen = view(corpus, kind, horizon_s)
            length_ns = pl.col("flow_end_nanoseconds") - pl.col("flow_start_nanoseconds")
            rows.append(
                seen.labelled.select(
                    *ROW,
                    duration_s=length_ns / 1e9,
                    input=pl.lit(kind.value),
                    horizon_s=pl.lit(horizon_s, pl.Int64),
                    variant=pl.lit(variant, pl.Int64),
                )
            )
            for features in feature_sets:
                values[features.name].append(features_of(seen.conversations, features))
    return ViewTable(
        {name: np.concatenate(parts) for name, parts in values.items()}, pl.concat(rows)
    )


def stacked(tables: Sequence[ViewTable]) -> ViewTable:
    """Return several tables as one; their conversations' numbers are as they were.

    Parameters
    ----------
    tables : of the same feature sets, at least one.
    """
    names = tables[0].values
    return ViewTable(
        {name: np.concatenate([table.values[name] for table in tables]) for name in names},
        pl.concat([table.rows for table in tables]),
    )


def balanced_weights(table: ViewTable) -> FloatArray:
    """Return the weight of each row: both labels the same, kinds by the root of their size.

    A kind is what one source has of one dialect or service, or, where neither is known, of one
    capture. One with a hundred times the conversations weighs ten times as much; a conversation
    that is there in many views weighs as much as one that is there in few. The mean weight is 1.

    Parameters
    ----------
    table : n rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"label": ["mining", "normal", "normal"], "source": ["a", "b", "b"],
    ...     "capture": "c", "dialect": None, "service": "http", "conversation": [1, 2, 3],
    ...     "variant": 0}, strict=False)
    >>> balanced_weights(ViewTable({}, rows))
    array([1.5 , 0.75, 0.75])
    """
    kind = ["label", "source", "kind"]
    counted = table.rows.with_columns(
        kind=pl.coalesce("dialect", "service", "capture").cast(pl.String)
    ).select(
        "label",
        views=pl.len().over("label", "source", "conversation", "variant"),
        size=pl.struct("conversation", "variant").n_unique().over(kind),
    )
    weight = counted.select(w=1.0 / (pl.col("views") * pl.col("size").sqrt()), label="label")
    shares = weight.select(pl.col("w") / pl.col("w").sum().over("label")).to_series().to_numpy()
    found: FloatArray = shares * len(table) / max(table.rows["label"].n_unique(), 1)
    return found
