# SPDX-License-Identifier: Apache-2.0
"""``minewatch collect``: what exporters send over UDP becomes files of flow records."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli.errors import NOTHING_FOUND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from minewatch.address import Network
    from minewatch.output.recordfiles import RecordFiles
    from minewatch.readers.netflow.collector import Collector
    from minewatch.readers.netflow.sockets import ExportSocket

EPILOG: Final = """
Examples:

minewatch collect --netflow 127.0.0.1:2055 -o flows/

minewatch collect --netflow 0.0.0.0:2055 --ipfix [::]:4739 --allow 10.0.0.0/8 -o flows/ --for 3600

minewatch scan flows/

Ends cleanly on Ctrl-C and SIGTERM. Exit status: 0, or 2 an error.
"""
_PATIENCE_S: Final = 0.2

Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS:PORT",
        help="Listen there; may be given again. Every socket takes NetFlow v5 and v9, IPFIX and "
        "sFlow v5.",
        show_default=False,
    ),
]


def collect(
    *,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FOLDER", help="Where the files go.")
    ],
    netflow: Endpoints = None,
    ipfix: Endpoints = None,
    sflow: Endpoints = None,
    rotate: Annotated[
        float, typer.Option(metavar="SECONDS", help="Begin a new file so often.", min=1.0)
    ] = 300.0,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Network of exporters to listen to; may be given again. \\[default: all]",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--for", metavar="SECONDS", help="End after so long.", min=0.0, show_default=False
        ),
    ] = None,
    max_records: Annotated[
        int | None,
        typer.Option(metavar="N", help="End after so many records.", min=1, show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> None:
    """Receive NetFlow, IPFIX and sFlow, and write flow records for scan."""
    from minewatch.errors import ConfigError
    from minewatch.output.recordfiles import RecordFiles
    from minewatch.readers.flowlogs.table import record_frame
    from minewatch.readers.flowlogs.table_columns import VERSION, VERSION_KEY
    from minewatch.readers.netflow.collector import Collector
    from minewatch.readers.netflow.datagrams import ExportDecoder
    from minewatch.records import RecordCounters

    endpoints = endpoints_of(netflow, ipfix, sflow)
    if not endpoints:
        raise ConfigError("nowhere to listen; give --netflow, --ipfix or --sflow ADDRESS:PORT")
    networks = networks_of(allow or (), "--allow")
    counters = RecordCounters()
    with RecordFiles(output, record_frame, {VERSION_KEY: VERSION}) as files, _stopping() as stop:
        sockets = open_sockets(endpoints)
        if not quiet:
            tell_sockets(sockets, networks, "--allow")
        collector = Collector(sockets, ExportDecoder(counters), counters, time.time_ns, networks)
        with collector:
            _run(collector, files, stop, rotate, duration, max_records, quiet=quiet)
    raise typer.Exit(NOTHING_FOUND)


def endpoints_of(
    netflow: Sequence[str] | None, ipfix: Sequence[str] | None, sflow: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Return where to listen, each with the option that named it.

    Parameters
    ----------
    netflow : values of ``--netflow``.
    ipfix : values of ``--ipfix``.
    sflow : values of ``--sflow``.

    Examples
    --------
    >>> endpoints_of(["127.0.0.1:2055"], None, ["127.0.0.1:6343"])
    [('--netflow', '127.0.0.1:2055'), ('--sflow', '127.0.0.1:6343')]
    """
    return [
        *(("--netflow", text) for text in netflow or ()),
        *(("--ipfix", text) for text in ipfix or ()),
        *(("--sflow", text) for text in sflow or ()),
    ]


def networks_of(texts: Sequence[str], option: str) -> tuple[Network, ...]:
    """Return the networks of exporters that are listened to.

    Parameters
    ----------
    texts : values of the option.
    option : what the user named them with, for errors.

    Raises
    ------
    ConfigError : a text is no network.
    """
    from minewatch.address import parse_networks
    from minewatch.errors import ConfigError

    try:
        return parse_networks(texts)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--home", option)) from error


def open_sockets(endpoints: Sequence[tuple[str, str]]) -> list[ExportSocket]:
    """Return sockets that listen: all of them, or none.

    Parameters
    ----------
    endpoints : from ``endpoints_of``.

    Raises
    ------
    ConfigError : a text is no address and port, or it cannot be listened to.
    """
    from minewatch.readers.netflow.sockets import ExportSocket, parse_endpoint

    wanted = [(parse_endpoint(text, option), option) for option, text in endpoints]
    with contextlib.ExitStack() as begun:  # closes those that were opened, if one cannot be
        sockets = [
            begun.enter_context(contextlib.closing(ExportSocket(endpoint, option)))
            for endpoint, option in wanted
        ]
        begun.pop_all()
    return sockets


def _run(
    collector: Collector,
    files: RecordFiles,
    stop: Stop,
    rotate_s: float,
    duration_s: float | None,
    max_records: int | None,
    *,
    quiet: bool,
) -> None:
    """Write what comes until there is a reason to end."""
    begin = time.monotonic()
    end = begin + duration_s if duration_s is not None else None
    next_file = begin + rotate_s
    while not stop.is_asked:
        for records in collector.take(_PATIENCE_S):
            files.write(records)
        now = time.monotonic()
        if end is not None and now >= end:
            break
        if max_records is not None and collector.counts.records >= max_records:
            break
        if now >= next_file:
            next_file = now + rotate_s
            _tell(files.rotate(), collector, quiet)
    for records in collector.finish():
        files.write(records)
    _tell(files.rotate(), collector, quiet)


class Stop:
    """Whether the end was asked for."""

    is_asked = False


@contextlib.contextmanager
def _stopping() -> Iterator[Stop]:
    """Let SIGINT and SIGTERM ask for the end instead of ending the process."""
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.is_asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_sockets(sockets: Sequence[ExportSocket], networks: Sequence[Network], option: str) -> None:
    """Say on standard error who is listened to, and where.

    Parameters
    ----------
    sockets : that listen.
    networks : of exporters; none for all.
    option : that names them.
    """
    from minewatch.output.terminal import error_console, safe

    console = error_console()
    for one in sockets:
        console.print(safe(f"listening on {one.endpoint}"))
    open_to_all = [one for one in sockets if not one.endpoint.is_loopback]
    if open_to_all and not networks:
        console.print(
            safe(
                f"anybody who reaches it may send records; name the exporters with {option}",
                style="yellow",
            )
        )


def _tell(path: str | None, collector: Collector, quiet: bool) -> None:
    """Print one line on what came so far, on standard error."""
    if quiet:
        return
    from minewatch.output.terminal import counted, error_console, safe

    counts = collector.counts
    refused = (
        f" from {counted(counts.refused_addresses, 'exporter')}" if counts.refused_addresses else ""
    )
    parts = [
        counted(counts.datagrams, "datagram"),
        counted(counts.records, "record"),
        f"{counts.lost:,} lost by sequence numbers",
        f"{counts.dropped:,} dropped by the kernel",
        f"{counts.refused:,} refused{refused}",
        counted(counts.faults, "fault"),
    ]
    if counts.over_limits:
        parts.append(f"{counts.over_limits:,} over the limits of memory")
    error_console().print(safe(f"{path or 'no new file'}; so far {', '.join(parts)}"))
