# SPDX-License-Identifier: Apache-2.0
"""Lists of detectors and columns for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from minewatch.output.terminal import joined, print_hanging, safe

if TYPE_CHECKING:
    from rich.console import Console

BASELINE: Final = "for nothing: a baseline to compare with, shown with --baselines"
_WIDE_ENOUGH: Final = 100
"""Columns below which a table would squeeze the meaning into a strip."""


def print_detectors(detectors: Sequence[Any], console: Console) -> None:
    """Print each detector with what it needs and what it cannot see.

    Parameters
    ----------
    detectors : with name, summary, requires, blind_to, reference and is_counted.
    console : where to.
    """
    from rich.padding import Padding
    from rich.table import Table

    for detector in detectors:
        console.print(safe(detector.name, style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("what it does", safe(detector.summary))
        grid.add_row("needs", safe(", ".join(detector.requires) or "nothing"))
        if not detector.is_counted:
            grid.add_row("counts", safe(BASELINE))
        grid.add_row("blind to", safe(detector.blind_to or "not stated"))
        if detector.reference:
            grid.add_row("from", safe(detector.reference))
        console.print(Padding(grid, (0, 0, 1, 2)))


def print_columns(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    """Print each column, under the table that it belongs to.

    Parameters
    ----------
    rows : with table, name, type, unit, ipfix and description.
    console : where to.
    """
    from rich.table import Table

    for name in dict.fromkeys(row["table"] for row in rows):
        those = [row for row in rows if row["table"] == name]
        if console.width < _WIDE_ENOUGH:
            _print_narrow(name, those, console)
            continue
        table = Table(title=name, title_justify="left", box=None, pad_edge=False)
        for head in ("column", "type", "unit", "IPFIX"):
            table.add_column(head, no_wrap=True)
        table.add_column("meaning", overflow="fold")
        for row in those:
            cells = (row["name"], row["type"], row["unit"], row["ipfix"], row["description"])
            table.add_row(*map(safe, cells))
        console.print(table)
        console.print()


def _print_narrow(name: str, rows: Sequence[Mapping[str, str]], console: Console) -> None:
    """Print each column on a line of its own, with its meaning below."""
    console.print(safe(name, style="italic"), soft_wrap=True)
    for row in rows:
        kind = f"{row['type']}, {row['unit']}".removesuffix(", -")
        ipfix = f", IPFIX {row['ipfix']}" if row["ipfix"] else ""
        head = joined((row["name"], "bold"), (f"  {kind}{ipfix}", "dim"))
        console.print(head, soft_wrap=True)
        print_hanging(console, safe(""), safe(row["description"]), 4)
    console.print()
