# SPDX-License-Identifier: Apache-2.0
"""``minewatch label``: what deep packet inspection says of every conversation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, FOUND, NOTHING_FOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from minewatch.cli.session import Session
    from minewatch.datasets.labelling import InspectionOptions
    from minewatch.output.destination import Destination
    from minewatch.output.tablestream import TableStream
    from minewatch.readers.source import Input
    from minewatch.training.labels import LabelledCapture
    from minewatch.types import Conversations

TABLE: Final = "table"

EPILOG: Final = """
Examples:

minewatch label incident.pcap

minewatch label captures/ -o labels.jsonl

minewatch label --check lab/

Exit status: 0; with --check 1 where inspection and labels differ; 2 an error.
"""


def label(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            help="Captures, folders or patterns; with --check those that the labels name, if none "
            "is given.",
            show_default=False,
        ),
    ] = None,
    *,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="table, jsonl, csv, tsv or parquet. \\[default: by the suffix of FILE, "
            "else table]",
        ),
    ] = None,
    output: o.Output = None,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="LABELS",
            help="Labels file, or folder of a lab or simulator run: report where the inspection "
            "differs.",
        ),
    ] = None,
    home: o.Home = None,
    no_decapsulation: o.NoDecapsulation = False,
    quiet: o.Quiet = False,
) -> None:
    """Say of every conversation what its payload shows: mining, in which dialect, or not."""
    from minewatch.cli.session import Session
    from minewatch.datasets.checking import labelled_captures
    from minewatch.datasets.labelling import InspectionOptions
    from minewatch.errors import ConfigError
    from minewatch.output.tablestream import FORMATS
    from minewatch.output.writer import format_for

    if not inputs and check is None:
        raise ConfigError("what to label? name a capture or a folder, or labels with --check")
    chosen = format_for(format, output, (TABLE, *FORMATS), TABLE)
    captures = None if check is None else labelled_captures(check)
    named = [str(capture.path) for capture in (captures or {}).values()]
    session = Session.of(inputs or named, quiet)
    session.refuse_overwriting(output)
    metering = o.metering_options(60.0, 120.0, not no_decapsulation, keep_packets=True)
    pipeline = o.pipeline_options(metering, home, session.progress)
    job = LabelJob(session, InspectionOptions(pipeline), captures)
    job.run_to(chosen, output)
    if not quiet:
        job.show(is_table=chosen == TABLE and output is None)
    raise typer.Exit(job.status())


class LabelJob:
    """Inspects inputs, and compares them with labels if there are any.

    Parameters
    ----------
    session : the inputs.
    options : how to inspect.
    captures : labelled captures by path; None to label only.
    """

    def __init__(
        self,
        session: Session,
        options: InspectionOptions,
        captures: Mapping[Path, LabelledCapture] | None,
    ) -> None:
        from minewatch.datasets.agreement import Agreement
        from minewatch.output.summary import Totals

        self.session = session
        self.options = options
        self.captures = captures
        self.agreement = Agreement()
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.totals = Totals()

    def run_to(self, format: str, output: str | None) -> None:
        """Inspect every input into a file or standard output.

        Parameters
        ----------
        format : of the output.
        output : file to write, None for standard output.
        """
        from minewatch.datasets.rows import written_schema
        from minewatch.output.destination import Destination
        from minewatch.output.tablestream import TableStream

        with Destination(output) as destination:
            if format == TABLE:
                self.session.run(lambda source: self._one(source, LineStream(destination)))
                destination.write(_text(self._summary()))
                return
            stream = TableStream(destination, format, written_schema(self.captures is not None))
            self.session.run(lambda source: self._one(source, RowStream(stream)))
            stream.finish()

    def show(self, is_table: bool) -> None:
        """Print on standard error what could not be used, and the summary if it is nowhere else.

        Parameters
        ----------
        is_table : standard output has the summary already.
        """
        from minewatch.output.summary import problem_lines
        from minewatch.output.terminal import error_console, safe

        console = error_console()
        for line in () if is_table else self._summary():
            console.print(safe(line))
        for line in problem_lines(self.totals):
            console.print(safe(f"  {line}", style="yellow"))

    def status(self) -> int:
        """Return the exit status."""
        if self.session.n_failed or self.totals.failures:
            return ERROR
        return FOUND if self.agreement.failures else NOTHING_FOUND

    def _summary(self) -> list[str]:
        from minewatch.datasets.rows import summary_lines

        if self.captures is None:
            return summary_lines(self.verdicts)
        return list(self.agreement.lines())

    def _one(self, source: Input, stream: LineStream | RowStream) -> None:
        """Inspect one input."""
        from minewatch.datasets.agreement import decoded_names
        from minewatch.datasets.checking import check_capture
        from minewatch.datasets.labelling import inspect_capture
        from minewatch.datasets.rows import verdict_counts

        pairs: Iterator[tuple[Conversations, pl.DataFrame | None]]
        if self.captures is None:
            report, inspected = inspect_capture(source, self.options)
            pairs = ((one, None) for one in inspected)
        else:
            names = decoded_names()
            report, pairs = check_capture(source, self.captures, self.options, names)
        self.session.progress.begin(source, report.input.capture)
        for one, built in pairs:
            frame = one.frame
            self.verdicts += verdict_counts(frame)
            if built is not None:
                self.agreement.add(built)
            with self.session.progress.paused():
                stream.write(frame, source.name, built)
        self.totals.add(report)


class LineStream:
    """Writes lines for people: of mining, or of what does not agree with its label.

    Parameters
    ----------
    destination : where they go.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def write(self, frame: pl.DataFrame, capture: str, built: pl.DataFrame | None) -> None:
        """Write the lines of some conversations."""
        from minewatch.datasets.rows import difference_lines, mining_lines

        lines = mining_lines(frame) if built is None else difference_lines(frame, capture, built)
        self._destination.write(_text(lines))


class RowStream:
    """Writes a row for each conversation.

    Parameters
    ----------
    stream : where they go.
    """

    def __init__(self, stream: TableStream) -> None:
        self._stream = stream

    def write(self, frame: pl.DataFrame, capture: str, built: pl.DataFrame | None) -> None:
        """Write the rows of some conversations."""
        from minewatch.datasets.rows import written_rows

        self._stream.write(written_rows(frame, capture, built))


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
