# SPDX-License-Identifier: Apache-2.0
"""``minewatch``: the group of all commands."""

from __future__ import annotations

from typing import Annotated

import typer

from minewatch.cli import catalogue, demo, explain, meter, scan, train
from minewatch.cli.errors import CommandGroup

_EPILOG = """
Examples:

minewatch scan incident.pcap

minewatch scan captures/ --format jsonl -o found.jsonl

minewatch explain incident.pcap 10.0.0.5:41022-203.0.113.7:443

Exit status of scan: 0 nothing found, 1 mining found, 2 an error.
"""

app = typer.Typer(
    name="minewatch",
    cls=CommandGroup,
    help="Finds cryptojacking in cloud network traffic, and says why.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from minewatch import __version__

        typer.echo(f"minewatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


app.command("scan", epilog=scan.EPILOG)(scan.scan)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("meter", epilog=meter.EPILOG)(meter.meter)
app.command("train", epilog=train.EPILOG)(train.train)
app.command("detectors")(catalogue.detectors)
app.command("schema", epilog=catalogue.SCHEMA_EPILOG)(catalogue.schema)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line on the process's arguments, and exit with its status."""
    app()
