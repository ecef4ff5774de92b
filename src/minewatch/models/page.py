# SPDX-License-Identifier: Apache-2.0
"""A model's card as a page for people; docs/models/flowstats.md is written by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from minewatch.models.card import ModelCard
from minewatch.models.model_file import scored_base_rate


def card_page(card: ModelCard) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : of any model file.
    """
    sections = (_head(card), _features(card), _sources(card), _metrics(card.metrics), _make(card))
    return "\n".join(line for section in sections for line in section) + "\n"


def _head(card: ModelCard) -> Iterator[str]:
    scored = scored_base_rate(card.base_rate, card.pass_share)
    metering = ", ".join(f"{name} {value:g}" for name, value in sorted(card.metering.items()))
    yield f"# Model `{card.name}`"
    yield ""
    yield "<!-- Written by minewatch.models.page from the model file; do not edit. -->"
    yield ""
    yield (
        f"A {card.algorithm} over {len(card.features)} features of the set `{card.feature_set}`. "
        "It gives each conversation that passed the gate a probability of mining, from sizes, "
        "rates and ratios alone."
    )
    yield ""
    yield f"- Classifier: `{card.parameters.get('classifier', 'not stated')}`"
    yield f"- Calibration: {card.parameters.get('calibration', 'not stated')}"
    yield f"- Base rate: {card.base_rate:g} of all conversations, so {scored:.3g} of those that"
    yield f"  pass the gate: {card.pass_share:.1%} of the normal ones pass where most do"
    yield f"- Metering: {metering}; schema version {card.schema_version}"
    yield ""


def _features(card: ModelCard) -> Iterator[str]:
    yield "## Features"
    yield ""
    yield "Median and 5th to 95th percentile of normal training conversations."
    yield ""
    yield "| feature | unit | median | from | to |"
    yield "|---|---|---|---|---|"
    for feature in card.features:
        values = " | ".join(f"{v:,.4g}" for v in (feature.median, feature.low, feature.high))
        yield f"| `{feature.name}` | {feature.unit} | {values} |"
    yield ""


def _sources(card: ModelCard) -> Iterator[str]:
    sources: Mapping[str, Any] = card.training.get("sources", {})
    rows = card.training.get("rows", {})
    yield "## Training data"
    yield ""
    yield (
        f"{rows.get('mining', 0)} mining and {rows.get('normal', 0)} normal rows: conversations as "
        "they ended, and long ones also as they stood after "
        f"{card.training.get('horizons', [])} intervals (0: as they ended). Columns count "
        "conversations; the hash is of the sorted list of the captures' hashes. No capture is part "
        "of this project."
    )
    yield ""
    yield "| source | captures | mining | normal | stopped by the gate | licence | SHA-256 |"
    yield "|---|---|---|---|---|---|---|"
    for name, source in sorted(sources.items()):
        stopped = ", ".join(f"{k}: {v}" for k, v in source.get("stopped_by_gate", {}).items())
        cells = (
            name,
            source.get("captures", ""),
            source.get("mining", ""),
            source.get("normal", ""),
            stopped or "none",
            ", ".join(source.get("licences", [])),
            f"`{str(source.get('sha256_of_list', ''))[:16]}`",
        )
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""


def _metrics(metrics: Mapping[str, Any]) -> Iterator[str]:
    yield "## Figures"
    yield ""
    if not metrics:
        yield "Not evaluated."
        yield ""
        return
    yield f"Protocol: {metrics.get('protocol', 'not stated')}."
    yield "The threshold lets through at most"
    yield f"{metrics.get('false_alarms_per_10000_in_training')} normal conversations in 10,000 of"
    yield "its training part; 0.5 is the calibrated probability. In brackets: counts, and 95 %"
    yield "intervals from resampling captures."
    yield ""
    yield "| left out | recall | false alarms per 10,000 | recall at 0.5 | false alarms at 0.5 |"
    yield "|---|---|---|---|---|"
    named = {"all": metrics.get("all", {})}
    named |= {k.replace("_", " "): v for k, v in metrics.items() if k.startswith("after_")}
    for name, figures in (named | dict(metrics.get("by_source", {}))).items():
        keys = ("recall_at_threshold", "false_alarms_per_10000_at_threshold")
        halves = ("recall_at_half", "false_alarms_per_10000_at_half")
        cells = [str(figures.get(key, "")) for key in (*keys, *halves)]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _make(card: ModelCard) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))
    yield "## How it was made"
    yield ""
    date = f"on {card.created} " if card.created else ""
    yield f"`minewatch train LABELS -o FILE` with seed {card.training.get('seed')}, {date}with"
    yield f"{versions}. The same labels, captures and versions give the same file to the octet."
