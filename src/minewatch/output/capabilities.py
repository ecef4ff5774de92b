# SPDX-License-Identifier: Apache-2.0
"""The capability table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minewatch.output.terminal import safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_capabilities(found: Sequence[Any], measurements: Any, console: Console) -> None:
    """Print each input with what it tells, who works on it and what was found in it.

    Parameters
    ----------
    found : of ``capabilities.table.capabilities``.
    measurements : of the benchmark: ``made_by``, ``captures_made_by`` and ``date``.
    console : where to.
    """
    from rich.padding import Padding

    for one in found:
        console.print(safe(one.entry.title, style="bold"))
        console.print(Padding(_grid(one), (0, 0, 1, 2)))
    console.print(
        safe("Recall: of mining that lasts over half an hour, recorders left out of training;")
    )
    console.print(safe(f"measured on {measurements.date}."))
    told = (
        ("Logs", measurements.made_by),
        ("Captures and tables of minewatch", measurements.captures_made_by),
    )
    for what, command in told:
        console.print(safe(f"{what}: {command}"), soft_wrap=True)


def _grid(one: Any) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for head, text in one.lines():
        grid.add_row(head, safe(text))
    return grid
