# SPDX-License-Identifier: Apache-2.0
"""``minewatch explain``: one conversation, with all that speaks for mining and against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import ERROR, NOTHING_FOUND
from minewatch.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from minewatch.cli.session import InputGroup, Session
    from minewatch.output.selection import Selection
    from minewatch.output.subject import Subject
    from minewatch.readers.source import Input
    from minewatch.scanning import ScannedChunk, ScanOptions

EPILOG: Final = """
Examples:

minewatch explain incident.pcap 10.0.0.5:41022-203.0.113.7:443

minewatch explain incident.pcap 1:LQU9qZlK+B5F3KDmev6m5PMibrg=

minewatch explain incident.pcap --id 17 --svg cadence.svg

The forms are those that scan prints. Exit status: 0, or 2 if there is no such conversation.
"""


def explain(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="One capture, or flow logs of one kind: a file, folder, pattern or URL.",
            show_default=False,
        ),
    ],
    conversation: Annotated[
        str | None,
        typer.Argument(
            metavar="CONVERSATION",
            help="Community ID, or address:port-address:port.",
            show_default=False,
        ),
    ] = None,
    *,
    input_format: o.InputFormat = None,
    aws_fields: o.AwsFields = None,
    flow_id: Annotated[
        int | None, typer.Option("--id", metavar="N", help="The id that scan shows.")
    ] = None,
    svg: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Draw the cadence into this file, as a picture (SVG)."),
    ] = None,
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
) -> None:
    """Show one conversation: its timeline, the evidence, and what speaks against."""
    from minewatch import registry
    from minewatch.cli.session import Session
    from minewatch.output.selection import parse_selection

    selection = parse_selection(conversation, flow_id)
    metering = o.metering_options(interval, idle_timeout, not no_decapsulation, keep_packets=True)
    session = Session.of([source], quiet, registry.flow_formats(aws_fields), input_format)
    session.refuse_overwriting(svg, "--svg")
    pipeline = o.pipeline_options(metering, home, session.progress)
    options = replace(
        o.scan_options(
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
        ),
        decode_all=True,
    )
    subjects = find_subjects(session, options, selection)
    status = show_subjects(subjects, options, session, selection)
    if svg is not None and subjects:
        draw_subject(subjects[0], svg)
    raise typer.Exit(status)


def find_subjects(session: Session, options: ScanOptions, selection: Selection) -> list[Subject]:
    """Return the conversations that are meant, the most suspicious first.

    Parameters
    ----------
    session : the input.
    options : how to scan it.
    selection : which conversation.
    """
    from minewatch.readers.source import CAPTURE

    if len({source.format for source in session.inputs}) > 1:
        raise ConfigError("explain takes inputs of one kind; name one, or --input-format")
    captures = [source for source in session.inputs if source.format == CAPTURE]
    if len(captures) > 1:
        raise ConfigError(f"explain takes one capture, not {len(captures)}")
    found: list[Subject] = []
    session.run(lambda source: found.extend(_of_capture(source, session, options, selection)))
    session.run_flows(lambda group: found.extend(_of_logs(group, session, options, selection)))
    return sorted(found, key=lambda subject: -subject.verdict.mining_probability)


def _of_capture(
    source: Input, session: Session, options: ScanOptions, selection: Selection
) -> list[Subject]:
    from minewatch.scanning import scan_capture

    report, chunks = scan_capture(source, options)
    session.progress.begin(source, report.input.capture)
    return _required(_subjects_of(source.name, chunks, selection), source.name, selection)


def _of_logs(
    group: InputGroup, session: Session, options: ScanOptions, selection: Selection
) -> list[Subject]:
    from minewatch.scanning import scan_logs

    report, chunks = scan_logs(group.name, session.opened(group), options)
    found = _subjects_of(group.name, chunks, selection)
    for error in report.input.errors:
        session.fail(error)
    if not report.input.files:
        return []  # each was complained of
    return _required(found, group.name, selection)


def _required(found: list[Subject], name: str, selection: Selection) -> list[Subject]:
    if not found:
        raise SourceError(
            name, f"no conversation {selection.text}; minewatch scan --all lists them"
        )
    return found


def _subjects_of(name: str, chunks: Iterator[ScannedChunk], selection: Selection) -> list[Subject]:
    import numpy as np

    from minewatch.output.company import Company

    found: list[Subject] = []
    company = Company()
    for chunk in chunks:
        company.add(chunk.conversations.frame, chunk.is_mining)
        company.add(chunk.gated, np.zeros(chunk.gated.height, np.bool_))
        found += _subjects_in(chunk, name, selection)
    return [replace(subject, others=company.of(subject.frame)) for subject in found]


def _subjects_in(chunk: ScannedChunk, capture: str, selection: Selection) -> list[Subject]:
    """The conversations of a chunk that are meant, scored or not."""
    import polars as pl

    from minewatch.output.subject import Subject
    from minewatch.scanning import gated_verdict

    found = []
    given, options = chunk.conversations, chunk.options
    for row in selection.rows(given.frame):
        one = given.frame[row : row + 1]
        flow_id = one.item(0, "flow_id")
        intervals = given.intervals
        if intervals is not None:
            intervals = intervals.filter(pl.col("flow_id") == flow_id)
        found.append(
            Subject(one, chunk.verdict(row), capture, intervals, given.packets.get(flow_id))
        )
    names = [detector.name for detector in options.detectors]
    for row in selection.rows(chunk.gated):
        one = chunk.gated[row : row + 1]
        reason = one.item(0, "gate_reason")
        verdict = gated_verdict(one.item(0, "flow_id"), reason, options.fusion, names)
        found.append(Subject(one, verdict, capture))
    return found


def draw_subject(subject: Subject, path: str) -> None:
    """Draw the cadence of a conversation into a file.

    Parameters
    ----------
    subject : the conversation.
    path : value of ``--svg``.

    Raises
    ------
    ConfigError : nothing is known of when anybody spoke, or the file cannot be written.
    """
    from minewatch.output.cadence import cadence_of
    from minewatch.output.cadence_svg import cadence_svg, titles
    from minewatch.output.destination import Destination

    cadence = cadence_of(subject)
    if cadence is None:
        raise ConfigError(
            f"--svg {path}: of a conversation that was not scored no times are kept; give another"
        )
    with Destination(path, "--svg") as destination:
        destination.write(cadence_svg(cadence, *titles(subject)).encode())


def show_subjects(
    subjects: list[Subject], options: ScanOptions, session: Session, selection: Selection
) -> int:
    """Print the first of the conversations, and name the others; return the exit status.

    Parameters
    ----------
    subjects : the most suspicious first.
    options : how they were scanned.
    session : tells whether the input could be read.
    selection : which conversation was meant.
    """
    if not subjects:
        return ERROR
    from minewatch.output.explanation import Explanation
    from minewatch.output.terminal import console, safe

    out = console()
    descriptions = {
        column.name: column.description
        for decoder in options.decoders
        for column in decoder.columns
    }
    fusion = options.fusion
    silent = frozenset(
        one.name
        for one in options.detectors
        if not fusion.parts.get(one.name, fusion.stranger).weight
    )
    first, *others = subjects
    if session.has_logs:
        options = options.for_logs()
    Explanation(first, options.threshold, fusion.prior, descriptions, silent).print(out)
    if others:
        ids = ", ".join(str(subject.verdict.flow_id) for subject in others[:10])
        text = f"{len(others)} more between the same ends: see --id with {ids}"
        out.print(safe(text, style="yellow"), soft_wrap=True)
    return ERROR if session.n_failed else NOTHING_FOUND
