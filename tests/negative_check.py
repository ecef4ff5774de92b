# SPDX-License-Identifier: Apache-2.0
"""Traffic that only looks like mining, sent through the whole pipeline as a user would.

A negative that is called mining is a finding: the message names the detectors that said so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from minewatch.cli.options import scan_options
from minewatch.lab.simulator.assembly import Piece, assemble
from minewatch.lab.simulator.script import Script
from minewatch.lab.simulator.world import Ends
from minewatch.pipeline import PipelineOptions
from minewatch.readers.source import Input
from minewatch.scanning import ScanOptions, scan_capture
from part_check import kind_of, make
from scripted import Said, Talk, script, write

HOSTS = 0x0A00_0100
"""10.0.1.0: watched hosts, one a conversation."""
PEERS = 0xCB00_7100
"""203.0.113.0: far ends."""


@dataclass(frozen=True)
class Seen:
    """What a scan made of one conversation."""

    ends: str
    probability: float
    label: str
    detectors: dict[str, float | None]
    reason: str
    row: dict[str, object]


@cache
def options() -> ScanOptions:
    """What ``minewatch scan`` uses when it is told nothing."""
    return scan_options(PipelineOptions())


def scan(path: Path) -> list[Seen]:
    """Scan a capture; gated conversations are normal by definition and not returned."""
    report, chunks = scan_capture(Input(path.name, str(path), None), options())
    found = []
    for chunk in chunks:
        for i in range(len(chunk.conversations)):
            verdict = chunk.verdict(i)
            row = chunk.conversations.frame.row(i, named=True)
            ends = f"{row['source_transport_port']} to {row['destination_transport_port']}"
            reason = verdict.evidence[0].text if verdict.evidence else ""
            found.append(
                Seen(
                    ends,
                    verdict.mining_probability,
                    verdict.label,
                    dict(verdict.detectors),
                    reason,
                    row,
                )
            )
    assert report.failures == {}
    return found


def assert_normal(found: Sequence[Seen], least: int = 1) -> None:
    """Fail if one is called mining, or if fewer than ``least`` were scored at all."""
    wrong = [
        f"{seen.ends}: {seen.probability:.2f}, {seen.detectors}; {seen.reason}"
        for seen in found
        if seen.label != "normal"
    ]
    assert not wrong, f"{len(wrong)} of {len(found)} called mining\n" + "\n".join(wrong)
    assert len(found) >= least, f"only {len(found)} passed the gate: the test shows nothing"


def simulated(
    service: str, n: int = 16, hours: float = 3.0, seed: int = 5, fan_in: bool = False
) -> Script:
    """Return conversations of one of the simulator's kinds; with ``fan_in`` all to one far end."""
    kind = kind_of(service)
    made = make(service, n, hours, seed)
    each = np.arange(n)
    far = np.full(n, PEERS + 1) if fan_in else PEERS + 1 + each % 200
    near, port = HOSTS + each, kind.ports[seed % len(kind.ports)]
    first, second = (near, far) if kind.is_outbound or fan_in else (far, near)
    ends = Ends(
        first.astype(np.uint32),
        (40_000 + each * 7).astype(np.uint16),
        second.astype(np.uint32),
        np.full(n, port, np.uint16),
    )
    return assemble([Piece(kind.protocol, ends, made.paths, made.part)])[0]


Speak = Callable[[np.random.Generator, float], list[Said]]
"""From a source of chance and a length in seconds to what one conversation says."""


def spoken(
    speak: Speak,
    port: int,
    n: int = 8,
    hours: float = 2.0,
    seed: int = 3,
    peer: Callable[[int], int] = lambda i: PEERS + 1 + i,
) -> Script:
    """Return ``n`` hosts that each talk to a peer for hours, over paths of all lengths."""
    rng = np.random.default_rng(seed)
    talks = []
    for i in range(n):
        rtt = float(rng.choice([0.0006, 0.012, 0.045, 0.11]))
        length = hours * 3600 * float(rng.uniform(0.6, 1.0))
        talks.append(
            Talk(
                speak(rng, length),
                start_s=1_700_000_000.0 + float(rng.uniform(0, 300)),
                seconds=length,
                rtt_s=rtt,
                jitter_s=0.1 * rtt,
                loss=0.0005,
                ports=(40_000 + i, port),
            )
        )
    made = script(*talks)
    made.conversations.initiator_address[:] = HOSTS + np.arange(n)
    made.conversations.responder_address[:] = [peer(i) for i in range(n)]
    made.conversations.initiator_port[:] = 40_000 + 11 * np.arange(n)
    return made


def ordered(said: list[Said], least_s: float = 0.15) -> list[Said]:
    """Return what is said in the order of time, after the handshake."""
    return sorted(((max(at, least_s), *rest) for at, *rest in said), key=lambda one: one[0])


def chances(rng: np.random.Generator, length: float, mean_gap_s: float) -> list[float]:
    """Return moments that come by chance."""
    return np.sort(rng.uniform(1, length, rng.poisson(length / mean_gap_s))).tolist()


def beats(rng: np.random.Generator, length: float, period_s: float, spread: float) -> list[float]:
    """Return moments that come once a period, a little early or late."""
    n = int(length / period_s)
    times = (np.arange(n) + rng.random()) * period_s + rng.normal(0, spread, n)
    return [float(at) for at in times if 1 < at < length]


def seen_of(path: Path, made: Script) -> list[Seen]:
    """Write a script as a capture and scan it."""
    return scan(write(path / "capture.pcap", made))
