# SPDX-License-Identifier: Apache-2.0
"""``minewatch watch``: packets in as they come, alerts out as soon as they are due."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from minewatch.cli import options as o
from minewatch.cli.collect import Endpoints, endpoints_of
from minewatch.cli.errors import NOTHING_FOUND
from minewatch.cli.watch_choice import Chosen
from minewatch.cli.watch_inputs import open_chosen

if TYPE_CHECKING:
    from types import FrameType

    from minewatch.cli.watch_job import WatchJob
    from minewatch.contracts import FlowFormat
    from minewatch.metering.state import MeteringOptions
    from minewatch.scanning import ScanOptions
    from minewatch.watching.checkpoint import CheckpointFolder

EPILOG: Final = """
Examples:

sudo minewatch watch eth0

sudo minewatch watch eth0 eth1 --user nobody --checkpoint /var/lib/minewatch --sink \
jsonl:/var/lib/minewatch/alerts.jsonl

tcpdump -i eth0 -U -w - tcp | minewatch watch --from -

minewatch watch --from incident.pcap

minewatch watch --from collector --netflow 0.0.0.0:2055 --exporters 10.0.0.0/8

minewatch watch --from flows.log --sink jsonl:alerts.jsonl

To cut off what is found, let another process read the alerts: minewatch respond follow. Ends \
cleanly on Ctrl-C and SIGTERM; reads --allow and --suppress again on SIGHUP. Exit status: 0, or 2 \
an error.
"""


def watch(
    interfaces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INTERFACE",
            help="Network interfaces to watch, such as eth0.",
            show_default=False,
        ),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Watch no interface, but a capture or a flow log (- is standard input); or, with "
            "the word collector, flow records that routers send.",
            show_default=False,
        ),
    ] = None,
    netflow: Endpoints = None,
    ipfix: Endpoints = None,
    sflow: Endpoints = None,
    exporters: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Network of routers from which --from collector takes records; may be given "
            "again. \\[default: all]",
            show_default=False,
        ),
    ] = None,
    input_format: o.InputFormat = None,
    aws_fields: o.AwsFields = None,
    filter: Annotated[
        str,
        typer.Option(metavar="BPF", help="Only packets of this filter, as tcpdump takes it."),
    ] = "",
    sink: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Bring alerts there too, such as jsonl:alerts.jsonl or kafka://broker/topic; may "
            "be given again.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep there what is known, and go on from it after a stop or a kill; without "
            "--sink alerts.jsonl and alerts.db are written there too.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        int,
        typer.Option(metavar="MIB", help="For what is known of the traffic, at most.", min=1),
    ] = 1024,
    duration: Annotated[
        float | None,
        typer.Option(
            "--for", metavar="SECONDS", help="End after so long.", min=0.0, show_default=False
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Become this user once the interfaces are open; needs root.",
            show_default=False,
        ),
    ] = None,
    home: o.Home = None,
    threshold: o.Threshold = None,
    budget: o.Budget = None,
    allow: o.Allow = None,
    suppress: Annotated[
        str | None,
        typer.Option(
            metavar="TOML",
            help="Alerts that nobody wants to be told of, by whom, why and until when.",
            show_default=False,
        ),
    ] = None,
    model: o.Model = None,
    intel: o.Intel = None,
    no_intel: o.NoIntel = False,
    blocks: o.Blocks = None,
    no_decapsulation: o.NoDecapsulation = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print no alerts and no summary.")
    ] = False,
) -> None:
    """Watch traffic, tell of miners as they are found, and go on."""
    chosen = Chosen(
        tuple(interfaces or ()),
        source,
        tuple(endpoints_of(netflow, ipfix, sflow)),
        tuple(exporters or ()),
    )
    chosen.check(is_for_interfaces=bool(filter or user))
    opened = open_chosen(
        chosen, filter, user, lambda: _formats(aws_fields), input_format, quiet=quiet
    )
    from minewatch.cli.progress import ProgressBar
    from minewatch.cli.watch_job import WatchJob

    def scan(metering: MeteringOptions) -> ScanOptions:
        return o.scan_options(
            o.pipeline_options(metering, home, ProgressBar([], True)),
            threshold,
            model,
            intel,
            no_intel=no_intel,
            allow=allow,
            budget=budget,
            blocks=blocks,
            of_captures=not opened.has_records,
            of_logs=opened.has_records,
        )

    metering = o.metering_options(60.0, 120.0, not no_decapsulation, keep_packets=True)
    begun, feed = opened.begin(metering, scan, memory)
    job = WatchJob(begun, allow, suppress, quiet=quiet)
    with _signals(job), _checkpoints(checkpoint, opened.origin) as kept:
        job.run(feed, kept, sinks_of(sink, checkpoint), checkpoint, duration)
    raise typer.Exit(NOTHING_FOUND)


def sinks_of(named: Sequence[str] | None, folder: str | None) -> Sequence[str]:
    """Return where alerts go: without a sink named, to a file and a database beside checkpoints.

    Parameters
    ----------
    named : addresses.
    folder : of checkpoints.

    Examples
    --------
    >>> sinks_of(None, "/var/lib/minewatch")
    ('jsonl:/var/lib/minewatch/alerts.jsonl', 'sql:sqlite:////var/lib/minewatch/alerts.db')
    >>> sinks_of(["syslog:///dev/log"], "/var/lib/minewatch"), sinks_of(None, None)
    (['syslog:///dev/log'], ())
    """
    if named or folder is None:
        return named or ()
    place = quote(os.path.abspath(folder))
    return (f"jsonl:{place}/alerts.jsonl", f"sql:sqlite:///{place}/alerts.db")


def _formats(aws_fields: str | None) -> Sequence[FlowFormat]:
    from minewatch import registry

    return registry.flow_formats(aws_fields)


@contextlib.contextmanager
def _checkpoints(folder: str | None, origin: list[str | int]) -> Iterator[CheckpointFolder | None]:
    """Open the folder of checkpoints, if there is one."""
    if folder is None:
        yield None
        return
    from minewatch.watching.checkpoint import CheckpointFolder

    kept = CheckpointFolder(folder, origin)
    try:
        yield kept
    finally:
        kept.close()


@contextlib.contextmanager
def _signals(job: WatchJob) -> Iterator[None]:
    """Let SIGINT and SIGTERM ask for the end, and SIGHUP for another look at files."""

    def stop(number: int, frame: FrameType | None) -> None:
        job.stop()

    def reread(number: int, frame: FrameType | None) -> None:
        job.is_stale = True

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: reread}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
