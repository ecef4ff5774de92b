# SPDX-License-Identifier: Apache-2.0
"""``minewatch meter``: captures and flow logs in, flow records out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, NOTHING_FOUND

if TYPE_CHECKING:
    from minewatch.cli.session import InputGroup, Session
    from minewatch.output.flows import FlowWriter
    from minewatch.output.summary import Totals
    from minewatch.pipeline import PipelineOptions
    from minewatch.readers.source import Input

EPILOG: Final = """
Examples:

minewatch meter incident.pcap -o flows.parquet

minewatch meter captures/ --format csv -o flows.csv --interval 300

minewatch meter flow-logs/ -o flows.parquet

minewatch schema describes the columns. Exit status: 0, or 2 if an input could not be read.
"""


def meter(
    inputs: o.Inputs,
    *,
    input_format: o.InputFormat = None,
    aws_fields: o.AwsFields = None,
    output: o.Output = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="parquet, csv or jsonl. \\[default: by the suffix of FILE, else parquet]",
        ),
    ] = None,
    interval: o.Interval = 60.0,
    idle_timeout: o.IdleTimeout = 120.0,
    no_decapsulation: o.NoDecapsulation = False,
    quiet: o.Quiet = False,
) -> None:
    """Turn inputs into flow records: one row for what a biflow did in one interval."""
    from minewatch import registry
    from minewatch.cli.session import Session
    from minewatch.output.flows import FORMATS
    from minewatch.output.writer import format_for

    chosen = format_for(format, output, FORMATS, "parquet")
    metering = o.metering_options(interval, idle_timeout, not no_decapsulation, keep_packets=False)
    session = Session.of(inputs, quiet, registry.flow_formats(aws_fields), input_format)
    session.refuse_overwriting(output)
    totals = run_meter(
        session, o.pipeline_options(metering, None, session.progress), chosen, output
    )
    if not quiet and totals.inputs:
        print_meter_totals(totals)
    raise typer.Exit(ERROR if session.n_failed else NOTHING_FOUND)


def run_meter(
    session: Session, options: PipelineOptions, format: str, output: str | None
) -> Totals:
    """Meter every input and write the records; return the sums.

    Parameters
    ----------
    session : the inputs.
    options : how to meter them.
    format : of the output.
    output : file to write, None for standard output.
    """
    from minewatch.output.destination import Destination
    from minewatch.output.flows import FlowWriter
    from minewatch.output.summary import Totals
    from minewatch.readers.source import CAPTURE

    totals = Totals()
    has_logs = any(source.format != CAPTURE for source in session.inputs)
    with Destination(output) as destination:
        writer = FlowWriter(
            destination, format, with_capture=len(session.inputs) > 1, with_sampling=has_logs
        )
        session.run(lambda source: _meter_one(source, session, options, writer, totals))
        session.run_flows(lambda group: _meter_logs(group, session, options, writer, totals))
        writer.finish()
    return totals


def _meter_one(
    source: Input, session: Session, options: PipelineOptions, writer: FlowWriter, totals: Totals
) -> None:
    from minewatch.pipeline import CaptureReport, meter_capture, open_capture

    capture, process = open_capture(source, options)
    session.progress.begin(source, capture.counters)
    for output in meter_capture(capture, process, options):
        writer.write(output.flows, source.name)
        totals.flow_records += output.flows.height
    totals.add_capture(CaptureReport(source.name, capture.counters, process.counters))


def _meter_logs(
    group: InputGroup,
    session: Session,
    options: PipelineOptions,
    writer: FlowWriter,
    totals: Totals,
) -> None:
    from minewatch.logs import log_conversations

    whole = replace(options, with_gate=False)
    report, chunks = log_conversations(group.name, session.opened(group), whole)
    for chunk in chunks:
        flows = chunk.passed.intervals
        if flows is not None:
            writer.write(flows, group.name)
            totals.flow_records += flows.height
    for error in report.errors:
        session.fail(error)
    totals.add_logs(report)


def print_meter_totals(totals: Totals) -> None:
    """Print what was metered and what was not, on standard error.

    Parameters
    ----------
    totals : the sums.
    """
    from minewatch.output.summary import problem_lines
    from minewatch.output.terminal import counted, error_console, safe

    console = error_console()
    records = counted(totals.flow_records, "flow record")
    console.print(safe(f"{records} ({totals.what_was_read()})"), soft_wrap=True)
    for line in problem_lines(totals):
        console.print(safe(f"  {line}", style="yellow"))
