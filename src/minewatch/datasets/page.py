# SPDX-License-Identifier: Apache-2.0
"""A dataset's card as a page for people: its ``README.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from minewatch.datasets.agreement import OUTCOMES
from minewatch.datasets.card import DataCard
from minewatch.datasets.tables import (
    CONVERSATIONS,
    PACKET_COLUMNS,
    PACKETS,
    conversation_columns,
)

MAX_SHOWN: Final = 40


def dataset_page(card: DataCard) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    card : of a dataset; the page does not tell of its own file.
    """
    sections = (
        _head(card),
        _composition(card),
        _limits(card),
        _origin(card),
        _columns(card),
    )
    return "\n".join(line for section in sections for line in section) + "\n"


def _head(card: DataCard) -> Iterator[str]:
    counts = card.composition.get("label", {})
    total, mining = sum(counts.values()), counts.get("mining", 0)
    yield f"# Dataset {_cell(card.name)}"
    yield ""
    yield f"{total:,} network conversations, {mining:,} of them mining, labelled by construction."
    yield ""
    if card.split:
        told = ", ".join(f"{_cell(key)} {_cell(value)}" for key, value in card.split.items())
        yield f"- Part of another dataset: {told}"
    yield f"- Licence: {', '.join(map(_cell, card.licences))}"
    if card.created:
        yield f"- Made on {_cell(card.created)}"
    addresses = "as captured" if card.has_addresses else "taken out; hosts and remotes are numbers"
    yield f"- Addresses: {addresses}"
    yield ""
    yield f"Intended use: {_cell(card.intended_use)}"
    yield ""


def _composition(card: DataCard) -> Iterator[str]:
    yield "## Composition"
    yield ""
    yield "Conversations by label, source and inspection; those that mine by dialect, transport,"
    yield "evasion, coin and algorithm; normal ones by service."
    for name, counts in card.composition.items():
        yield ""
        yield from _counted(name, counts)
    yield ""


def _counted(name: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f"| {_cell(name)} | number |"
    yield "|---|---:|"
    shown = list(counts.items())[:MAX_SHOWN]
    for value, count in shown:
        yield f"| {_cell(value)} | {count:,} |"
    if len(counts) > MAX_SHOWN:
        rest = list(counts.values())[MAX_SHOWN:]
        yield f"| and {len(rest):,} more | {sum(rest):,} |"


def _limits(card: DataCard) -> Iterator[str]:
    yield "## Known biases"
    yield ""
    for sentence in card.known_biases or ("None was looked for.",):
        yield f"- {_cell(sentence)}"
    yield ""
    if card.left_out:
        told = ", ".join(f"{count:,} {_cell(name)}" for name, count in card.left_out.items())
        yield f"Conversations of the captures that are not in here: {told}."
        yield ""
    if card.agreement:
        yield "Deep packet inspection against the labels:"
        yield ""
        yield "| label | outcome | number | meaning |"
        yield "|---|---|---:|---|"
        for label, outcomes in card.agreement.items():
            for outcome, count in outcomes.items():
                cells = map(_cell, (label, outcome, f"{count:,}", OUTCOMES.get(outcome, "")))
                yield f"| {' | '.join(cells)} |"
        yield ""


def _origin(card: DataCard) -> Iterator[str]:
    yield "## Where it comes from"
    yield ""
    if card.seeds:
        yield f"Seeds: {', '.join(map(str, card.seeds))}."
        yield ""
    versions = ", ".join(f"{_cell(k)} {_cell(v)}" for k, v in sorted(card.versions.items()))
    yield f"Made with {versions}. Metering:"
    yield ""
    yield "| setting | value |"
    yield "|---|---|"
    for name, value in card.settings.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        yield f"| {_cell(name)} | {_cell(text)} |"
    yield ""
    yield "| input | kind | octets | SHA-256 | licence |"
    yield "|---|---|---:|---|---|"
    for one in card.inputs[:MAX_SHOWN]:
        cells = (one.get(key, "") for key in ("name", "kind", "octets", "sha256", "licence"))
        yield f"| {' | '.join(map(_cell, cells))} |"
    if len(card.inputs) > MAX_SHOWN:
        yield f"| and {len(card.inputs) - MAX_SHOWN:,} more in card.json | | | | |"
    yield ""


def _columns(card: DataCard) -> Iterator[str]:
    tables = [(CONVERSATIONS, conversation_columns(card.has_addresses))]
    if card.file(PACKETS) is not None:
        tables.append((PACKETS, PACKET_COLUMNS))
    for name, columns in tables:
        file = card.file(name)
        yield f"## {name}"
        yield ""
        if file is not None:
            told = f"{file.rows or 0:,} rows, SHA-256 `{file.sha256}`"
            yield f"{told}; schema version {card.schema_version}."
            yield ""
        yield "| column | type | unit | meaning |"
        yield "|---|---|---|---|"
        for column in columns:
            cells = (f"`{column.name}`", column.dtype, column.unit, column.description)
            yield f"| {' | '.join(map(_cell, cells))} |"
        yield ""


def _cell(value: object) -> str:
    """Return a text that cannot break out of its cell, whoever wrote it."""
    text = "".join(c if c.isprintable() else "?" for c in str(value)[:500])
    # The backslash first: two of them before a bar would leave the bar bare.
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
