# SPDX-License-Identifier: Apache-2.0
"""Traffic with miners in it, and what a watch of it tells."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import runs
from minewatch.alert import Alert
from minewatch.alerts.finding import Finding
from minewatch.alerts.grouping import as_found
from minewatch.cli.options import scan_options
from minewatch.pipeline import PipelineOptions
from minewatch.readers.capture import CaptureSource
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions, scan_capture
from minewatch.types import Evidence, PacketBatch
from minewatch.watching.engine import Watch
from minewatch.watching.findings import alerts_of_scan
from minewatch.watching.options import WatchOptions
from packets import ACK, FIN, NS, START, SYN, Frame, pcap, tcp_frame

HOST, OTHER_HOST = "10.0.0.1", "10.0.0.2"
POOL, OTHER_POOL = "203.0.113.9", "203.0.113.77"


@functools.cache
def scanning() -> ScanOptions:
    """What ``minewatch watch`` uses when it is told nothing."""
    return scan_options(PipelineOptions())


def mining(
    start_s: float = 0, shares: int = 8, host: str = HOST, pool: str = POOL, port: int = 41_000
) -> list[Frame]:
    """A miner that logs in, and about every ten seconds sends a share or is answered."""
    talk = runs.cryptonote(shares=shares)
    frames = runs.conversation(host, port, pool, 3333, talk, start_s)
    late_ns = [0, *(i * 7919 % 997 * NS // 1_000 for i in range(len(frames) - 1))]
    return [
        replace(frame, time_ns=frame.time_ns + late) if i > 2 else frame
        for i, (frame, late) in enumerate(zip(frames, late_ns, strict=True))
    ]


def closed(
    frames: Sequence[Frame], host: str = HOST, pool: str = POOL, port: int = 41_000
) -> list[Frame]:
    """A conversation that is closed by both sides a second after its last packet."""
    end = (frames[-1].time_ns - START) / NS + 1
    sides = ((host, pool, port, 3333), (pool, host, 3333, port))
    return [
        *frames,
        *(
            tcp_frame(time_s=end, source=a, destination=b, sport=p, dport=q, flags=FIN | ACK)
            for a, b, p, q in sides
        ),
    ]


def web(start_s: float = 0, port: int = 33_000) -> list[Frame]:
    """A visit to a web server of ours."""
    return runs.conversation(runs.VISITOR, port, HOST, 80, runs.web(), start_s)


def ticking(until_s: float, start_s: float = 0, every_s: float = 1.0) -> list[Frame]:
    """Packets that mean nothing, so that the data has a time all along."""
    return [
        tcp_frame(
            time_s=start_s + i * every_s, source=OTHER_HOST, destination=HOST, sport=9, dport=9
        )
        for i in range(int((until_s - start_s) / every_s))
    ]


def flood(start_s: float, seconds: float, n: int) -> list[Frame]:
    """Half-open connections from everywhere to a server of ours."""
    return [
        tcp_frame(
            time_s=start_s + seconds * i / n,
            source=f"198.18.{i // 200 % 250}.{i % 200 + 1}",
            destination=HOST,
            sport=1024 + i // 50_000 * 7 + i % 40_000,
            dport=80,
            flags=SYN,
            sequence=i,
        )
        for i in range(n)
    ]


def port_scan(start_s: float, seconds: float, n: int) -> list[Frame]:
    """One host of ours that knocks at every port of every neighbour, and is refused."""
    frames = []
    for i in range(n):
        ends = ("10.0.0.66", f"10.0.{1 + i // 5_000}.{1 + i % 200}", 52_000, 1 + i % 5_000)
        at = start_s + seconds * i / n
        frames.append(_packet(at, *ends, SYN))
        frames.append(_packet(at + 1e-4, ends[1], ends[0], ends[3], ends[2], 4 | ACK))
    return frames


def _packet(at: float, source: str, to: str, sport: int, dport: int, flags: int) -> Frame:
    return tcp_frame(
        time_s=at, source=source, destination=to, sport=sport, dport=dport, flags=flags
    )


def in_order(*parts: Iterable[Frame]) -> list[Frame]:
    return sorted((one for part in parts for one in part), key=lambda frame: frame.time_ns)


def capture(path: Path, *parts: Iterable[Frame]) -> str:
    path.write_bytes(pcap(in_order(*parts), nano=True))
    return str(path)


def source(path: str) -> CaptureSource:
    return CaptureSource(Input("test", path, None))


def batches(path: str, sizes: Sequence[int] = ()) -> Iterable[PacketBatch]:
    """Yield the packets of a capture in batches of ``sizes``, the last size repeated."""
    reader, whole, part = source(path), PacketBatch(), PacketBatch()
    sizes = list(sizes)
    while reader.fill(whole):
        at = 0
        while at < whole.n_packets:
            size = whole.n_packets if not sizes else sizes.pop(0) if len(sizes) > 1 else sizes[0]
            end = min(whole.n_packets, at + size)
            part.data[:] = whole.data
            part.n_packets = end - at
            part.columns[: end - at] = whole.columns[at:end]
            yield part
            at = end
    reader.close()


def new_watch(scan: ScanOptions | None = None, **options: Any) -> Watch:
    return Watch("test", scan or scanning(), WatchOptions(**options))


def told(path: str, sizes: Sequence[int] = (), watch: Watch | None = None) -> list[Alert]:
    """All tellings of a watch of a capture."""
    watch = watch or new_watch()
    alerts = [one for batch in batches(path, sizes) for part in watch.feed(batch) for one in part]
    return [*alerts, *watch.finish()]


def last_words(tellings: Iterable[Alert]) -> list[Alert]:
    """The alerts that stand at the end, as they were told last, without how often and when."""
    latest = {one.id: one for one in tellings}
    standing = [as_found(one) for one in latest.values() if one.conversations]
    return sorted(standing, key=lambda one: (one.first_seen_ns, one.id))


def of_scan(path: str, scan: ScanOptions | None = None) -> list[Alert]:
    _, chunks = scan_capture(Input("test", path, None), scan or scanning())
    return [as_found(one) for one in alerts_of_scan(chunks, "test")]


def finding(start_s: float = 0, end_s: float = 60, **changes: Any) -> Finding:
    """An ordinary finding; times in seconds after the start."""
    ordinary = Finding(
        flow_id=1,
        has_ended=False,
        is_final=False,
        is_mining=True,
        host=HOST,
        pool=POOL,
        pool_port=3333,
        server_port=3333,
        protocol_identifier=6,
        probability=0.9,
        start_ns=START + round(start_s * NS),
        end_ns=START + round(end_s * NS),
        community_id="1:abc",
        kinds=("shape",),
        detectors={"rhythm": 0.9, "signature": None},
        evidence=(Evidence("push_share", 0.3, "1", 2.0, "Pushes."),),
        identity={"algorithm": "randomx"},
    )
    return replace(ordinary, **changes)
