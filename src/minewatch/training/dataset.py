# SPDX-License-Identifier: Apache-2.0
"""Labelled captures to rows of features, through the same pipeline that scans them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from minewatch.contracts import FeatureSet
from minewatch.conversations import merge_intervals
from minewatch.errors import ConfigError, SourceError
from minewatch.gate import PASSED, gate_reason
from minewatch.pipeline import ConversationChunk, PipelineOptions, conversations
from minewatch.readers.finding import find_inputs
from minewatch.training.examples import HORIZONS, WHOLE, Examples, Stopped
from minewatch.training.labels import LabelledCapture, read_labels
from minewatch.types import Conversations


@dataclass(slots=True)
class SourceSummary:
    """What one source contributed, for the model's card."""

    captures: int = 0
    mining: int = 0
    """Conversations that passed the gate."""
    normal: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    """Labelled conversations that the gate stopped, by ``label reason``."""
    licences: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)
    """Captures that could not be read to their end (link types that are not Internet's)."""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of each capture."""

    def as_mapping(self) -> dict[str, object]:
        """Return the summary as the card holds it; the hashes as the hash of their list."""
        listing = "".join(f"{line}\n" for line in sorted(self.digests))
        return {
            "captures": self.captures,
            "mining": self.mining,
            "normal": self.normal,
            "stopped_by_gate": dict(sorted(self.stopped.items())),
            "unreadable_captures": len(self.unreadable),
            "licences": sorted(self.licences),
            "sha256_of_list": hashlib.sha256(listing.encode()).hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled conversations that passed the gate."""

    frame: pl.DataFrame
    """Columns of ``schema.CONVERSATION``, and ``is_mining``, ``source``, ``capture``,
    ``horizon``."""
    stopped: Mapping[Stopped, int]
    """Labelled conversations that the gate stopped."""
    summaries: Mapping[str, SourceSummary]
    """By source."""
    options: PipelineOptions

    def examples(self, features: FeatureSet, keep: Sequence[str] = ()) -> Examples:
        """Return the features of all rows.

        Parameters
        ----------
        features : computes them.
        keep : names of the features to keep; all if empty.

        Raises
        ------
        ConfigError : a name is unknown.
        """
        unknown = set(keep) - set(features.feature_names)
        if unknown:
            raise ConfigError(
                f"the feature set {features.name} has no {', '.join(sorted(unknown))}"
            )
        columns = [
            index for index, name in enumerate(features.feature_names) if not keep or name in keep
        ]
        frame = self.frame
        return Examples(
            features.transform(Conversations(frame)).values[:, columns],
            tuple(features.feature_names[index] for index in columns),
            tuple(features.feature_units[index] for index in columns),
            frame["is_mining"].to_numpy(),
            frame["source"].to_numpy().astype(object),
            frame["capture"].to_numpy().astype(object),
            frame["horizon"].to_numpy(),
            self.stopped,
        )


def read_dataset(
    labels: str | os.PathLike[str],
    options: PipelineOptions | None = None,
    horizons: Sequence[int] = HORIZONS,
) -> Dataset:
    """Read the captures of a labels file.

    Parameters
    ----------
    labels : the labels file (``training.labels``).
    options : how captures become conversations; None for the defaults.
    horizons : intervals after which long conversations are also taken as they stood then.

    Raises
    ------
    ConfigError : the labels file is wrong, or nothing that it labels passed the gate.
    SourceError : a capture is missing; one that cannot be read is noted in its source.
    """
    options = options or PipelineOptions()
    summaries: dict[str, SourceSummary] = defaultdict(SourceSummary)
    stopped: Counter[Stopped] = Counter()
    frames: list[pl.DataFrame] = []
    for capture in read_labels(labels):
        frames.extend(_read_capture(capture, options, horizons, summaries, stopped))
    if not frames:
        raise ConfigError(f"{labels}: no labelled conversation passed the gate")
    return Dataset(pl.concat(frames), stopped, summaries, options)


def _read_capture(
    capture: LabelledCapture,
    options: PipelineOptions,
    horizons: Sequence[int],
    summaries: dict[str, SourceSummary],
    stopped: Counter[Stopped],
) -> Iterator[pl.DataFrame]:
    inputs, errors = find_inputs([str(capture.path)])
    if errors:
        raise errors[0]
    with capture.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    seen: set[str] = set()
    try:
        _, chunks = conversations(inputs[0], options)
        for chunk in chunks:
            labelled = _label(chunk.everything, capture)
            seen.update(labelled["source"])
            _count(labelled, summaries, stopped)
            yield from _rows(labelled.filter(pl.col("gate_reason") == PASSED), chunk, horizons)
    except SourceError:
        for source in {rule.source for rule in capture.rules}:
            summaries[source].unreadable.append(capture.name)
    for source in seen:
        summaries[source].captures += 1
        summaries[source].digests.append(digest)
        summaries[source].licences.update(filter(None, [capture.licence]))


def _rows(
    wanted: pl.DataFrame, chunk: ConversationChunk, horizons: Sequence[int]
) -> Iterator[pl.DataFrame]:
    """Conversations that ended together, at each horizon."""
    for horizon in (WHOLE, *horizons):
        rows = wanted if horizon == WHOLE else _as_it_stood(wanted, chunk, horizon)
        if rows.height:
            yield rows.with_columns(horizon=pl.lit(horizon, pl.Int64))


def _label(everything: pl.DataFrame, capture: LabelledCapture) -> pl.DataFrame:
    labels, sources = capture.label(everything)
    return everything.with_columns(
        pl.Series("is_mining", labels == 1),
        pl.Series("source", sources, pl.String),
        pl.lit(capture.name).alias("capture"),
    ).filter(pl.Series(labels >= 0))


def _count(
    labelled: pl.DataFrame, summaries: Mapping[str, SourceSummary], stopped: Counter[Stopped]
) -> None:
    counts = labelled.group_by("capture", "source", "is_mining", "gate_reason").len()
    for capture, source, is_mining, reason, count in counts.iter_rows():
        summary, label = summaries[source], "mining" if is_mining else "normal"
        if reason == PASSED:
            setattr(summary, label, getattr(summary, label) + count)
        else:
            summary.stopped[f"{label} {reason}"] += count
            stopped[is_mining, source, capture] += count


def _as_it_stood(wanted: pl.DataFrame, chunk: ConversationChunk, horizon: int) -> pl.DataFrame:
    """The conversations of more intervals than ``horizon``, as they stood after so many."""
    longer = wanted.filter(pl.col("interval_count") > horizon)
    intervals = chunk.passed.intervals
    if longer.is_empty() or intervals is None:
        return wanted.clear()
    first = (
        intervals.filter(pl.col("flow_id").is_in(longer["flow_id"].implode()))
        .with_columns(seen=pl.col("interval_count").cum_sum().over("flow_id"))
        .filter(pl.col("seen") <= horizon)
        .drop("seen")
    )
    known = longer.select("flow_id", "is_source_home", "is_mining", "source", "capture")
    stood = merge_intervals(first).join(known, on="flow_id", maintain_order="left")
    return (
        stood.with_columns(gate_reason())
        .filter(pl.col("gate_reason") == PASSED)
        .select(wanted.columns)
    )
