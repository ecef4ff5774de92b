# SPDX-License-Identifier: Apache-2.0
"""What ``minewatch watch`` is to watch: interfaces, a capture, flow logs, or exporters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from minewatch.cli.watch_choice import COLLECTOR, Chosen
from minewatch.errors import ConfigError

if TYPE_CHECKING:
    from minewatch.address import Network
    from minewatch.cli.watch_feeds import Feed
    from minewatch.contracts import FlowFormat, FlowSource
    from minewatch.metering.state import MeteringOptions
    from minewatch.readers.live.ring import Ring
    from minewatch.readers.netflow.sockets import ExportSocket
    from minewatch.readers.source import Input
    from minewatch.scanning import ScanOptions
    from minewatch.watching.engine import Watch
    from minewatch.watching.record_watch import RecordWatch
    from minewatch.watching.saving import AnyWatch

    MakeScan: TypeAlias = Callable[[MeteringOptions], ScanOptions]


class Watched(Protocol):
    """An input that is open."""

    @property
    def origin(self) -> list[str | int]:
        """What it is, if it can be read again from its start; else empty."""
        ...

    @property
    def has_records(self) -> bool:
        """Whether it gives flow records, and not packets."""
        ...

    def begin(
        self, metering: MeteringOptions, scan: MakeScan, memory_mib: int
    ) -> tuple[AnyWatch, Feed]:
        """Return a new watch of it, and what feeds the watch.

        Parameters
        ----------
        metering : time-outs.
        scan : makes options from those of the metering.
        memory_mib : for what is known of the traffic.
        """
        ...


def open_chosen(
    chosen: Chosen,
    filter: str,
    user: str | None,
    formats: Callable[[], Sequence[FlowFormat]],
    forced: str | None,
    *,
    quiet: bool,
) -> Watched:
    """Open what the user named.

    Parameters
    ----------
    chosen : checked.
    filter : value of ``--filter``.
    user : value of ``--user``.
    formats : gives the kinds of flow logs.
    forced : value of ``--input-format``.
    quiet : say nothing of where it listens.

    Raises
    ------
    ConfigError : an interface or a socket cannot be opened, or a value is none.
    SourceError : a file cannot.
    """
    if chosen.interfaces:
        return Interfaces(chosen.interfaces, _rings(chosen.interfaces, filter, user))
    if chosen.source == COLLECTOR:
        return Exporters.listening(chosen, quiet=quiet)
    return _found(str(chosen.source), formats(), forced)


def _rings(interfaces: Sequence[str], filter: str, user: str | None) -> list[Ring]:
    """Open interfaces, and give up the right to: before anything else is imported."""
    from minewatch.readers.live.opening import open_rings
    from minewatch.readers.live.privileges import drop_privileges
    from minewatch.readers.live.settings import LiveSettings

    rings = open_rings(LiveSettings(tuple(interfaces), filter))
    drop_privileges(user)
    return rings


def _packet_watch(
    name: str, metering: MeteringOptions, scan: MakeScan, memory_mib: int
) -> tuple[Watch, MeteringOptions]:
    from minewatch.watching.engine import Watch
    from minewatch.watching.options import WatchOptions, with_memory

    metering, options = with_memory(metering, WatchOptions(), memory_mib)
    return Watch(name, scan(metering), options), metering


def _record_watch(
    name: str,
    metering: MeteringOptions,
    scan: MakeScan,
    memory_mib: int,
    *,
    has_own_clock: bool,
) -> RecordWatch:
    from minewatch.watching.record_options import RecordWatchOptions, with_record_memory
    from minewatch.watching.record_watch import RecordWatch

    options = with_record_memory(RecordWatchOptions(has_own_clock=has_own_clock), memory_mib)
    return RecordWatch(name, scan(metering), options)


@dataclass(frozen=True, slots=True)
class Interfaces:
    """Interfaces that are open.

    Parameters
    ----------
    names : of them.
    rings : of each.
    """

    names: Sequence[str]
    rings: Sequence[Ring]

    @property
    def origin(self) -> list[str | int]:
        """Return that its packets come once."""
        return []

    @property
    def has_records(self) -> bool:
        """Return that it gives packets."""
        return False

    def begin(
        self, metering: MeteringOptions, scan: MakeScan, memory_mib: int
    ) -> tuple[AnyWatch, Feed]:
        """Return a watch, and the packets as they come.

        Parameters
        ----------
        metering : time-outs.
        scan : makes options from those of the metering.
        memory_mib : for what is known of the traffic.
        """
        from minewatch.cli.watch_feeds import PacketFeed
        from minewatch.readers.live.source import LiveSource

        watch, metering = _packet_watch(",".join(self.names), metering, scan, memory_mib)
        return watch, PacketFeed(LiveSource(self.rings, metering.decapsulate))


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture.

    Parameters
    ----------
    source : found.
    """

    source: Input

    @property
    def origin(self) -> list[str | int]:
        """Return which file it is, unless it is a pipe."""
        return _origin([self.source])

    @property
    def has_records(self) -> bool:
        """Return that it gives packets."""
        return False

    def begin(
        self, metering: MeteringOptions, scan: MakeScan, memory_mib: int
    ) -> tuple[AnyWatch, Feed]:
        """Return a watch, and the packets.

        Parameters
        ----------
        metering : time-outs.
        scan : makes options from those of the metering.
        memory_mib : for what is known of the traffic.
        """
        from minewatch.cli.watch_feeds import PacketFeed
        from minewatch.readers.capture import CaptureSource
        from minewatch.readers.prompt import open_prompt

        watch, metering = _packet_watch(self.source.name, metering, scan, memory_mib)
        stream = open_prompt(self.source)
        return watch, PacketFeed(CaptureSource(self.source, metering.decapsulate, stream))


