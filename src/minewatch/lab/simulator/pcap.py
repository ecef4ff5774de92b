# SPDX-License-Identifier: Apache-2.0
"""A script's way into a capture: packets, records, and the pcap of nanoseconds around them."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np

from minewatch.lab.simulator import tcp, udp
from minewatch.lab.simulator.batches import parts
from minewatch.lab.simulator.frames import MAX_SNAPLEN, MIN_SNAPLEN, RECORD_OCTETS, Records, records
from minewatch.lab.simulator.packets import Packets
from minewatch.lab.simulator.payload import Source
from minewatch.lab.simulator.routes import NS, Routes, check, routes
from minewatch.lab.simulator.script import Script
from minewatch.lab.simulator.spool import Spool

MAGIC_NANOSECONDS: Final = 0xA1B2_3C4D
LINK_ETHERNET: Final = 1
SLICES: Final = 128
"""Slices of the expected time; what is later makes more."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How scripts become a capture.

    Parameters
    ----------
    seed : the same scripts and seed make the same octets.
    snaplen : longer frames are cut to this.
    expected_s : about how long the capture lasts.

    Raises
    ------
    ValueError : a value outside its domain.
    """

    seed: int = 0
    snaplen: int = MAX_SNAPLEN
    expected_s: float = 86_400.0

    def __post_init__(self) -> None:
        if not MIN_SNAPLEN <= self.snaplen <= MAX_SNAPLEN:
            raise ValueError(f"snaplen {self.snaplen}: from {MIN_SNAPLEN} to {MAX_SNAPLEN}")
        if not 0 < self.expected_s < 1e9:
            raise ValueError(f"expected_s {self.expected_s}: above 0, and below 1e9")


@dataclass(slots=True)
class Totals:
    """What was made."""

    conversations: int = 0
    messages: int = 0
    packets: int = 0
    retransmissions: int = 0
    octets: int = 0
    """On the wire, Ethernet included."""
    captured_octets: int = 0
    """Of the pcap, without its header."""
    first_ns: int = field(default=1 << 62)
    last_ns: int = 0


def file_header(snaplen: int) -> bytes:
    """Return what a pcap of nanoseconds begins with.

    Parameters
    ----------
    snaplen : its longest record.

    Examples
    --------
    >>> file_header(600)[:4].hex()
    '4d3cb2a1'
    """
    return struct.pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, snaplen, LINK_ETHERNET)


def packetize(script: Script, seed: int) -> Packets:
    """Return the packets of a script, sorted by time, then conversation.

    Parameters
    ----------
    script : what is said.
    seed : of the whole run.

    Raises
    ------
    ValueError : the script contradicts itself.
    """
    return _packets(script, routes(script, seed), seed)


def _packets(script: Script, way: Routes, seed: int) -> Packets:
    made = Packets.joined([tcp.packetize(script, way, seed), udp.packetize(script, way, seed)])
    begin = int(np.searchsorted(made.time_ns, int(script.begin_s * NS)))
    return made if begin == 0 else made.take(np.arange(begin, len(made)))


def script_records(
    script: Script, options: EngineOptions, totals: Totals | None = None
) -> Iterator[Records]:
    """Yield a script's records, in parts; those of a part are sorted by time.

    Parameters
    ----------
    script : what is said.
    options : how it becomes a capture.
    totals : what is added up, if wanted.
    """
    check(script)
    source = Source(script.blob, options.seed)
    for part in parts(script):
        way = routes(part, options.seed)
        packets = _packets(part, way, options.seed)
        result = records(packets, part, way, source, options.seed, options.snaplen)
        if totals is not None:
            _add(totals, part, packets, result)
        yield result


def _add(totals: Totals, part: Script, packets: Packets, made: Records) -> None:
    totals.conversations += len(part.conversations.start_s)
    totals.messages += len(part.messages.octets)
    totals.packets += len(packets)
    totals.retransmissions += int(packets.is_retransmission.sum())
    totals.captured_octets += len(made.data)
    if len(packets):
        start = np.cumsum(made.octets) - made.octets
        wire = made.data[start[:, None] + np.arange(12, RECORD_OCTETS)].view("<u4")
        totals.octets += int(wire.sum(dtype=np.int64))
        totals.first_ns = min(totals.first_ns, int(packets.time_ns[0]))
        totals.last_ns = max(totals.last_ns, int(packets.time_ns[-1]))


@contextmanager
def spooled(
    batches: Iterable[Script],
    folder: Path,
    options: EngineOptions,
    on_progress: Callable[[Totals], None] | None = None,
) -> Iterator[tuple[Totals, Iterator[Records]]]:
    """Give the sums and, sorted by time, the records of all batches.

    They lie in files below ``folder`` until they are asked for; all of these are removed at the
    end, whatever happens.

    Parameters
    ----------
    batches : scripts, in any order.
    folder : where temporary files may be.
    options : how scripts become a capture.
    on_progress : called with the sums after each part.
    """
    totals = Totals()
    temporary = Path(tempfile.mkdtemp(prefix=".spool-", dir=folder))
    try:
        spool = Spool(temporary, int(options.expected_s * NS / SLICES))
        for script in batches:
            for made in script_records(script, options, totals):
                spool.add(made)
                if on_progress is not None:
                    on_progress(totals)
        yield totals, spool.drain()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_pcap(
    made: Iterable[Records],
    sinks: Iterable[IO[bytes]],
    snaplen: int,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Write records as a pcap into each sink.

    Parameters
    ----------
    made : sorted by time.
    sinks : files or pipes.
    snaplen : longest record.
    on_progress : called with the octets of each piece.
    """
    sinks = list(sinks)
    for sink in sinks:
        sink.write(file_header(snaplen))
    for some in made:
        for sink in sinks:
            sink.write(some.data.data)
        if on_progress is not None:
            on_progress(len(some.data))
