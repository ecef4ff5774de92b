# SPDX-License-Identifier: Apache-2.0
"""``minewatch capabilities``: what each input can tell, and what is found in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.capabilities.recall import Measurements
    from minewatch.capabilities.table import Capability

FORMATS: Final = ("table", "json", "markdown")
EPILOG: Final = """
Example:

minewatch capabilities --format markdown
"""


def capabilities(
    *,
    format: Annotated[
        str, typer.Option(metavar="FORMAT", help="table, json or markdown.")
    ] = "table",
) -> None:
    """Tell what each kind of input holds, which detectors work on it, and what was found there."""
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: one of {', '.join(FORMATS)}")
    from minewatch import registry
    from minewatch.capabilities import recall, table

    measurements = recall.shipped()
    found = table.capabilities(registry.detectors(), measurements)
    if format == "json":
        _print_json(found, measurements)
    elif format == "markdown":
        from minewatch.capabilities.page import page_lines

        for line in page_lines(found, measurements):
            typer.echo(line)
    else:
        from minewatch.output.capabilities import print_capabilities
        from minewatch.output.terminal import console

        print_capabilities(found, measurements, console())


def _print_json(found: Sequence[Capability], measurements: Measurements) -> None:
    data = {
        "made_by": measurements.made_by,
        "captures_made_by": measurements.captures_made_by,
        "date": measurements.date,
        "inputs": [one.as_data() for one in found],
    }
    typer.echo(json.dumps(data, indent=1))
