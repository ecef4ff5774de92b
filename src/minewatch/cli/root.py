# SPDX-License-Identifier: Apache-2.0
"""``minewatch``: the group of all commands."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from minewatch.cli import (
    blocks,
    capabilities,
    catalogue,
    collect,
    dataset,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    lab,
    label,
    label_alert,
    meter,
    reproduce,
    respond,
    scan,
    simulate,
    train,
    watch,
)
from minewatch.cli.environment import prepare
from minewatch.cli.errors import ERROR, PIPE_CLOSED, CommandGroup, complain
from minewatch.errors import ConfigError

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
app.command("watch", epilog=watch.EPILOG)(watch.watch)
app.add_typer(respond.app, name="respond")
app.command("label-alert", epilog=label_alert.EPILOG)(label_alert.label_alert)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("explain", epilog=explain.EPILOG)(explain.explain)
app.command("meter", epilog=meter.EPILOG)(meter.meter)
app.command("export", epilog=export.EPILOG)(export.export)
app.command("collect", epilog=collect.EPILOG)(collect.collect)
app.command("label", epilog=label.EPILOG)(label.label)
app.add_typer(lab.app, name="lab")
app.command("simulate", epilog=simulate.EPILOG)(simulate.simulate)
app.command("reproduce", epilog=reproduce.EPILOG)(reproduce.reproduce)
app.command("evaluate", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command("train", epilog=train.EPILOG)(train.train)
app.add_typer(dataset.app)
app.command("blocks", epilog=blocks.EPILOG)(blocks.blocks)
app.command("capabilities", epilog=capabilities.EPILOG)(capabilities.capabilities)
app.command("detectors")(catalogue.detectors)
app.command("schema", epilog=catalogue.SCHEMA_EPILOG)(catalogue.schema)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line on the process's arguments, and exit with its status."""
    _start_fast()
    _open_closed_streams()
    try:
        prepare(os.environ)
    except ConfigError as error:
        complain(str(error))
        _leave(ERROR)
    try:
        app()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)


def _leave(status: int) -> None:
    """End the process without taking apart what the system frees at once.

    Everything was written and closed by now; LLVM, Numba and polars alone would take another tenth
    of a second and more.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            status = PIPE_CLOSED
        except OSError:
            status = ERROR
    os._exit(status)


def _open_closed_streams() -> None:
    """Let output that the caller closed go nowhere, as with ``>/dev/null``.

    Otherwise the next file that is opened would be taken for standard output.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  until the end
            os.dup2(getattr(sys, name).fileno(), number)


def _start_fast() -> None:
    """Spare what costs time at every start and serves nothing here.

    Numba and polars make some hundred thousand objects that live as long as the process; looking
    for garbage among them again and again takes a fifth of the start.
    """
    gc.set_threshold(200_000, 50, 50)
