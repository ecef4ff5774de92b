# SPDX-License-Identifier: Apache-2.0
"""``minewatch doctor``: look at what watching needs, and say how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from minewatch.cli.checkup.finding import status_of

SERVICE_FOLDER: Final = Path("/var/lib/minewatch")
EPILOG: Final = """
Examples:

minewatch doctor --interface eth0

minewatch doctor --json

Exit status: 0 all is well, 1 with warnings, 2 if something would keep minewatch from watching.
"""


def doctor(
    *,
    interface: Annotated[
        str | None,
        typer.Option(
            "--interface",
            metavar="NAME",
            help="Interface to watch. \\[default: all that are up]",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="For checkpoints and spooled alerts, as `watch` takes it. "
            f"\\[default: {SERVICE_FOLDER}]",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check rights, kernel, interfaces, clock, disk, models and programs of this machine."""
    from minewatch.cli.checkup.clock import check_clock
    from minewatch.cli.checkup.interfaces import check_interfaces
    from minewatch.cli.checkup.kernel import check_kernel
    from minewatch.cli.checkup.models import check_models
    from minewatch.cli.checkup.programs import check_programs
    from minewatch.cli.checkup.rights import check_rights
    from minewatch.cli.checkup.room import check_room
    from minewatch.output.records import printable

    findings = [
        *check_rights(must_watch=interface is not None),
        *check_kernel(),
        *check_interfaces(interface),
        *check_clock(),
        *check_room(checkpoint or SERVICE_FOLDER, is_named=checkpoint is not None),
        *check_models(),
        *check_programs(),
    ]
    status = status_of(findings)
    if as_json:
        data = {"status": status, "findings": [one.as_data() for one in findings]}
        typer.echo(json.dumps(data, indent=1))
    else:
        for one in findings:
            typer.echo(printable(one.line()))
    raise typer.Exit(status)
