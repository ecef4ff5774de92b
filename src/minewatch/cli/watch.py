# SPDX-License-Identifier: Apache-2.0
"""``minewatch watch``: packets in as they come, alerts out as soon as they are due."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from minewatch.cli import options as o
from minewatch.cli.errors import NOTHING_FOUND
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType

    from minewatch.cli.watch_job import WatchJob
    from minewatch.contracts import PacketSource
    from minewatch.readers.live.ring import Ring
    from minewatch.watching.checkpoint import CheckpointFolder

EPILOG: Final = """
Examples:

sudo minewatch watch eth0

sudo minewatch watch eth0 eth1 --user nobody --checkpoint /var/lib/minewatch --sink \
jsonl:/var/lib/minewatch/alerts.jsonl

tcpdump -i eth0 -U -w - tcp | minewatch watch --from -

minewatch watch --from incident.pcap

To cut off what is found, let another process read the alerts: minewatch respond follow. Ends \
cleanly on Ctrl-C and SIGTERM; reads --allow and --suppress again on SIGHUP. Exit status: 0, or 2 \
an error.
"""


def watch(
    interfaces: Annotated[
        list[str] | None,
        typer.Argument(metavar="INTERFACE", help="Watch these.", show_default=False),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Read a capture in place of interfaces; - for standard input.",
            show_default=False,
        ),
    ] = None,
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
            help="Keep there what is known, and go on from it after a stop or a kill.",
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
    if bool(interfaces) == (source is not None):
        raise ConfigError("name interfaces to watch, or a capture with --from, and not both")
    rings = _opened(interfaces, filter, user) if interfaces else []
    if source is not None and (filter or user):
        raise ConfigError("--filter and --user are for interfaces; with --from leave them out")
    from minewatch.cli.progress import ProgressBar
    from minewatch.cli.watch_job import WatchJob
    from minewatch.watching.engine import Watch
    from minewatch.watching.options import WatchOptions, with_memory

    metering = o.metering_options(60.0, 120.0, not no_decapsulation, keep_packets=True)
    metering, options = with_memory(metering, WatchOptions(), memory)
    scan = o.scan_options(
        o.pipeline_options(metering, home, ProgressBar([], True)),
        threshold,
        model,
        intel,
        no_intel=no_intel,
        allow=allow,
        budget=budget,
        blocks=blocks,
    )
    name = ",".join(interfaces) if interfaces else str(source)
    job = WatchJob(Watch(name, scan, options), allow, suppress, quiet=quiet)
    with _signals(job), _checkpoints(checkpoint, source) as kept:
        job.run(
            _source(rings, source, not no_decapsulation), kept, sink or (), checkpoint, duration
        )
    raise typer.Exit(NOTHING_FOUND)


def _opened(interfaces: Sequence[str], filter: str, user: str | None) -> list[Ring]:
    """Open interfaces, and give up the right to: before anything else is imported."""
    from minewatch.readers.live.opening import open_rings
    from minewatch.readers.live.privileges import drop_privileges
    from minewatch.readers.live.settings import LiveSettings

    rings = open_rings(LiveSettings(tuple(interfaces), filter))
    drop_privileges(user)
    return rings


def _source(rings: Sequence[Ring], path: str | None, decapsulate: bool) -> PacketSource:
    if path is None:
        from minewatch.readers.live.source import LiveSource

        return LiveSource(rings, decapsulate)
    from minewatch.readers.capture import CaptureSource
    from minewatch.readers.prompt import open_prompt
    from minewatch.readers.source import Input

    found = Input(path, path, None)
    return CaptureSource(found, decapsulate, open_prompt(found))


@contextlib.contextmanager
def _checkpoints(folder: str | None, path: str | None) -> Iterator[CheckpointFolder | None]:
    """Open the folder of checkpoints, if there is one."""
    if folder is None:
        yield None
        return
    from minewatch.watching.checkpoint import CheckpointFolder

    kept = CheckpointFolder(folder, _origin(path))
    try:
        yield kept
    finally:
        kept.close()


def _origin(path: str | None) -> list[str | int]:
    """Tell a file that can be read again from its start; nothing of what comes once."""
    if path is None or not os.path.isfile(path):
        return []
    found = os.stat(path)
    return [os.path.realpath(path), found.st_dev, found.st_ino]


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
