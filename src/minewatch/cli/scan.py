# SPDX-License-Identifier: Apache-2.0
"""``minewatch scan``: captures and flow logs in, verdicts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, FOUND, NOTHING_FOUND

if TYPE_CHECKING:
    from minewatch.cli.session import InputGroup, Session
    from minewatch.output.summary import Totals
    from minewatch.output.writer import Writer
    from minewatch.readers.source import Input
    from minewatch.scanning import ScannedChunk, ScanOptions

EPILOG: Final = """
Examples:

minewatch scan incident.pcap

minewatch scan captures/ 'more/*.pcap.gz' --format jsonl -o found.jsonl

tcpdump -r big.pcap -w - tcp | minewatch scan - --format eve

minewatch scan captures/ --allow known.toml

minewatch scan flow-logs/ 'more/*.log.gz' --format jsonl

Exit status, as clamscan's: 0 nothing found, 1 mining found that is not allowed, 2 an error and \
nothing found.
"""


def scan(
    inputs: o.Inputs,
    *,
    input_format: o.InputFormat = None,
    aws_fields: o.AwsFields = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="table, jsonl, csv, parquet or eve. "
            "\\[default: by the suffix of FILE, else table]",
        ),
    ] = None,
    output: o.Output = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Write all conversations, not only mining ones.")
    ] = False,
    home: o.Home = None,
    threshold: o.Threshold = None,
    budget: o.Budget = None,
    allow: o.Allow = None,
    model: o.Model = None,
    intel: o.Intel = None,
    no_intel: o.NoIntel = False,
    blocks: o.Blocks = None,
    baselines: o.Baselines = False,
    interval: o.Interval = 60.0,
    idle_timeout: o.IdleTimeout = 120.0,
    no_decapsulation: o.NoDecapsulation = False,
    quiet: o.Quiet = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="A cut capture, a faulty row of a flow log or a failed plug-in is an error, and "
            "an error outranks a find.",
        ),
    ] = False,
) -> None:
    """Find conversations in which a miner talks to its pool, and say why."""
    from minewatch import registry
    from minewatch.cli.session import Session
    from minewatch.output.writer import FORMATS, TABLE, format_for

    chosen = format_for(format, output, FORMATS, TABLE)
    metering = o.metering_options(interval, idle_timeout, not no_decapsulation, keep_packets=True)
    session = Session.of(inputs, quiet, registry.flow_formats(aws_fields), input_format)
    session.refuse_overwriting(output)
    pipeline = o.pipeline_options(metering, home, session.progress)
    options = o.scan_options(
        pipeline,
        threshold,
        model,
        intel,
        no_intel=no_intel,
        allow=allow,
        budget=budget,
        blocks=blocks,
        baselines=baselines,
        of_captures=session.has_captures,
        of_logs=session.has_logs,
    )
    totals = ScanJob(session, options, everything, strict).run_to(chosen, output)
    if not quiet and totals.inputs:
        show_totals(totals, chosen == TABLE and output is None, promises(totals, options))
    raise typer.Exit(exit_status(totals, session.n_failed, strict))


def exit_status(totals: Totals, n_failed: int, strict: bool) -> int:
    """Return the exit status of a scan.

    Parameters
    ----------
    totals : what was read and found.
    n_failed : inputs that could not be read.
    strict : problems count as errors, and errors outrank finds.
    """
    if strict and (n_failed or totals.problems):
        return ERROR
    if totals.mining:
        return FOUND
    return ERROR if n_failed else NOTHING_FOUND


def promises(totals: Totals, options: ScanOptions) -> list[str]:
    """Return how the thresholds of what was read were chosen, as far as there is something to say.

    Parameters
    ----------
    totals : what was read.
    options : how it was scanned.
    """
    given = [options.promise] if totals.captures else []
    if totals.logs:
        own = options.for_logs()
        given.append(own.promise)
        if own.promise is None and own.threshold != options.threshold:
            given.append(
                f"threshold of flow logs {own.threshold:.4g}: no benign conversation that was "
                "measured reached it; --threshold or --budget for another"
            )
    return [promise for promise in given if promise is not None]


def show_totals(totals: Totals, is_table: bool, notes: Sequence[str] = ()) -> None:
    """Print the summary: under a table on standard output, else on standard error.

    Parameters
    ----------
    totals : what was read and found.
    is_table : the results went to standard output as a table.
    notes : how thresholds were chosen.
    """
    from minewatch.output.summary import print_totals
    from minewatch.output.terminal import console, error_console, safe

    out = console() if is_table else error_console()
    print_totals(totals, out)
    for note in notes:
        out.print(safe(f"  {note}"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class ScanJob:
    """Inputs and options of one scan.

    Parameters
    ----------
    session : the inputs.
    options : how to scan them.
    everything : write conversations that are not mining too.
    strict : the first row of a flow log that cannot be used ends the reading.
    """

    session: Session
    options: ScanOptions
    everything: bool = False
    strict: bool = False

    def run_to(self, format: str, output: str | None) -> Totals:
        """Scan every input into a file or standard output; return the sums.

        Parameters
        ----------
        format : of the output.
        output : file to write, None for standard output.
        """
        from minewatch.output.destination import Destination
        from minewatch.output.writer import open_writer

        names = [detector.name for detector in self.options.detectors]
        with Destination(output) as destination:
            writer = open_writer(format, destination, names, self.options.fusion.prior)
            totals = self.run(writer)
            writer.finish()
        return totals

    def run(self, writer: Writer) -> Totals:
        """Scan every input; return the sums.

        Parameters
        ----------
        writer : takes what is found.
        """
        from minewatch.output.summary import Totals

        totals = Totals()
        self.session.run(lambda source: self._scan_one(source, writer, totals))
        self.session.run_flows(lambda group: self._scan_logs(group, writer, totals))
        return totals

    def _scan_one(self, source: Input, writer: Writer, totals: Totals) -> None:
        from minewatch.scanning import scan_capture

        report, chunks = scan_capture(source, self.options)
        self.session.progress.begin(source, report.input.capture)
        for chunk in chunks:
            self._write(chunk, writer, source.name)
        totals.add(report)

    def _scan_logs(self, group: InputGroup, writer: Writer, totals: Totals) -> None:
        from minewatch.scanning import scan_logs

        sources = self.session.opened(group, self.strict)
        report, chunks = scan_logs(group.name, sources, self.options, strict=self.strict)
        for chunk in chunks:
            self._write(chunk, writer, group.name)
        for error in report.input.errors:
            self.session.fail(error)
        totals.add(report)

    def _write(self, chunk: ScannedChunk, writer: Writer, capture: str) -> None:
        """Write what is wanted of a chunk; rows that are not wanted cost nothing."""
        wanted = chunk.is_mining | self.everything
        rows = wanted.nonzero()[0].tolist()
        has_gated = self.everything and chunk.gated.height > 0
        if not rows and not has_gated:
            return
        verdicts = [chunk.verdict(row) for row in rows]
        with self.session.progress.paused():
            writer.write(chunk.conversations.frame[rows], verdicts, capture)
            if has_gated:
                writer.write_gated(chunk.gated, capture)
