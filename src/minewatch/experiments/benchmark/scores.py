# SPDX-License-Identifier: Apache-2.0
"""What the detectors said of conversations that they were not trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from minewatch.errors import ConfigError
from minewatch.training.corpus.views import InputKind

FORMAT: Final = 1
FUSED: Final = "fused"
"""The column of the detectors' joint verdict."""
BUDGETS: Final = (1, 10, 100)
"""False alarms allowed among ``PER`` normal conversations."""
PER: Final = 100_000

ROW: Final[dict[str, pl.DataType]] = {
    "conversation": pl.UInt32(),
    "label": pl.String(),
    "source": pl.String(),
    "recorder": pl.String(),
    "capture": pl.String(),
    "host": pl.String(),
    "remote": pl.String(),
    "service": pl.String(),
    "dialect": pl.String(),
    "algorithm": pl.String(),
    "transport": pl.String(),
    "evasion": pl.String(),
    "duration_s": pl.Float64(),
    "input": pl.String(),
    "horizon_s": pl.Int64(),
    "fold": pl.String(),
}
"""Columns of ``ScoreTable.rows`` beside the detectors'. ``fold``: what was left out of training."""

THRESHOLD: Final[dict[str, pl.DataType]] = {
    "fold": pl.String(),
    "input": pl.String(),
    "detector": pl.String(),
    "budget": pl.Int64(),
    "threshold": pl.Float64(),
}
POPULATION: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),
    "label": pl.String(),
    "conversations": pl.UInt32(),
    "hours": pl.Float64(),
}
FINER: Final[dict[str, pl.DataType]] = {
    "capture": pl.String(),
    "host": pl.String(),
    "transport": pl.String(),
    "evasion": pl.String(),
    "duration_s": pl.Float64(),
    "is_first_only": pl.Boolean(),
}
"""What the population may tell besides; by it, conversations that were never scored find their
place among hosts, evasions and durations. ``is_first_only``: seen by ``FIRST_30`` alone."""
HOST_DAYS: Final[dict[str, pl.DataType]] = {
    "source": pl.String(),
    "capture": pl.String(),
    "host": pl.String(),
    "days": pl.Float64(),
}
_FILES: Final = ("rows", "thresholds", "population", "host_days")
_CARD: Final = "scores.json"


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores of conversations left out of training, and how many there were in all.

    Parameters
    ----------
    rows : a row for each conversation, input and horizon that a detector was asked about: columns
        of ``ROW``, one of Float64 for each detector, and ``FUSED``; probabilities at the base
        rate, null where the detector was not ready.
    thresholds : columns of ``THRESHOLD``, chosen on training data alone; what lies above one is
        flagged. A detector may have none for an input, but not for some folds only.
    population : all labelled conversations, also those that the gate stopped: columns of
        ``POPULATION``, and any of ``FINER``.
    detectors : names of the detectors' columns, without ``FUSED``.
    host_days : how long each host was watched, columns of ``HOST_DAYS``; empty if not known.

    Raises
    ------
    ConfigError : it is none of this.
    """

    rows: pl.DataFrame
    thresholds: pl.DataFrame
    population: pl.DataFrame
    detectors: tuple[str, ...]
    host_days: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=HOST_DAYS))

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ConfigError(f"not a table of scores: {problem}")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns of scores, the joint verdict first."""
        return (FUSED, *self.detectors)

    def _problems(self) -> Iterator[str]:
        scores = dict.fromkeys(self.names, pl.Float64())
        yield from _columns("rows", self.rows, {**ROW, **scores})
        yield from _columns("thresholds", self.thresholds, THRESHOLD)
        known = {name: FINER[name] for name in FINER if name in self.population.columns}
        yield from _columns("population", self.population, {**POPULATION, **known})
        yield from _columns("host_days", self.host_days, HOST_DAYS)
        for frame in (self.rows, self.population):
            if not frame["label"].is_in(["mining", "normal"]).all():
                yield "labels are mining and normal"
        if not self.rows["input"].is_in([kind.value for kind in InputKind]).all():
            yield f"inputs are {', '.join(InputKind)}"
        if self.rows.select("conversation", "input", "horizon_s").is_duplicated().any():
            yield "a conversation occurs twice at one horizon of an input"
        for name in self.names:
            if not self.rows[name].drop_nulls().is_between(0, 1).all():
                yield f"{name}: probabilities are between 0 and 1, or null"
        yield from self._threshold_problems()

    def _threshold_problems(self) -> Iterator[str]:
        keys = ["fold", "input", "detector", "budget"]
        if self.thresholds.select(keys).is_duplicated().any():
            yield "two thresholds for one fold, input, detector and budget"
        if self.thresholds["threshold"].is_nan().any() or self.thresholds["threshold"].has_nulls():
            yield "a threshold that is not a number"
        for (kind, name, budget), chosen in self.thresholds.group_by("input", "detector", "budget"):
            if name not in self.names or budget not in BUDGETS:
                yield f"a threshold of {name} at {budget}: neither known"
                continue
            asked = self.rows.filter(pl.col("input") == kind, pl.col(str(name)).is_not_null())
            missing = sorted(set(asked["fold"]) - set(chosen["fold"]))
            if missing:
                yield f"no threshold of {name} for {kind} in fold {missing[0]} at {budget}"

    def write(self, folder: Path) -> None:
        """Write the table into a folder.

        Parameters
        ----------
        folder : is made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            frame: pl.DataFrame = getattr(self, name)
            frame.write_parquet(folder / f"{name}.parquet")
        card = {"format": FORMAT, "detectors": list(self.detectors)}
        (folder / _CARD).write_text(json.dumps(card) + "\n", encoding="utf-8")


def read_scores(folder: Path) -> ScoreTable:
    """Return the table in a folder.

    Parameters
    ----------
    folder : of ``ScoreTable.write``.

    Raises
    ------
    ConfigError : it is not there, damaged, or of another format.
    """
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        if card["format"] != FORMAT:
            raise ConfigError(f"{folder}: scores of format {card['format']}; make them again")
        frames = {name: pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in _FILES}
        return ScoreTable(detectors=tuple(card["detectors"]), **frames)
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"{folder}: not a table of scores ({error})") from error


def _columns(name: str, frame: pl.DataFrame, wanted: Mapping[str, pl.DataType]) -> Iterator[str]:
    if set(frame.columns) != set(wanted):
        differing = sorted(set(frame.columns) ^ set(wanted))
        yield f"{name}: missing or unknown: {', '.join(differing)}"
        return
    for column, dtype in wanted.items():
        if frame.schema[column] != dtype:
            yield f"{name}: {column} is {frame.schema[column]}, not {dtype}"