@dataclass(frozen=True, slots=True)
class Logs:
    """Flow logs of one kind.

    Parameters
    ----------
    name : of all of them.
    sources : in the order in which they are read.
    formats : kinds of flow logs.
    """

    name: str
    sources: Sequence[Input]
    formats: Sequence[FlowFormat]

    @property
    def origin(self) -> list[str | int]:
        """Return which files they are, unless one is a pipe."""
        return _origin(self.sources)

    @property
    def has_records(self) -> bool:
        """Return that they give records."""
        return True

    def begin(
        self, metering: MeteringOptions, scan: MakeScan, memory_mib: int
    ) -> tuple[AnyWatch, Feed]:
        """Return a watch, and the records.

        Parameters
        ----------
        metering : time-outs.
        scan : makes options from those of the metering.
        memory_mib : for what is known of the traffic.
        """
        from minewatch.cli.watch_feeds import LogFeed

        watch = _record_watch(self.name, metering, scan, memory_mib, has_own_clock=False)
        return watch, LogFeed([partial(self._open, one) for one in self.sources], watch)

    def _open(self, source: Input) -> FlowSource:
        from minewatch.readers.formats import open_flows

        return open_flows(source, self.formats, source.format, False)


@dataclass(frozen=True, slots=True)
class Exporters:
    """Sockets to which exporters send.

    Parameters
    ----------
    sockets : open.
    networks : of the exporters that are listened to; none for all.
    """

    sockets: Sequence[ExportSocket]
    networks: Sequence[Network]

    @classmethod
    def listening(cls, chosen: Chosen, *, quiet: bool) -> Exporters:
        """Return sockets that listen where the user said.

        Parameters
        ----------
        chosen : checked.
        quiet : say nothing of it.

        Raises
        ------
        ConfigError : one cannot be opened, or a text is no network.
        """
        from minewatch.cli.collect import networks_of, open_sockets, tell_sockets

        networks = networks_of(chosen.exporters, "--exporters")
        sockets = open_sockets(chosen.endpoints)
        if not quiet:
            tell_sockets(sockets, networks, "--exporters")
        return cls(sockets, networks)

    @property
    def origin(self) -> list[str | int]:
        """Return that its records come once."""
        return []

    @property
    def has_records(self) -> bool:
        """Return that they give records."""
        return True

    def begin(
        self, metering: MeteringOptions, scan: MakeScan, memory_mib: int
    ) -> tuple[AnyWatch, Feed]:
        """Return a watch, and the records as they come.

        Parameters
        ----------
        metering : time-outs.
        scan : makes options from those of the metering.
        memory_mib : for what is known of the traffic.
        """
        import time

        from minewatch.cli.watch_feeds import CollectorFeed
        from minewatch.readers.netflow.collector import Collector
        from minewatch.readers.netflow.datagrams import ExportDecoder
        from minewatch.records import RecordCounters

        name = ",".join(str(one.endpoint) for one in self.sockets)
        watch = _record_watch(name, metering, scan, memory_mib, has_own_clock=True)
        counters = RecordCounters()
        decoder = ExportDecoder(counters)
        return watch, CollectorFeed(
            Collector(self.sockets, decoder, counters, time.time_ns, self.networks)
        )


def _found(argument: str, formats: Sequence[FlowFormat], forced: str | None) -> Watched:
    """Return what a value of ``--from`` names: one capture, or flow logs of one kind.

    Raises
    ------
    ConfigError : several captures, or captures and logs.
    SourceError : nothing that can be read.
    """
    from minewatch.readers.finding import find
    from minewatch.readers.formats import check_name
    from minewatch.readers.groups import groups_of
    from minewatch.readers.source import CAPTURE

    if forced is not None:
        check_name(forced, formats)
    found = find([argument], formats, forced)
    for error in found.errors:
        raise error
    captures = [one for one in found.inputs if one.format == CAPTURE]
    groups = groups_of(found.inputs)
    if len(captures) + len(groups) != 1:
        raise ConfigError(
            f"--from {argument}: {len(captures)} captures and {len(groups)} kinds of flow logs; "
            "name one capture, or flow logs of one kind"
        )
    if captures:
        return Capture(captures[0])
    return Logs(groups[0].name, groups[0].inputs, formats)


def _origin(sources: Sequence[Input]) -> list[str | int]:
    """Tell files that can be read again from their start; nothing of what comes once."""
    from minewatch.readers.urls import is_url

    found: list[str | int] = []
    for one in sources:
        if is_url(one.path):
            found.append(one.path)
        elif os.path.isfile(one.path):
            state = os.stat(one.path)
            found += [os.path.realpath(one.path), state.st_dev, state.st_ino]
        else:
            return []
    return found
