# SPDX-License-Identifier: Apache-2.0
"""``minewatch export``: captures in, the flow log that a cloud would have written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, NOTHING_FOUND

if TYPE_CHECKING:
    from minewatch.cli.session import Session
    from minewatch.exporting.aggregating import ExportCounters
    from minewatch.exporting.export import Exporter
    from minewatch.pipeline import PipelineOptions
    from minewatch.readers.source import Input

EPILOG: Final = """
Examples:

minewatch export incident.pcap --format aws-v5 -o flows.log

minewatch export captures/ --format ipfix --interval 600 --sampling 1000 -o flows.ipfix

Exit status: 0, or 2 if an input could not be read.
"""

_Captures = Annotated[
    list[str],
    typer.Argument(
        help="Captures, plain or compressed; folders, patterns, s3:// and other URLs, or - for "
        "standard input.",
        metavar="INPUT",
        show_default=False,
    ),
]


def export(
    inputs: _Captures,
    *,
    format: Annotated[
        str,
        typer.Option(metavar="FORMAT", help="aws-v2, aws-v5, gcp, azure-vnet, zeek or ipfix."),
    ],
    output: o.Output = None,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long a record counts. \\[default: 60, of gcp 5; zeek has none]",
            show_default=False,
        ),
    ] = None,
    sampling: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Count one packet in N, drawn at random. \\[default: 1, of gcp 10]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is drawn at random.")] = 0,
    home: o.Home = None,
    no_decapsulation: o.NoDecapsulation = False,
    quiet: o.Quiet = False,
) -> None:
    """Write captures as the flow log that a cloud or an exporter would have written of them."""
    from minewatch.cli.session import Session
    from minewatch.exporting.export import Exporter, settings_for
    from minewatch.output.destination import Destination

    settings = settings_for(format, interval, sampling, seed)
    session = Session.of(inputs, quiet)
    session.refuse_overwriting(output)
    metering = o.metering_options(60.0, 120.0, not no_decapsulation, keep_packets=False)
    options = o.pipeline_options(metering, home, session.progress)
    counted: list[ExportCounters] = []
    with Destination(output) as destination:
        exporter = Exporter(destination, format, settings, options.home)
        session.run(lambda source: _export_one(source, session, options, exporter, counted))
        exporter.finish()
    if not quiet and counted:
        print_counts(counted)
    raise typer.Exit(ERROR if session.n_failed else NOTHING_FOUND)


def _export_one(
    source: Input,
    session: Session,
    options: PipelineOptions,
    exporter: Exporter,
    counted: list[ExportCounters],
) -> None:
    from minewatch.readers.capture import CaptureSource

    capture = CaptureSource(source, decapsulate=options.metering.decapsulate)
    session.progress.begin(source, capture.counters)
    counted.append(exporter.export(capture, options))


def print_counts(counted: list[ExportCounters]) -> None:
    """Print what was written and what was not, on standard error.

    Parameters
    ----------
    counted : of each capture.
    """
    from minewatch.output.terminal import counted as number_of
    from minewatch.output.terminal import error_console, safe

    console = error_console()
    records = number_of(sum(one.records for one in counted), "record")
    packets = number_of(sum(one.packets for one in counted), "packet")
    console.print(safe(f"{records} of {packets} in {number_of(len(counted), 'capture')}"))
    if unobserved := sum(one.unobserved_packets for one in counted):
        text = f"{number_of(unobserved, 'packet')} with no end at home left out; see --home"
        console.print(safe(f"  {text}", style="yellow"))
    if early := sum(one.closed_early for one in counted):
        text = f"{number_of(early, 'record')} ended early: too many at the same time"
        console.print(safe(f"  {text}", style="yellow"))
